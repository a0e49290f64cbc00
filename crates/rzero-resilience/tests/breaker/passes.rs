//! What becomes of a call that was let in.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rzero_core::{Admission, CallInfo, Class, Idempotency, Kind, Method, Outcome, Permit};
use rzero_resilience::breaker::{Reason, State};

use crate::support::{BAD, Bench};

#[test]
fn a_dropped_pass_counts_neither_way() {
    let bench = Bench::new();
    for _ in 0..1_000 {
        drop(bench.pass());
    }
    assert_eq!(bench.snapshot().total, 0);
}

#[test]
fn a_panic_counts_as_a_failure() {
    let bench = Bench::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _pass = bench.pass();
        std::panic::resume_unwind(Box::new("a bug in a handler"));
    }));
    assert!(panicked.is_err());
    let known = bench.snapshot();
    assert_eq!((known.failed, known.total), (1, 1));
    assert_eq!(known.last_failures[0].reason, Reason::Panic);
    assert_eq!(known.last_failures[0].reason.as_str(), "PANIC");
}

#[test]
fn a_pass_that_never_ends_does_not_wedge_the_breaker() {
    let mut bench = Bench::new();
    bench.calls(100, BAD);
    // The first forced passes are taken by calls that hang for ever.
    let mut hanging = Vec::new();
    for _ in 0..3 {
        bench.wait(1_000);
        hanging.push(bench.breaker.enter_with(bench.now, 0).unwrap());
        assert!(bench.breaker.enter_with(bench.now, 0).is_err());
    }
    bench.wait(1_000);
    bench
        .breaker
        .enter_with(bench.now, 0)
        .unwrap()
        .finish(Outcome::OK, bench.now);
    assert_eq!(bench.snapshot().succeeded, 1);
    assert_eq!(bench.snapshot().forced_per_second, 2.0);
}

#[test]
fn forced_passes_that_are_cancelled_leave_the_rate_alone() {
    let mut bench = Bench::new();
    bench.calls(100, BAD);
    for _ in 0..20 {
        bench.wait(1_000);
        let Ok(pass) = bench.breaker.enter_with(bench.now, 0) else {
            panic!("a pass is due each second");
        };
        pass.finish(Outcome::CANCELLED, bench.now);
    }
}

#[test]
fn a_rejection_is_of_class_breaker_open() {
    let mut bench = Bench::new();
    bench.calls(10_000, BAD);
    bench.wait(1);
    let method = Method::dynamic("/a.B/Get", Kind::Unary, Idempotency::Unknown).unwrap();
    let call = CallInfo::new(method, bench.now);
    let error = (0..100)
        .find_map(|_| bench.breaker.admit(&call, bench.now).err())
        .unwrap();
    assert_eq!(error.class(), Class::BreakerOpen);
    assert_eq!(error.reason(), "BREAKER_OPEN");
    assert!(!error.is_retry_safe(true));
}

#[test]
fn it_is_one_of_several_policies_in_a_tuple() {
    let bench = Bench::new();
    let method = Method::dynamic("/a.B/Get", Kind::Unary, Idempotency::Unknown).unwrap();
    let call = CallInfo::new(method, bench.now);
    let policies = (bench.breaker.clone(), bench.breaker.clone());
    let permit = policies.admit(&call, bench.now).unwrap();
    permit.finish(Outcome::OK, bench.now);
    assert_eq!(bench.snapshot().succeeded, 2);
}

#[test]
fn passes_from_before_the_outage_that_end_well_are_no_recovery() {
    let mut bench = Bench::new();
    let early = bench.pass();
    bench.calls(1_000, BAD);
    bench.wait(1);
    early.finish(Outcome::OK, bench.now);
    bench.calls(1, BAD);
    assert_eq!(bench.snapshot().forced_per_second, 1.0);
    assert_ne!(bench.breaker.state(), State::Closed);
}
