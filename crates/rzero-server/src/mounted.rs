//! The chain around every served call, in one place and one order.
//!
//! Outside in: governance (deadline → shedding → calls at once → rate → breaker, one fused step) →
//! deadline while it runs → recover (a panic becomes one INTERNAL answer) → rates that all processes
//! share → authentication → user layers → handler. What stands before `recover` runs no user code. What governance gave a call,
//! the call holds until its answer is made, a stream until its trailers are.
//!
//! The clock is read twice: when a call is let in, and when it has ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{
    Ambient, BoxFuture, Call, CallInfo, Class, Duplex, Error, Fault, Fixed, Handling, Method,
    Outcome, Reply, Result, Service, Shields, TraceContext, Trailers, names, recover, scope,
    shield,
};
use tokio::time::{Instant, timeout_at};

use crate::auth::Gate;
use crate::govern::{Admitted, Guard};

static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed while the call ran",
);

/// What stands before the methods of a service.
pub(crate) struct Entrance {
    pub(crate) guard: Guard,
    /// `None` where nobody has to show who calls.
    pub(crate) gate: Option<Arc<Gate>>,
}

/// A service as the router holds it: its type is gone, one box per call is left.
pub(crate) trait Mount: Send + Sync + 'static {
    fn unary(&self, call: Call<Bytes>, entrance: &Entrance) -> Handling<Reply<Bytes>>;
    fn stream(&self, call: Call<Duplex>, entrance: &Entrance) -> Handling<Trailers>;
}

/// A service with its user layers.
pub(crate) struct Mounted<S>(pub(crate) Arc<S>);

impl<S> Mount for Mounted<S>
where
    S: Service<Call<Bytes>, Reply = Reply<Bytes>> + Service<Call<Duplex>, Reply = Trailers>,
{
    fn unary(&self, call: Call<Bytes>, entrance: &Entrance) -> Handling<Reply<Bytes>> {
        chain(&self.0, call, entrance)
    }

    fn stream(&self, call: Call<Duplex>, entrance: &Entrance) -> Handling<Trailers> {
        chain(&self.0, call, entrance)
    }
}

fn chain<S, B>(
    service: &Arc<S>,
    mut call: Call<B>,
    entrance: &Entrance,
) -> BoxFuture<'static, Result<S::Reply>>
where
    S: Service<Call<B>>,
    S::Reply: 'static,
    B: Send + 'static,
{
    let guard = &entrance.guard;
    let begun = Instant::now();
    let admitted = match guard.admit(&mut call.info, begun) {
        Ok(admitted) => admitted,
        Err(refusal) => return Box::pin(std::future::ready(Err(refusal))),
    };
    let ending = Ending {
        method: call.info.method(),
        received: call.info.received(),
        deadline: call.info.deadline(),
        admitted,
    };
    let ambient = enter(&mut call.info, guard.shields());
    let rates = guard.shared_rates(&ending.admitted);
    let (service, gate) = (Arc::clone(service), entrance.gate.clone());
    let handled = async move {
        if let Some(rates) = rates {
            rates.admit(&call.info).await?;
        }
        if let Some(gate) = gate {
            gate.check(&mut call.info, begun).await?;
        }
        service.call(call).await
    };
    if ending.admitted.finishes() {
        return Box::pin(finish(handled, ambient, ending));
    }
    Box::pin(async move {
        let work = scope(ambient, recover(handled));
        let result = in_time(ending.deadline, work).await;
        ending.finish(result)
    })
}

/// Runs a handler to its end when its caller has left, or the time is up: it goes on as a shielded
/// section, with all that it was given.
async fn finish<T: Send + 'static>(
    handled: impl Future<Output = Result<T>> + Send + 'static,
    ambient: Ambient,
    ending: Ending,
) -> Result<T> {
    let deadline = ending.deadline;
    let work = async move { ending.finish(recover(handled).await) };
    let shielded = scope(ambient, async { shield(work).await? });
    in_time(deadline, shielded).await
}

/// What `work` gives, or that it came too late.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    let result = timeout_at(deadline, work).await;
    result.unwrap_or_else(|_| Err(Error::fixed(&LATE)))
}

/// What is known of a call at its end. Dropped before it, the call counts as cancelled.
struct Ending {
    method: Method,
    received: Instant,
    deadline: Option<Instant>,
    admitted: Admitted,
}

impl Ending {
    /// Tells the log and governance how the call ended.
    fn finish<T>(self, result: Result<T>) -> Result<T> {
        let now = Instant::now();
        let result = result.map_err(|error| {
            log(self.method.path(), now - self.received, &error);
            error.from_handler(self.method.service())
        });
        let mut outcome = Outcome::of(&result);
        // Whatever a handler that goes on came to: its caller has seen that it was late.
        if self.deadline.is_some_and(|at| at < now) {
            outcome = Outcome::failed(Class::DeadlineExceeded);
        }
        self.admitted.finish(outcome, now);
        result
    }
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
fn log(method: &'static str, took: Duration, error: &Error) {
    if Outcome::failed(error.class()).is_ok() {
        return;
    }
    let millis = took.as_millis();
    match error.class() {
        Class::Internal | Class::Unknown | Class::DataLoss | Class::Encode => {
            tracing::error!(method, reason = error.reason(), %error, cause = causes(error), millis, "call failed");
        }
        class => {
            let ours = class.fault() == Fault::Callee;
            tracing::debug!(method, reason = error.reason(), %error, cause = causes(error), millis, ours, "call failed");
        }
    }
}

/// The causes of an error, the nearest first.
fn causes(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
