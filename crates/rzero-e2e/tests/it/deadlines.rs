//! Deadlines are budgets.

use std::sync::Arc;
use std::time::Duration;

use rzero::parts::client::ClientConfig;
use rzero::{CallOptions, Class, Cx, Receiver, Result, Sender};
use rzero_e2e::api::peers::v1::{
    ChatReply, ChatRequest, CountReply, CountRequest, Echo, EchoClient, EchoServer, SayReply,
    SayRequest, SumReply, SumRequest,
};

use crate::support::{Cluster, Net};

/// Passes calls on to the next server.
struct Relay(EchoClient);

impl Echo for Relay {
    async fn say(&self, cx: &Cx, req: SayRequest) -> Result<SayReply> {
        let mine = i64::try_from(cx.remaining().unwrap().as_millis()).unwrap();
        // Work in a spawned task keeps the budget.
        let client = self.0.clone();
        let mut reply = rzero::spawn(async move { client.say(req).await }).await??;
        reply
            .tags
            .insert(format!("left-{}", reply.tags.len()), mine.to_string());
        Ok(reply)
    }

    async fn count(&self, _: &Cx, req: CountRequest, mut tx: Sender<CountReply>) -> Result<()> {
        let mut values = self.0.count(req).await?;
        while let Some(value) = values.recv().await? {
            tx.send(value).await?;
        }
        Ok(())
    }

    async fn sum(&self, _: &Cx, _: Receiver<SumRequest>) -> Result<SumReply> {
        panic!("a bug")
    }

    async fn chat(&self, _: &Cx, _: Receiver<ChatRequest>, _: Sender<ChatReply>) -> Result<()> {
        Err(std::io::Error::other("secret path").into())
    }
}

async fn relay(cluster: &Cluster, next: EchoClient) -> (Cluster, crate::support::Running) {
    let hop = Cluster::new(cluster.net.clone());
    let (app, logic) = hop.app("unused");
    drop(app);
    let app = rzero::parts::server::App::new(
        crate::support::service_config(),
        crate::support::server_config(),
    )
    .unwrap()
    .serve(EchoServer::new(Relay(next)))
    .wire(
        hop.net
            .wire(&format!("relay-{:p}", Arc::as_ptr(&hop.registry))),
    )
    .registry(Arc::clone(&hop.registry) as _);
    let running = hop.run(app, logic).await;
    (hop, running)
}

#[tokio::test]
async fn each_hop_sees_less_time_than_the_one_before() {
    for net in Net::both() {
        let last = Cluster::new(net);
        let _leaf = last.start("leaf").await;
        let (middle, _relay1) = relay(&last, last.client().0).await;
        let (first, _relay2) = relay(&middle, middle.client().0).await;
        let client = first.client().0;
        let options = CallOptions::new().deadline(Duration::from_millis(1500));
        let reply = client
            .say_with(SayRequest::default(), &options)
            .await
            .unwrap();
        let left = |key: &str| reply.tags[key].parse::<i64>().unwrap();
        let (hop1, hop2, leaf) = (left("left-1"), left("left-0"), reply.deadline_ms_left);
        assert!(
            hop1 <= 1500 && hop2 < hop1 && leaf < hop2,
            "{hop1} {hop2} {leaf}"
        );
    }
}

#[tokio::test]
async fn a_late_answer_is_a_deadline_error_and_the_handler_is_dropped() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let options = CallOptions::new().deadline(Duration::from_millis(50));
        let slow = SayRequest {
            delay_ms: 600_000,
            ..Default::default()
        };
        let error = client.say_with(slow, &options).await.unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
        while server.logic.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn streams_end_at_their_deadline() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let options = CallOptions::new().deadline(Duration::from_millis(80));
        let request = CountRequest {
            count: 10,
            delay_ms: 60_000,
            ..Default::default()
        };
        let mut values = client.count_with(request, &options).await.unwrap();
        let error = values.recv().await.unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
        while server.logic.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn deadlines_reach_streams_of_streams() {
    let last = Cluster::new(Net::Grpc);
    let leaf = last.start("leaf").await;
    let (first, _relay) = relay(&last, last.client().0).await;
    let options = CallOptions::new().deadline(Duration::from_millis(100));
    let request = CountRequest {
        count: 10,
        delay_ms: 60_000,
        ..Default::default()
    };
    let mut values = first
        .client()
        .0
        .count_with(request, &options)
        .await
        .unwrap();
    let error = values.recv().await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    while leaf.logic.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn panics_and_foreign_errors_are_bland() {
    for net in Net::both() {
        let last = Cluster::new(net);
        let (hop, _relay) = relay(&last, last.client().0).await;
        let client = hop.client().0;
        let error = client.sum().await.unwrap().finish().await.unwrap_err();
        assert_eq!((error.class(), error.reason()), (Class::Internal, "PANIC"));
        assert_eq!(error.message(), "internal error");
        let (_tx, mut rx) = client.chat().await.unwrap();
        let error = rx.recv().await.unwrap_err();
        assert_eq!(
            (error.class(), error.message()),
            (Class::Unknown, "unexpected error")
        );
    }
}

#[tokio::test]
async fn a_passed_on_rejection_is_not_safe_to_repeat() {
    let nobody = Cluster::new(Net::Grpc);
    let (hop, _relay) = relay(&nobody, nobody.client().0).await;
    let error = hop.client().0.say(SayRequest::default()).await.unwrap_err();
    assert_eq!(
        (error.class(), error.reason()),
        (Class::Unavailable, "NO_ENDPOINT")
    );
    assert!(!error.is_retry_safe(false));
}

#[tokio::test]
async fn no_time_means_nothing_is_sent() {
    let cluster = Cluster::new(Net::Grpc);
    let client = EchoClient::new(cluster.channel(&ClientConfig::default()));
    let options = CallOptions::new().deadline(Duration::ZERO);
    let error = client
        .say_with(SayRequest::default(), &options)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
}
