//! Redis as users of the facade meet it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod sections;

#[cfg(feature = "redis")]
mod rates;
#[cfg(feature = "redis")]
mod support;
#[cfg(feature = "redis")]
mod tokens;
