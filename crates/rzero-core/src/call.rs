//! A call and everything known about it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Address, Identity, Lane, Metadata, Method};

/// A call on its way: what is known about it, and its message or messages.
#[derive(Debug)]
pub struct Call<B> {
    /// What is known about it.
    pub info: CallInfo,
    /// One encoded message (`Bytes`), or a [`Duplex`](crate::Duplex) of them.
    pub body: B,
}

/// How willing a loaded server should be to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// First to be shed.
    Sheddable,
    /// Ordinary calls.
    #[default]
    Normal,
    /// Last to be shed.
    Critical,
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: Address,
    /// Who its verified certificate says it is, when it showed one: the first URI name in it, else
    /// the first DNS name.
    pub identity: Option<String>,
}

const IDEMPOTENT: u8 = 1;
const WAIT_FOR_READY: u8 = 2;

/// What is known about a call: at most 96 bytes, cloned without allocating.
#[derive(Clone, Debug)]
pub struct CallInfo {
    method: Method,
    received: Instant,
    deadline: Option<Instant>,
    lane: Lane,
    hash_key: Option<u64>,
    peer: Option<Arc<Peer>>,
    metadata: Option<Arc<Metadata>>,
    identity: Option<Arc<Identity>>,
    attempt: u8,
    priority: Priority,
    flags: u8,
}

impl CallInfo {
    /// A call of `method` that was read from the wire, or begun, at `received`.
    #[must_use]
    pub fn new(method: Method, received: Instant) -> Self {
        Self {
            method,
            received,
            deadline: None,
            lane: Lane::base(),
            hash_key: None,
            peer: None,
            metadata: None,
            identity: None,
            attempt: 0,
            priority: Priority::Normal,
            flags: if method.is_idempotent() {
                IDEMPOTENT
            } else {
                0
            },
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// When the call was read from the wire (server; a unary call with its whole message) or begun
    /// (client).
    #[must_use]
    pub fn received(&self) -> Instant {
        self.received
    }

    /// When its time is up.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The time left at `now`; `None` without a deadline, zero when it has passed.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        self.deadline.map(|at| at.saturating_duration_since(now))
    }

    /// The lane it travels on.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Retry number, 0 for the first attempt.
    #[must_use]
    pub fn attempt(&self) -> u8 {
        self.attempt
    }

    /// Its priority.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The key by which consistent hashing places it.
    #[must_use]
    pub fn hash_key(&self) -> Option<u64> {
        self.hash_key
    }

    /// The other end of the connection; `None` on a call that was not yet placed.
    #[must_use]
    pub fn peer(&self) -> Option<&Arc<Peer>> {
        self.peer.as_ref()
    }

    /// Who calls, as the authentication of this server accepted it; `None` where none is asked
    /// for, and on clients.
    #[must_use]
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    /// The request metadata, when there is any.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    /// Whether it may run twice without harm, by contract or because the caller said so.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.flags & IDEMPOTENT != 0
    }

    /// Whether it waits for a ready instance until its deadline instead of failing at once.
    #[must_use]
    pub fn waits_for_ready(&self) -> bool {
        self.flags & WAIT_FOR_READY != 0
    }

    /// Says when the call was read from the wire: what it waits from then on is our doing, and no
    /// longer its caller's.
    pub fn set_received(&mut self, received: Instant) {
        self.received = received;
    }

    /// Sets or clears the deadline.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Sets the lane.
    pub fn set_lane(&mut self, lane: Lane) {
        self.lane = lane;
    }

    /// Sets the retry number.
    pub fn set_attempt(&mut self, attempt: u8) {
        self.attempt = attempt;
    }

    /// Sets the priority.
    pub fn set_priority(&mut self, priority: Priority) {
        self.priority = priority;
    }

    /// Sets the key by which consistent hashing places it.
    pub fn set_hash_key(&mut self, key: Option<u64>) {
        self.hash_key = key;
    }

    /// Sets the other end of the connection.
    pub fn set_peer(&mut self, peer: Arc<Peer>) {
        self.peer = Some(peer);
    }

    /// Says who calls: what authenticates calls does, nobody else.
    pub fn set_identity(&mut self, identity: Arc<Identity>) {
        self.identity = Some(identity);
    }

    /// Sets the request metadata.
    pub fn set_metadata(&mut self, metadata: Option<Arc<Metadata>>) {
        self.metadata = metadata;
    }

    /// The request metadata to change; copied when shared, made when there was none.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        Arc::make_mut(self.metadata.get_or_insert_default())
    }

    /// Says that it may run twice without harm.
    pub fn set_idempotent(&mut self, yes: bool) {
        self.flags = if yes {
            self.flags | IDEMPOTENT
        } else {
            self.flags & !IDEMPOTENT
        };
    }

    /// Says that it waits for a ready instance.
    pub fn set_wait_for_ready(&mut self, yes: bool) {
        self.flags = if yes {
            self.flags | WAIT_FOR_READY
        } else {
            self.flags & !WAIT_FOR_READY
        };
    }
}

/// An answer: its message and, where there are any, metadata before and behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply<T> {
    /// The message.
    pub body: T,
    /// Initial metadata.
    pub headers: Metadata,
    /// Trailing metadata.
    pub trailers: Metadata,
}

impl<T> Reply<T> {
    /// An answer without metadata.
    #[must_use]
    pub fn new(body: T) -> Self {
        Self {
            body,
            headers: Metadata::new(),
            trailers: Metadata::new(),
        }
    }

    /// The message alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.body
    }

    /// The same answer with another body.
    ///
    /// # Errors
    /// What `f` gives.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Reply<U>, E> {
        Ok(Reply {
            body: f(self.body)?,
            headers: self.headers,
            trailers: self.trailers,
        })
    }
}

impl<T> std::ops::Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}

/// The trailing metadata of a stream that ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(pub Metadata);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Idempotency, Kind};

    #[test]
    fn call_info_fits_in_96_bytes() {
        assert!(size_of::<CallInfo>() <= 96, "{}", size_of::<CallInfo>());
    }

    #[test]
    fn contract_marks_calls_idempotent() {
        let read = Method::dynamic("/a.B/Get", Kind::Unary, Idempotency::NoSideEffects).unwrap();
        assert!(CallInfo::new(read, Instant::now()).is_idempotent());
        let write = Method::dynamic("/a.B/Put", Kind::Unary, Idempotency::Unknown).unwrap();
        assert!(!CallInfo::new(write, Instant::now()).is_idempotent());
    }
}
