//! Where the buckets of a window begin, as readings of counters that only grow.
//!
//! A bucket is the difference of two readings and the window is the difference between now and its
//! oldest reading. So a call adds to a counter once and nothing is ever taken back: what expires is
//! only no longer subtracted from.

/// A reading of the four counters, or the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Answers that were no failure, slow ones included.
    pub(super) good: u64,
    /// Those of them that were slow.
    pub(super) slow: u64,
    /// Failures.
    pub(super) bad: u64,
    /// Calls that the breaker rejected.
    pub(super) dropped: u64,
}

impl Counts {
    /// What was added since an `earlier` reading.
    pub(super) fn since(self, earlier: Self) -> Self {
        debug_assert!(
            self.good >= earlier.good
                && self.slow >= earlier.slow
                && self.bad >= earlier.bad
                && self.dropped >= earlier.dropped,
            "{self:?} was read after {earlier:?}"
        );
        Self {
            good: self.good.saturating_sub(earlier.good),
            slow: self.slow.saturating_sub(earlier.slow),
            bad: self.bad.saturating_sub(earlier.bad),
            dropped: self.dropped.saturating_sub(earlier.dropped),
        }
    }

    /// Whether the share of slow answers exceeds `slow_ratio`, so that they count as failures.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn is_too_slow(self, slow_ratio: f64) -> bool {
        self.slow > 0 && self.slow as f64 > slow_ratio * (self.good + self.bad) as f64
    }

    /// Successes and failures, when slow answers are failures and when they are not.
    pub(super) fn judged(self, slow_fails: bool) -> (u64, u64) {
        let moved = if slow_fails { self.slow } else { 0 };
        (self.good.saturating_sub(moved), self.bad + moved)
    }
}

/// How many buckets at the end of a window held failures and no success, or successes and no
/// failure. Buckets without answers are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    pub(super) failing: u32,
    pub(super) working: u32,
}

impl Runs {
    /// The runs with one more bucket behind.
    pub(super) fn then(self, (good, bad): (u64, u64)) -> Self {
        let after = |same: u64, other: u64, run: u32| match (same, other) {
            (_, 1..) => 0,
            (1.., 0) => run + 1,
            (0, 0) => run,
        };
        Self {
            failing: after(bad, good, self.failing),
            working: after(good, bad, self.working),
        }
    }
}

/// How a window is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) buckets: u32,
    pub(super) width_ns: u64,
}

/// The readings at which the buckets of the window begin. Bucket `n` lasts from `n * width_ns`.
#[derive(Debug)]
pub(super) struct Ring {
    shape: Shape,
    starts: Box<[Counts]>,
    current: u64,
}

impl Ring {
    /// A window in which nothing happened before the reading `totals`.
    pub(super) fn new(shape: Shape, now_ns: u64, totals: Counts) -> Self {
        Self {
            shape,
            starts: vec![totals; shape.buckets as usize].into_boxed_slice(),
            current: now_ns / shape.width_ns,
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Begins the buckets that `now_ns` lies behind with the reading `totals`.
    pub(super) fn advance(&mut self, now_ns: u64, totals: Counts) {
        let number = now_ns / self.shape.width_ns;
        let steps = number.saturating_sub(self.current);
        for back in 0..steps.min(u64::from(self.shape.buckets)) {
            *self.at_mut(number - back) = totals;
        }
        self.current = self.current.max(number);
    }

    /// When the current bucket ends.
    pub(super) fn due_ns(&self) -> u64 {
        (self.current + 1) * self.shape.width_ns
    }

    /// The reading at the start of the window.
    pub(super) fn oldest(&self) -> Counts {
        // As many buckets on as there are buckets is the same place.
        self.at(self.current + 1)
    }

    /// The reading at the start of the current bucket.
    pub(super) fn newest(&self) -> Counts {
        self.at(self.current)
    }

    /// The runs at the end of all buckets but the current one.
    pub(super) fn runs(&self, slow_fails: bool) -> Runs {
        (1..u64::from(self.shape.buckets)).fold(Runs::default(), |runs, ahead| {
            let (start, end) = (self.current + ahead, self.current + ahead + 1);
            runs.then(self.at(end).since(self.at(start)).judged(slow_fails))
        })
    }

    /// The same counts cut in another way, each moved by at most one bucket of either cut.
    pub(super) fn reshaped(&self, shape: Shape, now_ns: u64) -> Self {
        let mut ring = Self::new(shape, now_ns, self.oldest());
        let buckets = u64::from(shape.buckets);
        for ahead in 1..=buckets {
            let number = (ring.current + ahead).saturating_sub(buckets);
            *ring.at_mut(ring.current + ahead) = self.before(number * shape.width_ns);
        }
        ring
    }

    /// The reading at the start of the bucket that `at_ns` lies in, or the oldest known.
    fn before(&self, at_ns: u64) -> Counts {
        let number = (at_ns / self.shape.width_ns).min(self.current);
        if number + u64::from(self.shape.buckets) <= self.current {
            return self.oldest();
        }
        self.at(number)
    }

    fn at(&self, number: u64) -> Counts {
        self.starts[self.place(number)]
    }

    fn at_mut(&mut self, number: u64) -> &mut Counts {
        &mut self.starts[self.place(number)]
    }

    fn place(&self, number: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "less than the number of buckets"
        )]
        let place = (number % u64::from(self.shape.buckets)) as usize;
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        buckets: 4,
        width_ns: 10,
    };

    fn bad(bad: u64) -> Counts {
        Counts {
            bad,
            ..Counts::default()
        }
    }

    fn good(good: u64) -> Counts {
        Counts {
            good,
            ..Counts::default()
        }
    }

    #[test]
    fn a_bucket_expires_with_the_window() {
        let mut ring = Ring::new(SHAPE, 0, bad(0));
        ring.advance(10, bad(3)); // 3 in bucket 0
        ring.advance(20, bad(5)); // 2 in bucket 1
        assert_eq!(bad(5).since(ring.oldest()), bad(5));
        ring.advance(39, bad(5));
        assert_eq!(bad(5).since(ring.oldest()), bad(5));
        ring.advance(40, bad(5));
        assert_eq!(bad(5).since(ring.oldest()), bad(2));
        ring.advance(50, bad(5));
        assert_eq!(bad(5).since(ring.oldest()), bad(0));
    }

    #[test]
    fn a_pause_longer_than_the_window_empties_it() {
        let mut ring = Ring::new(SHAPE, 0, bad(0));
        ring.advance(10, bad(3));
        ring.advance(1_000_000, bad(7));
        assert_eq!(bad(7).since(ring.oldest()), bad(0));
        assert_eq!(ring.due_ns(), 1_000_010);
    }

    #[test]
    fn time_that_goes_back_changes_nothing() {
        let mut ring = Ring::new(SHAPE, 100, bad(0));
        ring.advance(50, bad(9));
        assert_eq!(ring.newest(), bad(0));
        assert_eq!(ring.due_ns(), 110);
    }

    #[test]
    fn runs_end_with_the_other_kind_and_pass_over_silence() {
        let runs = |buckets: &[(u64, u64)]| {
            buckets
                .iter()
                .fold(Runs::default(), |runs, bucket| runs.then(*bucket))
        };
        assert_eq!(runs(&[(0, 1), (0, 0), (0, 2)]).failing, 2);
        assert_eq!(
            runs(&[(0, 1), (3, 0), (1, 0)]),
            Runs {
                failing: 0,
                working: 2
            }
        );
        assert_eq!(runs(&[(3, 0), (1, 1)]), Runs::default());
    }

    #[test]
    fn runs_forget_buckets_that_left_the_window() {
        let mut ring = Ring::new(SHAPE, 0, bad(0));
        for bucket in 1..=20 {
            ring.advance(bucket * 10, bad(bucket));
        }
        assert_eq!(ring.runs(false).failing, 3);
        ring.advance(220, bad(20));
        assert_eq!(ring.runs(false).failing, 1);
    }

    #[test]
    fn a_new_cut_keeps_the_counts() {
        let mut ring = Ring::new(SHAPE, 0, good(0));
        for bucket in 1..=20 {
            ring.advance(bucket * 10, good(bucket));
        }
        let same_window = ring.reshaped(
            Shape {
                buckets: 8,
                width_ns: 5,
            },
            200,
        );
        assert_eq!(good(20).since(same_window.oldest()), good(3));
        let half = ring.reshaped(
            Shape {
                buckets: 2,
                width_ns: 10,
            },
            200,
        );
        assert_eq!(good(20).since(half.oldest()), good(1));
        let longer = ring.reshaped(
            Shape {
                buckets: 50,
                width_ns: 100,
            },
            200,
        );
        assert_eq!(good(20).since(longer.oldest()), good(3));
        assert_eq!(good(20).since(ring.oldest()), good(3));
    }
}
