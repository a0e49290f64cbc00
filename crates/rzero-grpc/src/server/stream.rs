//! Both directions of a served stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use rzero_core::{Class, Error, Metadata, StreamIo, Trailers};

use super::call::send_error;
use crate::frame::Deframer;
use crate::send::poll_send;
use crate::{RECEIVE_BYTES_MAX, headers};

pub(super) struct GrpcStream {
    up: Mutex<Up>,
    down: Mutex<Down>,
    wakers: Arc<Wakers>,
}

/// h2 remembers one task per stream for "reset" and "may send" together, but the task that watches
/// for a reset and the one that sends may differ: both are woken, each by its own waker.
#[derive(Default)]
struct Wakers(Mutex<[Option<Waker>; 2]>);

const RESET: usize = 0;
const SEND: usize = 1;

impl Wakers {
    /// Remembers the task of `cx`, and gives the waker for h2.
    fn join(self: &Arc<Self>, slot: usize, cx: &Context<'_>) -> Waker {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[slot] = Some(cx.waker().clone());
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        let both = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        both.into_iter().flatten().for_each(Waker::wake);
    }
}

struct Up {
    /// `None` once the handler reads no more.
    body: Option<RecvStream>,
    deframer: Deframer,
    ended: bool,
}

enum Down {
    /// Nothing was sent; the metadata goes out with the first message or the end.
    Waiting(SendResponse<Bytes>, Metadata),
    /// The head was sent.
    Open(SendStream<Bytes>),
    /// The peer is gone or all was said.
    Ended,
}

impl GrpcStream {
    pub(super) fn new(body: RecvStream, respond: SendResponse<Bytes>) -> Self {
        let up = Up {
            body: Some(body),
            deframer: Deframer::new(RECEIVE_BYTES_MAX),
            ended: false,
        };
        let down = Down::Waiting(respond, Metadata::new());
        Self {
            up: Mutex::new(up),
            down: Mutex::new(down),
            wakers: Arc::default(),
        }
    }

    fn down(&self) -> MutexGuard<'_, Down> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when the peer cancelled the call.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = self.wakers.join(RESET, cx);
        let cx = &mut Context::from_waker(&waker);
        match &mut *self.down() {
            Down::Waiting(respond, _) => respond.poll_reset(cx).map(drop),
            Down::Open(send) => send.poll_reset(cx).map(drop),
            Down::Ended => Poll::Ready(()),
        }
    }

    /// Ends the call with what its handler gave.
    pub(super) fn finish(&self, result: Result<Trailers, Error>) {
        let mut down = self.down();
        if let (Err(error), Down::Waiting(respond, metadata)) = (&result, &mut *down)
            && metadata.is_empty()
        {
            send_error(respond, error);
            *down = Down::Ended;
            return;
        }
        // Failures mean that the peer has left: nobody is there to be told.
        if begin(&mut down).is_ok()
            && let Down::Open(send) = &mut *down
        {
            let status = headers::write_status(result.as_ref().map(|trailers| &trailers.0));
            let _ = send.send_trailers(status);
        }
        *down = Down::Ended;
    }
}

/// Sends the head, unless it was sent.
fn begin(down: &mut Down) -> Result<(), Error> {
    if let Down::Waiting(respond, metadata) = down {
        let head = headers::response(metadata);
        let sent = respond.send_response(head, false);
        *down = Down::Open(sent.map_err(|e| headers::stream_error(&e))?);
    }
    Ok(())
}

impl Up {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            if let Some(message) = self.deframer.next()? {
                return Poll::Ready(Ok(Some(message)));
            }
            if self.ended {
                return Poll::Ready(match self.deframer.is_torn() {
                    true => Err(Error::new(
                        Class::Decode,
                        "the request ended inside a message",
                    )),
                    false => Ok(None),
                });
            }
            let Some(body) = &mut self.body else {
                return Poll::Ready(Ok(None));
            };
            match ready!(body.poll_data(cx)) {
                None => self.ended = true,
                Some(chunk) => {
                    let chunk = chunk.map_err(|e| headers::stream_error(&e))?;
                    headers::consume(body, &chunk)?;
                    self.deframer.push(&chunk);
                }
            }
        }
    }
}

impl StreamIo for GrpcStream {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .poll(cx)
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        let waker = self.wakers.join(SEND, cx);
        let mut down = self.down();
        begin(&mut down)?;
        match &mut *down {
            Down::Open(send) => poll_send(send, &mut Context::from_waker(&waker), message),
            _ => Poll::Ready(Err(Error::new(Class::Cancelled, "the call has ended"))),
        }
    }

    fn close_send(&self) {}

    fn add_headers(&self, headers: Metadata) -> bool {
        match &mut *self.down() {
            Down::Waiting(_, metadata) => {
                metadata.extend(&headers);
                true
            }
            _ => false,
        }
    }

    fn headers(&self) -> Option<Metadata> {
        None
    }

    fn trailers(&self) -> Option<Metadata> {
        None
    }

    fn release_recv(&self) {
        self.up.lock().unwrap_or_else(PoisonError::into_inner).body = None;
    }
}
