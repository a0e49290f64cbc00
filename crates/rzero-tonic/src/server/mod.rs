//! tonic-generated services on our server.

mod answer;
mod handle;
mod request;

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Call, Class, Dispatch, Duplex, Error, Handling, Metadata, Method, Reply, ReplyMetadata, Result,
    Service, ServiceDesc, Trailers,
};
use rzero_server::rt::Describe;
use tonic::body::Body;
use tonic::server::NamedService;

pub use handle::TonicService;

use crate::Contract;
use answer::Answer;
use handle::Handle;
use request::{Messages, request};

/// Puts a tonic-generated service on our server: what it gives is what `App::serve` takes.
///
/// `service` is the generated server, with or without an interceptor or layers around it, as
/// long as tonic still knows its name. Every call clones it and awaits its readiness inside the
/// call. What its handlers find in the extensions of a request:
///
/// - tonic's `TcpConnectInfo`, so that `Request::remote_addr` works; without the local address.
///   Also on TLS, because tonic lets nobody make a `TlsConnectInfo`: `Request::peer_certs` gives
///   `None`. On a Unix socket an empty `UdsConnectInfo`.
/// - `Arc<rzero_core::Peer>`, with the name in the peer's verified certificate, and
///   `rzero_core::CallInfo`.
///
/// `grpc-timeout` is what is left when the handler begins. Our wires inflate messages before
/// they come here, so the service sees none that is compressed, and is asked for none.
///
/// # Errors
/// When `contract` does not describe the service.
pub fn service<S: TonicService + NamedService>(
    service: S,
    contract: &Contract,
) -> Result<MountedService> {
    Ok(MountedService {
        desc: contract.service(S::NAME)?,
        service: handle::erase(service),
    })
}

/// Puts whole `tonic::service::Routes`, an axum router or any other service that speaks gRPC on
/// our server, under all names that `contract` describes. Layers around it and its state stay as
/// they are.
///
/// The result is a [`Dispatch`] for a wire of ours; [`Mounted::services`] splits it into what
/// `App::serve` takes, which adds the deadline, the drain and our own layers. See [`service`] for
/// what the handlers find.
#[must_use]
pub fn mount<S: TonicService>(service: S, contract: &Contract) -> Mounted {
    let service = handle::erase(service);
    let services = contract.services().iter().map(|desc| MountedService {
        desc,
        service: Arc::clone(&service),
    });
    Mounted {
        methods: contract.clone(),
        services: services.map(|s| (s.desc.name, s)).collect(),
    }
}

/// Services of tonic by the paths of their methods; made by [`mount`].
#[derive(Clone)]
pub struct Mounted {
    methods: Contract,
    services: HashMap<&'static str, MountedService>,
}

impl Mounted {
    /// Its services one by one, in the order of the contract, for `App::serve`.
    ///
    /// ```no_run
    /// # fn example(mut app: rzero_server::App, mounted: rzero_tonic::Mounted) {
    /// for service in mounted.services() {
    ///     app = app.serve(service);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn services(&self) -> Vec<MountedService> {
        let descs = self.methods.services().iter();
        descs
            .filter_map(|desc| self.services.get(desc.name).cloned())
            .collect()
    }

    fn service(&self, method: Method) -> Result<MountedService> {
        let found = self.services.get(method.service()).cloned();
        found.ok_or_else(|| Error::unimplemented(format!("{} is not here", method.path())))
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mounted").field(&self.methods).finish()
    }
}

impl Dispatch for Mounted {
    fn resolve(&self, path: &[u8]) -> Option<Method> {
        self.methods.method(std::str::from_utf8(path).ok()?)
    }

    fn unary(&self, call: Call<Bytes>) -> Handling<Reply<Bytes>> {
        let service = self.service(call.info.method());
        Box::pin(async move { service?.call(call).await })
    }

    fn stream(&self, call: Call<Duplex>) -> Handling<Trailers> {
        let service = self.service(call.info.method());
        Box::pin(async move { service?.call(call).await })
    }
}

/// One service of tonic as ours; made by [`service`] and [`Mounted::services`].
#[derive(Clone)]
pub struct MountedService {
    desc: &'static ServiceDesc,
    service: Arc<dyn Handle>,
}

impl fmt::Debug for MountedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MountedService({})", self.desc.name)
    }
}

impl Describe for MountedService {
    fn describe(&self) -> &'static ServiceDesc {
        self.desc
    }
}

impl Service<Call<Bytes>> for MountedService {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        let body = Body::new(Messages::one(call.body));
        let response = self.service.handle(request(&call.info, body)?).await?;
        let (headers, mut answer) = Answer::open(response)?;
        match only_message(&mut answer).await {
            Ok(body) => Ok(Reply {
                body,
                headers,
                trailers: answer.into_trailers(),
            }),
            Err(error) => Err(error.with_reply_metadata(ReplyMetadata {
                headers,
                trailers: Metadata::new(),
            })),
        }
    }
}

/// The one message of an answer that ended well.
async fn only_message(answer: &mut Answer) -> Result<Bytes> {
    let missing = || Error::new(Class::Encode, "the service answered without a message");
    let message = answer.next().await?.ok_or_else(missing)?;
    match answer.next().await? {
        None => Ok(message),
        Some(_) => Err(Error::new(
            Class::Encode,
            "the service answered a unary call with more than one message",
        )),
    }
}

impl Service<Call<Duplex>> for MountedService {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers> {
        let Duplex { rx, mut tx } = call.body;
        let io = Arc::clone(rx.io());
        let request = request(&call.info, Body::new(Messages::of(rx)))?;
        let (headers, mut answer) = Answer::open(self.service.handle(request).await?)?;
        if !headers.is_empty() {
            // Nothing was sent before, so they are not too late.
            io.add_headers(headers);
        }
        let mut began = false;
        loop {
            let message = poll_fn(|cx| {
                let next = answer.poll_next(cx);
                if next.is_pending() && !began {
                    // A tonic service shows its head when the handler returns, and callers rely
                    // on it.
                    began = true;
                    io.send_headers();
                }
                next
            });
            match message.await? {
                Some(message) => tx.send(message).await?,
                None => return Ok(Trailers(answer.into_trailers())),
            }
            began = true;
        }
    }
}
