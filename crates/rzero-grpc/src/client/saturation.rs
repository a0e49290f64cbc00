//! Whether one connection is enough.

use std::time::Duration;

use tokio::time::Instant;

/// How long a look takes.
const LOOK: Duration = Duration::from_millis(100);
/// The share of its time that a saturated task works, in per cent, and the share below which it is
/// not saturated any more.
const BUSY_PER_CENT: [u128; 2] = [80, 40];
/// The share of the peer's streams above which calls are about to wait, in per cent.
const FULL_PER_CENT: u64 = 90;

/// What a connection's task knows of its own load. Pure: it is told the time.
#[derive(Debug)]
pub(super) struct Saturation {
    /// Being busy counts: there are cores for another task.
    has_cores: bool,
    since: Instant,
    worked: Duration,
    is_full: bool,
    is_saturated: bool,
}

impl Saturation {
    /// `has_cores` says whether there are cores left for another connection's task, beside those
    /// of the callers: without, it would only take its batches apart.
    pub(super) const fn new(now: Instant, has_cores: bool) -> Self {
        Self {
            has_cores,
            since: now,
            worked: Duration::ZERO,
            is_full: false,
            is_saturated: false,
        }
    }

    /// The task worked from `from` to `to`, with `streams` open of `streams_max` at the end.
    /// `Some` when it has become saturated, or is not any more.
    pub(super) fn worked(
        &mut self,
        from: Instant,
        to: Instant,
        streams: usize,
        streams_max: u32,
    ) -> Option<bool> {
        self.worked += to.saturating_duration_since(from);
        let streams = u64::try_from(streams).unwrap_or(u64::MAX);
        let is_full = streams.saturating_mul(100) >= u64::from(streams_max) * FULL_PER_CENT;
        self.is_full |= is_full;
        let looked = to.saturating_duration_since(self.since);
        // Calls that wait for a stream are seen at once.
        if looked < LOOK && (!is_full || self.is_saturated) {
            return None;
        }
        let busy = self.worked.as_nanos() * 100;
        let share = BUSY_PER_CENT[usize::from(self.is_saturated)];
        let is_busy = self.has_cores && busy > looked.as_nanos() * share;
        let is_saturated = self.is_full || is_busy;
        let was_saturated = self.is_saturated;
        *self = Self {
            is_saturated,
            ..Self::new(to, self.has_cores)
        };
        (is_saturated != was_saturated).then_some(is_saturated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Works so many milliseconds of each ten, for two looks; gives what was said.
    fn work(
        saturation: &mut Saturation,
        now: &mut Instant,
        busy: u64,
        streams: usize,
    ) -> Vec<bool> {
        let mut said = Vec::new();
        for _ in 0..20 {
            let from = *now;
            said.extend(saturation.worked(from, from + millis(busy), streams, 100));
            *now += millis(10);
        }
        said
    }

    #[test]
    fn task_that_hardly_rests_is_saturated_until_it_rests_much() {
        let mut now = Instant::now();
        let mut saturation = Saturation::new(now, true);
        assert!(work(&mut saturation, &mut now, 5, 10).is_empty());
        assert_eq!(work(&mut saturation, &mut now, 9, 10), [true]);
        assert!(work(&mut saturation, &mut now, 6, 10).is_empty());
        assert_eq!(work(&mut saturation, &mut now, 1, 10), [false]);
    }

    #[test]
    fn busy_task_without_another_core_is_no_reason() {
        let mut now = Instant::now();
        let mut saturation = Saturation::new(now, false);
        assert!(work(&mut saturation, &mut now, 10, 10).is_empty());
        assert_eq!(work(&mut saturation, &mut now, 10, 95), [true]);
    }

    #[test]
    fn streams_that_run_out_saturate_at_once() {
        let mut now = Instant::now();
        let mut saturation = Saturation::new(now, true);
        let said = saturation.worked(now, now, 90, 100);
        assert_eq!(said, Some(true));
        assert!(work(&mut saturation, &mut now, 1, 95).is_empty());
        assert_eq!(work(&mut saturation, &mut now, 1, 10), [false]);
    }
}
