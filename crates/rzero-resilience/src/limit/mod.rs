//! Limits on rate and concurrency.
