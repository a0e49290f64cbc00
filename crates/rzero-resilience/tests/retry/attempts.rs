//! What follows a failure: one decision per test, without a runtime.

use std::time::Duration;

use rzero_core::{Class, Error, Metadata, ReplyMetadata, RetrySafety, names};
use rzero_resilience::retry::{
    Attempts, Budget, BudgetConfig, Classes, Failure, Policy, Reason, Replay, Verdict, Work,
};
use tokio::time::Instant;

use super::support::{budget, exact, lost};

#[derive(Debug, PartialEq)]
enum Next {
    Retry(u64),
    RePick,
    GiveUp(Reason),
}

const YES: Work = Work {
    deadline: None,
    idempotent: true,
    attempt: 0,
    p50: Duration::ZERO,
};

fn next(attempts: &mut Attempts, policy: &Policy, budget: &Budget, failure: &Failure<'_>) -> Next {
    match attempts.next(policy, budget, failure) {
        Verdict::Retry { after, extra } => {
            extra.spend();
            Next::Retry(u64::try_from(after.as_millis()).unwrap())
        }
        Verdict::RePick { extra } => {
            extra.spend();
            Next::RePick
        }
        Verdict::GiveUp(reason) => Next::GiveUp(reason),
    }
}

/// The first decision of a call, without jitter.
fn first(work: Work, policy: &Policy, failure: &Failure<'_>) -> Next {
    next(&mut Attempts::new(&work, 7), policy, &budget(), failure)
}

fn after(error: &Error) -> Failure<'_> {
    Failure::new(error, Instant::now())
}

fn with_trailer(value: &'static str) -> Error {
    let mut trailers = Metadata::new();
    trailers.insert(names::RETRY_PUSHBACK, value).unwrap();
    let headers = Metadata::new();
    Error::unavailable("busy").with_reply_metadata(ReplyMetadata { headers, trailers })
}

#[test]
fn every_class_is_repeated_as_its_row_says() {
    for &class in Class::ALL {
        let error = Error::new(class, "x");
        for idempotent in [false, true] {
            let work = Work { idempotent, ..YES };
            let repeats = !matches!(first(work, &exact(), &after(&error)), Next::GiveUp(_));
            let safe = match class.retry_safety() {
                RetrySafety::Never => false,
                RetrySafety::NothingRan => true,
                RetrySafety::Idempotent => idempotent,
            };
            // These two need a hint, or a timeout of the attempt alone.
            let bare = matches!(class, Class::RateLimited | Class::DeadlineExceeded);
            assert_eq!(repeats, safe && !bare, "{class}, idempotent: {idempotent}");
        }
    }
}

#[test]
fn what_may_have_run_is_not_repeated_unless_idempotent() {
    let work = Work {
        idempotent: false,
        ..YES
    };
    let got = first(work, &exact(), &after(&lost()));
    assert_eq!(got, Next::GiveUp(Reason::NotIdempotent));
}

#[test]
fn delays_double_and_a_fourth_never_comes() {
    let (mut attempts, budget, error) = (Attempts::new(&YES, 1), budget(), lost());
    let mut all = Vec::new();
    for number in [0, 1, 2, 3] {
        assert_eq!(attempts.number(), number);
        all.push(next(&mut attempts, &exact(), &budget, &after(&error)));
    }
    let expected = [25, 50, 100].map(Next::Retry);
    assert_eq!(all[..3], expected);
    assert_eq!(all[3], Next::GiveUp(Reason::Exhausted));
}

#[test]
fn never_sent_calls_are_picked_anew_twice_and_then_wait() {
    let (mut attempts, budget) = (Attempts::new(&Work::default(), 1), budget());
    let error = Error::new(Class::ConnectFailed, "refused");
    let mut step = || next(&mut attempts, &exact(), &budget, &after(&error));
    assert_eq!([step(), step()], [Next::RePick, Next::RePick]);
    assert_eq!([step(), step(), step()], [25, 50, 100].map(Next::Retry));
    assert_eq!(step(), Next::GiveUp(Reason::Exhausted));
    assert_eq!(budget.balance(Instant::now()), 25);
}

#[test]
fn never_sent_calls_wait_when_no_other_node_is_ready() {
    let error = Error::new(Class::Draining, "leaving");
    let failure = Failure {
        other_node: false,
        ..after(&error)
    };
    assert_eq!(first(YES, &exact(), &failure), Next::Retry(25));
}

#[test]
fn work_for_a_retried_call_is_not_repeated() {
    let chained = Work { attempt: 1, ..YES };
    assert_eq!(
        first(chained, &exact(), &after(&lost())),
        Next::GiveUp(Reason::Chain)
    );
    let unsent = Error::new(Class::ConnectFailed, "refused");
    assert_eq!(first(chained, &exact(), &after(&unsent)), Next::RePick);
}

#[test]
fn negative_push_back_stops() {
    for value in ["-1", "soon", "99999999999999999999"] {
        let error = with_trailer(value);
        assert_eq!(
            first(YES, &exact(), &after(&error)),
            Next::GiveUp(Reason::PushBack)
        );
    }
    assert_eq!(
        first(YES, &exact(), &after(&with_trailer("0"))),
        Next::Retry(25)
    );
    assert_eq!(
        first(YES, &exact(), &after(&with_trailer("300"))),
        Next::Retry(300)
    );
}

#[test]
fn push_back_longer_than_the_time_left_stops() {
    let error = Error::unavailable("busy").with_retry_after(Duration::from_secs(1));
    let failure = after(&error);
    let left = |millis| Failure {
        deadline: Some(failure.now + Duration::from_millis(millis)),
        ..failure
    };
    assert_eq!(
        first(YES, &exact(), &left(999)),
        Next::GiveUp(Reason::PushBack)
    );
    assert_eq!(first(YES, &exact(), &left(1001)), Next::Retry(1000));
}

#[test]
fn overloaded_node_is_left_for_another_or_waited_for() {
    let error = Error::overloaded("busy").with_retry_after(Duration::from_secs(1));
    let alone = Failure {
        other_node: false,
        ..after(&error)
    };
    assert_eq!(
        first(Work::default(), &exact(), &after(&error)),
        Next::Retry(25)
    );
    assert_eq!(first(Work::default(), &exact(), &alone), Next::Retry(1000));
}

#[test]
fn rate_limit_is_waited_for_when_it_says_how_long() {
    let error = Error::rate_limited("slow down").with_retry_after(Duration::from_millis(200));
    assert_eq!(
        first(Work::default(), &exact(), &after(&error)),
        Next::Retry(200)
    );
}

#[test]
fn too_little_time_stops() {
    let error = lost();
    let failure = after(&error);
    let left = |millis, p50| Failure {
        deadline: Some(failure.now + Duration::from_millis(millis)),
        p50: Duration::from_millis(p50),
        ..failure
    };
    assert_eq!(
        first(YES, &exact(), &left(44, 20)),
        Next::GiveUp(Reason::Deadline)
    );
    assert_eq!(first(YES, &exact(), &left(45, 20)), Next::Retry(25));
    let unsent = Error::new(Class::ConnectFailed, "refused");
    let failure = Failure {
        error: &unsent,
        ..left(19, 20)
    };
    assert_eq!(
        first(YES, &exact(), &failure),
        Next::GiveUp(Reason::Deadline)
    );
}

#[test]
fn open_breaker_stops() {
    let error = lost();
    let failure = Failure {
        breaker_open: true,
        ..after(&error)
    };
    assert_eq!(
        first(YES, &exact(), &failure),
        Next::GiveUp(Reason::Breaker)
    );
}

#[test]
fn stream_is_not_repeated_after_its_first_message() {
    for class in [Class::ConnectionLost, Class::Draining] {
        let error = Error::new(class, "x");
        let failure = Failure {
            answered: true,
            ..after(&error)
        };
        assert_eq!(
            first(YES, &exact(), &failure),
            Next::GiveUp(Reason::Answered)
        );
    }
}

#[test]
fn large_request_is_repeated_only_when_nothing_was_sent() {
    let policy = exact();
    assert_eq!(policy.replay(64 << 10), Replay::Kept);
    let replay = policy.replay((64 << 10) + 1);
    let (sent, unsent) = (lost(), Error::new(Class::ConnectFailed, "refused"));
    let failure = Failure {
        replay,
        ..after(&sent)
    };
    assert_eq!(
        first(YES, &policy, &failure),
        Next::GiveUp(Reason::NotReplayable)
    );
    let failure = Failure {
        replay,
        ..after(&unsent)
    };
    assert_eq!(first(YES, &policy, &failure), Next::RePick);
    let failure = Failure {
        replay: Replay::Spent,
        ..after(&unsent)
    };
    assert_eq!(
        first(YES, &policy, &failure),
        Next::GiveUp(Reason::NotReplayable)
    );
}

#[test]
fn timeout_is_repeated_only_when_it_was_that_of_the_attempt() {
    let error = Error::deadline_exceeded("late");
    assert_eq!(
        first(YES, &exact(), &after(&error)),
        Next::GiveUp(Reason::Class)
    );
    let policy = Policy {
        attempt_timeout: Some(Duration::from_millis(50)),
        ..exact()
    };
    assert_eq!(first(YES, &policy, &after(&error)), Next::Retry(25));
    assert_eq!(
        first(Work::default(), &policy, &after(&error)),
        Next::GiveUp(Reason::NotIdempotent)
    );
}

#[test]
fn policy_narrows_what_is_repeated() {
    let policy = Policy {
        on: Classes::NONE.with(Class::Unavailable),
        ..exact()
    };
    assert_eq!(
        first(YES, &policy, &after(&lost())),
        Next::GiveUp(Reason::Class)
    );
    assert_eq!(
        first(YES, &policy, &after(&Error::unavailable("x"))),
        Next::Retry(25)
    );
    let wide = Policy {
        on: Classes::ALL,
        ..exact()
    };
    assert_eq!(
        first(YES, &wide, &after(&Error::internal("x"))),
        Next::GiveUp(Reason::Class)
    );
}

#[test]
fn policy_without_retries_makes_none() {
    let policy = Policy {
        max_retries: 0,
        max_repicks: 0,
        ..exact()
    };
    for class in [Class::ConnectionLost, Class::ConnectFailed] {
        let error = Error::new(class, "x");
        assert_eq!(
            first(YES, &policy, &after(&error)),
            Next::GiveUp(Reason::Exhausted)
        );
    }
}

#[test]
fn empty_budget_stops() {
    let none = BudgetConfig {
        ratio: 0.0,
        floor_per_second: 0.0,
        ..BudgetConfig::default()
    };
    let budget = Budget::new(&none, Instant::now());
    let error = lost();
    let mut attempts = Attempts::new(&YES, 1);
    let got = next(&mut attempts, &exact(), &budget, &after(&error));
    assert_eq!(got, Next::GiveUp(Reason::Budget));
    assert_eq!(Reason::Budget.as_str(), "budget");
    assert_eq!(attempts.number(), 0);
}

#[test]
fn state_of_a_call_is_small() {
    assert!(size_of::<Attempts>() <= 16);
}
