//! A unary call in flight, as its caller and the task of the connection share it.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rzero_core::{Error, Metadata, PendingReply, Reply};
use rzero_http2::frame::StreamId;

use super::shared::{Command, Shared};
use crate::engine::Touch;
use crate::message::{self, Encoding, Raw};

/// An answer as it came: the caller's task decompresses it.
pub(super) struct Answer {
    pub(super) message: Raw,
    pub(super) encoding: Encoding,
    pub(super) headers: Metadata,
    pub(super) trailers: Metadata,
}

/// A unary call in flight: the one allocation of a call beside its messages.
pub(super) struct Slot {
    shared: Arc<Shared>,
    receive_bytes_max: usize,
    state: Mutex<State>,
}

enum State {
    /// The connection's task has not taken it up.
    Queued(Option<Waker>),
    /// It has been sent.
    Sent(StreamId, Option<Waker>),
    /// The outcome is known.
    Done(Result<Answer, Error>),
    /// The outcome was taken, or nobody waits for one.
    Over,
}

impl Slot {
    /// A call that [`Shared::enter`] has counted.
    pub(super) fn new(shared: Arc<Shared>, receive_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            shared,
            receive_bytes_max,
            state: Mutex::new(State::Queued(None)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody still waits.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(*self.lock(), State::Over)
    }

    /// The call has its stream; `false` when nobody waits any more.
    pub(super) fn sent(&self, stream: StreamId) -> bool {
        let mut state = self.lock();
        if let State::Queued(waker) = &mut *state {
            *state = State::Sent(stream, waker.take());
            return true;
        }
        false
    }

    /// The outcome is known.
    pub(super) fn complete(&self, result: Result<Answer, Error>, woken: &mut Vec<Waker>) {
        let mut state = self.lock();
        match &mut *state {
            State::Queued(waker) | State::Sent(_, waker) => {
                woken.extend(waker.take());
                *state = State::Done(result);
            }
            State::Done(_) | State::Over => {}
        }
    }

    fn open(&self, answer: Answer) -> Result<Reply<Bytes>, Error> {
        let body = answer.message.open(answer.encoding, self.receive_bytes_max);
        Ok(Reply {
            body: body.map_err(message::of_answer)?,
            headers: answer.headers,
            trailers: answer.trailers,
        })
    }
}

impl PendingReply for Slot {
    fn poll_reply(&self, cx: &mut Context<'_>) -> Poll<Result<Reply<Bytes>, Error>> {
        let mut state = self.lock();
        match &mut *state {
            State::Queued(waker) | State::Sent(_, waker) => {
                match waker {
                    Some(waker) if waker.will_wake(cx.waker()) => {}
                    _ => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            State::Done(_) | State::Over => {
                let State::Done(result) = mem::replace(&mut *state, State::Over) else {
                    let error = Error::internal("the answer was taken before");
                    return Poll::Ready(Err(error));
                };
                drop(state);
                Poll::Ready(result.and_then(|answer| self.open(answer)))
            }
        }
    }

    fn cancel(&self) {
        let stream = match mem::replace(&mut *self.lock(), State::Over) {
            State::Sent(stream, _) => stream,
            State::Queued(_) | State::Done(_) | State::Over => return,
        };
        let _ = self.shared.mailbox.send(Command::Cancel(stream));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.left();
    }
}
