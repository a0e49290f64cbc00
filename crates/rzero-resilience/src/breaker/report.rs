//! What a breaker shows of itself.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::config::Config;
use super::core::{Core, Judgement};
use super::{Failure, State};

/// What a breaker knew at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Who is called.
    pub callee: String,
    /// With which method.
    pub method: String,
    /// Whether the breaker works.
    pub enabled: bool,
    /// What it does.
    pub state: State,
    /// Answers and rejections in the window.
    pub total: u64,
    /// Successes in the window.
    pub succeeded: u64,
    /// Failures in the window, with slow answers when they count.
    pub failed: u64,
    /// Slow answers in the window, whether they count as failures or not.
    pub slow: u64,
    /// Rejections in the window.
    pub rejected: u64,
    /// Rejections since the breaker was made.
    pub rejected_ever: u64,
    /// How many of the last buckets with answers held failures alone.
    pub failing_buckets: u32,
    /// How many of the last buckets with answers held successes alone.
    pub working_buckets: u32,
    /// The ratio of the formula, 0 to 1.
    pub ratio: f64,
    /// How likely the next call is to be rejected when no forced pass is due, 0 to 1.
    pub chance: f64,
    /// How many calls a second pass at least, while it rejects; 0 while it does not.
    pub forced_per_second: f64,
    /// The last failures, at most 5, the latest first.
    pub last_failures: Vec<Failure>,
}

impl Snapshot {
    pub(super) fn new(
        core: &Core,
        config: &Config,
        known: &Judgement,
        last_failures: Vec<Failure>,
        doublings: u32,
    ) -> Self {
        let state = core.state();
        let forced = 2f64.powf(f64::from(doublings)) / config.forced_pass.as_secs_f64();
        Self {
            callee: core.callee().to_owned(),
            method: core.method().to_owned(),
            enabled: config.enabled,
            state,
            total: known.evidence.total,
            succeeded: known.evidence.accepts,
            failed: known.failures,
            slow: known.window.slow,
            rejected: known.window.dropped,
            rejected_ever: core.rejected(),
            failing_buckets: known.runs.failing,
            working_buckets: known.runs.working,
            ratio: known.chance.ratio(),
            chance: known.chance.value(),
            forced_per_second: if state == State::Closed { 0.0 } else { forced },
            last_failures,
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Failure", 2)?;
        fields.serialize_field("reason", self.reason.as_str())?;
        let age_ms = u64::try_from(self.age.as_millis()).unwrap_or(u64::MAX);
        fields.serialize_field("age_ms", &age_ms)?;
        fields.end()
    }
}
