//! What must not allocate.

use std::time::Duration;

use rzero_core::{Admission, Outcome, Permit};
use tokio::time::Instant;

use crate::counting;
use crate::support::{shedder, stream, unary};

fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::count();
    work();
    counting::count() - before
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
fn refusals_allocate_nothing() {
    let now = Instant::now();
    let (shedder, signals) = shedder(now);
    signals.set_memory_level(3);
    let call = unary(now);
    let mut held = Vec::with_capacity(100);
    while let Ok(ticket) = shedder.admit(&call, now) {
        held.push(ticket);
    }
    let count = allocations(|| {
        let error = shedder.admit(&call, now).unwrap_err();
        assert!(error.retry_after().is_some());
    });
    assert_eq!(count, 0);
}
