//! Callers with policies of their own.

use std::time::Duration;

use rzero_core::Class;
use tokio::time::Instant;

use crate::support::serve;

const BATCH: &str = r#"
    [policy]
    timeout = "1s"
    [[policy.rule]]
    match.method = "test.Shop/Hang"
    match.caller = "batch-*"
    timeout = "50ms"
    [[policy.rule]]
    match.caller = "batch-*"
    concurrency.max = 1
"#;

#[tokio::test(start_paused = true)]
async fn a_caller_has_the_time_that_its_rule_says() {
    let server = serve(BATCH).await;
    for (caller, ms) in [("web@1", 1_000), ("batch-7@2", 50), ("batch-8@1", 50)] {
        let begun = Instant::now();
        let error = server.call_with(server.from(caller, "Hang")).await;
        assert_eq!(error.unwrap_err().class(), Class::DeadlineExceeded);
        let took = begun.elapsed();
        let expected = Duration::from_millis(ms);
        assert!(took >= expected && took < expected + Duration::from_millis(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_a_limit_of_its_own_is_counted_apart_also_after_a_reload() {
    let server = serve(BATCH).await;
    let first = server.begin(server.from("batch-7", "Hang")).await;
    let others = [
        server.begin(server.from("web", "Hang")).await,
        server.begin(server.info("Hang")).await,
    ];
    let second = server.call_with(server.from("batch-8", "Hang")).await;
    assert_eq!(second.unwrap_err().class(), Class::Overloaded);
    let changed = BATCH.replace("\"1s\"", "\"3s\"");
    let seconds = Some(Duration::from_secs(3));
    let seen = |now: &rzero_server::Governance| now.methods[0].timeout == seconds;
    server.reload(&changed, seen).await;
    let again = server.call_with(server.from("batch-9", "Hang")).await;
    assert_eq!(again.unwrap_err().class(), Class::Overloaded);
    // Its own time is up, and its place free.
    assert!(first.await.unwrap().is_err());
    let last = server.call_with(server.from("batch-8", "Hang")).await;
    assert_eq!(last.unwrap_err().class(), Class::DeadlineExceeded);
    others.iter().for_each(|call| call.abort());
}
