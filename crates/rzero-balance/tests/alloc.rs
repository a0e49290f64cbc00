//! A pick, and the bookkeeping of a call, allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rzero_balance::{Candidate, LoadFactor, NodeStats, OutlierConfig, Policy};
use rzero_core::{CallInfo, Class, Idempotency, Kind, Method, Outcome};
use tokio::time::Instant;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[expect(
    unsafe_code,
    reason = "a global allocator that counts cannot be written without"
)]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn pick_begin_and_finish_do_not_allocate() {
    let start = Instant::now();
    let load_factor = LoadFactor::default();
    let outliers = OutlierConfig::default();
    let nodes: Vec<Candidate> = (1..=100)
        .map(|number| Candidate {
            key: u64::from(number),
            weight: number,
            stats: Arc::new(NodeStats::new(start)),
        })
        .collect();
    let method = Method::dynamic("/balance.Test/Call", Kind::Unary, Idempotency::Unknown);
    let keyless = CallInfo::new(method.unwrap(), start);
    let mut keyed = keyless.clone();
    keyed.set_hash_key(Some(77));
    for policy in [
        Policy::P2c,
        Policy::WeightedRoundRobin,
        Policy::ConsistentHash { load_factor },
        Policy::Random,
    ] {
        let picker = policy.picker(nodes.clone(), start);
        let mut looks = 0;
        let before = COUNT.get();
        for i in 0..10_000 {
            let now = start + Duration::from_millis(i);
            let call = if i % 2 == 0 { &keyed } else { &keyless };
            let at = picker.pick(call, now, Some(3)).unwrap();
            let started = nodes[at].stats.begin(now);
            let outcome = match i % 7 {
                0 => Outcome::failed(Class::DeadlineExceeded),
                1 => Outcome::failed(Class::Overloaded),
                2 => Outcome::CANCELLED,
                _ => Outcome::OK,
            };
            let streak = nodes[at].stats.finish(started, outcome, now);
            looks += u32::from(outliers.wants_look(streak));
        }
        assert_eq!(COUNT.get() - before, 0, "{policy} {looks}");
    }
}
