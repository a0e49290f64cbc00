//! What holds for one method.

use std::time::Duration;

use rzero_config::OrNever;
use rzero_core::Priority;
use rzero_resilience::limit::ConcurrencyConfig;
use rzero_resilience::{breaker, retry};
use serde::{Deserialize, Serialize};

use crate::{Off, PolicyName, Side};

/// What happens to a handler whose caller has left or whose time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnCancel {
    /// It is dropped at its next `await`. What it shielded finishes.
    #[default]
    Drop,
    /// It runs to its end as if it were shielded; nobody gets the answer. Bounded by the drain
    /// budget.
    Finish,
}

/// What holds for one method on one side, ready to be used: what is switched off by name has no
/// effect already (`breaker` is not enabled, `retry` tries once, and so on), except for `shed` and
/// `rate`, which are no part of this and which the server finds in [`off`](Self::off).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MethodPolicy {
    /// Time of a unary call; `None` (default) is that of `[server.rpc]` or `[client.<name>]`.
    ///
    /// A server cuts every unary call to it, whatever the caller asked for, when it is written
    /// here. In a client the caller's own remaining time wins when it is shorter.
    pub timeout: Option<OrNever>,
    /// Time of a stream, to its last message; `None` (default) is without end.
    pub stream_timeout: Option<OrNever>,
    /// What happens to a handler whose caller has left. Server only. Default
    /// [`Drop`](OnCancel::Drop).
    pub on_cancel: OnCancel,
    /// How willing a loaded server is to answer. Server only. Default [`Priority::Normal`].
    pub priority: Priority,
    /// The circuit breaker; by default enabled in clients and not in servers.
    pub breaker: breaker::Settings,
    /// Retries. Client only. Its `attempt_timeout` holds without retries, too; `None` leaves it to
    /// the client.
    pub retry: retry::Policy,
    /// Hedging. Client only. Its two caps are those of the whole target: see
    /// [`ClientPolicy::hedge`](crate::ClientPolicy::hedge).
    pub hedge: retry::Hedge,
    /// Calls of this method at once. Server only. Default: no limit.
    pub concurrency: ConcurrencyConfig,
    /// What is switched off by name.
    pub off: Off,
}

impl MethodPolicy {
    /// The built-in defaults of one side.
    #[must_use]
    pub fn builtin(side: Side) -> Self {
        let breaker = breaker::Config {
            enabled: side == Side::Client,
            ..breaker::Config::default()
        };
        Self {
            timeout: None,
            stream_timeout: None,
            on_cancel: OnCancel::default(),
            priority: Priority::default(),
            breaker: breaker::Settings::try_from(breaker).unwrap_or_default(),
            retry: retry::Policy::default(),
            hedge: retry::Hedge::default(),
            concurrency: ConcurrencyConfig::default(),
            off: Off::NONE,
        }
    }

    /// Time of one attempt of a client; `None` leaves it to the client.
    #[must_use]
    pub fn attempt_timeout(&self) -> Option<Duration> {
        self.retry.attempt_timeout
    }

    /// Whether the policy called `name` is on as far as its name goes.
    #[must_use]
    pub const fn has(&self, name: PolicyName) -> bool {
        !self.off.contains(name)
    }
}
