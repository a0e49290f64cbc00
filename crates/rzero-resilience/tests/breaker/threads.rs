//! Many threads on one breaker, through many changes of buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rzero_core::Outcome;

use crate::support::{BAD, Bench};

const THREADS: u64 = 4;
const CALLS: u64 = 5_000;

#[test]
fn within_one_window_every_answer_is_counted_once() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let bench = &bench;
            scope.spawn(move || {
                for call in 0..CALLS {
                    // 9 s in all: through 36 buckets, none of which expires.
                    let now = bench.now + Duration::from_micros(call * 9_000_000 / CALLS);
                    let pass = bench.breaker.enter_with(now, u64::MAX).unwrap();
                    let bad = (call + thread) % 10 == 0;
                    pass.finish(if bad { BAD } else { Outcome::OK }, now);
                }
            });
        }
    });
    let known = bench.breaker.snapshot(bench.now + Duration::from_secs(9));
    assert_eq!(known.succeeded, THREADS * CALLS * 9 / 10);
    assert_eq!(known.failed, THREADS * CALLS / 10);
}

#[test]
fn over_many_windows_nothing_stays_and_nothing_is_taken_twice() {
    let bench = Bench::new();
    let rejected = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for call in 0..CALLS {
                    let now = bench.now + Duration::from_millis(call * 20);
                    match bench.breaker.enter(now) {
                        Ok(pass) => pass.finish(if call % 3 == 0 { Outcome::OK } else { BAD }, now),
                        Err(_) => drop(rejected.fetch_add(1, Ordering::Relaxed)),
                    }
                    // No window ever holds more than there was.
                    if call % 500 == 0 {
                        let known = bench.breaker.snapshot(now);
                        assert!(known.total <= THREADS * CALLS, "{known:?}");
                        assert!((0.0..=1.0).contains(&known.chance), "{known:?}");
                    }
                }
            });
        }
    });
    let end = bench.now + Duration::from_millis(CALLS * 20);
    assert_eq!(bench.breaker.rejected(), rejected.into_inner());
    let known = bench.breaker.snapshot(end + Duration::from_secs(10));
    assert_eq!((known.total, known.failing_buckets), (0, 0));
}

#[test]
fn settings_that_change_under_load_lose_nothing() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for call in 0..CALLS {
                    let now = bench.now + Duration::from_micros(call * 4_000_000 / CALLS);
                    let pass = bench.breaker.enter_with(now, u64::MAX).unwrap();
                    pass.finish(Outcome::OK, now);
                }
            });
        }
        scope.spawn(|| {
            for turn in 0..200 {
                let settings = crate::support::settings(|c| c.buckets = 20 + turn % 30);
                let now = bench.now + Duration::from_millis(20 * u64::from(turn));
                bench.breaker.reconfigure(settings, now);
            }
        });
    });
    let known = bench.breaker.snapshot(bench.now + Duration::from_secs(4));
    assert_eq!(known.succeeded, 2 * CALLS);
}
