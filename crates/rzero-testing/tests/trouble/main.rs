//! The layers that make trouble, around a service with the whole client and server chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rzero_client::{CallOptions, Channel};
use rzero_core::{
    CallInfo, Class, Duplex, Error, InterceptLayer, Interceptor, Outcome, Reply, Result,
};
use rzero_testing::{Echo, FailN, FailOnce, Hang, Slow, TestServer};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

async fn say(channel: &Channel) -> Result<Reply<bytes::Bytes>> {
    let options = CallOptions::new();
    channel.unary(Echo::SAY, "hello".into(), &options).await
}

/// Says one message on a stream and reads it back.
async fn chat(channel: &Channel) -> Result<()> {
    let Duplex { mut rx, mut tx } = channel.open(Echo::CHAT, &CallOptions::new()).await?;
    // A stream that failed already says why when it is read.
    let _ = tx.send("hello".into()).await;
    tx.close();
    assert_eq!(rx.recv().await?.as_deref(), Some(&b"hello"[..]));
    assert_eq!(rx.recv().await?, None);
    Ok(())
}

/// Counts the calls that reached the service and ended well.
#[derive(Default)]
struct Ran(AtomicUsize);

impl Interceptor for Ran {
    fn after(&self, _: &CallInfo, outcome: Outcome) {
        self.0
            .fetch_add(usize::from(outcome == Outcome::OK), SeqCst);
    }
}

#[tokio::test]
async fn fail_once_fails_the_first_call_alone() {
    let fail = FailOnce::new(Class::Internal);
    let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo))
        .await
        .unwrap();
    let channel = server.channel();
    assert_eq!(say(&channel).await.unwrap_err().class(), Class::Internal);
    say(&channel).await.unwrap();
    chat(&channel).await.unwrap();
    assert_eq!((fail.hits(), fail.calls()), (1, 3));
}

#[tokio::test]
async fn fail_n_fails_unary_calls_and_streams() {
    let fail = FailN::new(2, Class::Internal).with(|| Error::not_found("gone"));
    let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo))
        .await
        .unwrap();
    let channel = server.channel();
    assert_eq!(chat(&channel).await.unwrap_err().class(), Class::NotFound);
    assert_eq!(say(&channel).await.unwrap_err().message(), "gone");
    chat(&channel).await.unwrap();
    say(&channel).await.unwrap();
}

#[tokio::test]
async fn other_methods_are_left_alone() {
    let fail = FailN::new(1, Class::Internal).only(Echo::CHAT.path());
    let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo))
        .await
        .unwrap();
    let channel = server.channel();
    say(&channel).await.unwrap();
    assert_eq!(chat(&channel).await.unwrap_err().class(), Class::Internal);
    assert_eq!((fail.hits(), fail.calls()), (1, 1));
}

#[tokio::test]
async fn call_that_fails_after_running_has_run() {
    let (fail, ran) = (
        FailN::new(2, Class::Internal).after_running(),
        Arc::new(Ran::default()),
    );
    let server = TestServer::start(|app| {
        let inner = InterceptLayer::new(Arc::clone(&ran));
        app.layer(fail).layer(inner).serve(Echo)
    })
    .await
    .unwrap();
    let channel = server.channel();
    assert!(say(&channel).await.is_err());
    assert_eq!(ran.0.load(SeqCst), 1);
    let Duplex { mut rx, mut tx } = channel.open(Echo::CHAT, &CallOptions::new()).await.unwrap();
    tx.send("hello".into()).await.unwrap();
    tx.close();
    assert_eq!(rx.recv().await.unwrap().as_deref(), Some(&b"hello"[..]));
    assert_eq!(rx.recv().await.unwrap_err().class(), Class::Internal);
    assert_eq!(ran.0.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn slow_delays_unary_calls_and_streams() {
    let slow = Slow::new(70 * MS).first(2);
    let server = TestServer::start(|app| app.layer(slow.clone()).serve(Echo))
        .await
        .unwrap();
    let channel = server.channel();
    say(&channel).await.unwrap();
    let start = Instant::now();
    chat(&channel).await.unwrap();
    assert_eq!(start.elapsed(), 70 * MS);
    say(&channel).await.unwrap();
    assert_eq!(start.elapsed(), 70 * MS);
    assert_eq!((slow.hits(), slow.calls()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn hanging_call_ends_with_its_deadline() {
    let hang = Hang::new().first(1);
    let server = TestServer::start(|app| app.layer(hang.clone()).serve(Echo))
        .await
        .unwrap();
    let channel = server.channel();
    let options = CallOptions::new().deadline(300 * MS);
    let start = Instant::now();
    let error = channel
        .unary(Echo::SAY, "hello".into(), &options)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class(), start.elapsed()),
        (Class::DeadlineExceeded, 300 * MS)
    );
    say(&channel).await.unwrap();
    assert_eq!((hang.hits(), hang.calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn hanging_stream_ends_when_its_caller_leaves() {
    let hang = Hang::new();
    let server = TestServer::start(|app| app.layer(hang.clone()).serve(Echo))
        .await
        .unwrap();
    let mut stream = server
        .channel()
        .open(Echo::CHAT, &CallOptions::new())
        .await
        .unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(60), stream.rx.recv()).await;
    assert!(answer.is_err(), "a minute without an answer");
    assert_eq!(hang.hanging(), 1);
    drop(stream);
    tokio::time::sleep(MS).await;
    assert_eq!(hang.hanging(), 0);
}
