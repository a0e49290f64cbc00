//! What stands in when all else failed.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{BoxFuture, CallInfo, Class, Codec, Error, Fault, Method, Reply, Result};
use tokio::time::Instant;

use crate::Channel;

/// A call that failed for good, as its fallback sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedCall<T = Bytes> {
    /// What is known about it; its deadline may be over.
    pub info: CallInfo,
    /// Its message.
    pub message: T,
    /// Why it failed.
    pub error: Error,
}

type Answer = BoxFuture<'static, Result<Reply<Bytes>>>;

/// A function of the user.
pub(crate) struct Fallback(Box<dyn Fn(FailedCall) -> Answer + Send + Sync>);

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}

impl Channel {
    /// Answers calls of a unary `method` by `fallback` when all else failed: breaker open, retries
    /// used up, time over. It replaces an earlier one and holds for every clone of the channel.
    ///
    /// It is told the error and may answer, or give that or another error; it runs outside of the
    /// deadline, which may be over, so it should answer from what is at hand. It is not asked about
    /// the mistakes of callers, such as `NotFound`, which are answers (a quota that is used up is
    /// none), nor when the caller leaves.
    pub fn fallback<Req, Rsp, F, Fut>(
        &self,
        method: Method,
        requests: Codec<Req>,
        replies: Codec<Rsp>,
        fallback: F,
    ) where
        Req: Send + 'static,
        Rsp: 'static,
        F: Fn(FailedCall<Req>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Rsp>> + Send + 'static,
    {
        let run = move |failed: FailedCall| -> Answer {
            let FailedCall {
                info,
                message,
                error,
            } = failed;
            match (requests.decode)(message) {
                Err(_) => Box::pin(async { Err(error) }),
                Ok(message) => {
                    let answer = fallback(FailedCall {
                        info,
                        message,
                        error,
                    });
                    Box::pin(async move { Ok(Reply::new((replies.encode)(&answer.await?))) })
                }
            }
        };
        let state = self.0.methods.of(method, Instant::now());
        state
            .fallback
            .store(Some(Arc::new(Fallback(Box::new(run)))));
    }

    /// The answer of the fallback of `method`, or the error that stands.
    pub(super) async fn fall_back(
        &self,
        info: CallInfo,
        message: Bytes,
        error: Error,
        now: Instant,
    ) -> Result<Reply<Bytes>> {
        let state = self.0.methods.of(info.method(), now);
        let fallback = state.fallback.load_full();
        match fallback.filter(|_| is_failure(error.class())) {
            Some(fallback) => {
                let failed = FailedCall {
                    info,
                    message,
                    error,
                };
                (fallback.0)(failed).await
            }
            None => Err(error),
        }
    }
}

/// Whether an error is none of the answers that a callee may give to a healthy caller.
fn is_failure(class: Class) -> bool {
    class.fault() != Fault::Caller || class == Class::RateLimited
}
