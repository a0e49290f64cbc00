use proptest::prelude::*;
use rzero_resilience::limit::Gcra;
use rzero_resilience::limit::gcra::Cell;

/// A bucket that leaks: how much of its depth is filled.
#[derive(Default)]
struct Bucket {
    filled: u64,
    at: u64,
}

impl Bucket {
    fn take(&mut self, gcra: Gcra, now: u64, n: u64) -> bool {
        self.filled = self.filled.saturating_sub(now - self.at);
        self.at = now;
        let fits = self.filled + n * gcra.interval() <= gcra.tolerance();
        if fits {
            self.filled += n * gcra.interval();
        }
        fits
    }
}

/// Times of requests, from gaps.
fn times(gaps: &[u64]) -> impl Iterator<Item = u64> {
    gaps.iter().scan(0, |now, gap| {
        *now += gap;
        Some(*now)
    })
}

proptest! {
    #[test]
    fn admits_exactly_what_a_leaking_bucket_admits(
        rate in 1_u64..50, period in 1_u64..5_000, burst in 1_u64..20,
        requests in prop::collection::vec((0_u64..800, 1_u32..5), 1..300),
    ) {
        let gcra = Gcra::with_ticks(rate, period, burst);
        let (cell, mut bucket, mut now) = (Cell::new(), Bucket::default(), 0);
        for (gap, n) in requests {
            now += gap;
            let decision = gcra.decide(&cell, now, n);
            prop_assert_eq!(decision.allowed, bucket.take(gcra, now, u64::from(n)));
            prop_assert_eq!(decision.remaining, (gcra.tolerance() - bucket.filled) / gcra.interval());
            prop_assert_eq!(decision.reset_after.as_nanos(), u128::from(bucket.filled));
        }
    }

    #[test]
    fn retry_after_is_the_first_time_that_is_allowed(
        rate in 1_u64..50, period in 1_u64..5_000, burst in 1_u64..20, n in 1_u64..20,
        gaps in prop::collection::vec(0_u64..200, 1..100),
    ) {
        let gcra = Gcra::with_ticks(rate, period, burst);
        let mut tat = 0;
        for now in times(&gaps) {
            let step = gcra.step(tat, now, n);
            if !step.allowed && step.retry_after != u64::MAX {
                prop_assert!(gcra.step(tat, now + step.retry_after, n).allowed);
                prop_assert!(!gcra.step(tat, now + step.retry_after - 1, n).allowed);
            }
            prop_assert_eq!(step.retry_after == u64::MAX, n > burst);
            tat = step.tat;
        }
    }

    #[test]
    fn never_more_than_rate_times_t_plus_burst_in_any_window(
        rate in 1_u64..50, period in 1_u64..5_000, burst in 1_u64..20,
        gaps in prop::collection::vec(0_u64..100, 1..200),
    ) {
        let (gcra, cell) = (Gcra::with_ticks(rate, period, burst), Cell::new());
        let admitted: Vec<u64> = times(&gaps)
            .filter(|now| gcra.decide(&cell, *now, 1).allowed)
            .collect();
        for (i, from) in admitted.iter().enumerate() {
            for (count, to) in (1_u64..).zip(&admitted[i..]) {
                // count <= rate × t / period + burst, without fractions.
                prop_assert!(count * period <= rate * (to - from) + burst * period);
            }
        }
    }

    #[test]
    fn at_least_rate_times_t_plus_burst_less_one_under_pressure(
        interval in 8_u64..500, rate in 1_u64..50, burst in 2_u64..20,
        gaps in prop::collection::vec(1_u64..8, 100..1_000),
    ) {
        let (gcra, cell) = (Gcra::with_ticks(rate, rate * interval, burst), Cell::new());
        let mut admitted = 0;
        for now in times(&gaps) {
            // As many as may be, so that demand is never short.
            while gcra.decide(&cell, now, 1).allowed {
                admitted += 1;
            }
            let first = gaps[0];
            prop_assert!(admitted + 1 >= (now - first) / interval + burst);
            prop_assert!(admitted <= (now - first) / interval + burst);
        }
    }
}

#[test]
fn threads_share_one_burst_exactly() {
    let (gcra, cell) = (Gcra::with_ticks(1, 1_000_000, 500), Cell::new());
    let admitted: usize = std::thread::scope(|scope| {
        let work = || {
            (0..400)
                .filter(|_| gcra.decide(&cell, 1, 1).allowed)
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(admitted, 500);
}

#[test]
fn one_at_once_at_a_thousand_per_second_is_kept() {
    let (gcra, cell) = (Gcra::with_ticks(1_000, 1_000_000_000, 1), Cell::new());
    let admitted = (0..10_000_u64)
        .filter(|n| gcra.decide(&cell, n * 100_000, 1).allowed)
        .count();
    assert_eq!(admitted, 1_000);
}
