//! Calls allocate nothing, whatever becomes of them.

use rzero_core::{Admission, CallInfo, Idempotency, Kind, Method, Outcome, Permit};
use rzero_resilience::breaker::{Breakers, Settings, State};
use tokio::time::Instant;

use crate::counting;
use crate::support::BAD;

#[test]
fn passes_failures_and_rejections_allocate_nothing() {
    let mut now = Instant::now();
    let breakers = Breakers::new("users", Settings::default());
    let method = Method::dynamic("/a.Users/Get", Kind::Unary, Idempotency::Unknown).unwrap();
    let call = CallInfo::new(method, now);
    let state = |now| breakers.of(method, now).state();
    assert_eq!(state(now), State::Closed);
    for n in 0..2_000 {
        let outcome = if n < 1_000 { Outcome::OK } else { BAD };
        let before = (counting::count(), state(now));
        match breakers.admit(&call, now) {
            Ok(permit) => Permit::finish(permit, outcome, now),
            Err(error) => drop(error),
        }
        let after = (counting::count(), state(now));
        // A change of state, told to the log, may.
        assert!(before.0 == after.0 || before.1 != after.1, "call {n}");
        now += std::time::Duration::from_millis(10);
    }
    assert_eq!(state(now), State::Open);
    assert!(breakers.of(method, now).rejected() > 0);
}
