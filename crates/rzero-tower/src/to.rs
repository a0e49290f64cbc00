//! Our services as tower services.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rzero_core::{BoxFuture, Call, Duplex, Reply, Service, Trailers};

use crate::{AnyCall, AnyReply, TowerError};

/// Offers one of our services as a tower service.
///
/// It is always ready, its clones share the service, and its error is a [`TowerError`].
///
/// ```
/// use rzero_core::{Result, Service};
/// use tower::ServiceExt;
///
/// struct Double;
///
/// impl Service<u32> for Double {
///     type Reply = u32;
///
///     async fn call(&self, n: u32) -> Result<u32> {
///         Ok(2 * n)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let text = rzero_tower::to_tower(Double).map_response(|n: u32| n.to_string());
/// assert_eq!(text.oneshot(21).await.unwrap(), "42");
/// # }
/// ```
#[must_use]
pub fn to_tower<S>(service: S) -> ToTower<S> {
    ToTower(Arc::new(service))
}

/// A service of ours as a tower service; made by [`to_tower`].
pub struct ToTower<S>(Arc<S>);

impl<S> Clone for ToTower<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for ToTower<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToTower")
    }
}

impl<S, R> tower_service::Service<R> for ToTower<S>
where
    S: Service<R>,
    R: Send + 'static,
{
    type Response = S::Reply;
    type Error = TowerError;
    type Future = BoxFuture<'static, Result<S::Reply, TowerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TowerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move { service.call(request).await.map_err(TowerError::from) })
    }
}

/// What a layer given to [`from_tower`](crate::from_tower) wraps: one of our services as a tower
/// service for calls of every kind.
pub struct Inner<S>(Arc<S>);

impl<S> Inner<S> {
    pub(crate) fn new(service: S) -> Self {
        Self(Arc::new(service))
    }
}

impl<S> Clone for Inner<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Inner<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner")
    }
}

impl<S> tower_service::Service<AnyCall> for Inner<S>
where
    S: Service<Call<Bytes>, Reply = Reply<Bytes>> + Service<Call<Duplex>, Reply = Trailers>,
{
    type Response = AnyReply;
    type Error = TowerError;
    type Future = BoxFuture<'static, Result<AnyReply, TowerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TowerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: AnyCall) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move {
            let reply = match request {
                AnyCall::Unary(call) => service.call(call).await.map(AnyReply::Unary),
                AnyCall::Stream(call) => service.call(call).await.map(AnyReply::Stream),
            };
            reply.map_err(TowerError::from)
        })
    }
}
