//! What must not allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use rzero_core::{Admission, Outcome, Permit};
use tokio::time::Instant;

use crate::support::{shedder, stream, unary};

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

#[test]
fn admitted_calls_allocate_nothing() {
    let start = Instant::now();
    let (shedder, signals) = shedder(start);
    signals.set_cpu(930, start);
    let count = allocations(|| {
        // Over many buckets, so that turning the window is part of it.
        for ms in 0..1_000 {
            let now = start + Duration::from_millis(ms);
            for call in [unary(now), stream(now)] {
                let ticket = shedder.admit(&call, now).unwrap();
                ticket.finish(Outcome::OK, now + Duration::from_millis(1));
            }
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn refusal_allocates_its_hint_and_nothing_else() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_memory_level(3);
    let call = unary(now);
    let mut held = Vec::with_capacity(100);
    while let Ok(ticket) = shedder.admit(&call, now) {
        held.push(ticket);
    }
    let count = allocations(|| assert!(shedder.admit(&call, now).is_err()));
    assert!(count <= 1, "{count}");
}
