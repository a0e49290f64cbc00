//! The numbers of the specification, through the public door.

use rzero_core::Outcome;
use rzero_resilience::breaker::State;

use crate::support::{BAD, Bench, close};

#[test]
fn all_accepted_is_ratio_0() {
    let bench = Bench::new();
    bench.calls(100, Outcome::OK);
    close(bench.snapshot().ratio, 0.0);
    assert_eq!(bench.breaker.state(), State::Closed);
}

#[test]
fn forty_failing_buckets_are_ratio_95_of_101() {
    let mut bench = Bench::new();
    for bucket in 0..40 {
        bench.calls(if bucket < 20 { 3 } else { 2 }, BAD);
        if bucket < 39 {
            bench.wait(250);
        }
    }
    let known = bench.snapshot();
    assert_eq!((known.total, known.succeeded), (100, 0));
    assert_eq!(known.failing_buckets, 40);
    close(known.ratio, 95.0 / 101.0);
}

#[test]
fn sixty_of_a_hundred_are_ratio_5_of_101() {
    let bench = Bench::new();
    bench.calls(60, Outcome::OK);
    bench.calls(40, BAD);
    let known = bench.snapshot();
    assert_eq!((known.failing_buckets, known.working_buckets), (0, 0));
    close(known.ratio, (95.0 - 90.0) / 101.0);
}

#[test]
fn runs_count_the_buckets_at_the_end() {
    let mut bench = Bench::new();
    bench.calls(2, Outcome::OK);
    for _ in 0..3 {
        bench.wait(250);
        bench.calls(1, BAD);
        bench.wait(250); // an empty bucket changes no run
    }
    assert_eq!(bench.snapshot().failing_buckets, 3);
    bench.calls(1, Outcome::OK);
    bench.wait(250);
    bench.calls(1, Outcome::OK);
    let known = bench.snapshot();
    assert_eq!((known.failing_buckets, known.working_buckets), (0, 2));
}

#[test]
fn a_fifth_of_failures_never_opens() {
    let mut bench = Bench::new();
    for tick in 0..20_000u32 {
        let outcome = if tick % 5 == 4 { BAD } else { Outcome::OK };
        assert_eq!(bench.offer(1, outcome), 0, "tick {tick}");
        assert_eq!(bench.breaker.state(), State::Closed);
        bench.wait(1 + u64::from(tick % 3));
    }
}

#[test]
fn a_fifth_of_failures_never_opens_when_they_come_at_random() {
    let mut bench = Bench::new();
    let mut seed = 7u32;
    let mut rejected = 0;
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let outcome = if seed >> 16 < 65_536 / 5 {
            BAD
        } else {
            Outcome::OK
        };
        rejected += bench.offer(1, outcome);
        bench.wait(2);
    }
    assert_eq!(rejected, 0);
}

#[test]
fn five_failures_are_protected_and_the_sixth_is_not() {
    let bench = Bench::new();
    bench.calls(5, BAD);
    assert_eq!(bench.snapshot().ratio, 0.0);
    bench.calls(1, BAD);
    close(bench.snapshot().ratio, 1.0 / 7.0);
}

#[test]
fn the_window_forgets_after_ten_seconds() {
    let mut bench = Bench::new();
    bench.calls(50, BAD);
    bench.wait(9_750);
    assert_eq!(bench.snapshot().failed, 50);
    bench.wait(250);
    let known = bench.snapshot();
    assert_eq!((known.failed, known.ratio), (0, 0.0));
}

#[test]
fn rejections_raise_the_ratio_and_are_counted_apart() {
    let mut bench = Bench::new();
    bench.calls(20, BAD);
    let before = bench.snapshot().ratio;
    bench.wait(1);
    let rejected = bench.offer(1_000, BAD);
    let known = bench.snapshot();
    assert!(rejected > 800, "{rejected}");
    assert_eq!(known.rejected, u64::from(rejected));
    assert_eq!(known.rejected_ever, u64::from(rejected));
    assert_eq!(known.failed, 20 + 1_000 - u64::from(rejected));
    assert_eq!(known.total, known.failed + known.rejected);
    assert!(known.ratio > before);
    assert_eq!(known.state, State::Open);
}

#[test]
fn load_on_a_dead_callee_falls_to_a_trickle() {
    let mut bench = Bench::new();
    let mut passed = 0;
    for second in 0..30 {
        for _ in 0..1_000 {
            let rejected = bench.offer(1, BAD);
            bench.wait(1);
            if second >= 20 {
                passed += 1 - rejected;
            }
        }
    }
    // One forced pass a second, and a few by chance.
    assert!((10..40).contains(&passed), "{passed}");
}

#[test]
fn a_breaker_that_nobody_asks_is_seen_to_be_closed_again() {
    let mut bench = Bench::new();
    bench.calls(100, BAD);
    bench.offer(100, BAD);
    assert_ne!(bench.breaker.state(), State::Closed);
    bench.wait(11_000);
    assert_eq!(bench.snapshot().state, State::Closed);
    assert_eq!(bench.breaker.state(), State::Closed);
}
