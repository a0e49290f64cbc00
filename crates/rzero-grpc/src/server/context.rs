//! What the connections of a server have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rzero_core::{Address, Dispatch};
use tokio::time::Instant;

use super::inflate::Inflater;
use super::inline::Book;
use crate::options::ServerOptions;

/// Time to read the message of a unary call that has no deadline.
pub(super) const MESSAGE_WITHIN: Duration = Duration::from_secs(30);
/// Between two complaints about one peer.
const COMPLAINT_EVERY: Duration = Duration::from_secs(60);
/// Peers whose last complaint is remembered.
const COMPLAINTS_MAX: usize = 1024;

/// What the connections of a server have in common.
pub(super) struct Context {
    pub(super) dispatch: Arc<dyn Dispatch>,
    pub(super) options: ServerOptions,
    pub(super) book: Arc<Book>,
    pub(super) inflater: Inflater,
    /// Bytes received and not consumed, over all connections.
    pub(super) buffered: AtomicUsize,
    complaints: Mutex<HashMap<String, Instant>>,
}

impl Context {
    pub(super) fn new(dispatch: Arc<dyn Dispatch>, options: ServerOptions) -> Arc<Self> {
        let book = Arc::new(Book::new(options.inline_max));
        Arc::new(Self {
            dispatch,
            options,
            book,
            inflater: Inflater::new(),
            buffered: AtomicUsize::new(0),
            complaints: Mutex::new(HashMap::new()),
        })
    }

    /// Warns about a peer, once in a minute for each host.
    pub(super) fn complain(&self, peer: &Address, why: impl fmt::Display) {
        if self.may_complain(peer, Instant::now()) {
            tracing::warn!(%peer, "connection ended: {why}");
        } else {
            tracing::debug!(%peer, "connection ended: {why}");
        }
    }

    fn may_complain(&self, peer: &Address, now: Instant) -> bool {
        let host = match peer {
            Address::Tcp { host, .. } => host.clone(),
            other => other.to_string(),
        };
        let mut last = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.len() >= COMPLAINTS_MAX {
            last.retain(|_, at| now.duration_since(*at) < COMPLAINT_EVERY);
        }
        if last
            .get(&host)
            .is_some_and(|at| now.duration_since(*at) < COMPLAINT_EVERY)
            || last.len() >= COMPLAINTS_MAX
        {
            return false;
        }
        last.insert(host, now);
        true
    }
}

/// A connection's share of [`Context::buffered`].
pub(super) struct Share {
    context: Arc<Context>,
    bytes: usize,
}

impl Share {
    pub(super) const fn new(context: Arc<Context>) -> Self {
        Self { context, bytes: 0 }
    }

    /// Sets the share; gives the sum of all.
    pub(super) fn set(&mut self, bytes: usize) -> usize {
        let all = &self.context.buffered;
        if bytes == self.bytes {
            return all.load(Ordering::Relaxed);
        }
        all.fetch_add(bytes, Ordering::Relaxed);
        let before = all.fetch_sub(self.bytes, Ordering::Relaxed);
        let sum = before - self.bytes;
        self.bytes = bytes;
        sum
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.context
            .buffered
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
