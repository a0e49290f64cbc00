//! Calls that stream.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::HeaderMap;
use rzero_core::{CallInfo, Class, Error, Metadata, StreamIo};

use super::{InFlight, unary};
use crate::frame::Deframer;
use crate::send::{ended, poll_send};
use crate::{RECEIVE_BYTES_MAX, headers};

pub(super) fn open(scope: InFlight, info: &CallInfo) -> Arc<dyn StreamIo> {
    let (receiving, send) = match scope.0.begin(info) {
        Ok((response, send)) => (Receiving::Head(response), Some(send)),
        Err(error) => (Receiving::Failed(Some(error)), None),
    };
    let deframer = Deframer::new(RECEIVE_BYTES_MAX);
    let down = Down {
        receiving,
        deframer,
        head: HeaderMap::new(),
        trailers: None,
        headers: None,
    };
    Arc::new(GrpcStream {
        down: Mutex::new(down),
        up: Mutex::new(send),
        _scope: scope,
    })
}

struct GrpcStream {
    down: Mutex<Down>,
    up: Mutex<Option<SendStream<Bytes>>>,
    _scope: InFlight,
}

struct Down {
    receiving: Receiving,
    deframer: Deframer,
    head: HeaderMap,
    headers: Option<Metadata>,
    trailers: Option<Metadata>,
}

enum Receiving {
    /// The head of the answer is awaited.
    Head(ResponseFuture),
    /// Messages come.
    Body(RecvStream),
    /// It failed; the error is given once, the end afterwards.
    Failed(Option<Error>),
    /// It ended well.
    Ended,
}

impl Down {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            match &mut self.receiving {
                Receiving::Ended => return Poll::Ready(Ok(None)),
                Receiving::Failed(error) => {
                    let again = || Error::new(Class::Cancelled, "the stream has failed before");
                    return Poll::Ready(Err(error.take().unwrap_or_else(again)));
                }
                Receiving::Head(response) => {
                    let response = ready!(Pin::new(response).poll(cx));
                    match response.map_err(|e| headers::stream_error(&e)) {
                        Ok(response) => self.begin_body(response),
                        Err(error) => self.receiving = Receiving::Failed(Some(error)),
                    }
                }
                Receiving::Body(body) => {
                    match self.deframer.next() {
                        Ok(None) => {}
                        Ok(message) => return Poll::Ready(Ok(message)),
                        Err(error) => {
                            self.receiving = Receiving::Failed(Some(error));
                            continue;
                        }
                    }
                    match ready!(body.poll_data(cx)) {
                        Some(chunk) => {
                            let chunk = chunk.map_err(|e| headers::stream_error(&e));
                            match chunk.and_then(|c| headers::consume(body, &c).map(|()| c)) {
                                Ok(chunk) => self.deframer.push(&chunk),
                                Err(error) => self.receiving = Receiving::Failed(Some(error)),
                            }
                        }
                        None => {
                            let trailers = ready!(body.poll_trailers(cx));
                            self.end(trailers.map_err(|e| headers::stream_error(&e)));
                        }
                    }
                }
            }
        }
    }

    fn begin_body(&mut self, response: http::Response<RecvStream>) {
        let (head, body) = response.into_parts();
        self.receiving = match unary::check_head(&head) {
            Ok(()) => Receiving::Body(body),
            Err(error) => Receiving::Failed(Some(error)),
        };
        // In an answer that is only a head, all metadata is trailing metadata.
        let only_head = headers::read_status(&head.headers).is_some();
        self.headers = Some(if only_head {
            Metadata::new()
        } else {
            headers::read(&head.headers)
        });
        self.head = head.headers;
    }

    fn end(&mut self, trailers: Result<Option<HeaderMap>, Error>) {
        let ended = trailers.and_then(|trailers| unary::end(&self.head, trailers));
        self.receiving = match ended {
            Err(error) => Receiving::Failed(Some(error)),
            Ok((status, mut trailers)) => {
                if headers::read_status(&self.head).is_some() {
                    trailers = headers::read(&self.head);
                }
                self.trailers = Some(trailers.clone());
                let initial = self.headers.clone().unwrap_or_default();
                match status {
                    Err(e) => Receiving::Failed(Some(unary::with_metadata(e, initial, trailers))),
                    Ok(()) if self.deframer.is_torn() => Receiving::Failed(Some(headers::torn())),
                    Ok(()) => Receiving::Ended,
                }
            }
        };
    }
}

impl GrpcStream {
    fn down(&self) -> MutexGuard<'_, Down> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> MutexGuard<'_, Option<SendStream<Bytes>>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamIo for GrpcStream {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.down().poll(cx)
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        match &mut *self.up() {
            Some(send) => poll_send(send, cx, message),
            None => Poll::Ready(Err(ended())),
        }
    }

    fn close_send(&self) {
        if let Some(mut send) = self.up().take() {
            // It fails only when the stream has ended, which is what it asks for.
            let _ = send.send_data(Bytes::new(), true);
        }
    }

    fn add_headers(&self, _: Metadata) -> bool {
        false
    }

    fn headers(&self) -> Option<Metadata> {
        self.down().headers.clone()
    }

    fn trailers(&self) -> Option<Metadata> {
        self.down().trailers.clone()
    }

    fn release_recv(&self) {
        let mut down = self.down();
        if matches!(down.receiving, Receiving::Ended | Receiving::Failed(_)) {
            return;
        }
        down.receiving = Receiving::Failed(None);
        if let Some(mut send) = self.up().take() {
            send.send_reset(h2::Reason::CANCEL);
        }
    }
}
