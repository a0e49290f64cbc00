//! What must not allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rzero_core::{Admission, Outcome, Permit};
use rzero_resilience::limit::{
    Concurrency, ConcurrencyConfig, GradientConfig, MethodConcurrency, RateKey, RateLimits,
    RateRule,
};
use tokio::time::Instant;

use crate::support::{ORDERS, call, call_with, ms};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
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
fn deciding_against_a_call_allocates_nothing() {
    let limits = users();
    let now = Instant::now();
    let ann = call_with(0, now, "x-user", "ann");
    assert!(limits.admit(&ann, now).is_ok());
    let refused = || limits.check(&ann, now, |_, decision| decision.retry_after);
    let count = allocations(|| assert_eq!(refused(), Err(ms(1_000))));
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
