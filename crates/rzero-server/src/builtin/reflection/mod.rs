//! `grpc.reflection.v1.ServerReflection` and its older twin `v1alpha`: clients such as `grpcurl`
//! learn from the server what it serves.

mod descriptor;
mod index;
mod messages;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Call, Duplex, Idempotency, Kind, MethodDesc, Phase, Receiver, Reply, Result, Sender, Service,
    ServiceDesc, Stop, Trailers,
};
use rzero_proto::codec;

use self::index::Index;
use self::messages::{Request, Response};
use crate::rt::{self, Describe};

macro_rules! version {
    ($($desc:ident = $version:literal;)*) => {
        $(pub(super) static $desc: ServiceDesc = ServiceDesc {
            name: concat!("grpc.reflection.", $version, ".ServerReflection"),
            methods: &[MethodDesc {
                path: concat!(
                    "/grpc.reflection.", $version, ".ServerReflection/ServerReflectionInfo"
                ),
                service: concat!("grpc.reflection.", $version, ".ServerReflection"),
                name: "ServerReflectionInfo",
                kind: Kind::Bidi,
                idempotency: Idempotency::NoSideEffects,
                index: INFO,
            }],
            files: include_bytes!(concat!("../files/reflection_", $version, ".binpb")),
        };)*
    };
}

const INFO: u16 = 0;

version! {
    V1 = "v1";
    V1ALPHA = "v1alpha";
}

/// Both versions of reflection, v1 and v1alpha, over the services given and themselves.
///
/// Files come out of [`ServiceDesc::files`]; where sets overlap, the first file of a name counts.
/// A service without files is listed but not described; files that are malformed are told in the
/// log and left out.
#[must_use]
pub fn reflection(services: &[&'static ServiceDesc]) -> (ReflectionServer, ReflectionServer) {
    let mut index = Index::default();
    for service in services.iter().copied().chain([&V1, &V1ALPHA]) {
        index.add(service);
    }
    let v1 = ReflectionServer {
        desc: &V1,
        index: Arc::new(index),
        stop: None,
    };
    let v1alpha = ReflectionServer {
        desc: &V1ALPHA,
        ..v1.clone()
    };
    (v1, v1alpha)
}

/// Serves reflection in one version of its protocol; see [`reflection`].
///
/// A file is answered alone: clients ask for its imports by name.
#[derive(Clone, Debug)]
pub struct ReflectionServer {
    desc: &'static ServiceDesc,
    index: Arc<Index>,
    stop: Option<Stop>,
}

impl ReflectionServer {
    /// Ends open streams well when the shutdown reaches [`Phase::Close`], so that a client that
    /// keeps an idle one does not hold the drain up.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    async fn answer(&self, mut rx: Receiver<Request>, mut tx: Sender<Response>) -> Result<()> {
        while let Some(request) = rx.recv().await? {
            tx.send(self.index.answer(request)).await?;
        }
        Ok(())
    }

    async fn closing(&self) {
        match &self.stop {
            Some(stop) => stop.reached(Phase::Close).await,
            None => std::future::pending().await,
        }
    }
}

impl Describe for ReflectionServer {
    fn describe(&self) -> &'static ServiceDesc {
        self.desc
    }
}

impl Service<Call<Bytes>> for ReflectionServer {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        Err(rt::unimplemented(&call.info))
    }
}

impl Service<Call<Duplex>> for ReflectionServer {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers> {
        if call.info.method().index() != INFO {
            return Err(rt::unimplemented(&call.info));
        }
        let (cx, rx, tx) = rt::open_stream(call, codec(), codec());
        // The end comes first, so that a client that never pauses does not hold the drain up.
        let out = tokio::select! {
            biased;
            () = self.closing() => Ok(()),
            out = self.answer(rx, tx) => out,
        };
        rt::close_stream(cx, out)
    }
}
