//! The simplest service.

use bytes::Bytes;
use rzero_core::{
    Call, Duplex, Error, Idempotency, Kind, Method, MethodDesc, Reply, Result, Service,
    ServiceDesc, Trailers,
};
use rzero_server::rt::{Describe, unimplemented};

static METHODS: [MethodDesc; 2] = [
    MethodDesc {
        path: "/rzero.testing.Echo/Say",
        service: "rzero.testing.Echo",
        name: "Say",
        kind: Kind::Unary,
        idempotency: Idempotency::Unknown,
        index: 0,
    },
    MethodDesc {
        path: "/rzero.testing.Echo/Chat",
        service: "rzero.testing.Echo",
        name: "Chat",
        kind: Kind::Bidi,
        idempotency: Idempotency::Unknown,
        index: 1,
    },
];

static SERVICE: ServiceDesc = ServiceDesc {
    name: "rzero.testing.Echo",
    methods: &METHODS,
    files: &[],
};

/// A service that answers every message with itself, for tests of what stands around a service.
///
/// ```
/// use rzero_client::CallOptions;
/// use rzero_testing::{Echo, serve};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rzero_core::Result<()> {
/// let server = serve(Echo).await;
/// let options = CallOptions::new();
/// let reply = server.channel().unary(Echo::SAY, "hello".into(), &options).await?;
/// assert_eq!(reply.body, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Echo {
    /// Its unary method.
    pub const SAY: Method = Method::new(&METHODS[0]);
    /// Its method that streams both ways.
    pub const CHAT: Method = Method::new(&METHODS[1]);
}

impl Describe for Echo {
    fn describe(&self) -> &'static ServiceDesc {
        &SERVICE
    }
}

impl Service<Call<Bytes>> for Echo {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>, Error> {
        match call.info.method() == Self::SAY {
            true => Ok(Reply::new(call.body)),
            false => Err(unimplemented(&call.info)),
        }
    }
}

impl Service<Call<Duplex>> for Echo {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers, Error> {
        if call.info.method() != Self::CHAT {
            return Err(unimplemented(&call.info));
        }
        let Duplex { mut rx, mut tx } = call.body;
        while let Some(message) = rx.recv().await? {
            tx.send(message).await?;
        }
        Ok(Trailers::default())
    }
}
