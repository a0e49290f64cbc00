//! `grpc.health.v1.Health`: whether the server, and each of its services, takes calls.

mod messages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use rzero_core::{
    Call, Code, Duplex, Error, Idempotency, Kind, MethodDesc, Reply, Result, Sender, Service,
    ServiceDesc, Trailers,
};
use rzero_proto::codec;
use tokio::sync::watch;

use self::messages::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse, Status,
};
use crate::rt::{self, Describe};

const NAME: &str = "grpc.health.v1.Health";
const CHECK: u16 = 0;
const LIST: u16 = 1;
const WATCH: u16 = 2;

/// The protocol gives an error instead of a longer list.
const LISTED_MAX: usize = 100;

static METHODS: [MethodDesc; 3] = [
    MethodDesc {
        path: "/grpc.health.v1.Health/Check",
        service: NAME,
        name: "Check",
        kind: Kind::Unary,
        idempotency: Idempotency::NoSideEffects,
        index: CHECK,
    },
    MethodDesc {
        path: "/grpc.health.v1.Health/List",
        service: NAME,
        name: "List",
        kind: Kind::Unary,
        idempotency: Idempotency::NoSideEffects,
        index: LIST,
    },
    MethodDesc {
        path: "/grpc.health.v1.Health/Watch",
        service: NAME,
        name: "Watch",
        kind: Kind::ServerStream,
        idempotency: Idempotency::NoSideEffects,
        index: WATCH,
    },
];

pub(super) static SERVICE: ServiceDesc = ServiceDesc {
    name: NAME,
    methods: &METHODS,
    files: include_bytes!("../files/health.binpb"),
};

/// What the server tells about its own health. Cheap to clone; all clones are one.
///
/// The empty name stands for the server as a whole.
#[derive(Clone, Debug)]
pub struct Health(watch::Sender<State>);

#[derive(Debug)]
struct State {
    /// By service name; the empty name is always there.
    serving: BTreeMap<String, bool>,
    /// Never taken back, and then nothing serves.
    closed: bool,
}

impl State {
    fn status(&self, service: &str) -> Status {
        self.serving
            .get(service)
            .map_or(Status::ServiceUnknown, |serving| Status::of(*serving))
    }
}

impl Health {
    /// The health of a server with these services; nothing serves until it is told so.
    #[must_use]
    pub fn new<N: Into<String>>(services: impl IntoIterator<Item = N>) -> Self {
        let names = services.into_iter().map(Into::into).chain([String::new()]);
        let serving = names.map(|name| (name, false)).collect();
        Self(watch::Sender::new(State {
            serving,
            closed: false,
        }))
    }

    /// Says whether the server and all its services take calls, whatever was said of one of them
    /// before. Watchers learn of it at once. Does nothing after [`close`](Health::close).
    pub fn set_serving(&self, serving: bool) {
        self.change(|known| {
            let changed = known.values().any(|now| *now != serving);
            known.values_mut().for_each(|now| *now = serving);
            changed
        });
    }

    /// Says whether one service takes calls; a name that was unknown becomes known, the empty name
    /// is the server as a whole. Does nothing after [`close`](Health::close).
    pub fn set_service(&self, name: impl Into<String>, serving: bool) {
        self.change(|known| known.insert(name.into(), serving) != Some(serving));
    }

    /// The server closes: nothing serves from now on, and every watcher is told so and ends well,
    /// so that none holds the drain up. A watcher whose peer takes no more messages ends untold.
    pub fn close(&self) {
        self.set_serving(false);
        self.0
            .send_if_modified(|state| !std::mem::replace(&mut state.closed, true));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, bool>) -> bool) {
        self.0
            .send_if_modified(|state| !state.closed && change(&mut state.serving));
    }

    fn check(&self, service: &str) -> Result<HealthCheckResponse> {
        match self.0.borrow().status(service) {
            // The name is the caller's own and may be long: it is not repeated.
            Status::ServiceUnknown => Err(Error::not_found("unknown service")),
            status => Ok(status.into()),
        }
    }

    fn list(&self) -> Result<HealthListResponse> {
        let state = self.0.borrow();
        if state.serving.len() > LISTED_MAX {
            let text = "more than 100 services: check them by name";
            return Err(Error::with_code(Code::ResourceExhausted, text));
        }
        let all = state.serving.iter();
        let statuses = all.map(|(name, serving)| (name.clone(), Status::of(*serving).into()));
        Ok(HealthListResponse {
            statuses: statuses.collect(),
        })
    }

    /// Sends the status now and after each change, for ever.
    async fn watch(&self, service: &str, mut tx: Sender<HealthCheckResponse>) -> Result<()> {
        let mut changes = self.0.subscribe();
        let mut told = None;
        loop {
            let status = changes.borrow_and_update().status(service);
            if told.replace(status) != Some(status) {
                tx.send(status.into()).await?;
            }
            changes.changed().await?;
        }
    }

    async fn closed(&self) {
        // There is no error: `self` holds the sender.
        let _ = self.0.subscribe().wait_for(|state| state.closed).await;
    }
}

/// Serves [`Health`].
#[derive(Clone, Debug)]
pub struct HealthServer {
    health: Health,
}

impl HealthServer {
    /// Serves this health.
    #[must_use]
    pub fn new(health: Health) -> Self {
        Self { health }
    }
}

impl Describe for HealthServer {
    fn describe(&self) -> &'static ServiceDesc {
        &SERVICE
    }
}

impl Service<Call<Bytes>> for HealthServer {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        match call.info.method().index() {
            CHECK => {
                let (cx, req) = rt::open_unary(call, codec::<HealthCheckRequest>())?;
                rt::close_unary(cx, self.health.check(&req.service), codec())
            }
            LIST => {
                let (cx, _) = rt::open_unary(call, codec::<HealthListRequest>())?;
                rt::close_unary(cx, self.health.list(), codec())
            }
            _ => Err(rt::unimplemented(&call.info)),
        }
    }
}

impl Service<Call<Duplex>> for HealthServer {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers> {
        if call.info.method().index() != WATCH {
            return Err(rt::unimplemented(&call.info));
        }
        let (cx, rx, tx) = rt::open_stream(call, codec::<HealthCheckRequest>(), codec());
        let watching = async {
            let req = rt::only(rx).await?;
            self.health.watch(&req.service, tx).await
        };
        // The watcher is looked at first, so that it sends the last status before it ends.
        let out = tokio::select! {
            biased;
            out = watching => out,
            () = self.health.closed() => Ok(()),
        };
        rt::close_stream(cx, out)
    }
}
