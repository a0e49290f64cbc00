//! What governance knows at one moment, as plain data.

use std::time::Duration;

use rzero_core::Priority;
use rzero_resilience::{breaker, shed};

/// What the governance of a server knows at one moment: every input by which a refusal can be
/// explained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Governance {
    /// Load shedding: its inputs, its limit, and what was shed why.
    pub shed: shed::Snapshot,
    /// Calls of all methods at once.
    pub concurrency: LimitView,
    /// Rate limits, by rule.
    pub rates: Vec<RateView>,
    /// Methods, by path. Health, reflection and their like are not governed and not listed.
    pub methods: Vec<MethodView>,
    /// Requests that were dead before they began, since the start.
    pub expired: u64,
}

/// A limit on calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitView {
    /// Calls that run.
    pub running: u32,
    /// Calls that may run; `None` without a limit.
    pub limit: Option<u32>,
    /// Calls that were refused, since the start.
    pub refused: u64,
}

/// A rate limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateView {
    /// The rule's name.
    pub name: String,
    /// Pattern of the methods that it covers.
    pub methods: String,
    /// What calls are counted by.
    pub key: String,
    /// Calls in a period.
    pub rate: u32,
    /// The period.
    pub period: Duration,
    /// Calls that were refused, since the rule came.
    pub refused: u64,
    /// Keys that were forgotten while in use; when this grows, its capacity is too small.
    pub forgotten: u64,
}

/// One method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MethodView {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// How long a call may take whose caller did not say; `None` is as long as it likes.
    pub timeout: Option<Duration>,
    /// Whether `timeout` holds for callers that gave a longer one too.
    pub cuts: bool,
    /// How willing the server is to answer under load.
    pub priority: Priority,
    /// Whether handlers run to their end when their caller has left.
    pub finishes: bool,
    /// Whether its calls may be shed.
    pub shed: bool,
    /// Whether rate limits count its calls.
    pub rate: bool,
    /// Whether limits on calls at once hold for it.
    pub limited: bool,
    /// Calls of this method at once.
    pub concurrency: LimitView,
    /// Its breaker.
    pub breaker: breaker::Snapshot,
}
