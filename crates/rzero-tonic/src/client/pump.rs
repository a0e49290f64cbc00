//! Sending the rest of a request while its answer is read.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rzero_core::{Class, Error, Outbound, StreamIo};
use tokio::task::AbortHandle;

use super::upload::Upload;

/// What the sending task and the reader of the answer tell each other.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// Why the request broke; the call ends with it.
    failure: Option<Error>,
    reader: Option<Waker>,
    /// Messages sent so far.
    sent: u64,
    /// The caller has nothing to send at the moment.
    idle: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the request broke; else remembers to wake the reader when it does.
    pub(super) fn poll_failure(&self, cx: &mut Context<'_>) -> Poll<Error> {
        let mut state = self.state();
        if let Some(error) = state.failure.take() {
            return Poll::Ready(error);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// How many messages were sent, if the caller has nothing to send at the moment.
    pub(super) fn idle_at(&self) -> Option<u64> {
        let state = self.state();
        state.idle.then_some(state.sent)
    }

    fn fail(&self, error: Error) {
        let mut state = self.state();
        state.failure = Some(error);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}

/// The sending task; dropping it stops it.
pub(super) struct Pump {
    task: AbortHandle,
    shared: Arc<Shared>,
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pump {
    /// Sends `first` and then what follows, in a task of its own: a caller may read answers late,
    /// or await the head of the answer before it sends on.
    pub(super) fn start(
        io: Arc<dyn StreamIo>,
        tx: Outbound,
        first: Vec<Bytes>,
        upload: Upload,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let sending = Sending {
            armed: true,
            io,
            shared: Arc::clone(&shared),
            tx,
        };
        let task = tokio::spawn(sending.run(first, upload)).abort_handle();
        Self { task, shared }
    }

    /// What the task tells.
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

struct Sending {
    /// Whether the request did not end well yet.
    armed: bool,
    io: Arc<dyn StreamIo>,
    shared: Arc<Shared>,
    tx: Outbound,
}

impl Drop for Sending {
    /// A request that breaks off, also by a panic of the caller's stream, must not look like one
    /// that ended: the call is cancelled before `tx` is dropped.
    fn drop(&mut self) {
        if self.armed {
            self.io.release_recv();
            self.shared.fail(Error::new(
                Class::Cancelled,
                "the stream of the request broke off",
            ));
        }
    }
}

impl Sending {
    async fn run(mut self, first: Vec<Bytes>, mut upload: Upload) {
        for message in first {
            if !self.send(message).await {
                return;
            }
        }
        loop {
            let next = poll_fn(|cx| {
                let next = upload.poll_next(cx);
                self.shared.state().idle = next.is_pending();
                next
            });
            match next.await {
                Ok(Some(message)) => {
                    if !self.send(message).await {
                        return;
                    }
                }
                Ok(None) => {
                    self.armed = false;
                    self.tx.close();
                    return;
                }
                Err(error) => {
                    self.armed = false;
                    self.io.release_recv();
                    self.shared.fail(error);
                    return;
                }
            }
        }
    }

    /// Whether the peer takes more.
    async fn send(&mut self, message: Bytes) -> bool {
        let sent = self.tx.send(message).await.is_ok();
        // When not, the call has ended and its answer says why.
        self.armed &= sent;
        self.shared.state().sent += 1;
        sent
    }
}
