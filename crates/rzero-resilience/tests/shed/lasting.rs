//! How long an overload lasts: neither too short, nor for ever.

use std::collections::VecDeque;
use std::time::Duration;

use rzero_core::{Admission, Outcome, Permit};
use rzero_resilience::shed::{Reason, Shedder, Signals, Ticket};
use tokio::time::Instant;

use crate::support::{shedder, unary};

const MS: Duration = Duration::from_millis(1);

/// A thousand calls in a second whose answers take their time, because something behind them does.
struct Traffic {
    shedder: Shedder,
    now: Instant,
    running: VecDeque<(Instant, Ticket)>,
}

impl Traffic {
    /// Goes on for `ms` with answers after `rt` and this CPU use, and counts refusals. Each call
    /// was read `wait` before it is admitted.
    fn go_on(&mut self, ms: u32, rt: Duration, wait: Duration, cpu: (&Signals, u32)) -> u32 {
        let mut refused = 0;
        for _ in 0..ms {
            self.now += MS;
            cpu.0.set_cpu(cpu.1, self.now);
            while self
                .running
                .front()
                .is_some_and(|(end, _)| *end <= self.now)
            {
                let (end, ticket) = self.running.pop_front().expect("it was there");
                ticket.finish(Outcome::OK, end);
            }
            match self.shedder.admit(&unary(self.now - wait), self.now) {
                Ok(ticket) => self.running.push_back((self.now + rt, ticket)),
                Err(_) => refused += 1,
            }
        }
        refused
    }
}

fn traffic(start: Instant) -> (Traffic, std::sync::Arc<Signals>) {
    let (shedder, signals) = shedder(start);
    let running = VecDeque::new();
    let now = start + Duration::from_secs(60);
    (
        Traffic {
            shedder,
            now,
            running,
        },
        signals,
    )
}

#[test]
fn slow_dependency_does_not_keep_shedding_alive() {
    let (mut traffic, signals) = traffic(Instant::now());
    let none = Duration::ZERO;
    assert_eq!(traffic.go_on(6_000, MS, none, (&signals, 300)), 0);
    // Calls take a hundred times as long; for two seconds the CPU is busy too.
    assert_eq!(traffic.go_on(1_000, 100 * MS, none, (&signals, 300)), 0);
    let refused = traffic.go_on(2_000, 100 * MS, none, (&signals, 920));
    assert!(refused > 1_000, "{refused}");
    // It has time again, though far more calls are in flight than its window knows of.
    let refused = traffic.go_on(1_000, 100 * MS, none, (&signals, 300));
    assert!(refused > 500, "the hot second: {refused}");
    assert_eq!(traffic.go_on(10_000, 100 * MS, none, (&signals, 300)), 0);
}

#[test]
fn cpu_signal_stays_just_below_its_threshold_while_many_are_refused() {
    let (mut traffic, signals) = traffic(Instant::now());
    let none = Duration::ZERO;
    traffic.go_on(6_000, MS, none, (&signals, 300));
    traffic.go_on(2_000, 100 * MS, none, (&signals, 920));
    for _ in 0..5 {
        let refused = traffic.go_on(1_000, 100 * MS, none, (&signals, 860));
        assert!(refused > 500, "{refused}");
        let overload = traffic.shedder.snapshot(traffic.now).overload;
        assert_eq!(overload, Some(Reason::Cpu));
    }
    traffic.go_on(1_000, 100 * MS, none, (&signals, 850));
    assert_eq!(traffic.go_on(5_000, 100 * MS, none, (&signals, 850)), 0);
}

#[test]
fn queue_signal_stays_while_many_are_refused_that_had_waited() {
    let (mut traffic, signals) = traffic(Instant::now());
    let idle = (&*signals, 100);
    traffic.go_on(1_000, MS, Duration::ZERO, idle);
    traffic.go_on(2_000, MS, 150 * MS, idle);
    // Waits of 50 ms are allowed, and would not begin an overload; but they go on.
    for _ in 0..10 {
        let refused = traffic.go_on(1_000, MS, 50 * MS, idle);
        assert!(refused > 500, "{refused}");
    }
    let refused = traffic.go_on(2_000, MS, Duration::ZERO, idle);
    assert_eq!(refused, 0, "nothing waits any more");
    assert_eq!(traffic.shedder.snapshot(traffic.now).overload, None);
}
