//! Waiting for a condition of another process, with an end.

use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at: short against every start-up time, long against a probe.
const POLL: Duration = Duration::from_millis(15);

/// A moment in real time. Servers are other processes: no test clock can be paused for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The deadline `after` from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "no runtime here, and a real server's start cannot be paused"
    )]
    pub(crate) fn after(after: Duration) -> Self {
        Self(Instant::now() + after)
    }

    /// Whether the moment has passed.
    #[expect(clippy::disallowed_methods, reason = "as in `after`")]
    pub(crate) fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Calls `probe` until it gives a value, an error, or the deadline passes (`None`).
    pub(crate) fn poll<T, E>(
        self,
        mut probe: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        loop {
            if let Some(value) = probe()? {
                return Ok(Some(value));
            }
            if self.passed() {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until `condition` holds; `false` when the deadline passed first.
    pub(crate) fn wait(self, mut condition: impl FnMut() -> bool) -> bool {
        let outcome: Result<_, std::convert::Infallible> =
            self.poll(|| Ok(condition().then_some(())));
        matches!(outcome, Ok(Some(())))
    }
}
