//! The server: accepts connections and hands their calls to a [`Dispatch`].

mod accept;
mod answer;
mod conn;
mod context;
mod handshakes;
mod inflate;
mod inline;
mod life;
mod listener;
mod opening;
mod requests;
mod served;
mod shared;

use std::fmt;
use std::sync::Arc;

use rzero_core::{Address, Bound, BoxFuture, Dispatch, Error, Served as Report, Stop, Wire};

use crate::{ServerOptions, ServerTls};
use accept::Acceptor;
use listener::Listener;

/// Serves gRPC on an address.
#[derive(Clone, Debug)]
pub struct GrpcWire {
    listen: Address,
    tls: Option<ServerTls>,
    options: ServerOptions,
}

impl GrpcWire {
    /// Serves on `listen`; port 0 takes a free one.
    #[must_use]
    pub fn new(listen: Address) -> Self {
        Self {
            listen,
            tls: None,
            options: ServerOptions::default(),
        }
    }

    /// Speaks TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Keeps to `options` instead of the defaults.
    #[must_use]
    pub fn with_options(mut self, options: ServerOptions) -> Self {
        self.options = options;
        self
    }
}

impl Wire for GrpcWire {
    fn protocol(&self) -> &'static str {
        "grpc"
    }

    fn bind(&self) -> BoxFuture<'_, Result<Box<dyn Bound>, Error>> {
        Box::pin(async {
            let (listener, local) = Listener::bind(&self.listen).await?;
            let bound: Box<dyn Bound> = Box::new(BoundWire {
                listener,
                local,
                tls: self.tls.clone(),
                options: self.options.clone(),
            });
            Ok(bound)
        })
    }
}

struct BoundWire {
    listener: Listener,
    local: Address,
    tls: Option<ServerTls>,
    options: ServerOptions,
}

impl Bound for BoundWire {
    fn local(&self) -> Address {
        self.local.clone()
    }

    fn serve(
        self: Box<Self>,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> BoxFuture<'static, Report> {
        let Self {
            listener,
            tls,
            options,
            ..
        } = *self;
        Box::pin(Acceptor::new(tls, options, dispatch, stop).run(listener))
    }
}

impl fmt::Debug for BoundWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundWire({})", self.local)
    }
}
