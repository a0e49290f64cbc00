//! Unmodified layers of tower around a service of ours.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{
    BoxError, Call, CallInfo, Class, Duplex, Error, Idempotency, Kind, Metadata, Method,
    MethodDesc, Reply, Result, Service, StreamIo, Trailers,
};
use rzero_tower::{AnyCall, AnyReply, from_tower, to_tower};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::buffer::BufferLayer;
use tower::filter::FilterLayer;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{ServiceBuilder, ServiceExt};
use tower_layer::Layer;

const fn method(path: &'static str, name: &'static str, kind: Kind) -> MethodDesc {
    MethodDesc {
        path,
        service: "gate.v1.Gate",
        name,
        kind,
        idempotency: Idempotency::Unknown,
        index: 0,
    }
}

static ENTER: MethodDesc = method("/gate.v1.Gate/Enter", "Enter", Kind::Unary);
static WATCH: MethodDesc = method("/gate.v1.Gate/Watch", "Watch", Kind::Bidi);

/// A unary call.
fn enter(body: &'static str) -> Call<Bytes> {
    Call {
        info: CallInfo::new(Method::new(&ENTER), Instant::now()),
        body: Bytes::from_static(body.as_bytes()),
    }
}

/// A call whose caller sends nothing.
fn watch() -> Call<Duplex> {
    Call {
        info: CallInfo::new(Method::new(&WATCH), Instant::now()),
        body: Duplex::new(Arc::new(Silent)),
    }
}

struct Silent;

impl StreamIo for Silent {
    fn poll_recv(&self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        Poll::Ready(Ok(None))
    }

    fn poll_send(&self, _: &mut Context<'_>, _: &mut Option<Bytes>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close_send(&self) {}

    fn add_headers(&self, _: Metadata) -> bool {
        true
    }

    fn headers(&self) -> Option<Metadata> {
        None
    }

    fn trailers(&self) -> Option<Metadata> {
        None
    }

    fn release_recv(&self) {}
}

/// Calls stay inside until the gate opens.
struct Gate {
    inside: AtomicUsize,
    most: AtomicUsize,
    open: Semaphore,
}

impl Gate {
    fn new(open: usize) -> Arc<Self> {
        Arc::new(Self {
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            open: Semaphore::new(open),
        })
    }

    async fn pass(&self) {
        let inside = Inside(&self.inside, self.inside.fetch_add(1, Ordering::SeqCst) + 1);
        self.most.fetch_max(inside.1, Ordering::SeqCst);
        let place = self.open.acquire().await;
        place.expect("the gate is never closed").forget();
    }

    async fn filled(&self, count: usize) {
        while self.inside.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }
}

struct Inside<'a>(&'a AtomicUsize, usize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct GateServer(Arc<Gate>);

impl Service<Call<Bytes>> for GateServer {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        if call.body == "refuse" {
            return Err(Error::conflict("refused").with_reason("REFUSED", "gate"));
        }
        self.0.pass().await;
        Ok(Reply::new(call.body))
    }
}

impl Service<Call<Duplex>> for GateServer {
    type Reply = Trailers;

    async fn call(&self, _: Call<Duplex>) -> Result<Trailers> {
        self.0.pass().await;
        Ok(Trailers::default())
    }
}

#[tokio::test]
async fn concurrency_limit_lets_the_others_wait() {
    let gate = Gate::new(0);
    let layer = from_tower(ConcurrencyLimitLayer::new(2));
    let service = Arc::new(layer.layer(GateServer(Arc::clone(&gate))));
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.call(enter("x")).await })
        })
        .collect();
    gate.filled(2).await;
    gate.open.add_permits(10);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(gate.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn limit_is_shared_by_unary_calls_and_streams() {
    let gate = Gate::new(0);
    let shedding = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .into_inner();
    let service = Arc::new(from_tower(shedding).layer(GateServer(Arc::clone(&gate))));
    let stream = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.call(watch()).await }
    });
    gate.filled(1).await;
    let error = service.call(enter("")).await.unwrap_err();
    assert_eq!(
        (error.class(), error.reason()),
        (Class::Overloaded, "OVERLOADED")
    );
    gate.open.add_permits(2);
    stream.await.unwrap().unwrap();
    service.call(enter("")).await.unwrap();
}

#[tokio::test]
async fn dropped_call_gives_its_place_back() {
    let gate = Gate::new(0);
    let shedding = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .into_inner();
    let service = Arc::new(from_tower(shedding).layer(GateServer(Arc::clone(&gate))));
    let call = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.call(enter("")).await }
    });
    gate.filled(1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gate.open.add_permits(1);
    service.call(enter("")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn timeout_ends_a_call_with_deadline_exceeded() {
    let gate = Gate::new(0);
    let layer = from_tower(TimeoutLayer::new(Duration::from_millis(300)));
    let service = layer.layer(GateServer(Arc::clone(&gate)));
    let error = service.call(enter("")).await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert_eq!(gate.inside.load(Ordering::SeqCst), 0, "it was dropped");
}

#[tokio::test]
async fn errors_of_the_service_pass_through_layers_unchanged() {
    let layers = ServiceBuilder::new()
        .layer(BufferLayer::<AnyCall>::new(16))
        .timeout(Duration::from_secs(5))
        .load_shed()
        .concurrency_limit(4)
        .into_inner();
    let service = from_tower(layers).layer(GateServer(Gate::new(9)));
    assert_eq!(service.call(enter("hi")).await.unwrap().body, "hi");
    let error = service.call(enter("refuse")).await.unwrap_err();
    assert_eq!(
        (error.class(), error.reason()),
        (Class::Conflict, "REFUSED")
    );
}

#[tokio::test]
async fn layers_that_are_not_clone_stand_behind_a_buffer() {
    let layers = ServiceBuilder::new()
        .layer(BufferLayer::<AnyCall>::new(16))
        .rate_limit(1000, Duration::from_secs(1))
        .into_inner();
    let service = from_tower(layers).layer(GateServer(Gate::new(9)));
    assert_eq!(service.call(enter("hi")).await.unwrap().body, "hi");
}

#[tokio::test]
async fn own_errors_of_a_layer_are_mapped_by_the_user() {
    let refusing = FilterLayer::new(|call: AnyCall| match call.info().metadata() {
        None => Err::<AnyCall, BoxError>("no metadata".into()),
        Some(_) => Ok(call),
    });
    let refuse = |_| Error::permission_denied("not you");
    let layer = from_tower(refusing).with_errors(refuse);
    let service = layer.layer(GateServer(Gate::new(9)));
    let error = service.call(enter("")).await.unwrap_err();
    assert_eq!(
        (error.class(), error.message()),
        (Class::PermissionDenied, "not you")
    );
    let mut named = enter("");
    named.info.metadata_mut().insert("x-name", "li").unwrap();
    service.call(named).await.unwrap();
}

#[tokio::test]
async fn our_service_is_a_tower_service() {
    let tower = to_tower(GateServer(Gate::new(9)));
    let reply: Reply<Bytes> = tower.clone().oneshot(enter("hi")).await.unwrap();
    assert_eq!(reply.body, "hi");
    let error = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .service(tower)
        .oneshot(enter("refuse"))
        .await
        .unwrap_err();
    assert_eq!(rzero_tower::into_error(error).class(), Class::Conflict);
}

#[tokio::test]
async fn service_functions_can_stand_in_for_a_service() {
    let layer = tower::layer::layer_fn(|_inner| {
        tower::service_fn(|call: AnyCall| async move {
            Ok::<_, Infallible>(match call {
                AnyCall::Unary(call) => AnyReply::Unary(Reply::new(call.body)),
                AnyCall::Stream(_) => AnyReply::Stream(Trailers::default()),
            })
        })
    });
    let service = from_tower(layer).layer(GateServer(Gate::new(0)));
    assert_eq!(service.call(enter("hi")).await.unwrap().body, "hi");
    assert_eq!(service.call(watch()).await.unwrap(), Trailers::default());
}
