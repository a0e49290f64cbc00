//! What the callee is told beside the message.

use std::sync::Arc;

use rzero_core::{Ambient, CallInfo, Metadata, Method, names};
use tokio::time::Instant;

use crate::{CallOptions, Channel};

impl Channel {
    /// What the callee is told: options first, then what travels on from the call we work for.
    /// Allocates nothing where neither adds metadata.
    pub(super) fn prepare(&self, method: Method, options: &CallOptions, now: Instant) -> CallInfo {
        let mut info = CallInfo::new(method, now);
        info.set_hash_key(options.hash_key);
        info.set_wait_for_ready(options.wait_for_ready.unwrap_or(self.0.wait_for_ready));
        if let Some(yes) = options.idempotent {
            info.set_idempotent(yes);
        }
        match &options.metadata {
            None => info.set_metadata(self.0.plain.clone()),
            Some(own) => {
                info.set_metadata(Some(Arc::clone(own)));
                if let Some(caller) = &self.0.caller {
                    put(&mut info, names::CALLER, || caller.to_string());
                }
            }
        }
        Ambient::with(|ambient| carry(&mut info, ambient));
        info
    }
}

/// Hands on the context of the call that this task works for.
fn carry(info: &mut CallInfo, ambient: &Ambient) {
    info.set_deadline(ambient.deadline);
    info.set_lane(ambient.lane.clone());
    info.set_attempt(ambient.attempt);
    if !ambient.lane.is_base() {
        put(info, names::LANE, || ambient.lane.as_str().to_owned());
    }
    if ambient.attempt > 0 {
        put(info, names::ATTEMPT, || ambient.attempt.to_string());
    }
    if ambient.shadow {
        put(info, names::SHADOW, || "1".to_owned());
    }
    if let Some(key) = &ambient.idempotency_key {
        put(info, names::IDEMPOTENCY_KEY, || key.to_string());
    }
    if let Some(trace) = &ambient.trace {
        put(info, names::TRACEPARENT, || trace.to_string());
        if let Some(state) = trace.state() {
            put(info, names::TRACESTATE, || state.to_owned());
        }
    }
}

/// Adds a pair unless the user set that key.
fn put(info: &mut CallInfo, key: &'static str, value: impl FnOnce() -> String) {
    if info.metadata().is_none_or(|known| known.get(key).is_none()) {
        // What came over a wire was checked there; what we made is plain ASCII.
        let _ = info.metadata_mut().insert(key, value());
    }
}

/// Gives the call the number of its attempt. A repeated call says so: the callee's own calls are
/// then not repeated.
pub(super) fn mark(info: &mut CallInfo, number: u8) {
    if info.attempt() == number {
        return;
    }
    info.set_attempt(number);
    let metadata: &mut Metadata = info.metadata_mut();
    metadata.remove(names::ATTEMPT);
    let _ = metadata.insert(names::ATTEMPT, number.to_string());
}

#[cfg(test)]
mod tests {
    use rzero_core::{Idempotency, Kind};

    use super::*;

    #[test]
    fn repeated_calls_carry_their_number_once() {
        let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown).unwrap();
        let mut info = CallInfo::new(method, Instant::now());
        mark(&mut info, 0);
        assert!(info.metadata().is_none());
        for number in [1, 2, 2] {
            mark(&mut info, number);
        }
        let all: Vec<&str> = info.metadata().unwrap().get_all(names::ATTEMPT).collect();
        assert_eq!((all, info.attempt()), (vec!["2"], 2));
    }
}
