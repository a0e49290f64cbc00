//! The probe of an ejected node: one gRPC health check.

use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Call, CallInfo, Class, Connection, Idempotency, Kind, Method, MethodDesc, Outcome,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::node::{Change, Event, Node, State};

static CHECK: MethodDesc = MethodDesc {
    path: "/grpc.health.v1.Health/Check",
    service: "grpc.health.v1.Health",
    name: "Check",
    kind: Kind::Unary,
    idempotency: Idempotency::NoSideEffects,
    index: 0,
};

/// `HealthCheckResponse { status: SERVING }`, encoded.
const SERVING: &[u8] = &[0x08, 0x01];

impl Node {
    /// Asks the node whether it is well again, in a task of its own; the answer is an event.
    pub(super) fn probe(&mut self, by: Instant, events: mpsc::Sender<Event>) {
        let State::Ready(connection) = &self.state else {
            return;
        };
        let connection = Arc::clone(connection);
        let (id, address) = (self.instance.id.clone(), self.address.clone());
        let task = tokio::spawn(async move {
            let outcome = ask(&*connection, by).await;
            let change = Change::Probed(outcome);
            // Nobody listens any more: the channel is gone.
            let _ = events
                .send(Event {
                    id,
                    address,
                    change,
                })
                .await;
        });
        // An earlier one had no verdict in its time.
        if let Some(old) = self.probing.replace(task) {
            old.abort();
        }
    }
}

/// The outcome of a health check. A server without one answers that it lacks the method, which
/// shows that it lives.
async fn ask(connection: &dyn Connection, by: Instant) -> Outcome {
    let mut info = CallInfo::new(Method::new(&CHECK), Instant::now());
    info.set_deadline(Some(by));
    let body = Bytes::new();
    match timeout_at(by, connection.unary(Call { info, body })).await {
        Ok(Ok(reply)) if reply.body == SERVING => Outcome::OK,
        Ok(Ok(_)) => Outcome::failed(Class::Unavailable),
        Ok(Err(error)) if error.class() == Class::Cancelled => {
            Outcome::failed(Class::DeadlineExceeded)
        }
        Ok(Err(error)) => Outcome::failed(error.class()),
        Err(_) => Outcome::failed(Class::DeadlineExceeded),
    }
}
