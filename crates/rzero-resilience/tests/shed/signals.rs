//! Signals that come, go and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rzero_core::Admission;
use rzero_resilience::shed::{Config, Reason, SignalState};
use tokio::time::Instant;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{shedder, unary};

#[test]
fn unreadable_signal_is_reported_and_the_others_go_on() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_cpu(990, now);
    signals.cpu_unavailable("cpu.stat: gone");
    let snapshot = shedder.snapshot(now);
    assert_eq!(
        snapshot.signals.cpu,
        SignalState::Unavailable("cpu.stat: gone".into())
    );
    assert_eq!((snapshot.cpu, snapshot.overload), (None, None));
    assert_eq!(snapshot.factor, 1.0);
    signals.set_memory_level(3);
    assert_eq!(shedder.snapshot(now).overload, Some(Reason::Memory));
    signals.set_cpu(990, now);
    let snapshot = shedder.snapshot(now);
    assert!(snapshot.signals.cpu.is_available() && snapshot.overload == Some(Reason::Cpu));
}

#[test]
fn signal_that_nobody_reports_is_not_silently_off() {
    let now = Instant::now();
    let (shedder, _) = shedder(now);
    let states = shedder.snapshot(now).signals;
    for state in [&states.cpu, &states.memory] {
        assert!(
            matches!(state, SignalState::Unavailable(why) if why.contains("nobody")),
            "{state:?}"
        );
    }
    assert!(states.queue.is_available() && states.pool.is_available());
    let off = Config {
        cpu: false,
        ..Config::default()
    };
    shedder.reconfigure(&off).unwrap();
    assert_eq!(shedder.snapshot(now).signals.cpu, SignalState::Off);
}

#[test]
fn cpu_value_of_a_dead_sampler_expires() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_cpu(990, now);
    let later = now + Duration::from_secs(5);
    assert_eq!(shedder.snapshot(later).overload, Some(Reason::Cpu));
    let later = later + Duration::from_millis(1);
    let snapshot = shedder.snapshot(later);
    assert_eq!((snapshot.cpu, snapshot.overload), (None, None));
    assert!(!snapshot.signals.cpu.is_available());
    signals.set_cpu(990, later);
    assert_eq!(shedder.snapshot(later).overload, Some(Reason::Cpu));
}

#[test]
fn pools_are_counted_and_forgotten_when_they_go() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    let (one, two) = (signals.pool(), signals.pool());
    one.set_exhausted(true);
    one.set_exhausted(true);
    two.set_exhausted(true);
    assert_eq!(shedder.snapshot(now).pools_exhausted, 2);
    one.set_exhausted(false);
    assert_eq!(shedder.snapshot(now).overload, Some(Reason::Pool));
    drop(two);
    assert_eq!(shedder.snapshot(now).pools_exhausted, 0);
    assert_eq!(shedder.snapshot(now).overload, None);
}

#[test]
fn lower_memory_levels_are_no_reason() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    for level in 0..3 {
        signals.set_memory_level(level);
        assert_eq!(shedder.snapshot(now).overload, None);
    }
    signals.set_memory_level(9);
    let snapshot = shedder.snapshot(now);
    assert_eq!(
        (snapshot.memory_level, snapshot.overload),
        (3, Some(Reason::Memory))
    );
}

#[test]
fn queue_wait_is_judged_by_nine_of_ten_calls_of_the_window() {
    let start = Instant::now();
    let (shedder, _) = shedder(start);
    let now = start + Duration::from_millis(150);
    for late in 0..100 {
        let received = if late < 11 { start } else { now };
        drop(shedder.admit(&unary(received), now).unwrap());
    }
    let later = now + Duration::from_millis(100);
    let snapshot = shedder.snapshot(later);
    assert_eq!(snapshot.overload, Some(Reason::Queue));
    let bin = Duration::from_millis(150)..Duration::from_millis(180);
    assert!(bin.contains(&snapshot.queue_wait_p90), "{snapshot:?}");
    let later = later + Duration::from_secs(5);
    let snapshot = shedder.snapshot(later);
    assert_eq!(
        (snapshot.overload, snapshot.queue_wait_p90),
        (None, Duration::ZERO)
    );
}

/// Counts what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU64>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn outage_is_logged_once_and_its_end_too() {
    let lines = Lines::default();
    let logged = || lines.0.load(Relaxed);
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    tracing::subscriber::with_default(lines.clone(), || {
        signals.set_cpu(100, now);
        assert_eq!(logged(), 0);
        (0..3).for_each(|_| signals.cpu_unavailable("gone"));
        assert_eq!(logged(), 1);
        (0..3).for_each(|_| signals.set_cpu(100, now));
        assert_eq!(logged(), 2);
        for second in 1..10 {
            // Nobody samples any more; calls go on.
            let later = now + Duration::from_secs(second);
            drop(shedder.admit(&unary(later), later).unwrap());
        }
        assert_eq!(logged(), 3);
    });
}
