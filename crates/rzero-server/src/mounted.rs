//! The chain around every served call, in one place and one order.
//!
//! Outside in: deadline (a dead request is refused, a live one ends on time) → recover (a panic
//! becomes one INTERNAL answer) → user layers → handler. What stands before `recover` runs no
//! user code.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{
    Ambient, BoxFuture, Call, CallInfo, Class, Duplex, Error, Fault, Fixed, Handling, Outcome,
    Reply, Result, Service, Shields, TraceContext, Trailers, names, recover, scope,
};
use tokio::time::{Instant, timeout_at};

static EXPIRED: Fixed = Fixed::new(
    Class::ExpiredInQueue,
    "the deadline passed before the call began",
);
static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed while the call ran",
);

/// What the chain needs to know beside the call.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Time of a unary call whose caller gave none; `None` waits for ever.
    pub(crate) timeout: Option<Duration>,
    /// Sections that outlive a cancelled call.
    pub(crate) shields: Arc<Shields>,
}

/// A service as the router holds it: its type is gone, one box per call is left.
pub(crate) trait Mount: Send + Sync + 'static {
    fn unary(&self, call: Call<Bytes>, rules: &Rules) -> Handling<Reply<Bytes>>;
    fn stream(&self, call: Call<Duplex>, rules: &Rules) -> Handling<Trailers>;
}

/// A service with its user layers.
pub(crate) struct Mounted<S>(pub(crate) Arc<S>);

impl<S> Mount for Mounted<S>
where
    S: Service<Call<Bytes>, Reply = Reply<Bytes>> + Service<Call<Duplex>, Reply = Trailers>,
{
    fn unary(&self, mut call: Call<Bytes>, rules: &Rules) -> Handling<Reply<Bytes>> {
        if call.info.deadline().is_none() {
            let until = rules
                .timeout
                .and_then(|t| call.info.received().checked_add(t));
            call.info.set_deadline(until);
        }
        chain(Arc::clone(&self.0), call, rules)
    }

    fn stream(&self, call: Call<Duplex>, rules: &Rules) -> Handling<Trailers> {
        chain(Arc::clone(&self.0), call, rules)
    }
}

fn chain<S, B>(
    service: Arc<S>,
    mut call: Call<B>,
    rules: &Rules,
) -> BoxFuture<'static, Result<S::Reply>>
where
    S: Service<Call<B>>,
    B: Send + 'static,
{
    let (method, received) = (call.info.method(), call.info.received());
    let deadline = call.info.deadline();
    let ambient = enter(&mut call.info, &rules.shields);
    Box::pin(async move {
        let handled = async { service.call(call).await };
        let work = scope(ambient, recover(handled));
        let result = match deadline {
            Some(at) if at <= Instant::now() => Err(Error::fixed(&EXPIRED)),
            Some(at) => match timeout_at(at, work).await {
                Ok(result) => result,
                Err(_) => Err(Error::fixed(&LATE)),
            },
            None => work.await,
        };
        result.map_err(|error| {
            log(method.path(), received, &error);
            error.from_handler(method.service())
        })
    })
}

/// Reads from the metadata what travels on with the work, and marks the call with it.
fn enter(info: &mut CallInfo, shields: &Arc<Shields>) -> Ambient {
    let mut ambient = Ambient {
        deadline: info.deadline(),
        shields: Some(Arc::clone(shields)),
        ..Ambient::default()
    };
    if let Some(metadata) = info.metadata() {
        // A lane or attempt that is malformed is not ours; the call travels on without it.
        ambient.lane = metadata
            .get(names::LANE)
            .and_then(|l| l.parse().ok())
            .unwrap_or_default();
        ambient.attempt = metadata
            .get(names::ATTEMPT)
            .and_then(|a| a.parse().ok())
            .unwrap_or_default();
        ambient.shadow = metadata.get(names::SHADOW) == Some("1");
        ambient.caller = metadata.get(names::CALLER).map(Arc::from);
        ambient.idempotency_key = metadata.get(names::IDEMPOTENCY_KEY).map(Arc::from);
        let parent = metadata
            .get(names::TRACEPARENT)
            .and_then(|t| t.parse::<TraceContext>().ok());
        let state = metadata.get(names::TRACESTATE);
        ambient.trace = parent.map(|p| state.map_or(p.clone(), |s| p.with_state(s)));
        let (lane, attempt) = (ambient.lane.clone(), ambient.attempt);
        info.set_lane(lane);
        info.set_attempt(attempt);
    }
    ambient
}

/// A failure that is not the caller's is told, with its cause, which the wire does not carry.
fn log(method: &'static str, received: Instant, error: &Error) {
    if Outcome::failed(error.class()).is_ok() {
        return;
    }
    let millis = received.elapsed().as_millis();
    let cause =
        std::iter::successors(error.source(), |e| e.source()).fold(String::new(), |all, e| {
            if all.is_empty() {
                e.to_string()
            } else {
                format!("{all}: {e}")
            }
        });
    match error.class() {
        Class::Internal | Class::Unknown | Class::DataLoss | Class::Encode => {
            tracing::error!(method, reason = error.reason(), %error, cause, millis, "call failed");
        }
        class => {
            let ours = class.fault() == Fault::Callee;
            tracing::debug!(method, reason = error.reason(), %error, cause, millis, ours, "call failed");
        }
    }
}
