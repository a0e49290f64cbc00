//! What surrounds a tonic-generated service keeps working on our server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Extension;
use bytes::Bytes;
use prost::Message;
use rzero_client::{CallOptions, Channel, rt};
use rzero_core::{
    Address, Call, CallInfo, Class, Code, Dispatch, Idempotency, InterceptLayer, Interceptor, Kind,
    Method, Outcome, Peer,
};
use rzero_tonic::{Contract, mount, service};
use rzero_tower::from_tower;
use tokio::time::Instant;
use tonic::service::Routes;
use tonic::{Request, Status};
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;

use crate::probe::probe_server::ProbeServer;
use crate::probe::{CountRequest, Number, SayReply, SayRequest};
use crate::support::{Calls, Net, Server, Side, contract, names, soon};
use crate::theirs::{Tenant, Theirs};

fn method(name: &str) -> Method {
    let desc = contract().services()[0];
    Method::new(desc.methods.iter().find(|m| m.name == name).unwrap())
}

fn codec<T: Message + Default>() -> rzero_core::Codec<T> {
    rzero_proto::codec()
}

async fn say(
    channel: &Channel,
    request: SayRequest,
    options: &CallOptions,
) -> rzero_core::Result<rzero_core::Reply<SayReply>> {
    rt::call_unary(channel, method("Say"), request, options, codec(), codec()).await
}

fn theirs() -> (Arc<Calls>, ProbeServer<Theirs>) {
    let calls = Arc::new(Calls::default());
    (Arc::clone(&calls), ProbeServer::new(Theirs(calls)))
}

/// Every kind of call by a client of ours.
async fn every_kind(channel: &Channel) {
    let options = CallOptions::new()
        .metadata("echo-a", "1")
        .unwrap()
        .metadata_binary("echo-b-bin", vec![0, 255])
        .unwrap();
    let request = SayRequest {
        text: "hi".into(),
        ..SayRequest::default()
    };
    let reply = say(channel, request, &options).await.unwrap();
    assert_eq!(reply.text, "hi");
    assert_eq!(reply.headers.get("echo-a"), Some("1"));
    assert_eq!(
        reply.headers.get_binary("echo-b-bin").unwrap(),
        &[0, 255][..]
    );
    assert!(reply.left_ms > 0, "the default time limit arrives");
    let failing = SayRequest {
        fail_code: 9,
        ..SayRequest::default()
    };
    let error = say(channel, failing, &options).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!((error.reason(), error.domain()), ("ASKED", "probe.v1"));
    assert_eq!(error.trailers().unwrap().get("x-why"), Some("asked"));
    streams(channel, &options).await;
}

async fn streams(channel: &Channel, options: &CallOptions) {
    let request = CountRequest {
        count: 3,
        ..CountRequest::default()
    };
    let count = method("Count");
    let numbers = rt::call_server_stream(channel, count, request, options, codec(), codec());
    let mut numbers = numbers.await.unwrap();
    for expected in 1..=3 {
        let number: Number = numbers.recv().await.unwrap().unwrap();
        assert_eq!(number.value, expected);
    }
    assert!(numbers.recv().await.unwrap().is_none());
    assert_eq!(numbers.headers().unwrap().get("echo-a"), Some("1"));
    let sum = rt::call_client_stream(channel, method("Sum"), options, codec(), codec());
    let mut sum = sum.await.unwrap();
    for value in 1..=10 {
        let padding = Bytes::new();
        sum.send(Number {
            value,
            padding: padding.into(),
        })
        .await
        .unwrap();
    }
    let total: rzero_core::Reply<Number> = sum.finish().await.unwrap();
    assert_eq!(total.value, 55);
    let chat = rt::call_bidi(channel, method("Chat"), options, codec(), codec());
    let (mut tx, mut rx) = chat.await.unwrap();
    for turn in 0..5 {
        let text = turn.to_string();
        tx.send(SayRequest {
            text: text.clone(),
            ..SayRequest::default()
        })
        .await
        .unwrap();
        let reply: SayReply = rx.recv().await.unwrap().unwrap();
        assert_eq!(reply.text, text);
    }
    tx.close();
    assert!(rx.recv().await.unwrap().is_none());
}

#[tokio::test]
async fn our_clients_reach_every_method() {
    for net in Net::both() {
        let server = Server::start(&net, Side::Theirs).await;
        soon(every_kind(&server.channel)).await;
        assert!(!server.leave().await.cut());
    }
}

#[tokio::test]
async fn names_alone_are_enough() {
    for net in Net::both() {
        let (calls, theirs) = theirs();
        let mounted = service(theirs, &names()).unwrap();
        let server = Server::run(&net, calls, |app| app.serve(mounted)).await;
        soon(every_kind(&server.channel)).await;
    }
}

#[tokio::test]
async fn routes_with_layers_and_state_are_mounted_whole() {
    let (calls, theirs) = theirs();
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let router = Routes::new(theirs)
        .into_axum_router()
        .layer(Extension(Tenant("blue".into())))
        .layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                counted.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            },
        ));
    let mounted = mount(Routes::from(router), &contract());
    let server = Server::run(&Net::Grpc, calls, |app| {
        mounted
            .services()
            .into_iter()
            .fold(app, |app, service| app.serve(service))
    })
    .await;
    let request = SayRequest::default();
    let reply = say(&server.channel, request, &CallOptions::new())
        .await
        .unwrap();
    assert_eq!(reply.headers.get("x-tenant"), Some("blue"));
    soon(every_kind(&server.channel)).await;
    assert_eq!(seen.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn interceptor_refuses_and_adds() {
    let (calls, _) = theirs();
    let inner = Theirs(Arc::clone(&calls));
    let intercepted =
        ProbeServer::with_interceptor(inner, |mut request: Request<()>| {
            match request
                .metadata()
                .get("x-user")
                .and_then(|u| u.to_str().ok())
            {
                None => Err(Status::unauthenticated("who are you?")),
                Some(user) => {
                    let tenant = Tenant(user.to_owned());
                    request.extensions_mut().insert(tenant);
                    Ok(request)
                }
            }
        });
    let mounted = service(intercepted, &contract()).unwrap();
    let server = Server::run(&Net::Grpc, calls, |app| app.serve(mounted)).await;
    let (request, options) = (SayRequest::default(), CallOptions::new());
    let error = say(&server.channel, request.clone(), &options)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class(), error.message()),
        (Class::Unauthenticated, "who are you?")
    );
    assert_eq!(server.calls.begun.load(Ordering::SeqCst), 0);
    let options = options.metadata("x-user", "li").unwrap();
    let reply = say(&server.channel, request, &options).await.unwrap();
    assert_eq!(reply.headers.get("x-tenant"), Some("li"));
}

#[tokio::test]
async fn layers_of_tower_around_a_generated_server_hold() {
    let (calls, theirs) = theirs();
    let layered = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_millis(50)))
        .service(theirs);
    let mounted = mount(layered, &contract());
    let server = Server::run(&Net::Grpc, calls, |app| {
        mounted
            .services()
            .into_iter()
            .fold(app, |app, service| app.serve(service))
    })
    .await;
    let hanging = SayRequest {
        hang: true,
        ..SayRequest::default()
    };
    let error = soon(say(&server.channel, hanging, &CallOptions::new()))
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert!(
        error.message().contains("a timeout of the server"),
        "{error}"
    );
    server.calls.inside(0).await;
}

#[tokio::test]
async fn our_layers_and_towers_wrap_a_mounted_service() {
    struct Count(Arc<AtomicUsize>);
    impl Interceptor for Count {
        fn before(&self, _: &mut CallInfo) -> rzero_core::Result<()> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        fn after(&self, _: &CallInfo, _: Outcome) {}
    }
    let (calls, theirs) = theirs();
    let mounted = service(theirs, &contract()).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let shed = ServiceBuilder::new()
        .load_shed()
        .layer(ConcurrencyLimitLayer::new(1))
        .into_inner();
    let layer = InterceptLayer::new(Count(Arc::clone(&count)));
    let server = Server::run(&Net::Grpc, calls, |app| {
        app.layer(layer).layer(from_tower(shed)).serve(mounted)
    })
    .await;
    let hanging = SayRequest {
        hang: true,
        ..SayRequest::default()
    };
    let channel = server.channel.clone();
    let call = tokio::spawn(async move { say(&channel, hanging, &CallOptions::new()).await });
    server.calls.inside(1).await;
    let error = say(&server.channel, SayRequest::default(), &CallOptions::new()).await;
    assert_eq!(error.unwrap_err().class(), Class::Overloaded);
    // What is overloaded never ran, so that it was tried again.
    let calls = count.load(Ordering::SeqCst);
    assert!((2..=5).contains(&calls), "{calls}");
    call.abort();
    server.calls.inside(0).await;
}

#[tokio::test]
async fn handlers_see_the_remote_address() {
    let server = Server::start(&Net::Grpc, Side::Theirs).await;
    let request = SayRequest::default();
    let reply = say(&server.channel, request, &CallOptions::new())
        .await
        .unwrap();
    let peer: std::net::SocketAddr = reply.peer.parse().unwrap();
    assert!(peer.ip().is_loopback() && peer.port() != 0, "{peer}");
}

#[tokio::test]
async fn method_that_is_not_served_is_unimplemented() {
    let (calls, theirs) = theirs();
    let contract = Contract::from_names(["/probe.v1.Probe/Dance"]).unwrap();
    let mounted = service(theirs, &contract).unwrap();
    let server = Server::run(&Net::Grpc, calls, |app| app.serve(mounted)).await;
    let call = |path| {
        let method = Method::dynamic(path, Kind::Unary, Idempotency::Unknown).unwrap();
        let channel = server.channel.clone();
        async move {
            channel
                .unary(method, Bytes::new(), &CallOptions::new())
                .await
        }
    };
    for path in [
        "/probe.v1.Probe/Dance",
        "/probe.v1.Probe/Say",
        "/probe.v1.Other/Say",
    ] {
        let error = call(path).await.unwrap_err();
        assert_eq!(error.class(), Class::Unimplemented, "{path}");
    }
}

#[test]
fn service_that_the_contract_does_not_know_is_refused() {
    let contract = Contract::from_names(["/other.v1.Other/Do"]).unwrap();
    let error = service(theirs().1, &contract).unwrap_err();
    assert!(error.message().contains("probe.v1.Probe"), "{error}");
}

#[tokio::test]
async fn mounted_services_are_a_dispatch() {
    let mounted = mount(theirs().1, &contract());
    assert!(mounted.resolve(b"/probe.v1.Probe/Dance").is_none());
    assert!(mounted.resolve(b"\xff").is_none());
    let method = mounted.resolve(b"/probe.v1.Probe/Say").unwrap();
    assert_eq!((method.kind(), method.is_idempotent()), (Kind::Unary, true));
    let mut info = CallInfo::new(method, Instant::now());
    info.set_peer(Arc::new(Peer {
        address: Address::tcp("10.0.0.7", 99),
        identity: Some("spiffe://test/client".into()),
    }));
    let body = SayRequest::default().encode_to_vec().into();
    let reply = mounted.unary(Call { info, body }).await.unwrap();
    assert_eq!(SayReply::decode(reply.body).unwrap().peer, "10.0.0.7:99");
}

#[tokio::test]
async fn failure_of_a_downstream_call_has_run_here() {
    // What a handler of tonic passes on when its own callee was leaving.
    #[derive(Clone)]
    struct PassesOn;
    impl tower::Service<http::Request<tonic::body::Body>> for PassesOn {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
            let leaving = rzero_core::Error::new(Class::Draining, "leaving");
            std::future::ready(Ok(rzero_tonic::to_status(&leaving).into_http()))
        }
    }
    let mounted = mount(PassesOn, &contract()).services().remove(0);
    let server = Server::run(&Net::Grpc, Arc::default(), |app| app.serve(mounted)).await;
    let error = say(&server.channel, SayRequest::default(), &CallOptions::new())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert_eq!(error.message(), "leaving");
}
