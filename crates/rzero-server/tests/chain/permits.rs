//! What a call holds comes back, however it ends, and is kept over reloads.

use rzero_core::{Call, Class};
use rzero_server::Governance;

use crate::support::{Server, serve, stream};

const LIMITED: &str = "[policy]\nconcurrency.max = 2";

fn limit(now: &Governance, path: &str) -> Option<u32> {
    let method = now.methods.iter().find(|m| m.path == path).unwrap();
    method.concurrency.limit
}

#[tokio::test]
async fn a_panic_gives_its_place_back_and_is_a_failure() {
    let server = serve("[policy]\nbreaker.enabled = true").await;
    let error = server.call("Panic").await.unwrap_err();
    assert_eq!(error.class(), Class::Internal);
    assert_eq!(server.in_flight("Panic"), (0, 0, 0));
    let now = server.handle.governance().unwrap();
    let method = now.methods.iter().find(|m| m.path.ends_with("Panic"));
    assert_eq!(method.unwrap().breaker.failed, 1);
}

#[tokio::test]
async fn a_cancelled_call_gives_its_place_back_and_counts_neither_way() {
    let server = serve("[policy]\nbreaker.enabled = true\nconcurrency.max = 2").await;
    let call = server.begin(server.info("Hang")).await;
    assert_eq!(server.in_flight("Hang"), (1, 0, 1));
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(server.in_flight("Hang"), (0, 0, 0));
    let now = server.handle.governance().unwrap();
    let method = now.methods.iter().find(|m| m.path.ends_with("Hang"));
    let breaker = &method.unwrap().breaker;
    assert_eq!((breaker.failed, breaker.succeeded), (0, 0));
}

#[tokio::test]
async fn a_stream_holds_its_place_to_its_end() {
    let server = serve(LIMITED).await;
    for (words, ends, class) in [
        (&["a"][..], true, None),
        (&["panic"], false, Some(Class::Internal)),
    ] {
        let body = stream(words, ends);
        let info = server.info("Watch");
        let result = server.dispatch.stream(Call { info, body }).await;
        assert_eq!(result.err().map(|error| error.class()), class);
        assert_eq!(server.in_flight("Watch"), (0, 0, 0));
    }
    let open = |server: &Server| {
        let (info, body) = (server.info("Watch"), stream(&["a"], false));
        tokio::spawn(server.dispatch.stream(Call { info, body }))
    };
    let (first, second) = (open(&server), open(&server));
    while server.in_flight("Watch") != (2, 2, 0) {
        tokio::task::yield_now().await;
    }
    let third = open(&server).await.unwrap().unwrap_err();
    assert_eq!(third.class(), Class::Overloaded);
    assert!(third.retry_after().is_some());
    first.abort();
    second.abort();
    assert!(first.await.is_err() && second.await.is_err());
    assert_eq!(server.in_flight("Watch"), (0, 0, 0));
}

#[tokio::test]
async fn a_call_that_never_begins_gives_its_place_back() {
    let server = serve(LIMITED).await;
    let (info, body) = (server.info("Hang"), Default::default());
    let work = server.dispatch.unary(Call { info, body });
    assert_eq!(server.in_flight("Hang").0, 1);
    drop(work);
    assert_eq!(server.in_flight("Hang").0, 0);
}

#[tokio::test]
async fn a_reload_keeps_calls_in_flight_windows_and_what_was_given() {
    let text = r#"
        [policy]
        breaker.enabled = true
        [[policy.rate]]
        name = "fails"
        methods = "test.Shop/Fail"
        rate = 2
        period = "1h"
    "#;
    let server = serve(text).await;
    let running = server.begin(server.info("Hang")).await;
    server.call("Fail").await.unwrap_err();
    server.call("Fail").await.unwrap_err();
    let changed = text.replace("[policy]", "[policy]\nconcurrency.max = 1\nbreaker.k = 3.0");
    let seen = |now: &Governance| limit(now, "/test.Shop/Hang") == Some(1);
    server.reload(&changed, seen).await;
    assert_eq!(server.in_flight("Hang"), (1, 0, 1));
    let error = server.call("Hang").await.unwrap_err();
    assert_eq!(error.class(), Class::Overloaded);
    let error = server.call("Fail").await.unwrap_err();
    assert_eq!(error.class(), Class::RateLimited);
    let now = server.handle.governance().unwrap();
    let fail = now.methods.iter().find(|m| m.path.ends_with("Fail"));
    assert_eq!(fail.unwrap().breaker.failed, 2);
    running.abort();
}

#[tokio::test]
async fn what_is_off_by_name_looks_at_no_call() {
    let text = r#"
        [policy]
        breaker.enabled = true
        concurrency.max = 1
        server.concurrency.max = 2
        [[policy.rate]]
        name = "few"
        rate = 1
        period = "1h"
        [[policy.rule]]
        match.method = "test.Shop/Hang"
        off = ["concurrency", "rate", "breaker", "shed"]
    "#;
    let server = serve(text).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(server.begin(server.info("Hang")).await);
    }
    assert!(calls.iter().all(|call| !call.is_finished()));
    assert_eq!(server.in_flight("Hang"), (0, 0, 0));
    server.call("Echo").await.unwrap();
    let error = server.call("Echo").await.unwrap_err();
    assert_eq!(error.class(), Class::RateLimited);
    calls.iter().for_each(|call| call.abort());
}

#[tokio::test]
async fn a_breaker_that_is_on_rejects_what_keeps_failing() {
    let server = serve("[policy.breaker]\nenabled = true").await;
    let mut rejected = 0;
    for _ in 0..200 {
        let error = server.call("Fail").await.unwrap_err();
        rejected += u32::from(error.class() == Class::BreakerOpen);
    }
    assert!(rejected > 50, "{rejected}");
    server.call("Echo").await.unwrap();
}

#[tokio::test]
async fn by_default_no_breaker_rejects() {
    let server = serve("").await;
    for _ in 0..200 {
        let error = server.call("Fail").await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
    }
}
