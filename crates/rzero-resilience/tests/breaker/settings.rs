//! Settings: what is refused, what changes while running, and the rule for slow calls.

use std::time::Duration;

use rzero_core::Outcome;
use rzero_resilience::breaker::{Breaker, Config, Settings, State};
use tokio::time::Instant;

use crate::support::{BAD, Bench, close, settings};

#[test]
fn the_defaults_are_those_of_go_zero() {
    let config = Config::default();
    assert!(config.enabled);
    assert_eq!(config.window, Duration::from_secs(10));
    assert_eq!((config.buckets, config.protection), (40, 5));
    assert_eq!((config.k, config.k_min), (1.5, 1.1));
    assert_eq!(config.forced_pass, Duration::from_secs(1));
    assert_eq!(config.slow_ms, None);
    assert_eq!(config.validate(), Ok(()));
    assert_eq!(Settings::default().get(), &config);
}

type Wrong = (&'static str, fn(&mut Config));

#[test]
fn senseless_values_are_refused_by_name() {
    let wrong: [Wrong; 14] = [
        ("window", |c| c.window = Duration::ZERO),
        ("window", |c| c.window = Duration::from_secs(86_400)),
        ("buckets", |c| c.buckets = 1),
        ("buckets", |c| c.buckets = 1_001),
        ("buckets", |c| {
            (c.window, c.buckets) = (Duration::from_millis(20), 40)
        }),
        ("k", |c| c.k = 0.5),
        ("k", |c| c.k = f64::NAN),
        ("k_min", |c| c.k_min = 0.9),
        ("k_min", |c| c.k_min = 1.6),
        ("forced_pass", |c| c.forced_pass = Duration::ZERO),
        ("forced_pass", |c| c.forced_pass = Duration::from_secs(61)),
        ("slow_ms", |c| c.slow_ms = Some(0)),
        ("slow_ratio", |c| c.slow_ratio = 0.0),
        ("slow_ratio", |c| c.slow_ratio = f64::NAN),
    ];
    for (key, change) in wrong {
        let mut config = Config::default();
        change(&mut config);
        let error = Settings::try_from(config).unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
    }
}

#[test]
fn switched_off_it_neither_counts_nor_rejects() {
    let bench = Bench::with(|config| config.enabled = false);
    assert_eq!(bench.offer(1_000, BAD), 0);
    let known = bench.snapshot();
    assert_eq!((known.total, known.state), (0, State::Closed));
    assert!(!known.enabled);
}

#[test]
fn it_can_be_switched_off_and_on_while_it_rejects() {
    let mut bench = Bench::new();
    bench.calls(1_000, BAD);
    bench.wait(1);
    assert!(bench.offer(100, BAD) > 50);
    bench
        .breaker
        .reconfigure(settings(|c| c.enabled = false), bench.now);
    assert_eq!(bench.breaker.state(), State::Closed);
    assert_eq!(bench.offer(100, BAD), 0);
    bench.breaker.reconfigure(Settings::default(), bench.now);
    assert!(bench.offer(100, BAD) > 50);
}

#[test]
fn a_new_multiplier_judges_the_same_counts() {
    let bench = Bench::new();
    bench.calls(60, Outcome::OK);
    bench.calls(40, BAD);
    close(bench.snapshot().ratio, 5.0 / 101.0);
    bench
        .breaker
        .reconfigure(settings(|c| c.k = 2.0), bench.now);
    let known = bench.snapshot();
    assert_eq!((known.succeeded, known.failed), (60, 40));
    close(known.ratio, 0.0);
    let strict = settings(|c| (c.k, c.protection) = (1.2, 0));
    bench.breaker.reconfigure(strict, bench.now);
    close(bench.snapshot().ratio, (100.0 - 72.0) / 101.0);
}

#[test]
fn a_new_window_keeps_what_lies_in_it() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.calls(10, Outcome::OK);
        bench.wait(1_000);
    }
    // The first ten expire just now.
    assert_eq!(bench.snapshot().succeeded, 90);
    let cut = |seconds, buckets| {
        settings(|c| (c.window, c.buckets) = (Duration::from_secs(seconds), buckets))
    };
    bench.breaker.reconfigure(cut(10, 10), bench.now);
    assert_eq!(bench.snapshot().succeeded, 90);
    bench.breaker.reconfigure(cut(60, 60), bench.now);
    assert_eq!(bench.snapshot().succeeded, 90);
    bench.wait(50_000);
    assert_eq!(bench.snapshot().succeeded, 90);
    bench.breaker.reconfigure(cut(5, 40), bench.now);
    assert_eq!(bench.snapshot().succeeded, 0);
}

#[test]
fn slow_answers_count_as_failures_when_too_many_are_slow() {
    let mut bench = Bench::with(|c| (c.slow_ms, c.slow_ratio) = (Some(100), 0.5));
    for _ in 0..10 {
        bench.lasting(20);
    }
    for _ in 0..10 {
        bench.lasting(101);
    }
    let known = bench.snapshot();
    assert_eq!((known.slow, known.failed, known.succeeded), (10, 0, 20));
    bench.lasting(101);
    let known = bench.snapshot();
    assert_eq!((known.slow, known.failed, known.succeeded), (11, 11, 10));
    assert!(known.ratio > 0.0);
}

#[test]
fn a_callee_that_became_slow_is_throttled_and_recovers() {
    let mut bench = Bench::with(|c| c.slow_ms = Some(100));
    let mut rejected = 0;
    for _ in 0..500 {
        match bench.breaker.enter(bench.now) {
            Ok(pass) => {
                bench.wait(150);
                pass.finish(Outcome::OK, bench.now);
            }
            Err(_) => {
                rejected += 1;
                bench.wait(10);
            }
        }
    }
    assert!(rejected > 250, "{rejected}");
    assert_ne!(bench.breaker.state(), State::Closed);
    let mut rejected = 0;
    for call in 0..1_000 {
        match bench.breaker.enter(bench.now) {
            Ok(pass) => {
                bench.wait(10);
                pass.finish(Outcome::OK, bench.now);
            }
            Err(_) => {
                rejected += i32::from(call > 500);
                bench.wait(10);
            }
        }
    }
    assert_eq!(rejected, 0);
    assert_eq!(bench.breaker.state(), State::Closed);
}

#[test]
fn without_the_rule_no_answer_is_slow() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.lasting(5_000);
    }
    let known = bench.snapshot();
    assert_eq!((known.slow, known.failed), (0, 0));
}

#[test]
fn a_snapshot_reads_as_json() {
    let bench = Bench::new();
    bench.calls(7, BAD);
    bench.offer(1, BAD);
    let json = serde_json::to_value(bench.snapshot()).unwrap();
    assert_eq!(json["callee"], "callee");
    assert_eq!(json["method"], "/a.B/Get");
    assert_eq!(json["state"], "throttling");
    assert_eq!(json["last_failures"][0]["reason"], "UNAVAILABLE");
    assert_eq!(json["last_failures"].as_array().unwrap().len(), 5);
}

#[test]
fn a_time_before_it_was_made_is_its_beginning() {
    let now = Instant::now();
    let breaker = Breaker::new("a", "b", Settings::default(), now + Duration::from_secs(60));
    breaker.enter(now).unwrap().finish(BAD, now);
    assert_eq!(breaker.snapshot(now).failed, 1);
}
