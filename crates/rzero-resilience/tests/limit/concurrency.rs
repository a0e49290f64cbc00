use rzero_core::{Admission, Class, Outcome, Permit};
use rzero_resilience::limit::{
    Concurrency, ConcurrencyConfig, ConcurrencyRule, GradientConfig, MethodConcurrency,
};
use tokio::time::Instant;

use crate::support::{ORDERS, call, ms};

fn adaptive(gradient: GradientConfig) -> ConcurrencyConfig {
    ConcurrencyConfig {
        max: 0,
        adaptive: Some(gradient),
    }
}

fn quick() -> GradientConfig {
    GradientConfig {
        initial: 20,
        min: 4,
        max: 100,
        window: ms(10),
        ..GradientConfig::default()
    }
}

/// `rounds` times, fills the limit with calls that take `took` milliseconds.
fn work(limit: &Concurrency, now: &mut Instant, rounds: usize, took: u64, outcome: Outcome) {
    for _ in 0..rounds {
        let permits: Vec<_> =
            std::iter::from_fn(|| limit.admit(&call(0, *now), *now).ok()).collect();
        *now += ms(took);
        permits.into_iter().for_each(|p| p.finish(outcome, *now));
    }
}

#[test]
fn as_many_run_as_may() {
    let limit = Concurrency::fixed(3);
    let now = Instant::now();
    let call = call(0, now);
    let mut permits: Vec<_> = (0..3).map(|_| limit.admit(&call, now).unwrap()).collect();
    let error = limit.admit(&call, now).unwrap_err();
    assert_eq!(error.class(), Class::Overloaded);
    permits.pop().unwrap().finish(Outcome::OK, now);
    assert!(limit.clone().admit(&call, now).is_ok());
    drop(permits);
    assert_eq!((limit.running(), limit.refused()), (0, 1));
}

#[test]
fn no_limit_refuses_nobody() {
    let limit = Concurrency::new(&ConcurrencyConfig::default()).unwrap();
    let now = Instant::now();
    let permits: Vec<_> = (0..1_000).map(|_| limit.enter(now).unwrap()).collect();
    assert_eq!((limit.limit(), limit.running()), (None, 1_000));
    drop(permits);
}

#[test]
fn a_lower_limit_lets_running_calls_end() {
    let limit = Concurrency::fixed(4);
    let now = Instant::now();
    let permits: Vec<_> = (0..4).map(|_| limit.enter(now).unwrap()).collect();
    let two = ConcurrencyConfig {
        max: 2,
        adaptive: None,
    };
    limit.reconfigure(&two).unwrap();
    assert!(limit.enter(now).is_err());
    assert_eq!(limit.running(), 4);
    drop(permits);
    assert!(limit.enter(now).is_ok());
}

#[test]
fn permits_do_not_leak_under_cancellation_from_threads() {
    let limit = Concurrency::fixed(8);
    std::thread::scope(|scope| {
        for seed in 0..4_u64 {
            let limit = &limit;
            scope.spawn(move || {
                let now = Instant::now();
                let mut held = Vec::new();
                let mut random = seed * 2 + 1;
                for _ in 0..25_000 {
                    random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                    match random >> 62 {
                        0 | 1 => held.extend(limit.enter(now)),
                        2 => drop(held.pop()),
                        _ => held
                            .drain(..)
                            .for_each(|p| p.finish(Outcome::CANCELLED, now)),
                    }
                    assert!(limit.running() <= 8);
                }
            });
        }
    });
    assert_eq!(limit.running(), 0);
}

#[test]
fn a_panicking_holder_gives_its_place_back() {
    let limit = Concurrency::fixed(1);
    let inside = limit.clone();
    let panicked = std::thread::spawn(move || {
        let _permit = inside.enter(Instant::now()).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(panicked.join().is_err());
    assert_eq!(limit.running(), 0);
}

#[test]
fn an_adaptive_limit_grows_while_calls_are_quick_and_falls_when_they_queue() {
    let limit = Concurrency::new(&adaptive(quick())).unwrap();
    let mut now = Instant::now();
    work(&limit, &mut now, 60, 10, Outcome::OK);
    let grown = limit.limit().unwrap();
    assert!(grown > 40, "{grown}");
    work(&limit, &mut now, 15, 100, Outcome::OK);
    let fallen = limit.limit().unwrap();
    assert!(fallen < grown / 2 && fallen >= 4, "{grown} {fallen}");
    work(&limit, &mut now, 60, 10, Outcome::OK);
    assert!(limit.limit().unwrap() > fallen);
}

#[test]
fn cancelled_failed_and_streaming_calls_teach_nothing() {
    let limit = Concurrency::new(&adaptive(quick())).unwrap();
    let mut now = Instant::now();
    work(&limit, &mut now, 50, 10, Outcome::CANCELLED);
    work(&limit, &mut now, 50, 10, Outcome::failed(Class::Overloaded));
    work(&limit, &mut now, 50, 10, Outcome::failed(Class::Internal));
    for _ in 0..500 {
        let permit = limit.admit(&call(2, now), now).unwrap();
        now += ms(10);
        permit.finish(Outcome::OK, now);
    }
    assert_eq!(limit.limit(), Some(20));
    work(
        &limit,
        &mut now,
        50,
        10,
        Outcome::failed(Class::DeadlineExceeded),
    );
    assert!(limit.limit().unwrap() > 20);
}

#[test]
fn new_settings_keep_what_was_learned() {
    let limit = Concurrency::new(&adaptive(quick())).unwrap();
    let mut now = Instant::now();
    work(&limit, &mut now, 60, 10, Outcome::OK);
    let learned = limit.limit();
    let slower = GradientConfig {
        smoothing: 0.1,
        ..quick()
    };
    limit.reconfigure(&adaptive(slower)).unwrap();
    assert_eq!(limit.limit(), learned);
    let mut bounded = adaptive(quick());
    bounded.max = 10;
    limit.reconfigure(&bounded).unwrap();
    assert_eq!(limit.limit(), Some(10));
    let bad = adaptive(GradientConfig { min: 0, ..quick() });
    assert!(
        limit
            .reconfigure(&bad)
            .unwrap_err()
            .starts_with("adaptive.min:")
    );
    assert_eq!(limit.limit(), Some(10));
}

#[test]
fn windows_count_every_call_once_under_threads() {
    let limit = Concurrency::new(&adaptive(quick())).unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..5_000 {
                    let now = start + ms(n);
                    if let Ok(permit) = limit.enter(now) {
                        permit.finish(Outcome::OK, now + ms(5));
                    }
                }
            });
        }
    });
    // Four at once never use half of the limit, so nothing is learned but that calls are quick.
    assert_eq!((limit.limit(), limit.running()), (Some(20), 0));
}

fn rules() -> [ConcurrencyRule; 2] {
    let rule = |methods: &str, max| ConcurrencyRule {
        methods: methods.to_owned(),
        max,
        ..ConcurrencyRule::default()
    };
    [rule("*/Put", 1), rule("shop.Orders/*", 2)]
}

#[test]
fn methods_have_limits_of_their_own() {
    let limits = MethodConcurrency::new(&ORDERS, &rules()).unwrap();
    let now = Instant::now();
    let get = [
        limits.admit(&call(0, now), now),
        limits.admit(&call(0, now), now),
    ];
    assert!(get.iter().all(Result::is_ok));
    assert!(limits.admit(&call(0, now), now).is_err());
    let put = limits.admit(&call(1, now), now);
    assert!(put.is_ok() && limits.admit(&call(1, now), now).is_err());
    limits.reconfigure(&[]).unwrap();
    assert!(limits.admit(&call(1, now), now).is_ok());
    assert_eq!(limits.limits()[0].running(), 2);
}

#[test]
fn a_refused_method_gives_the_servers_place_back() {
    let server = Concurrency::fixed(10);
    let both = (
        server.clone(),
        MethodConcurrency::new(&ORDERS, &rules()).unwrap(),
    );
    let now = Instant::now();
    let permit = both.admit(&call(1, now), now).unwrap();
    assert!(both.admit(&call(1, now), now).is_err());
    assert_eq!(server.running(), 1);
    permit.finish(Outcome::OK, now);
    assert_eq!(server.running(), 0);
}
