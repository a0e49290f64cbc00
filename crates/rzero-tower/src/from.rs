//! tower layers around our services.

use std::fmt;
use std::future::poll_fn;

use bytes::Bytes;
use rzero_core::{BoxError, Call, Duplex, Error, Reply, Result, Service, Trailers};
use tower_layer::Layer;

use crate::to::Inner;
use crate::{AnyCall, AnyReply, into_error};

/// Lets an unmodified tower layer wrap our services; what it gives is what `App::layer` takes.
///
/// The layer is applied once to every service, as `App::layer` does with any layer: each service
/// has its own concurrency limit, unless the layer shares one as `GlobalConcurrencyLimitLayer`
/// does. The layered service must be `Clone`; in front of one that is not, such as a rate limit,
/// put tower's buffer. Errors are mapped as [`into_error`] says.
#[must_use]
pub fn from_tower<L>(layer: L) -> FromTower<L> {
    FromTower {
        layer,
        errors: into_error,
    }
}

/// A tower layer for our services; made by [`from_tower`].
#[derive(Clone, Copy)]
pub struct FromTower<L> {
    layer: L,
    errors: fn(BoxError) -> Error,
}

impl<L> FromTower<L> {
    /// Maps the errors of the layered service with `map` instead of [`into_error`], for layers with
    /// errors of their own. `map` sees our errors too: hand on to [`into_error`] what it does not
    /// know.
    #[must_use]
    pub fn with_errors(mut self, map: fn(BoxError) -> Error) -> Self {
        self.errors = map;
        self
    }
}

impl<L> fmt::Debug for FromTower<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FromTower<{}>", std::any::type_name::<L>())
    }
}

impl<S, L: Layer<Inner<S>>> Layer<S> for FromTower<L> {
    type Service = Layered<L::Service>;

    fn layer(&self, service: S) -> Self::Service {
        Layered {
            service: self.layer.layer(Inner::new(service)),
            errors: self.errors,
        }
    }
}

/// One of our services with a tower layer around it.
#[derive(Clone)]
pub struct Layered<T> {
    service: T,
    errors: fn(BoxError) -> Error,
}

impl<T> fmt::Debug for Layered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layered<{}>", std::any::type_name::<T>())
    }
}

impl<T> Layered<T>
where
    T: tower_service::Service<AnyCall, Response = AnyReply> + Clone + Send + Sync + 'static,
    T::Error: Into<BoxError>,
    T::Future: Send,
{
    async fn run(&self, call: AnyCall) -> Result<AnyReply> {
        let map = |error: T::Error| (self.errors)(error.into());
        let mut service = self.service.clone();
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(map)?;
        let reply = service.call(call);
        // What the clone holds, such as a place in a limit, moved into the call: the rest would
        // only stand in the way of others while the call runs.
        drop(service);
        reply.await.map_err(map)
    }
}

impl<T> Service<Call<Bytes>> for Layered<T>
where
    T: tower_service::Service<AnyCall, Response = AnyReply> + Clone + Send + Sync + 'static,
    T::Error: Into<BoxError>,
    T::Future: Send,
{
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        match self.run(AnyCall::Unary(call)).await? {
            AnyReply::Unary(reply) => Ok(reply),
            AnyReply::Stream(_) => Err(mixed_up()),
        }
    }
}

impl<T> Service<Call<Duplex>> for Layered<T>
where
    T: tower_service::Service<AnyCall, Response = AnyReply> + Clone + Send + Sync + 'static,
    T::Error: Into<BoxError>,
    T::Future: Send,
{
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers> {
        match self.run(AnyCall::Stream(call)).await? {
            AnyReply::Stream(trailers) => Ok(trailers),
            AnyReply::Unary(_) => Err(mixed_up()),
        }
    }
}

/// A layer answered a call of one kind with a reply of the other.
fn mixed_up() -> Error {
    Error::internal("a tower layer answered a call with a reply of another kind")
}
