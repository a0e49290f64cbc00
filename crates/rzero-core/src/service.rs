//! The middle of the framework.

use std::future::Future;
use std::sync::Arc;

use crate::Error;

/// Something that answers requests; implementors write `async fn call`.
///
/// It takes `&self` and has no readiness, so one value serves every connection without clones,
/// and a service that is not ready cannot block its neighbours on a connection: a layer that must
/// wait does so inside `call`. Layers are [`tower_layer::Layer`].
pub trait Service<Req>: Send + Sync + 'static {
    /// What a request is answered with.
    type Reply: Send;

    /// Answers one request. Dropping the future cancels the work.
    fn call(&self, req: Req) -> impl Future<Output = Result<Self::Reply, Error>> + Send;
}

impl<Req: Send, S: Service<Req>> Service<Req> for Arc<S> {
    type Reply = S::Reply;

    fn call(&self, req: Req) -> impl Future<Output = Result<S::Reply, Error>> + Send {
        (**self).call(req)
    }
}
