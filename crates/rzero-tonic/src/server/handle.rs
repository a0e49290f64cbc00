//! A service of tonic without its type.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use rzero_core::{BoxError, BoxFuture, Error, Result};
use tonic::Status;
use tonic::body::Body;

use crate::status::of_status;

/// Whatever serves gRPC in tonic's way: a generated server, `tonic::service::Routes`, an axum
/// router, and any of them inside interceptors and tower layers. Implemented for all of these, by
/// nobody else.
pub trait TonicService: Clone + Send + Sync + 'static + sealed::Sealed {
    /// Awaits its readiness, then handles a request.
    #[doc(hidden)]
    fn handle(self, request: Request<Body>)
    -> BoxFuture<'static, Result<Response<Body>, BoxError>>;
}

mod sealed {
    /// Keeps the trait ours to change.
    pub trait Sealed {}
}

impl<S, B> sealed::Sealed for S
where
    S: tower_service::Service<Request<Body>, Response = Response<B>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
}

impl<S, B> TonicService for S
where
    S: tower_service::Service<Request<Body>, Response = Response<B>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn handle(
        mut self,
        request: Request<Body>,
    ) -> BoxFuture<'static, Result<Response<Body>, BoxError>> {
        Box::pin(async move {
            poll_fn(|cx| self.poll_ready(cx))
                .await
                .map_err(Into::into)?;
            let response = self.call(request);
            // The clone may hold what others wait for; what the call needs moved into it.
            drop(self);
            Ok(response.await.map_err(Into::into)?.map(Body::new))
        })
    }
}

/// A [`TonicService`] behind a pointer.
pub(super) trait Handle: Send + Sync {
    fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>>>;
}

struct Erased<S>(S);

/// Forgets the type of `service`.
pub(super) fn erase<S: TonicService>(service: S) -> Arc<dyn Handle> {
    Arc::new(Erased(service))
}

impl<S: TonicService> Handle for Erased<S> {
    fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>>> {
        let response = self.0.clone().handle(request);
        Box::pin(async move { response.await.map_err(into_error) })
    }
}

/// The error of a layer around a service: tower's own, ours, or a status.
fn into_error(error: BoxError) -> Error {
    rzero_tower::recognise(error).unwrap_or_else(|error| match Status::try_from_error(error) {
        Ok(status) => of_status(status),
        Err(error) => rzero_tower::into_error(error),
    })
}
