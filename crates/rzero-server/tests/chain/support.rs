//! A server whose wire hands out what it was given to call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{
    Address, Bound, BoxFuture, Call, CallInfo, Class, Dispatch, Duplex, Error, Idempotency, Kind,
    Metadata, Method, MethodDesc, Phase, Reply, Result, Served, Service, ServiceDesc, Stop,
    StreamIo, Trailers, Wire,
};
use rzero_policy::Policies;
use rzero_server::rt::Describe;
use rzero_server::{App, AppHandle, Drained, Mode, ServerConfig, ServiceConfig};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

const fn method(name: &'static str, path: &'static str, kind: Kind, index: u16) -> MethodDesc {
    MethodDesc {
        path,
        service: SHOP,
        name,
        kind,
        idempotency: Idempotency::Unknown,
        index,
    }
}

const SHOP: &str = "test.Shop";
static METHODS: [MethodDesc; 6] = [
    method("Echo", "/test.Shop/Echo", Kind::Unary, 0),
    method("Fail", "/test.Shop/Fail", Kind::Unary, 1),
    method("Panic", "/test.Shop/Panic", Kind::Unary, 2),
    method("Hang", "/test.Shop/Hang", Kind::Unary, 3),
    method("Watch", "/test.Shop/Watch", Kind::Bidi, 4),
    method("Slow", "/test.Shop/Slow", Kind::Unary, 5),
];
static DESC: ServiceDesc = ServiceDesc {
    name: SHOP,
    methods: &METHODS,
    files: &[],
};

/// A service whose methods do what their names say.
#[derive(Clone, Default)]
struct Shop {
    /// `Slow` tells here that it has ended.
    slow: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

impl Describe for Shop {
    fn describe(&self) -> &'static ServiceDesc {
        &DESC
    }
}

impl Service<Call<Bytes>> for Shop {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        match call.info.method().name() {
            "Echo" => {}
            "Fail" => return Err(Error::new(Class::Unavailable, "down")),
            "Panic" => panic!("a bug"),
            "Slow" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let waiting = self.slow.lock().unwrap().pop();
                if let Some(waiting) = waiting {
                    let _ = waiting.send(());
                }
            }
            _ => std::future::pending().await,
        }
        Ok(Reply::new(call.body))
    }
}

impl Service<Call<Duplex>> for Shop {
    type Reply = Trailers;

    /// Ends well when its caller has nothing more to say; panics over the word `panic`.
    async fn call(&self, mut call: Call<Duplex>) -> Result<Trailers> {
        while let Some(message) = call.body.rx.recv().await? {
            assert_ne!(message, "panic");
        }
        Ok(Trailers::default())
    }
}

/// Gives its dispatch away.
struct OpenWire(Mutex<Option<oneshot::Sender<Arc<dyn Dispatch>>>>);

struct OpenBound(oneshot::Sender<Arc<dyn Dispatch>>);

impl Wire for OpenWire {
    fn protocol(&self) -> &'static str {
        "open"
    }

    fn bind(&self) -> BoxFuture<'_, Result<Box<dyn Bound>>> {
        let sender = self.0.lock().unwrap().take().unwrap();
        Box::pin(async { Ok(Box::new(OpenBound(sender)) as Box<dyn Bound>) })
    }
}

impl Bound for OpenBound {
    fn local(&self) -> Address {
        Address::Memory("open".to_owned())
    }

    fn serve(
        self: Box<Self>,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> BoxFuture<'static, Served> {
        let _ = self.0.send(dispatch);
        Box::pin(async move {
            stop.reached(Phase::Close).await;
            Served::default()
        })
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) handle: AppHandle,
    pub(crate) policies: watch::Sender<Policies>,
    pub(crate) task: JoinHandle<Result<Drained>>,
    slow: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

pub(crate) fn policies(text: &str) -> Policies {
    Policies::from_toml(text).unwrap()
}

/// A server that keeps to the policies in `text`.
pub(crate) async fn serve(text: &str) -> Server {
    serve_with(text, |app| app).await
}

/// The same, with something added.
pub(crate) async fn serve_with(text: &str, add: impl FnOnce(App) -> App) -> Server {
    let (sender, dispatch) = oneshot::channel();
    let (policies, watch) = watch::channel(policies(text));
    let service = ServiceConfig {
        name: "shop".to_owned(),
        version: "1.0.0".to_owned(),
        zone: None,
        lane: String::new(),
        mode: Mode::Test,
    };
    let shop = Shop::default();
    let slow = Arc::clone(&shop.slow);
    let app = App::new(service, ServerConfig::default()).unwrap();
    let app = add(app)
        .wire(Arc::new(OpenWire(Mutex::new(Some(sender)))))
        .policies(watch)
        .serve(shop);
    let handle = app.handle();
    let task = tokio::spawn(app.run());
    if handle.address("open").await.is_none() {
        panic!("{:?}", task.await.unwrap().unwrap_err());
    }
    Server {
        dispatch: dispatch.await.unwrap(),
        handle,
        policies,
        task,
        slow,
    }
}

impl Server {
    /// What is known about a call of the method called `name`, at this moment.
    pub(crate) fn info(&self, name: &str) -> CallInfo {
        CallInfo::new(self.method(name), Instant::now())
    }

    pub(crate) fn method(&self, name: &str) -> Method {
        let path = format!("/{SHOP}/{name}");
        self.dispatch.resolve(path.as_bytes()).unwrap()
    }

    /// Calls a unary method.
    pub(crate) async fn call(&self, name: &str) -> Result<Reply<Bytes>> {
        self.call_with(self.info(name)).await
    }

    pub(crate) async fn call_with(&self, info: CallInfo) -> Result<Reply<Bytes>> {
        let body = Bytes::from_static(b"hello");
        self.dispatch.unary(Call { info, body }).await
    }

    /// A call of `Echo` from `caller`.
    pub(crate) fn from(&self, caller: &str, name: &str) -> CallInfo {
        let mut info = self.info(name);
        let mut metadata = Metadata::new();
        metadata
            .insert(rzero_core::names::CALLER, caller.to_owned())
            .unwrap();
        info.set_metadata(Some(Arc::new(metadata)));
        info
    }

    /// Begins a call in a task of its own; it has been let in or refused when this ends.
    pub(crate) async fn begin(&self, info: CallInfo) -> JoinHandle<Result<Reply<Bytes>>> {
        let body = Bytes::from_static(b"hello");
        let call = tokio::spawn(self.dispatch.unary(Call { info, body }));
        tokio::task::yield_now().await;
        call
    }

    /// Resolves when the next `Slow` that is begun has ended.
    pub(crate) fn slow_ends(&self) -> oneshot::Receiver<()> {
        let (sender, ended) = oneshot::channel();
        self.slow.lock().unwrap().push(sender);
        ended
    }

    /// Changes the policies and waits until the server keeps to them: until `seen`.
    pub(crate) async fn reload(
        &self,
        text: &str,
        seen: impl Fn(&rzero_server::Governance) -> bool,
    ) {
        self.policies.send_replace(policies(text));
        while !seen(&self.handle.governance().unwrap()) {
            tokio::task::yield_now().await;
        }
    }

    /// Unary calls of the method, streams and unary calls that are in flight.
    pub(crate) fn in_flight(&self, name: &str) -> (u32, usize, usize) {
        let now = self.handle.governance().unwrap();
        let path = self.method(name).path();
        let method = now.methods.iter().find(|m| m.path == path).unwrap();
        let running = method.concurrency.running;
        (running, now.shed.streams, now.shed.inflight)
    }
}

/// A stream whose caller says what stands in `words` and then nothing, or no more.
pub(crate) fn stream(words: &[&'static str], ends: bool) -> Duplex {
    let words = words
        .iter()
        .rev()
        .map(|word| Bytes::from_static(word.as_bytes()));
    Duplex::new(Arc::new(Words {
        words: Mutex::new(words.collect()),
        ends,
    }))
}

struct Words {
    words: Mutex<Vec<Bytes>>,
    ends: bool,
}

impl StreamIo for Words {
    fn poll_recv(&self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<Option<Bytes>>> {
        match self.words.lock().unwrap().pop() {
            Some(word) => std::task::Poll::Ready(Ok(Some(word))),
            None if self.ends => std::task::Poll::Ready(Ok(None)),
            None => std::task::Poll::Pending,
        }
    }

    fn poll_send(
        &self,
        _: &mut std::task::Context<'_>,
        message: &mut Option<Bytes>,
    ) -> std::task::Poll<Result<()>> {
        message.take();
        std::task::Poll::Ready(Ok(()))
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
