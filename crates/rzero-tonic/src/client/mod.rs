//! tonic-generated clients on our channel.

mod answer;
mod call;
mod paths;
mod pump;
mod upload;

use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use rzero_client::Channel;
use rzero_core::BoxFuture;
use tonic::body::Body;

use crate::Contract;
use crate::status::to_status;

/// What a tonic-generated client calls through, in place of tonic's own channel: always ready,
/// cheap to clone, balanced over the instances of a service.
///
/// A tonic request does not say whether its method is unary. With a [`Contract`] that describes
/// the method, unary calls go the unary way: the channel's default time limit holds, and the call
/// is placed again or repeated as the channel does. Without one every call goes as a stream, which
/// fits every kind; when the whole request was there at once and nothing of it ran, it is placed
/// on another instance, but it is never repeated otherwise.
///
/// - `grpc-timeout`, which `Request::set_timeout` sets, becomes the deadline of the call, retries
///   included.
/// - [`CallOptions`](rzero_client::CallOptions) in the extensions of a request hold for that call:
///   `request.extensions_mut().insert(CallOptions::new().hash_key("user-7"))`. A timeout of the
///   request wins over theirs, metadata adds up.
/// - Messages that the client compresses with gzip or deflate are inflated, because compression is
///   the wire's business; another encoding fails with `UNIMPLEMENTED`.
/// - Dropping a call, or the stream of its answers, cancels it.
/// - A caller may await the answer of a stream before it sends its first message, as tonic's own
///   channel allows. If the peer shows its initial metadata only with its first message, the
///   answer begins without it after the upload was idle for 100 ms, and the metadata comes with
///   the trailing one.
///
/// A failed call is an answer with a status; the service itself never fails.
///
/// # Panics
/// Calls panic outside of a tokio runtime.
#[derive(Clone)]
pub struct TonicChannel {
    channel: Channel,
    contract: Option<Contract>,
}

impl TonicChannel {
    /// Calls the service that `channel` belongs to.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            contract: None,
        }
    }

    /// Knows the methods that `contract` describes.
    #[must_use]
    pub fn with_contract(mut self, contract: &Contract) -> Self {
        self.contract = Some(contract.clone());
        self
    }

    /// The channel below.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }
}

impl fmt::Debug for TonicChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TonicChannel").field(&self.channel).finish()
    }
}

impl tower_service::Service<Request<Body>> for TonicChannel {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let response = call::run(this.channel, this.contract, request).await;
            Ok(response.unwrap_or_else(|error| to_status(&error).into_http()))
        })
    }
}
