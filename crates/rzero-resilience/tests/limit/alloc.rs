//! What must not allocate.

use rzero_core::{Admission, Outcome, Permit};
use rzero_resilience::limit::{
    Concurrency, ConcurrencyConfig, GradientConfig, MethodConcurrency, RateKey, RateLimits,
    RateRule,
};
use tokio::time::Instant;

use crate::counting;
use crate::support::{ORDERS, call, call_with, ms};

fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::count();
    work();
    counting::count() - before
}

fn users() -> RateLimits {
    let rule = |name: &str, rate, key| RateRule {
        name: name.to_owned(),
        rate,
        key,
        ..RateRule::default()
    };
    let rules = [
        rule("all", 1_000, RateKey::All),
        rule("users", 1, RateKey::Header("x-user".to_owned())),
    ];
    RateLimits::new(&[&ORDERS], &rules).unwrap()
}

#[test]
fn calls_within_their_rate_allocate_nothing() {
    let limits = users();
    let now = Instant::now();
    let calls: Vec<_> = ["ann", "bob"]
        .map(|user| call_with(0, now, "x-user", user))
        .into();
    // The first look through a table of rules gives the thread its place in it.
    assert!(limits.admit(&calls[0], now).is_ok());
    let count = allocations(|| {
        assert!(limits.admit(&calls[1], now).is_ok());
        assert!(limits.admit(&calls[0], now + ms(1_000)).is_ok());
    });
    assert_eq!(count, 0);
}

#[test]
fn refusing_a_call_allocates_nothing() {
    let limits = users();
    let now = Instant::now();
    let ann = call_with(0, now, "x-user", "ann");
    assert!(limits.admit(&ann, now).is_ok());
    let refused = || limits.check(&ann, now, |_, decision| decision.retry_after);
    let count = allocations(|| {
        assert_eq!(refused(), Err(ms(1_000)));
        let error = limits.admit(&ann, now).unwrap_err();
        assert_eq!(error.retry_after(), Some(ms(1_000)));
    });
    assert_eq!(count, 0);
}

#[test]
fn concurrency_limits_allocate_nothing() {
    let adaptive = ConcurrencyConfig {
        max: 1,
        adaptive: Some(GradientConfig::default()),
    };
    let limits = (
        Concurrency::new(&adaptive).unwrap(),
        MethodConcurrency::new(&ORDERS, &[]).unwrap(),
    );
    let now = Instant::now();
    let call = call(0, now);
    let count = allocations(|| {
        for n in 0..100 {
            let permit = limits.admit(&call, now + ms(n)).unwrap();
            assert!(limits.admit(&call, now + ms(n)).is_err());
            permit.finish(Outcome::OK, now + ms(n + 1));
        }
    });
    assert_eq!(count, 0);
}
