//! A rolling window: count, sum, smallest and largest of the values of the last while.
//!
//! For decisions of your own: "how many of these in the last ten seconds", "the mean of the last
//! minute". Time is cut into buckets and a bucket is forgotten as a whole, so the window is exact
//! to the width of a bucket. The memory is that of the buckets, whatever the number of values.
//!
//! ```
//! use std::time::Duration;
//!
//! use rzero_resilience::window::RollingWindow;
//! use tokio::time::Instant;
//!
//! let start = Instant::now();
//! let waits = RollingWindow::new(Duration::from_secs(10), 40, start);
//! waits.add(12.0, start);
//! waits.add(30.0, start + Duration::from_secs(4));
//!
//! let last = waits.summary(start + Duration::from_secs(5));
//! assert_eq!((last.count, last.sum, last.min, last.max), (2, 42.0, 12.0, 30.0));
//! assert_eq!(last.mean(), Some(21.0));
//!
//! // Ten seconds later the first is forgotten.
//! let last = waits.summary(start + Duration::from_secs(11));
//! assert_eq!((last.count, last.sum), (1, 30.0));
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// More buckets than these are no use.
const BUCKETS_MAX: usize = 10_000;

/// What a span of time held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many values.
    pub count: u64,
    /// Their sum; 0 without any.
    pub sum: f64,
    /// The smallest; positive infinity without any.
    pub min: f64,
    /// The largest; negative infinity without any.
    pub max: f64,
}

impl Summary {
    const EMPTY: Self = Self {
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    /// The mean; `None` without values.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    fn add(&mut self, value: f64) {
        self.merge(&Self {
            count: 1,
            sum: value,
            min: value,
            max: value,
        });
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A rolling window of values, shared by reference among threads.
///
/// One short lock for each addition, which is fine up to a few million values a second in all.
#[derive(Debug)]
pub struct RollingWindow {
    epoch: Instant,
    width_ns: u64,
    ignores_current: bool,
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    buckets: Box<[Summary]>,
    /// Number of the current bucket, counted from the epoch.
    current: u64,
}

impl RollingWindow {
    /// An empty window of length `window`, cut into `buckets`: at least 1, at most 10 000, each at
    /// least a nanosecond long. Other numbers are brought into these bounds.
    #[must_use]
    pub fn new(window: Duration, buckets: usize, now: Instant) -> Self {
        let buckets = buckets.clamp(1, BUCKETS_MAX);
        let width_ns = u64::try_from(window.as_nanos() / buckets as u128).unwrap_or(u64::MAX);
        Self {
            epoch: now,
            width_ns: width_ns.max(1),
            ignores_current: false,
            ring: Mutex::new(Ring {
                buckets: vec![Summary::EMPTY; buckets].into_boxed_slice(),
                current: 0,
            }),
        }
    }

    /// Leaves the current bucket out of what is reported. It is incomplete, so rates and minima
    /// over whole buckets are steadier without it.
    #[must_use]
    pub fn ignoring_current(mut self) -> Self {
        self.ignores_current = true;
        self
    }

    /// Adds a value that came at `now`. One that came before the current bucket began counts for
    /// the current one.
    pub fn add(&self, value: f64, now: Instant) {
        let mut ring = self.at(now);
        let place = ring.place(0);
        ring.buckets[place].add(value);
    }

    /// What the window held at `now`.
    #[must_use]
    pub fn summary(&self, now: Instant) -> Summary {
        let ring = self.at(now);
        ring.latest_first(self.ignores_current)
            .fold(Summary::EMPTY, |mut sum, bucket| {
                sum.merge(bucket);
                sum
            })
    }

    /// What each bucket of the window held at `now`, the oldest first.
    #[must_use]
    pub fn buckets(&self, now: Instant) -> Vec<Summary> {
        let ring = self.at(now);
        let mut buckets: Vec<_> = ring.latest_first(self.ignores_current).copied().collect();
        buckets.reverse();
        buckets
    }

    fn at(&self, now: Instant) -> MutexGuard<'_, Ring> {
        let age = now.saturating_duration_since(self.epoch);
        let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        // Nothing panics under the lock.
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.advance(age_ns / self.width_ns);
        ring
    }
}

impl Ring {
    fn advance(&mut self, number: u64) {
        let steps = number.saturating_sub(self.current);
        self.current += steps;
        for back in 0..steps.min(self.buckets.len() as u64) {
            let place = self.place(back);
            self.buckets[place] = Summary::EMPTY;
        }
    }

    fn latest_first(&self, skip_current: bool) -> impl Iterator<Item = &Summary> {
        let count = self.buckets.len().min(
            // Before the epoch there was nothing.
            usize::try_from(self.current.saturating_add(1)).unwrap_or(usize::MAX),
        );
        (u64::from(skip_current)..count as u64).map(|back| &self.buckets[self.place(back)])
    }

    /// The place of the bucket `back` before the current one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than the number of buckets"
    )]
    fn place(&self, back: u64) -> usize {
        ((self.current - back) % self.buckets.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn values_expire_bucket_by_bucket() {
        let start = Instant::now();
        let window = RollingWindow::new(40 * MS, 4, start);
        for bucket in 0..4 {
            window.add(1.0, start + 10 * bucket * MS);
        }
        let count = |ms| window.summary(start + ms * MS).count;
        assert_eq!([39, 40, 50, 69, 70].map(count), [4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_pause_longer_than_the_window_empties_it() {
        let start = Instant::now();
        let window = RollingWindow::new(40 * MS, 4, start);
        window.add(5.0, start);
        let later = window.summary(start + Duration::from_secs(86_400));
        assert_eq!(later, Summary::EMPTY);
        assert_eq!(later.mean(), None);
    }

    #[test]
    fn the_current_bucket_is_left_out_on_request() {
        let start = Instant::now();
        let window = RollingWindow::new(40 * MS, 4, start).ignoring_current();
        window.add(5.0, start);
        assert_eq!(window.summary(start).count, 0);
        assert_eq!(window.summary(start + 10 * MS).count, 1);
        assert_eq!(window.summary(start + 40 * MS).count, 0);
    }

    #[test]
    fn buckets_come_oldest_first() {
        let start = Instant::now();
        let window = RollingWindow::new(40 * MS, 4, start);
        window.add(1.0, start);
        window.add(2.0, start + 10 * MS);
        let sums = |ms| {
            let buckets = window.buckets(start + ms * MS);
            buckets.iter().map(|b| b.sum).collect::<Vec<_>>()
        };
        assert_eq!(sums(10), [1.0, 2.0]);
        assert_eq!(sums(40), [2.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn time_that_goes_back_counts_for_the_current_bucket() {
        let start = Instant::now();
        let window = RollingWindow::new(40 * MS, 4, start);
        window.add(1.0, start + 30 * MS);
        window.add(1.0, start);
        assert_eq!(window.summary(start + 69 * MS).count, 2);
    }

    #[test]
    fn senseless_sizes_are_brought_into_bounds() {
        let start = Instant::now();
        let window = RollingWindow::new(Duration::ZERO, 0, start);
        window.add(1.0, start);
        assert_eq!(window.summary(start).count, 1);
        let window = RollingWindow::new(Duration::MAX, usize::MAX, start);
        window.add(1.0, start);
        assert_eq!(window.summary(start + MS).count, 1);
    }

    #[test]
    fn threads_lose_nothing() {
        let start = Instant::now();
        let window = Arc::new(RollingWindow::new(Duration::from_secs(1), 10, start));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..1_000 {
                        window.add(1.0, start + n * MS / 2);
                    }
                });
            }
        });
        assert_eq!(window.summary(start + 500 * MS).sum, 4_000.0);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_of_all_values(
            steps in prop::collection::vec((0u32..30, -100i32..100), 1..100), buckets in 1usize..8,
        ) {
            let start = Instant::now();
            let width = 10u32;
            let window = RollingWindow::new(width * MS * u32::try_from(buckets).unwrap(), buckets, start);
            let (mut at, mut all) = (0u32, Vec::new());
            for (pause, value) in steps {
                at += pause;
                window.add(f64::from(value), start + at * MS);
                all.push((at / width, f64::from(value)));
                let oldest = (at / width + 1).saturating_sub(u32::try_from(buckets).unwrap());
                let known: Vec<f64> =
                    all.iter().filter(|(b, _)| *b >= oldest).map(|(_, v)| *v).collect();
                let summary = window.summary(start + at * MS);
                prop_assert_eq!(summary.count, known.len() as u64);
                prop_assert_eq!(summary.sum, known.iter().sum::<f64>());
                prop_assert_eq!(summary.min, known.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(summary.max, known.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
}
