//! A stream in flight: its deadline, and what its breaker and its node learn from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use rzero_core::{Class, Error, Fixed, Metadata, StreamIo};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::call::is_overdue;
use crate::flight::Flight;

static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed before the stream ended",
);

/// A timer that is armed when it is first polled; one per direction, as each has its own waker.
struct Timer(Mutex<Option<Pin<Box<Sleep>>>>);

impl Timer {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn is_over(&self, deadline: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let Some(at) = deadline else {
            return false;
        };
        let mut timer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        timer.as_mut().poll(cx).is_ready()
    }
}

pub(crate) struct Tracked {
    inner: Arc<dyn StreamIo>,
    flight: Mutex<Option<Flight>>,
    deadline: Option<Instant>,
    receiving: Timer,
    sending: Timer,
    /// The deadline passed; both directions then say so.
    late: AtomicBool,
    /// A message arrived: the node is no black hole.
    answered: AtomicBool,
}

impl Tracked {
    /// The deadline is that of the flight.
    pub(crate) fn new(inner: Arc<dyn StreamIo>, flight: Flight) -> Self {
        Self {
            inner,
            deadline: flight.deadline,
            flight: Mutex::new(Some(flight)),
            receiving: Timer::new(),
            sending: Timer::new(),
            late: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        }
    }

    fn flight(&self) -> Option<Flight> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        flight.take()
    }

    fn end(&self, end: Result<(), &Error>) {
        if let Some(mut flight) = self.flight() {
            flight.finish_stream(end, Instant::now());
        }
    }

    fn late(&self) -> Error {
        self.late.store(true, Ordering::Relaxed);
        let error = Error::fixed(&LATE);
        // A stream that was answered and is cut as planned says nothing against its node.
        match self.answered.load(Ordering::Relaxed) {
            true => self.end(Ok(())),
            false => self.end(Err(&error)),
        }
        self.inner.release_recv();
        error
    }

    /// Whether time is up: noticed by the other direction, or now.
    fn is_over(&self, timer: &Timer, cx: &mut Context<'_>) -> bool {
        self.late.load(Ordering::Relaxed) || timer.is_over(self.deadline, cx)
    }
}

impl StreamIo for Tracked {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        // Asked first, so that a stream which always has something ready ends on time too.
        if self.is_over(&self.receiving, cx) {
            return Poll::Ready(Err(self.late()));
        }
        if let Poll::Ready(result) = self.inner.poll_recv(cx) {
            return Poll::Ready(match result {
                Ok(Some(message)) => {
                    self.answered.store(true, Ordering::Relaxed);
                    Ok(Some(message))
                }
                Ok(None) => {
                    self.end(Ok(()));
                    Ok(None)
                }
                Err(error) if is_overdue(&error, self.deadline, Instant::now()) => Err(self.late()),
                Err(error) => {
                    self.end(Err(&error));
                    Err(error.relayed())
                }
            });
        }
        Poll::Pending
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        if self.is_over(&self.sending, cx) {
            return Poll::Ready(Err(self.late()));
        }
        self.inner.poll_send(cx, message)
    }

    fn close_send(&self) {
        self.inner.close_send();
    }

    fn add_headers(&self, headers: Metadata) -> bool {
        self.inner.add_headers(headers)
    }

    fn headers(&self) -> Option<Metadata> {
        self.inner.headers()
    }

    fn trailers(&self) -> Option<Metadata> {
        self.inner.trailers()
    }

    fn release_recv(&self) {
        // Whoever waited until the deadline was left without an answer.
        let now = Instant::now();
        let late = self.deadline.is_some_and(|at| at <= now);
        match self.flight() {
            Some(mut flight) if late && !self.answered.load(Ordering::Relaxed) => {
                flight.finish_stream(Err(&Error::fixed(&LATE)), now);
            }
            Some(mut flight) => flight.abandon(),
            None => {}
        }
        self.inner.release_recv();
    }

    fn release_send(&self) {
        self.inner.release_send();
    }
}
