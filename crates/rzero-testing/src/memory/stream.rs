//! Both ends of a streaming call.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use rzero_core::{Error, Metadata, ReplyMetadata, StreamIo, Trailers};
use tokio::task::AbortHandle;

use super::pipe::Pipe;

/// What both ends share.
#[derive(Default)]
pub(crate) struct Wires {
    up: Pipe,
    down: Pipe,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    waiting: Metadata,
    headers: Option<Metadata>,
    trailers: Option<Metadata>,
}

impl Wires {
    fn told<R>(&self, change: impl FnOnce(&mut Told) -> R) -> R {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn send_headers(&self) {
        let sent = self.told(|told| {
            let first = told.headers.is_none();
            if first {
                told.headers = Some(std::mem::take(&mut told.waiting));
            }
            first
        });
        if sent {
            self.down.wake_reader();
        }
    }

    /// The handler ended.
    pub(crate) fn finish(&self, result: Result<Trailers, Error>) {
        self.send_headers();
        let end = match result {
            Ok(trailers) => {
                self.told(|told| told.trailers = Some(trailers.0));
                Ok(())
            }
            Err(error) => {
                let trailers = error.trailers().cloned().unwrap_or_default();
                let headers = self.told(|told| {
                    told.trailers = Some(trailers);
                    told.headers.clone().unwrap_or_default()
                });
                Err(error.with_reply_metadata(ReplyMetadata {
                    headers,
                    trailers: Metadata::new(),
                }))
            }
        };
        self.down.end(end);
        self.up.close_reader();
    }
}

/// The server's end.
pub(crate) struct ServerIo(pub(crate) Arc<Wires>);

impl StreamIo for ServerIo {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.0.up.poll_read(cx)
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        self.0.send_headers();
        self.0.down.poll_write(cx, message)
    }

    fn close_send(&self) {}

    fn add_headers(&self, headers: Metadata) -> bool {
        self.0.told(|told| {
            let early = told.headers.is_none();
            if early {
                told.waiting.extend(&headers);
            }
            early
        })
    }

    fn send_headers(&self) {
        self.0.send_headers();
    }

    fn headers(&self) -> Option<Metadata> {
        None
    }

    fn trailers(&self) -> Option<Metadata> {
        None
    }

    fn release_recv(&self) {
        self.0.up.close_reader();
    }
}

/// The client's end; dropping it aborts the handler.
pub(crate) struct ClientIo {
    pub(crate) wires: Arc<Wires>,
    pub(crate) handler: Option<AbortHandle>,
}

impl StreamIo for ClientIo {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.wires.down.poll_read(cx)
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        self.wires.up.poll_write(cx, message)
    }

    fn close_send(&self) {
        self.wires.up.end(Ok(()));
    }

    fn add_headers(&self, _: Metadata) -> bool {
        false
    }

    fn headers(&self) -> Option<Metadata> {
        self.wires.told(|told| told.headers.clone())
    }

    fn trailers(&self) -> Option<Metadata> {
        self.wires.told(|told| told.trailers.clone())
    }

    fn release_recv(&self) {
        self.handler.iter().for_each(AbortHandle::abort);
        // A sender that waits for room must not wait for a reader that is gone.
        self.wires.up.close_reader();
    }
}
