//! Outages and what comes behind them, in made-up time.

use std::collections::VecDeque;
use std::time::Duration;

use rzero_core::Outcome;
use rzero_resilience::breaker::{Breaker, Pass, Settings, State};
use tokio::time::Instant;

use crate::support::BAD;

const WARM_UP_S: u64 = 12;
const AFTER_S: u64 = 12;

struct Outage {
    seconds: u64,
    per_second: u64,
    /// How long an answer takes.
    answer: Duration,
    /// How long a failure takes.
    failure: Duration,
    /// One of so many calls fails also while the callee is well.
    stray: Option<u64>,
}

/// Offered and rejected calls in each second, from the first of the warm-up on.
struct Course {
    seconds: Vec<(u32, u32)>,
    recovered_s: usize,
    breaker: Breaker,
}

impl Course {
    /// Offered and rejected in a span of seconds behind recovery.
    fn behind(&self, from_s: usize, to_s: usize) -> (u32, u32) {
        let span = &self.seconds[self.recovered_s + from_s..self.recovered_s + to_s];
        span.iter()
            .fold((0, 0), |sum, s| (sum.0 + s.0, sum.1 + s.1))
    }
}

impl Outage {
    fn run(&self) -> Course {
        let start = Instant::now();
        let breaker = Breaker::new("callee", "method", Settings::default(), start);
        // Calls under way, in the order of their ends.
        let mut answers: VecDeque<(Instant, Pass)> = VecDeque::new();
        let mut failures: VecDeque<(Instant, Pass)> = VecDeque::new();
        let length = WARM_UP_S + self.seconds + AFTER_S;
        let mut seconds = Vec::new();
        for call in 0..length * self.per_second {
            let second = call / self.per_second;
            let now = start + Duration::from_nanos(call * 1_000_000_000 / self.per_second);
            for (ended, outcome) in [(&mut answers, Outcome::OK), (&mut failures, BAD)] {
                while ended.front().is_some_and(|(due, _)| *due <= now) {
                    let (due, pass) = ended.pop_front().unwrap();
                    pass.finish(outcome, due);
                }
            }
            if call % self.per_second == 0 {
                seconds.push((0, 0));
            }
            let tally = seconds.last_mut().unwrap();
            tally.0 += 1;
            let away = (WARM_UP_S..WARM_UP_S + self.seconds).contains(&second);
            let stray = self.stray.is_some_and(|of| call % of == 0);
            match breaker.enter(now) {
                Ok(pass) if away || stray => failures.push_back((now + self.failure, pass)),
                Ok(pass) => answers.push_back((now + self.answer, pass)),
                Err(_) => tally.1 += 1,
            }
        }
        let recovered_s = usize::try_from(WARM_UP_S + self.seconds).unwrap();
        Course {
            seconds,
            recovered_s,
            breaker,
        }
    }
}

/// Outages of the lengths and loads of the specification, and answers at once or late.
fn outages() -> impl Iterator<Item = Outage> {
    [5, 10, 25, 60].into_iter().flat_map(|seconds| {
        [10, 100, 1_000].into_iter().flat_map(move |per_second| {
            [0, 20, 100].into_iter().map(move |answer_ms| Outage {
                seconds,
                per_second,
                answer: Duration::from_millis(answer_ms),
                failure: Duration::from_millis(answer_ms),
                stray: None,
            })
        })
    })
}

#[test]
fn nearly_all_pass_three_seconds_behind_recovery_and_all_after_five() {
    for outage in outages() {
        let course = outage.run();
        let told = format!(
            "{} s at {}/s, answers in {:?}: {:?}",
            outage.seconds, outage.per_second, outage.answer, course.seconds
        );
        let before = course.seconds[..usize::try_from(WARM_UP_S).unwrap()].iter();
        assert_eq!(before.map(|s| s.1).sum::<u32>(), 0, "{told}");
        for second in 3..5 {
            let (offered, rejected) = course.behind(second, second + 1);
            assert!(rejected * 20 <= offered, "{told}");
        }
        assert_eq!(course.behind(5, 12).1, 0, "{told}");
        assert_eq!(course.breaker.state(), State::Closed, "{told}");
    }
}

#[test]
fn a_long_outage_is_shielded() {
    for per_second in [100, 1_000] {
        let course = Outage {
            seconds: 60,
            per_second,
            answer: Duration::from_millis(20),
            failure: Duration::from_millis(20),
            stray: None,
        }
        .run();
        let late = &course.seconds[course.recovered_s - 40..course.recovered_s];
        let passed: u32 = late.iter().map(|s| s.0 - s.1).sum();
        // One a second, and 6 of each window's calls by chance.
        assert!((35..120).contains(&passed), "{passed} at {per_second}/s");
    }
}

#[test]
fn single_failures_behind_recovery_do_not_hold_it_up() {
    for seconds in [10, 60] {
        for of in [100, 20] {
            let course = Outage {
                seconds,
                per_second: 1_000,
                answer: Duration::from_millis(5),
                failure: Duration::from_millis(5),
                stray: Some(of),
            }
            .run();
            let (offered, rejected) = course.behind(5, 12);
            let told = format!("one of {of}: {:?}", course.seconds);
            assert!(rejected * 100 <= offered, "{told}");
            assert_eq!(course.behind(8, 12).1, 0, "{told}");
        }
    }
}

#[test]
fn failures_that_take_a_second_hold_recovery_up_for_that_second() {
    for outage in outages().filter(|outage| outage.answer > Duration::ZERO) {
        let course = Outage {
            failure: Duration::from_secs(1),
            ..outage
        }
        .run();
        let told = format!("{:?}", course.seconds);
        let (offered, rejected) = course.behind(4, 5);
        assert!(rejected * 20 <= offered, "{told}");
        assert_eq!(course.behind(5, 12).1, 0, "{told}");
    }
}

#[test]
fn a_second_outage_is_noticed_as_the_first() {
    let mut bench = crate::support::Bench::new();
    for _ in 0..2 {
        for _ in 0..10_000 {
            bench.offer(1, BAD);
            bench.wait(1);
        }
        assert_eq!(bench.breaker.state(), State::Open);
        for _ in 0..5_000 {
            bench.offer(1, Outcome::OK);
            bench.wait(1);
        }
        assert_eq!(bench.breaker.state(), State::Closed);
    }
}

/// What passed and what succeeded of 1,000 calls a second on a callee that serves three of each ten
/// and fails the rest, for `seconds` and in the last ten of them.
fn overload(bench: &mut crate::support::Bench, seconds: u32) -> (u32, u32) {
    let (mut passed, mut succeeded) = (0, 0);
    let mut room = 0;
    for call in 0..seconds * 1_000 {
        if call % 10 == 0 {
            room = 3;
        }
        if let Ok(pass) = bench.breaker.enter(bench.now) {
            let served = room > 0;
            room -= u32::from(served);
            pass.finish(if served { Outcome::OK } else { BAD }, bench.now);
            if call >= (seconds - 10) * 1_000 {
                passed += 1;
                succeeded += u32::from(served);
            }
        }
        bench.wait(1);
    }
    (passed, succeeded)
}

#[test]
fn a_callee_that_serves_a_part_is_asked_for_half_as_much_again() {
    let mut bench = crate::support::Bench::new();
    let (passed, succeeded) = overload(&mut bench, 60);
    assert!((3_600..6_000).contains(&passed), "{passed}");
    assert!(succeeded >= 2_550, "{succeeded}");
}
