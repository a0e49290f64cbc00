//! What must not allocate: rejections, and cloning what is known about a call.
#![expect(
    unsafe_code,
    reason = "a counting allocator implements an unsafe trait"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use rzero_core::{
    Admission, CallInfo, Class, Error, Fixed, Idempotency, Kind, Metadata, Method, Outcome, Permit,
};
use tokio::time::Instant;

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

fn info() -> CallInfo {
    let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown).unwrap();
    let mut info = CallInfo::new(method, Instant::now());
    let mut metadata = Metadata::new();
    metadata.insert("k", "v").unwrap();
    info.set_metadata(Some(Arc::new(metadata)));
    info.set_lane("gray".parse().unwrap());
    info
}

static FULL: Fixed = Fixed::new(Class::Overloaded, "too many calls");

struct Never;

impl Admission for Never {
    type Permit = ();

    fn admit(&self, _: &CallInfo, _: Instant) -> Result<(), Error> {
        Err(Error::fixed(&FULL))
    }
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(Box::new(7))) > 0);
}

#[test]
fn cloning_call_info_allocates_nothing() {
    let info = info();
    assert_eq!(allocations(|| drop(std::hint::black_box(info.clone()))), 0);
}

#[test]
fn rejections_allocate_nothing() {
    let (info, now) = (info(), Instant::now());
    let policies = ((), Never);
    let count = allocations(|| {
        let error = policies.admit(&info, now).err().map(Error::relayed);
        let error = error.map(|e| e.with_retry_after(std::time::Duration::from_secs(1)));
        assert_eq!(error.map(|e| e.class()), Some(Class::Overloaded));
    });
    assert_eq!(count, 0);
}

#[test]
fn admissions_allocate_nothing() {
    let (info, now) = (info(), Instant::now());
    let count = allocations(|| {
        let permit = ((), ((), ())).admit(&info, now).unwrap_or_default();
        permit.finish(Outcome::OK, now);
    });
    assert_eq!(count, 0);
}
