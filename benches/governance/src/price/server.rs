//! The server chain alone: calls are handed to the dispatch as a wire hands them, without a wire.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rzero_core::{
    Address, Bound, BoxFuture, Call, CallInfo, Dispatch, Duplex, Error, Handling, Metadata, Method,
    Phase, Reply, Served, Service, Stop, Trailers, Wire, names,
};
use rzero_testing::Echo;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::turns::Subject;
use crate::Result;
use crate::server::{BUSY, OFF, start};

const GROUP: &str = "server";

/// What each subject switches on; all else is off.
const POLICIES: [(&str, &str); 8] = [
    ("off", OFF),
    (
        "timeout",
        "[policy]\noff = ['shed', 'concurrency', 'rate', 'breaker']",
    ),
    (
        "shed",
        "[policy]\ntimeout = 'never'\noff = ['concurrency', 'rate', 'breaker']\n\
         shed.signals = ['memory', 'queue', 'pool']",
    ),
    (
        "concurrency",
        "[policy]\ntimeout = 'never'\noff = ['shed', 'rate', 'breaker']\n\
         concurrency.max = 1000\nserver.concurrency.max = 1000",
    ),
    (
        "rate",
        "[policy]\ntimeout = 'never'\noff = ['shed', 'concurrency', 'breaker']\n\
         [[policy.rate]]\nname = 'all'\nrate = 1000000000",
    ),
    (
        "breaker",
        "[policy]\ntimeout = 'never'\noff = ['shed', 'concurrency', 'rate']\n\
         breaker.enabled = true",
    ),
    ("default", BUSY),
    (
        "everything",
        "[policy]\nshed.signals = ['memory', 'queue', 'pool']\n\
         breaker.enabled = true\nconcurrency.max = 1000\n\
         server.concurrency.max = 1000\n\
         [[policy.rate]]\nname = 'all'\nrate = 1000000000",
    ),
];

/// A handler without a chain, and the chain under each policy.
pub(super) fn subjects(background: &Runtime) -> Result<Vec<Subject>> {
    let mut subjects = vec![subject("bare", Arc::new(Bare))];
    for (name, policies) in POLICIES {
        subjects.push(subject(name, dispatch(background, policies)?));
    }
    Ok(subjects)
}

fn subject(name: &'static str, dispatch: Arc<dyn Dispatch>) -> Subject {
    let mut metadata = Metadata::new();
    metadata
        .insert(names::CALLER, "bench@1.0.0".to_owned())
        .expect("plain text is metadata");
    let metadata = Arc::new(metadata);
    Subject::each(GROUP, name, move |runtime, count| {
        runtime.block_on(async {
            for _ in 0..count {
                let mut info = CallInfo::new(Echo::SAY, Instant::now());
                info.set_metadata(Some(Arc::clone(&metadata)));
                let body = Bytes::from_static(b"hello");
                let reply = dispatch.unary(Call { info, body }).await;
                assert!(reply.is_ok(), "{reply:?}");
            }
        });
    })
}

/// The dispatch of a server under `policies`.
fn dispatch(background: &Runtime, policies: &str) -> Result<Arc<dyn Dispatch>> {
    let (sender, dispatch) = oneshot::channel();
    let wire = Arc::new(Handover(Arc::new(Mutex::new(Some(sender)))));
    start(background.handle(), Echo, wire, policies)?;
    Ok(background.block_on(dispatch)?)
}

/// The handler and the one box that a served call costs.
struct Bare;

impl Dispatch for Bare {
    fn resolve(&self, _: &[u8]) -> Option<Method> {
        Some(Echo::SAY)
    }

    fn unary(&self, call: Call<Bytes>) -> Handling<Reply<Bytes>> {
        Box::pin(async move { Echo.call(call).await })
    }

    fn stream(&self, call: Call<Duplex>) -> Handling<Trailers> {
        Box::pin(async move { Echo.call(call).await })
    }
}

type Given = Arc<Mutex<Option<oneshot::Sender<Arc<dyn Dispatch>>>>>;

/// A wire that hands the server's dispatch over.
struct Handover(Given);

impl Wire for Handover {
    fn protocol(&self) -> &'static str {
        "handover"
    }

    fn bind(&self) -> BoxFuture<'_, std::result::Result<Box<dyn Bound>, Error>> {
        let bound: Box<dyn Bound> = Box::new(Handing(Arc::clone(&self.0)));
        Box::pin(std::future::ready(Ok(bound)))
    }
}

struct Handing(Given);

impl Bound for Handing {
    fn local(&self) -> Address {
        Address::Memory("handover".to_owned())
    }

    fn serve(
        self: Box<Self>,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> BoxFuture<'static, Served> {
        Box::pin(async move {
            let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(sender) = sender {
                // Whoever asked may be gone.
                let _ = sender.send(dispatch);
            }
            stop.reached(Phase::Close).await;
            Served::default()
        })
    }
}
