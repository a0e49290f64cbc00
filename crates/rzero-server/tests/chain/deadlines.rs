//! How long a call may take, and what becomes of its handler.

use std::time::Duration;

use rzero_core::{Call, Class, Priority};
use tokio::time::Instant;

use crate::support::{serve, stream};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_dead_request_is_refused_before_anything_looks_at_it() {
    let server = serve("[policy]\nconcurrency.max = 1").await;
    let mut info = server.info("Echo");
    info.set_deadline(Some(info.received()));
    let error = server.call_with(info).await.unwrap_err();
    assert_eq!(error.class(), Class::ExpiredInQueue);
    assert_eq!(server.handle.governance().unwrap().expired, 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_method_cuts_what_callers_ask_for() {
    let server = serve("[policy]\ntimeout = \"300ms\"").await;
    for asked in [None, Some(10_000 * MS), Some(100 * MS)] {
        let begun = Instant::now();
        let mut info = server.info("Hang");
        info.set_deadline(asked.map(|time| begun + time));
        let error = server.call_with(info).await.unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
        let expected = asked.map_or(300 * MS, |asked| asked.min(300 * MS));
        assert!(begun.elapsed() <= expected + 5 * MS && begun.elapsed() >= expected);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_a_caller_may_ask_for_more_than_the_default() {
    let server = serve("").await;
    for (asked, expected) in [(None, 2_000), (Some(10_000 * MS), 10_000)] {
        let begun = Instant::now();
        let mut info = server.info("Hang");
        info.set_deadline(asked.map(|time| begun + time));
        server.call_with(info).await.unwrap_err();
        let took = begun.elapsed();
        assert!(
            took >= expected * MS && took <= (expected + 5) * MS,
            "{took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn streams_have_a_time_of_their_own() {
    let server = serve("[policy]\ntimeout = \"300ms\"\nstream_timeout = \"1m\"").await;
    let (info, body) = (server.info("Watch"), stream(&[], false));
    let begun = Instant::now();
    let error = server
        .dispatch
        .stream(Call { info, body })
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert!(begun.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_with_its_caller_unless_it_is_to_finish() {
    for (text, finishes) in [("", false), ("[policy]\non_cancel = \"finish\"", true)] {
        let server = serve(text).await;
        let ended = server.slow_ends();
        let call = server.begin(server.info("Slow")).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        tokio::task::yield_now().await;
        assert_eq!(server.in_flight("Slow").0, u32::from(finishes));
        assert_eq!(
            tokio::time::timeout(1_000 * MS, ended)
                .await
                .is_ok_and(|e| e.is_ok()),
            finishes,
        );
        tokio::time::sleep(MS).await;
        assert_eq!(server.in_flight("Slow").0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_to_finish_goes_on_when_its_time_is_up_and_the_drain_waits_for_it() {
    let server = serve("[policy]\non_cancel = \"finish\"\ntimeout = \"10ms\"").await;
    let ended = server.slow_ends();
    let error = server.call("Slow").await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert_eq!(server.in_flight("Slow").0, 1);
    server.handle.shutdown();
    let drained = server.task.await.unwrap().unwrap();
    assert!(!drained.cut(), "{drained:?}");
    assert!(ended.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_to_finish_answers_its_caller() {
    let server = serve("[policy]\non_cancel = \"finish\"").await;
    assert_eq!(server.call("Slow").await.unwrap().body, "hello");
    let error = server.call("Panic").await.unwrap_err();
    assert_eq!((error.class(), error.reason()), (Class::Internal, "PANIC"));
    assert_eq!(server.in_flight("Panic"), (0, 0, 0));
}

#[tokio::test]
async fn a_priority_is_a_policy() {
    let text = r#"
        [[policy.rule]]
        match.method = "test.Shop/Echo"
        priority = "critical"
    "#;
    let server = serve(text).await;
    let now = server.handle.governance().unwrap();
    let of = |name: &str| {
        let method = now.methods.iter().find(|m| m.path.ends_with(name));
        method.unwrap().priority
    };
    assert_eq!(
        (of("Echo"), of("Fail")),
        (Priority::Critical, Priority::Normal)
    );
}
