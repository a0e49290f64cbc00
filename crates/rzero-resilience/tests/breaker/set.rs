//! The breakers of all methods of a callee.

use rzero_core::Permit;
use rzero_core::{Admission, CallInfo, Class, Idempotency, Kind, Method, MethodDesc, Outcome};
use rzero_resilience::breaker::{Breakers, METHODS_MAX, Settings, State};
use tokio::time::Instant;

use crate::support::{BAD, settings};

fn method(path: &str) -> Method {
    Method::dynamic(path, Kind::Unary, Idempotency::Unknown).unwrap()
}

#[test]
fn methods_fail_apart() {
    let now = Instant::now();
    let breakers = Breakers::new("users", Settings::default());
    let (get, put) = (method("/a.Users/Get"), method("/a.Users/Put"));
    for _ in 0..1_000 {
        if let Ok(permit) = breakers.admit(&CallInfo::new(get, now), now) {
            Permit::finish(permit, BAD, now);
        }
        let permit = breakers.admit(&CallInfo::new(put, now), now).unwrap();
        Permit::finish(permit, Outcome::OK, now);
    }
    assert_eq!(breakers.of(get, now).state(), State::Open);
    assert_eq!(breakers.of(put, now).state(), State::Closed);
    let error = (0..100)
        .find_map(|_| breakers.admit(&CallInfo::new(get, now), now).err())
        .unwrap();
    assert_eq!(error.class(), Class::BreakerOpen);
}

#[test]
fn methods_of_several_contracts_with_the_same_index_stay_apart() {
    let now = Instant::now();
    let breakers = Breakers::new("all", Settings::default());
    for service in 0..100 {
        let method = method(&format!("/pkg.Service{service}/Get"));
        breakers.enter(method, now).unwrap().finish(BAD, now);
    }
    let known = breakers.snapshots(now);
    assert_eq!(known.len(), 100);
    assert!(known.iter().all(|s| s.failed == 1 && s.callee == "all"));
    assert!(known.is_sorted_by(|a, b| a.method < b.method));
}

#[test]
fn one_path_described_twice_has_one_breaker() {
    static GENERATED: MethodDesc = MethodDesc {
        path: "/a.Users/List",
        service: "a.Users",
        name: "List",
        kind: Kind::Unary,
        idempotency: Idempotency::NoSideEffects,
        index: 7,
    };
    let now = Instant::now();
    let breakers = Breakers::new("users", Settings::default());
    for method in [Method::new(&GENERATED), method("/a.Users/List")] {
        breakers.enter(method, now).unwrap().finish(BAD, now);
    }
    assert_eq!(breakers.iter().count(), 1);
    assert_eq!(breakers.snapshots(now)[0].failed, 2);
}

#[test]
fn short_paths_are_paths_too() {
    let now = Instant::now();
    let breakers = Breakers::new("users", Settings::default());
    for path in ["/a/b", "/a/c", "/b/a"] {
        breakers.enter(method(path), now).unwrap().finish(BAD, now);
    }
    assert_eq!(breakers.iter().count(), 3);
}

#[test]
fn endless_methods_share_a_breaker_in_the_end() {
    let now = Instant::now();
    let breakers = Breakers::new("gateway", Settings::default());
    for n in 0..2 * METHODS_MAX {
        let method = method(&format!("/made.Up/Method{n}"));
        breakers
            .enter(method, now)
            .unwrap()
            .finish(Outcome::OK, now);
    }
    let known = breakers.snapshots(now);
    assert!(known.len() > METHODS_MAX / 2, "{}", known.len());
    assert!(known.len() <= METHODS_MAX + 1, "{}", known.len());
    let others = known
        .iter()
        .find(|s| s.method == "(other methods)")
        .unwrap();
    let all: u64 = known.iter().map(|s| s.succeeded).sum();
    assert!(others.succeeded > 0);
    assert_eq!(all, 2 * METHODS_MAX as u64);
}

#[test]
fn a_policy_is_asked_per_method_and_can_change() {
    let now = Instant::now();
    let (get, put) = (method("/a.Users/Get"), method("/a.Users/Put"));
    let breakers = Breakers::with_policy("users", move |method| {
        settings(|c| c.enabled = method != put)
    });
    breakers.enter(get, now).unwrap().finish(BAD, now);
    breakers.enter(put, now).unwrap().finish(BAD, now);
    let failed = || {
        breakers
            .snapshots(now)
            .iter()
            .map(|s| s.failed)
            .collect::<Vec<_>>()
    };
    assert_eq!(failed(), [1, 0]);
    breakers.reconfigure(|_| Settings::default(), now);
    breakers.enter(put, now).unwrap().finish(BAD, now);
    assert_eq!(failed(), [1, 1]);
}

#[test]
fn threads_that_meet_a_method_first_agree_on_its_breaker() {
    let now = Instant::now();
    let breakers = Breakers::new("users", Settings::default());
    let methods: Vec<Method> = (0..64).map(|n| method(&format!("/a.B/M{n}"))).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for method in &methods {
                    breakers
                        .enter(*method, now)
                        .unwrap()
                        .finish(Outcome::OK, now);
                }
            });
        }
    });
    let known = breakers.snapshots(now);
    assert_eq!(known.len(), 64);
    assert!(known.iter().all(|s| s.succeeded == 4));
}
