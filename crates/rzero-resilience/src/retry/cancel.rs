//! How many calls of a connection may be cancelled.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A cap on the cancelled calls of one connection.
///
/// On HTTP/2 a cancelled call is a stream reset, and servers that see many of them take the client
/// for an attacker and close the connection (ENHANCE_YOUR_CALM). Every place of the cap is given at
/// most once a second, so no second, wherever it begins, sees more cancels than places.
#[derive(Debug)]
pub struct CancelCap {
    origin: Instant,
    /// When a place was last given, in nanoseconds since `origin` and one more; 0 is never.
    places: Box<[AtomicU64]>,
}

impl CancelCap {
    /// At most `per_second` cancels in any second, no more than 1000; 0 forbids them.
    #[must_use]
    pub fn new(per_second: u16, now: Instant) -> Self {
        Self {
            origin: now,
            places: (0..per_second.min(1000))
                .map(|_| AtomicU64::new(0))
                .collect(),
        }
    }

    /// Whether one more call may be cancelled at `now`; `true` counts it. `false`: leave the call
    /// to finish.
    #[must_use]
    pub fn try_cancel(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.origin);
        let stamp =
            u64::try_from(since.as_nanos()).map_or(u64::MAX, |nanos| nanos.saturating_add(1));
        let second = u64::try_from(SECOND.as_nanos()).unwrap_or(u64::MAX);
        self.places.iter().any(|place| {
            let last = place.load(Relaxed);
            let free = last == 0 || stamp.saturating_sub(last) >= second;
            free && place
                .compare_exchange(last, stamp, Relaxed, Relaxed)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_than_the_cap() {
        let start = Instant::now();
        let cap = CancelCap::new(10, start);
        let mut given = Vec::new();
        for millis in (0..5000).step_by(7) {
            if cap.try_cancel(start + Duration::from_millis(millis)) {
                given.push(millis);
            }
        }
        for (i, &from) in given.iter().enumerate() {
            let within = given[i..].iter().take_while(|at| **at < from + 1000);
            assert!(within.count() <= 10);
        }
        assert!(given.len() >= 45, "{}", given.len());
    }

    #[test]
    fn threads_share_the_cap() {
        let now = Instant::now();
        let cap = CancelCap::new(10, now);
        let given: usize = std::thread::scope(|s| {
            let threads: Vec<_> = (0..4)
                .map(|_| s.spawn(|| (0..100).filter(|_| cap.try_cancel(now)).count()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(given, 10);
    }

    #[test]
    fn cap_of_zero_forbids_cancels() {
        let now = Instant::now();
        assert!(!CancelCap::new(0, now).try_cancel(now));
    }
}
