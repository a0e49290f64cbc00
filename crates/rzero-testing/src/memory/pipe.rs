//! A bounded queue of messages with one reader and one writer.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rzero_core::{Class, Error};

/// Messages that wait to be read; the writer waits when it is full.
const MESSAGES_MAX: usize = 16;

#[derive(Default)]
pub(crate) struct Pipe(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Bytes>,
    end: Option<Result<(), Error>>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        let mut state = self.state();
        if let Some(message) = state.queue.pop_front() {
            let writer = state.writer.take();
            drop(state);
            writer.into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(Some(message)));
        }
        match state.end.take() {
            Some(Ok(())) => {
                state.end = Some(Ok(()));
                Poll::Ready(Ok(None))
            }
            Some(Err(error)) => {
                state.end = Some(Err(Error::new(
                    Class::Cancelled,
                    "the stream has failed before",
                )));
                Poll::Ready(Err(error))
            }
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        let mut state = self.state();
        if state.end.is_some() || state.reader_gone {
            return Poll::Ready(Err(Error::new(
                Class::Cancelled,
                "the peer takes no more messages",
            )));
        }
        if state.queue.len() >= MESSAGES_MAX {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.queue.extend(message.take());
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    /// The writer says that no more follows, or why it broke. The first end counts.
    pub(crate) fn end(&self, end: Result<(), Error>) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(end);
        }
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Something beside the messages has changed.
    pub(crate) fn wake_reader(&self) {
        let reader = self.state().reader.take();
        reader.into_iter().for_each(Waker::wake);
    }

    /// The reader takes no more.
    pub(crate) fn close_reader(&self) {
        let mut state = self.state();
        state.reader_gone = true;
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waker::wake);
    }
}
