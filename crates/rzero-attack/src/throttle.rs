//! Half a core and no more.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep};

/// How far ahead of its share a process may be: short enough to be invisible in the percentiles of
/// its neighbours.
const SLICE: Duration = Duration::from_millis(2);

/// Holds this process to a share of one core, by its own processor clock: whoever sends waits in
/// [`pace`](Self::pace) until the process is within its share again.
#[derive(Debug)]
pub struct Throttle {
    share: f64,
    begun: Instant,
    used_at_begin: Duration,
}

impl Throttle {
    /// A throttle that begins now. `share` is of one core; 1 or more does not hold back.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self {
            share,
            begun: Instant::now(),
            used_at_begin: processor_time(),
        }
    }

    /// Processor time that the process used since the throttle began.
    #[must_use]
    pub fn used(&self) -> Duration {
        processor_time().saturating_sub(self.used_at_begin)
    }

    /// Lets others run, and waits until the process is within its share.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost.
    pub async fn pace(&self) {
        tokio::task::yield_now().await;
        while let Some(ahead) = self.ahead() {
            sleep(ahead).await;
        }
    }

    /// How long to wait until the process is within its share; `None` when it is.
    fn ahead(&self) -> Option<Duration> {
        if self.share >= 1.0 {
            return None;
        }
        let allowed = self.begun.elapsed().mul_f64(self.share) + SLICE;
        let over = self.used().checked_sub(allowed)?;
        // Timers have a resolution of a millisecond.
        Some(
            over.div_f64(self.share.max(0.001))
                .max(Duration::from_millis(1)),
        )
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn busy_process_is_held_to_its_share() {
        let throttle = Throttle::new(0.2);
        while throttle.used() < Duration::from_millis(30) {
            throttle.pace().await;
            std::hint::black_box((0..20_000_u64).sum::<u64>());
        }
        // What was used beyond the slice has taken five times as long.
        let least = throttle.used().saturating_sub(SLICE * 6);
        assert!(
            throttle.begun.elapsed() >= least.mul_f64(4.0),
            "{throttle:?}"
        );
    }

    #[tokio::test]
    async fn full_core_is_not_held_back() {
        assert_eq!(Throttle::new(1.0).ahead(), None);
    }
}
