//! Gates of real configurations, asked about calls.

mod apps;
mod bearers;
mod certificates;
mod documentation;
mod rules;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rzero_core::{
    Address, CallInfo, Class, Error, Idempotency, Identity, Kind, Method, MethodDesc, Peer, Result,
    ServiceDesc,
};
use tokio::time::Instant;

use super::{Auth, AuthConfig, AuthHooks, Gate};

const SECOND: Duration = Duration::from_secs(1);

const fn method(
    (path, service, name): (&'static str, &'static str, &'static str),
    kind: Kind,
    index: u16,
) -> MethodDesc {
    MethodDesc {
        path,
        service,
        name,
        kind,
        idempotency: Idempotency::Unknown,
        index,
    }
}

/// A service with a unary method and one that streams.
pub(super) static SHOP: ServiceDesc = ServiceDesc {
    name: "shop.Orders",
    methods: &[
        method(("/shop.Orders/Get", "shop.Orders", "Get"), Kind::Unary, 0),
        method(
            ("/shop.Orders/Watch", "shop.Orders", "Watch"),
            Kind::ServerStream,
            1,
        ),
    ],
    files: &[],
};

pub(super) static HEALTH: ServiceDesc = ServiceDesc {
    name: "grpc.health.v1.Health",
    methods: &[method(
        (
            "/grpc.health.v1.Health/Check",
            "grpc.health.v1.Health",
            "Check",
        ),
        Kind::Unary,
        0,
    )],
    files: &[],
};

pub(super) fn config(text: &str) -> AuthConfig {
    toml::from_str(text).unwrap()
}

pub(super) fn auth(text: &str, hooks: AuthHooks) -> Result<Auth> {
    Auth::new(&config(text), hooks, &[&SHOP])
}

/// What stands before the shop.
pub(super) fn gate(text: &str, hooks: AuthHooks) -> Arc<Gate> {
    auth(text, hooks).unwrap().gate(&SHOP).unwrap()
}

/// A call of a method of `service`, with metadata.
pub(super) fn call(
    service: &'static ServiceDesc,
    index: usize,
    pairs: &[(&str, &str)],
) -> CallInfo {
    let mut call = CallInfo::new(Method::new(&service.methods[index]), Instant::now());
    for (key, value) in pairs {
        let (key, value) = ((*key).to_owned(), (*value).to_owned());
        call.metadata_mut().insert(key, value).unwrap();
    }
    call
}

pub(super) fn get(pairs: &[(&str, &str)]) -> CallInfo {
    call(&SHOP, 0, pairs)
}

/// The same call from a peer with a certificate.
pub(super) fn from(mut call: CallInfo, name: &str) -> CallInfo {
    let address: Address = "127.0.0.1:1".parse().unwrap();
    call.set_peer(Arc::new(Peer {
        address,
        identity: Some(name.to_owned()),
    }));
    call
}

/// Asks the gate: the name of the caller, or the class of the refusal.
pub(super) async fn ask(gate: &Gate, mut call: CallInfo) -> Result<String, Class> {
    let checked = gate.check(&mut call, Instant::now()).await;
    let name = call.identity().map(|identity| identity.name().to_owned());
    match checked {
        Ok(()) => Ok(name.unwrap_or_default()),
        Err(error) => {
            assert!(name.is_none(), "a refused call has no identity");
            Err(error.class())
        }
    }
}

/// Counts how often something is asked.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<AtomicUsize>);

impl Asked {
    pub(super) fn more(&self) -> usize {
        self.0.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn times(&self) -> usize {
        self.0.load(Relaxed)
    }
}

pub(super) async fn advance(by: Duration) {
    tokio::time::advance(by).await;
}

/// Asks at once for several calls.
pub(super) async fn ask_all(
    gate: &Arc<Gate>,
    calls: impl IntoIterator<Item = CallInfo>,
) -> Vec<Result<String, Class>> {
    let mut asked = Vec::new();
    for call in calls {
        let gate = Arc::clone(gate);
        asked.push(tokio::spawn(async move { ask(&gate, call).await }));
    }
    let mut answers = Vec::new();
    for task in asked {
        answers.push(task.await.unwrap());
    }
    answers
}

pub(super) fn down<T>() -> impl Future<Output = Result<T>> {
    std::future::ready(Err(Error::unavailable("the back end is away")))
}

pub(super) fn alice() -> Identity {
    Identity::new("alice")
}
