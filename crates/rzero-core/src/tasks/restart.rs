//! Tasks that are started again.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::counts::Counts;
use super::owner::panicked;
use crate::{Error, Phase, Stop, recover};

/// When a task that failed is started again, and when it is given up.
///
/// The wait doubles from `first` to `max` with each failure, less up to a half at random so that
/// many instances do not come back at once; a run of `within` or longer begins anew with `first`.
/// More than `at_most` restarts within any `within` are too many: the task is given up, because
/// what fails that often does not heal by being started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Wait before the first restart, default 100 ms.
    pub first: Duration,
    /// Longest wait, default 10 s.
    pub max: Duration,
    /// Most restarts within `within`, default 10.
    pub at_most: u32,
    /// The time that `at_most` is for, default 1 min.
    pub within: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            max: Duration::from_secs(10),
            at_most: 10,
            within: Duration::from_secs(60),
        }
    }
}

impl Restart {
    /// Restarts without a bound on their number; the waits still grow.
    #[must_use]
    pub fn for_ever() -> Self {
        Self {
            at_most: u32::MAX,
            ..Self::default()
        }
    }
}

/// What a task did so far.
struct History {
    policy: Restart,
    /// Failures since the last long run.
    streak: u32,
    /// When it was started again, as far as that still counts; never more than `at_most`.
    restarts: VecDeque<Instant>,
}

impl History {
    fn new(policy: Restart) -> Self {
        Self {
            policy,
            streak: 0,
            restarts: VecDeque::new(),
        }
    }

    /// A run from `begun` failed at `now`: how long to wait before the next; `None` when there
    /// were too many. `random` is within 0 and 1.
    fn failed(&mut self, begun: Instant, now: Instant, random: f64) -> Option<Duration> {
        let Restart {
            first,
            max,
            at_most,
            within,
        } = self.policy;
        if now.saturating_duration_since(begun) >= within {
            self.streak = 0;
        }
        while let Some(at) = self.restarts.front()
            && now.saturating_duration_since(*at) >= within
        {
            self.restarts.pop_front();
        }
        if at_most != u32::MAX {
            if u32::try_from(self.restarts.len()).unwrap_or(u32::MAX) >= at_most {
                return None;
            }
            self.restarts.push_back(now);
        }
        let wait = first
            .saturating_mul(1 << self.streak.min(30))
            .min(max.max(first));
        self.streak = self.streak.saturating_add(1);
        Some(wait.mul_f64(1.0 - random / 2.0))
    }
}

/// A number within 0 and 1. Every `RandomState` has keys of its own.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

/// Runs what `work` makes until it ends well, is asked to stop, or fails too often.
pub(super) async fn keep_running<F, W>(
    name: &'static str,
    policy: Restart,
    mut work: F,
    stop: Stop,
    counts: Arc<Counts>,
) -> Result<(), Error>
where
    F: FnMut(Stop) -> W + Send + 'static,
    W: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut history = History::new(policy);
    loop {
        let begun = Instant::now();
        let result = recover(async { work(stop.clone()).await }).await;
        let Err(error) = result else { return Ok(()) };
        let panic = error.reason() == "PANIC" && error.domain() == crate::names::DOMAIN;
        if panic {
            counts.panics.fetch_add(1, Relaxed);
            panicked(name, &error);
        }
        if stop.phase() == Phase::Done {
            return Err(error);
        }
        let Some(wait) = history.failed(begun, Instant::now(), random()) else {
            let (times, within) = (policy.at_most, policy.within);
            tracing::error!(task = name, %error, times, ?within, "a task fails too often; given up");
            return Err(error);
        };
        tracing::warn!(task = name, %error, ?wait, "a task failed; it is started again");
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.reached(Phase::Done) => return Err(error),
        }
        counts.restarts.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_and_have_a_longest() {
        let mut history = History::new(Restart::for_ever());
        let now = Instant::now();
        let waits: Vec<_> = (0..9)
            .map(|_| history.failed(now, now, 0.0).unwrap().as_millis())
            .collect();
        assert_eq!(
            waits,
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
        for _ in 0..100 {
            history.failed(now, now, 0.0).unwrap();
        }
        assert!(history.restarts.is_empty());
    }

    #[test]
    fn waits_are_up_to_a_half_shorter() {
        let now = Instant::now();
        let wait = |random| History::new(Restart::default()).failed(now, now, random);
        assert_eq!(wait(1.0), Some(Duration::from_millis(50)));
        assert_eq!(wait(0.5), Some(Duration::from_millis(75)));
        for _ in 0..1000 {
            assert!((0.0..=1.0).contains(&random()));
        }
    }

    #[test]
    fn a_long_run_begins_anew() {
        let mut history = History::new(Restart::default());
        let begun = Instant::now();
        for _ in 0..5 {
            history.failed(begun, begun, 0.0).unwrap();
        }
        let later = begun + 60 * SECOND;
        assert_eq!(
            history.failed(begun, later, 0.0),
            Some(Duration::from_millis(100))
        );
    }

    #[test]
    fn too_many_restarts_within_the_time_are_the_end() {
        let policy = Restart {
            at_most: 3,
            within: 10 * SECOND,
            ..Restart::default()
        };
        let mut history = History::new(policy);
        let start = Instant::now();
        for at in [0, 4, 8] {
            let now = start + at * SECOND;
            assert!(history.failed(now, now, 0.0).is_some(), "{at}");
        }
        // The first one does not count any more.
        let now = start + 10 * SECOND;
        assert!(history.failed(now, now, 0.0).is_some());
        let now = start + 13 * SECOND;
        assert_eq!(history.failed(now, now, 0.0), None);
    }

    #[test]
    fn no_restart_may_be_allowed_at_all() {
        let policy = Restart {
            at_most: 0,
            ..Restart::default()
        };
        let now = Instant::now();
        assert_eq!(History::new(policy).failed(now, now, 0.0), None);
    }
}
