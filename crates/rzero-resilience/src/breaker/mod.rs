//! Client-side throttling: a breaker that rejects in proportion.
