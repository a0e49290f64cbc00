//! Counts over the last seconds.
