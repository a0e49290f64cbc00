//! Calls that come, end and vanish on many threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;
use rzero_core::{Admission, Class, Outcome, Permit};
use rzero_resilience::shed::{Config, Shedder};
use tokio::time::Instant;

use crate::support::{Rng, shedder, stream, unary};

/// Random calls from `seed`: some finish, some fail, some are dropped, some panic.
fn random_calls(shedder: &Shedder, origin: Instant, seed: u64, calls: u64) {
    let mut rng = Rng(seed);
    let mut held = Vec::new();
    for step in 0..calls {
        let now = origin + Duration::from_micros(step * 300 + rng.below(300));
        let received = now - Duration::from_millis(rng.below(200)).min(now - origin);
        let call = match rng.below(4) {
            0 => stream(received),
            _ => unary(received),
        };
        held.extend(shedder.admit(&call, now));
        if held.len() > rng.below(40) as usize {
            let ticket = held.swap_remove(rng.below(held.len() as u64) as usize);
            match rng.below(4) {
                0 => drop(ticket),
                1 => ticket.finish(Outcome::CANCELLED, now),
                2 => ticket.finish(Outcome::failed(Class::Internal), now),
                _ => ticket.finish(Outcome::OK, now),
            }
        }
    }
}

#[test]
fn threads_give_every_place_back() {
    let origin = Instant::now();
    let (shedder, signals) = shedder(origin);
    let stop = Arc::new(AtomicBool::new(false));
    let pool = signals.pool();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|seed| {
                let shedder = shedder.clone();
                scope.spawn(move || random_calls(&shedder, origin, seed, 250_000))
            })
            .collect();
        let (meddler, stopped) = (shedder.clone(), Arc::clone(&stop));
        scope.spawn(move || {
            let mut rng = Rng(9);
            while !stopped.load(Relaxed) {
                let config = Config {
                    enabled: rng.below(4) > 0,
                    cpu_threshold: 1 + rng.below(999) as u32,
                    ..Config::default()
                };
                meddler.reconfigure(&config).unwrap();
                pool.set_exhausted(rng.below(2) == 0);
                signals.set_memory_level(rng.below(4) as u8);
                std::thread::yield_now();
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        stop.store(true, Relaxed);
    });
    let snapshot = shedder.snapshot(origin + Duration::from_secs(60));
    assert_eq!((snapshot.inflight, snapshot.streams), (0, 0));
    assert!(snapshot.shed_total() > 0, "{snapshot:?}");
    assert!(snapshot.avg_inflight.is_finite());
}

#[test]
fn passes_on_many_threads_are_all_counted() {
    let origin = Instant::now();
    let (shedder, _) = shedder(origin);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let ticket = shedder.admit(&unary(origin), origin).unwrap();
                    ticket.finish(Outcome::OK, origin + Duration::from_micros(250));
                }
            });
        }
    });
    let snapshot = shedder.snapshot(origin + Duration::from_millis(100));
    assert_eq!(snapshot.max_pass, 20_000);
    assert_eq!(snapshot.min_rt, Duration::from_micros(250));
}

#[test]
fn panic_gives_the_place_back() {
    let now = Instant::now();
    let (shedder, _) = shedder(now);
    let worker = shedder.clone();
    let panicked = std::thread::spawn(move || {
        let _ticket = worker.admit(&unary(now), now).unwrap();
        std::panic::resume_unwind(Box::new("a handler panics"));
    })
    .join();
    assert!(panicked.is_err());
    assert_eq!(shedder.snapshot(now).inflight, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn random_cancellation_leaks_nothing(seed: u64, cpu in 0_u32..=1000) {
        let origin = Instant::now();
        let (shedder, signals) = shedder(origin);
        signals.set_cpu(cpu, origin);
        random_calls(&shedder, origin, seed, 2_000);
        let snapshot = shedder.snapshot(origin + Duration::from_secs(1));
        prop_assert_eq!((snapshot.inflight, snapshot.streams), (0, 0));
        prop_assert!(snapshot.limit > 0.0 && snapshot.limit.is_finite());
    }
}
