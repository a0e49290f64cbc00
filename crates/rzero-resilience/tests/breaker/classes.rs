//! What each class of error counts as.

use rzero_core::{Class, Outcome};
use rzero_resilience::breaker::{Codes, Reason};

use crate::support::Bench;

/// Failures and answers that one error of `class` counts as.
fn counted(codes: Codes, class: Class) -> (u64, u64) {
    let bench = Bench::with(|config| config.codes = codes);
    bench.calls(1, Outcome::failed(class));
    let known = bench.snapshot();
    (known.failed, known.total)
}

#[test]
fn every_class_counts_as_the_error_table_says() {
    for class in Class::ALL {
        let expected = match class {
            // Nothing was asked of a callee.
            Class::Cancelled | Class::NoEndpoint | Class::BreakerOpen | Class::Draining => (0, 0),
            class if class.counts_for_breaker() => (1, 1),
            _ => (0, 1),
        };
        assert_eq!(counted(Codes::Spec, *class), expected, "{class}");
    }
}

#[test]
fn failures_are_these_ten_classes() {
    let failures: Vec<Class> = Class::ALL
        .iter()
        .copied()
        .filter(|class| counted(Codes::Spec, *class).0 == 1)
        .collect();
    assert_eq!(
        failures,
        [
            Class::Overloaded,
            Class::ConnectFailed,
            Class::ConnectionLost,
            Class::Unavailable,
            Class::ExpiredInQueue,
            Class::DeadlineExceeded,
            Class::Encode,
            Class::BadAnswer,
            Class::Internal,
            Class::DataLoss,
        ]
    );
}

#[test]
fn the_go_zero_profile_counts_its_six_codes() {
    for class in Class::ALL {
        let number = class.code().number();
        let expected = [4, 13, 14, 15, 12, 8].contains(&number);
        assert_eq!(counted(Codes::GoZero, *class).0 == 1, expected, "{class}");
    }
}

#[test]
fn a_caller_that_leaves_counts_in_no_profile() {
    for codes in [Codes::Spec, Codes::GoZero] {
        assert_eq!(counted(codes, Class::Cancelled), (0, 0));
    }
}

#[test]
fn a_failure_is_remembered_with_its_class() {
    for class in Class::ALL.iter().filter(|class| class.counts_for_breaker()) {
        let mut bench = Bench::new();
        bench.calls(1, Outcome::failed(*class));
        bench.wait(20);
        let known = bench.snapshot();
        assert_eq!(known.last_failures.len(), 1);
        assert_eq!(known.last_failures[0].reason, Reason::Class(*class));
        assert_eq!(known.last_failures[0].age.as_millis(), 20);
    }
}

#[test]
fn profiles_are_read_by_name() {
    let read = |text| serde_json::from_str::<Codes>(text).unwrap();
    assert_eq!(read(r#""spec""#), Codes::Spec);
    assert_eq!(read(r#""go-zero""#), Codes::GoZero);
}
