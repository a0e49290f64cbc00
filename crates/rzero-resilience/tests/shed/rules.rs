//! Which calls are shed, and why.

use std::time::Duration;

use rzero_core::{Admission, CallInfo, Class, Outcome, Permit, Priority};
use rzero_resilience::shed::{Config, Reason, Shedder, Ticket, formula};
use tokio::time::Instant;

use crate::support::{prior, probe, shedder, stream, unary};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Lets `calls` calls of `rt` end in one bucket and gives a time in the next one.
fn measure(shedder: &Shedder, calls: u32, rt: Duration, now: Instant) -> Instant {
    let tickets: Vec<_> = (0..calls)
        .map(|_| shedder.admit(&unary(now), now).unwrap())
        .collect();
    for ticket in tickets {
        ticket.finish(Outcome::OK, now + rt);
    }
    now + ms(100)
}

/// Admits calls until one is refused; at most 10,000.
fn fill(shedder: &Shedder, call: &CallInfo, now: Instant) -> Vec<Ticket> {
    (0..10_000)
        .map_while(|_| shedder.admit(call, now).ok())
        .collect()
}

fn refused(shedder: &Shedder, call: &CallInfo, now: Instant) -> bool {
    shedder.admit(call, now).is_err()
}

#[test]
fn formula_gives_the_known_values() {
    assert_eq!(formula::limit(500, 120.0), 1.0);
    assert_eq!(formula::passing(500, 120.0), 0.6);
    assert_eq!(formula::limit(200, 3500.0), 7.0);
    assert_eq!(formula::factor(950, 900), 0.5);
    assert_eq!(formula::factor(900, 900), 1.0);
    assert_eq!(formula::factor(0, 900), 1.0);
    assert_eq!(formula::factor(1000, 900), 0.1);
    let thresholds = [Priority::Sheddable, Priority::Normal, Priority::Critical];
    assert_eq!(
        thresholds.map(|p| formula::threshold(900, p)),
        [850, 900, 950]
    );
}

#[test]
fn measured_limit_is_that_of_the_formula() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let now = measure(&shedder, 200, Duration::from_micros(3500), now);
    signals.set_cpu(900, now);
    let snapshot = shedder.snapshot(now);
    assert_eq!(
        (snapshot.max_pass, snapshot.min_rt),
        (200, Duration::from_micros(3500))
    );
    assert_eq!((snapshot.limit, snapshot.factor), (7.0, 1.0));
    signals.set_cpu(950, now);
    assert_eq!(shedder.snapshot(now).limit, 3.5);
}

#[test]
fn nothing_is_shed_below_the_cpu_threshold() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let now = measure(&shedder, 200, Duration::from_micros(3500), now);
    signals.set_cpu(899, now);
    let held = fill(&shedder, &unary(now), now);
    assert_eq!(held.len(), 10_000);
    signals.set_cpu(900, now);
    assert!(refused(&shedder, &unary(now), now));
}

#[test]
fn overloaded_server_still_works_at_its_limit() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let now = measure(&shedder, 200, Duration::from_micros(3500), now);
    signals.set_cpu(900, now);
    // The average has to pass 7 as well, which it does late.
    let held = fill(&shedder, &unary(now), now);
    assert!((8..30).contains(&held.len()), "{}", held.len());
    let snapshot = shedder.snapshot(now);
    assert!(snapshot.avg_inflight > 7.0 && snapshot.overload == Some(Reason::Cpu));
    assert_eq!(snapshot.shed(Reason::Cpu, Priority::Normal), 1);
    drop(held);
    assert!(!refused(&shedder, &unary(now), now), "none is in flight");
}

#[test]
fn each_signal_has_its_label_and_its_switch() {
    let default = Config::default;
    let cases = [
        (
            Reason::Cpu,
            Config {
                cpu: false,
                ..default()
            },
        ),
        (
            Reason::Memory,
            Config {
                memory: false,
                ..default()
            },
        ),
        (
            Reason::Queue,
            Config {
                queue: false,
                ..default()
            },
        ),
        (
            Reason::Pool,
            Config {
                pool: false,
                ..default()
            },
        ),
    ];
    for (reason, without) in cases {
        let start = Instant::now();
        let (shedder, signals) = shedder(start);
        let pool = signals.pool();
        let waited = start + ms(101);
        match reason {
            Reason::Cpu => signals.set_cpu(930, start),
            Reason::Memory => signals.set_memory_level(3),
            Reason::Pool => pool.set_exhausted(true),
            _ => drop(shedder.admit(&unary(start), waited).unwrap()),
        }
        let now = waited + ms(100);
        shedder.reconfigure(&without).unwrap();
        let held = fill(&shedder, &unary(now), now);
        assert_eq!(held.len(), 10_000, "{reason:?} is switched off");
        shedder.reconfigure(&default()).unwrap();
        let error = shedder.admit(&unary(now), now).unwrap_err();
        assert_eq!(error.class(), Class::Overloaded);
        let hint = error.retry_after().unwrap();
        assert!((ms(1000)..ms(2000)).contains(&hint), "{hint:?}");
        assert!(error.message().ends_with(reason.as_str()), "{error:?}");
        assert_eq!(shedder.snapshot(now).shed(reason, Priority::Normal), 1);
        shedder
            .reconfigure(&Config {
                enabled: false,
                ..default()
            })
            .unwrap();
        assert!(!refused(&shedder, &unary(now), now), "all is switched off");
    }
}

#[test]
fn signal_counts_for_a_second_after_a_refusal() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_memory_level(3);
    let _held = fill(&shedder, &unary(now), now);
    signals.set_memory_level(0);
    let later = now + ms(999);
    let error = shedder.admit(&unary(later), later).unwrap_err();
    assert!(error.message().ends_with("inflight"), "{error:?}");
    let later = now + ms(1000);
    assert!(!refused(&shedder, &unary(later), later));
}

#[test]
fn priorities_are_shed_at_their_thresholds() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let _held = fill(&shedder, &unary(now), now);
    let all = [Priority::Sheddable, Priority::Normal, Priority::Critical];
    for (cpu, shed) in [
        (849, [false, false, false]),
        (850, [true, false, false]),
        (900, [true, true, false]),
        (949, [true, true, false]),
        (950, [true, true, true]),
    ] {
        signals.set_cpu(cpu, now);
        assert_eq!(
            all.map(|p| refused(&shedder, &prior(p, now), now)),
            shed,
            "{cpu}"
        );
    }
}

#[test]
fn priorities_differ_whatever_the_signal_is() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_memory_level(3);
    let mut held = fill(&shedder, &unary(now), now);
    assert!(refused(&shedder, &unary(now), now));
    // Back to the limit of 10, where ordinary calls are just not shed.
    held.truncate(10);
    assert!(refused(&shedder, &prior(Priority::Sheddable, now), now));
    assert!(!refused(&shedder, &unary(now), now));
}

#[test]
fn health_probes_are_neither_shed_nor_measured() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_cpu(1000, now);
    let held = fill(&shedder, &unary(now), now);
    let before = shedder.snapshot(now).inflight;
    assert_eq!(before, held.len());
    let ticket = shedder.admit(&probe(now), now).unwrap();
    assert_eq!(shedder.snapshot(now).inflight, before);
    ticket.finish(Outcome::OK, now);
    assert_eq!(shedder.snapshot(now + ms(100)).min_rt, ms(1000));
}

#[test]
fn streams_are_shed_and_stand_in_no_ones_way() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let open = fill(&shedder, &stream(now), now);
    assert_eq!(open.len(), 10_000, "nothing is overloaded");
    signals.set_cpu(900, now);
    assert!(refused(&shedder, &stream(now), now));
    assert!(!refused(&shedder, &unary(now), now));
    let snapshot = shedder.snapshot(now);
    assert_eq!((snapshot.streams, snapshot.inflight), (10_000, 0));
    open.into_iter()
        .for_each(|ticket| ticket.finish(Outcome::OK, now + ms(90)));
    let now = now + ms(100);
    let snapshot = shedder.snapshot(now);
    assert_eq!((snapshot.streams, snapshot.min_rt), (0, ms(1000)));
    assert!(!refused(&shedder, &stream(now), now));
}

#[test]
fn only_work_that_was_done_is_measured() {
    for class in Class::ALL {
        let now = Instant::now();
        let (shedder, _) = shedder(now);
        let ticket = shedder.admit(&unary(now), now).unwrap();
        ticket.finish(Outcome::failed(*class), now + ms(2));
        let measured = shedder.snapshot(now + ms(100)).min_rt == ms(2);
        let not = [
            Class::Overloaded,
            Class::RateLimited,
            Class::Draining,
            Class::BreakerOpen,
            Class::NoEndpoint,
            Class::ConnectFailed,
            Class::Cancelled,
            Class::ExpiredInQueue,
            Class::DeadlineExceeded,
        ];
        assert_eq!(measured, !not.contains(class), "{class:?}");
    }
    let now = Instant::now();
    let (shedder, _) = shedder(now);
    drop(shedder.admit(&unary(now), now).unwrap());
    assert_eq!(shedder.snapshot(now + ms(100)).min_rt, ms(1000));
    assert_eq!(shedder.snapshot(now + ms(100)).inflight, 0);
}

#[test]
fn calls_that_waited_count_as_in_flight_together() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let now = measure(&shedder, 100, ms(2), now);
    signals.set_cpu(900, now);
    // 1000/s at best: 50 ms of waiting is about 48 calls beyond a response time; the limit is 2.
    let late = now + ms(50);
    let admitted = (0..50).filter(|_| !refused(&shedder, &unary(now), late));
    assert!(admitted.count() < 5, "their average rises at once");
    assert!(!refused(&shedder, &unary(late), late), "it did not wait");
}

#[test]
fn wrong_configuration_names_its_key_and_changes_nothing() {
    let now = Instant::now();
    let (shedder, _) = shedder(now);
    for (config, key) in [
        (
            Config {
                cpu_threshold: 1000,
                ..Config::default()
            },
            "cpu_threshold",
        ),
        (
            Config {
                queue_wait_max: Duration::ZERO,
                ..Config::default()
            },
            "queue_wait_max",
        ),
    ] {
        let error = shedder.reconfigure(&config).unwrap_err();
        assert!(error.starts_with(key), "{error}");
    }
    assert_eq!(shedder.config(), Config::default());
    let typo = serde_json::from_str::<Config>(r#"{"cpu_treshold": 800}"#).unwrap_err();
    assert!(typo.to_string().contains("cpu_threshold"), "{typo}");
    let some: Config = serde_json::from_str(r#"{"cpu_threshold": 800}"#).unwrap();
    assert_eq!(
        some,
        Config {
            cpu_threshold: 800,
            ..Config::default()
        }
    );
}
