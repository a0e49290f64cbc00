//! What a server asks of whoever counts for all processes together.

use std::fmt;

use rzero_core::{BoxFuture, CallInfo, Error, Method};
use tokio::time::Instant;

use super::RateRule;

/// Rate limits that are counted in a store which all processes share: those rules whose scope is
/// [`RateScope::Distributed`](super::RateScope::Distributed).
///
/// A decision has to be waited for, so this is no [`Admission`](rzero_core::Admission). Whoever
/// keeps a store implements it; a server holds one behind this trait and knows no store.
pub trait SharedRates: fmt::Debug + Send + Sync {
    /// Whether a rule covers calls of `method`: where none does nobody has to wait.
    fn covers(&self, method: Method) -> bool;

    /// Counts a call, or refuses it with class `RateLimited` and a hint when to come back. Ends
    /// within a bound of its own and within the call's deadline.
    ///
    /// # Errors
    /// When a rule refuses, or with class `DeadlineExceeded` when the caller's time is up.
    fn admit<'a>(&'a self, call: &'a CallInfo) -> BoxFuture<'a, Result<(), Error>>;

    /// Replaces the rules; those of other scopes are left to others.
    ///
    /// # Errors
    /// When a rule is not valid or two have the same name; the rules stay as they were.
    fn reconfigure(&self, rules: &[RateRule], now: Instant) -> Result<(), Error>;
}
