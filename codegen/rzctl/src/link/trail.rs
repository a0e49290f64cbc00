//! Remembers where calls went and why connections failed, for people who want to know.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rzero::parts::core::{
    Address, BoxFuture, Call, CallInfo, Connection, Dial, Duplex, Error, Gone, Load, UnaryReply,
};
use tokio::time::Instant;

/// Most failed connections that are remembered.
const FAILURES_MAX: usize = 8;

/// What happened below a channel.
#[derive(Debug, Default)]
pub(crate) struct Trail(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    node: Option<Address>,
    failures: Vec<String>,
}

impl Trail {
    /// Where the last call went.
    pub(crate) fn node(&self) -> Option<Address> {
        self.seen().node.clone()
    }

    /// Why connections could not be opened, each reason once.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.seen().failures.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, to: &Address, error: &Error) {
        let mut text = error.message().to_owned();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        let address = to.to_string();
        if !text.contains(&address) {
            text = format!("{address}: {text}");
        }
        let mut seen = self.seen();
        if !seen.failures.contains(&text) && seen.failures.len() < FAILURES_MAX {
            seen.failures.push(text);
        }
    }
}

/// Opens connections and notes it.
pub(crate) struct NotedDial {
    pub(crate) inner: Arc<dyn Dial>,
    pub(crate) trail: Arc<Trail>,
}

impl Dial for NotedDial {
    fn dial<'a>(
        &'a self,
        to: &'a Address,
        by: Instant,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, Error>> {
        Box::pin(async move {
            match self.inner.dial(to, by).await {
                Ok(inner) => Ok(Arc::new(Noted {
                    inner,
                    to: to.clone(),
                    trail: Arc::clone(&self.trail),
                }) as Arc<dyn Connection>),
                Err(error) => {
                    self.trail.failed(to, &error);
                    Err(error)
                }
            }
        })
    }
}

struct Noted {
    inner: Arc<dyn Connection>,
    to: Address,
    trail: Arc<Trail>,
}

impl Noted {
    fn note(&self) {
        self.trail.seen().node = Some(self.to.clone());
    }
}

impl Connection for Noted {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        self.note();
        self.inner.unary(call)
    }

    fn open(&self, call: CallInfo) -> Duplex {
        self.note();
        self.inner.open(call)
    }

    fn load(&self) -> Load {
        self.inner.load()
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    fn drain(&self) {
        self.inner.drain();
    }

    fn gone(&self) -> BoxFuture<'_, Gone> {
        self.inner.gone()
    }
}
