//! Starting and leaving.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rzero::parts::core::{Address, Phase};
use rzero::parts::grpc::GrpcWire;
use rzero::parts::registry::Registry;
use rzero::{Call, CallInfo, Class, InterceptLayer, Interceptor, Outcome, Result, Service};
use rzero_e2e::api::peers::v1::{CountRequest, SayRequest};

use crate::support::{Cluster, Net, name};

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let cluster = Cluster::new(Net::Grpc);
    let server = cluster.start("a").await;
    let (app, _) = cluster.app("b");
    let app = app.wire(Arc::new(GrpcWire::new(server.address.clone())));
    let error = app.run().await.unwrap_err();
    assert!(
        error.message().contains(&server.address.to_string()),
        "{error}"
    );
    assert!(
        error.message().contains("another process holds it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_service_served_twice_is_refused() {
    let cluster = Cluster::new(Net::Grpc);
    let (app, logic) = cluster.app("a");
    let app = app.serve(rzero_e2e::api::peers::v1::EchoServer::from_arc(logic));
    let error = app.run().await.unwrap_err();
    assert!(error.message().contains("served twice"), "{error}");
}

#[tokio::test]
async fn it_registers_once_ready_and_deregisters_first() {
    let cluster = Cluster::new(Net::Grpc);
    let mut watch = cluster.registry.watch(&name());
    let server = cluster.start("a").await;
    while watch.current().instances.is_empty() {
        watch.changed().await;
    }
    let instance = Arc::clone(&watch.current().instances[0]);
    assert_eq!(instance.address("grpc"), Some(&server.address));
    assert_eq!(instance.version, "1.2.3");
    let drained = server.leave().await;
    assert!(watch.current().instances.is_empty());
    let phases: Vec<_> = drained.phases.iter().map(|(phase, _)| *phase).collect();
    let all = [
        Phase::Announce,
        Phase::Deregister,
        Phase::Wait,
        Phase::Close,
        Phase::InFlight,
    ];
    assert_eq!(phases[..5], all);
    assert_eq!(phases.last(), Some(&Phase::BackEnds));
}

#[tokio::test]
async fn calls_in_flight_finish_during_the_drain() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, channel) = cluster.client();
        channel.ready(1).await;
        let request = SayRequest {
            delay_ms: 400,
            ..Default::default()
        };
        let unary = tokio::spawn({
            let client = client.clone();
            async move { client.say(request).await }
        });
        let request = CountRequest {
            count: 4,
            delay_ms: 100,
            ..Default::default()
        };
        let stream = client.count(request).await.unwrap();
        while server.logic.in_flight() < 2 {
            tokio::task::yield_now().await;
        }
        let (drained, values) = tokio::join!(server.leave(), stream.collect());
        assert!(!drained.cut(), "{drained:?}");
        assert_eq!(values.unwrap().len(), 4);
        unary.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_hung_call_is_cut_and_a_second_signal_hurries() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let request = CountRequest {
            count: 1,
            delay_ms: 600_000,
            ..Default::default()
        };
        let mut stream = client.count(request).await.unwrap();
        while server.logic.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        server.handle.shutdown();
        server.handle.shutdown();
        let drained = server.task.await.unwrap().unwrap();
        assert!(drained.cut(), "{drained:?}");
        assert!(stream.recv().await.is_err());
    }
}

#[tokio::test]
async fn parts_stop_in_reverse_order_after_the_last_call() {
    let cluster = Cluster::new(Net::both()[1].clone());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (app, logic) = cluster.app("a");
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        move |stop: rzero::Stop| async move {
            stop.reached(Phase::Done).await;
            order.lock().unwrap().push(name);
            Ok(())
        }
    };
    let app = app
        .part("first", note("first"))
        .part("second", note("second"));
    let server = cluster.run(app, logic).await;
    server.leave().await;
    assert_eq!(*order.lock().unwrap(), ["second", "first"]);
}

#[tokio::test]
async fn a_failed_part_ends_the_server() {
    let cluster = Cluster::new(Net::both()[1].clone());
    let (app, logic) = cluster.app("a");
    let app = app.part("bad", |_| async {
        Err(rzero::Error::unavailable("no disk"))
    });
    let server = cluster.run(app, logic).await;
    let error = server.task.await.unwrap().unwrap_err();
    assert_eq!(error.message(), "no disk");
}

/// Counts calls, refuses those that say so.
#[derive(Default)]
struct Gate {
    before: AtomicU32,
    ok: AtomicU32,
    failed: AtomicU32,
}

impl Interceptor for Gate {
    fn before(&self, call: &mut CallInfo) -> Result<()> {
        self.before.fetch_add(1, Ordering::Relaxed);
        match call.metadata().and_then(|m| m.get("x-refuse")) {
            Some(_) => Err(rzero::Error::permission_denied("refused")),
            None => Ok(()),
        }
    }

    fn after(&self, _: &CallInfo, outcome: Outcome) {
        let counter = if outcome == Outcome::OK {
            &self.ok
        } else {
            &self.failed
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A layer of a user's own.
#[derive(Clone)]
struct Stamp;

struct Stamped<S>(S);

impl<S> tower_layer::Layer<S> for Stamp {
    type Service = Stamped<S>;

    fn layer(&self, inner: S) -> Stamped<S> {
        Stamped(inner)
    }
}

impl<S: Service<Call<B>>, B: Send + 'static> Service<Call<B>> for Stamped<S> {
    type Reply = S::Reply;

    async fn call(&self, mut call: Call<B>) -> Result<S::Reply> {
        call.info
            .metadata_mut()
            .insert("echo-header-stamp", "1")
            .unwrap();
        self.0.call(call).await
    }
}

#[tokio::test]
async fn layers_and_interceptors_see_unary_calls_and_streams() {
    let gate = Arc::new(Gate::default());
    let server = rzero_testing::TestServer::start(|app| {
        app.layer(InterceptLayer::new(Arc::clone(&gate)))
            .layer(Stamp)
            .serve(rzero_e2e::api::peers::v1::EchoServer::new(
                rzero_e2e::EchoLogic::new("a"),
            ))
    })
    .await
    .unwrap();
    let client = rzero_e2e::api::peers::v1::EchoClient::new(server.channel());
    let options = rzero::CallOptions::new();
    let reply = client
        .say_with(SayRequest::default(), &options)
        .await
        .unwrap();
    assert_eq!(reply.headers.get("echo-header-stamp"), Some("1"));
    let request = CountRequest {
        count: 1,
        fail_code: 5,
        ..Default::default()
    };
    let error = client
        .count(request)
        .await
        .unwrap()
        .collect()
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    let refused = options.metadata("x-refuse", "1").unwrap();
    let error = client
        .say_with(SayRequest::default(), &refused)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::PermissionDenied);
    let seen = [&gate.before, &gate.ok, &gate.failed].map(|n| n.load(Ordering::Relaxed));
    assert_eq!(seen, [3, 1, 1]);
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_app_without_calls_leaves_quickly() {
    let cluster = Cluster::new(Net::Grpc);
    let server = cluster.start("a").await;
    assert!(matches!(server.address, Address::Tcp { .. }));
    let drained = server.leave().await;
    let in_flight = drained
        .phases
        .iter()
        .find(|(phase, _)| *phase == Phase::InFlight);
    assert!(in_flight.unwrap().1 < Duration::from_secs(4));
}
