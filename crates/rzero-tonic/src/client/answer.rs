//! The answer to a call, as tonic reads it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use rzero_core::{Error, Inbound, Metadata, Outbound, Reply, Result};
use tonic::Status;
use tonic::body::Body;

use super::pump::{Pump, Shared};
use crate::frame::frame;
use crate::{headers, status};

/// The head of an answer.
pub(super) fn response(initial: &Metadata, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.version_mut() = http::Version::HTTP_2;
    let fields = response.headers_mut();
    let grpc = HeaderValue::from_static("application/grpc");
    fields.insert(header::CONTENT_TYPE, grpc);
    headers::write(initial, fields);
    response
}

/// The answer to a unary call.
pub(super) fn of_reply(reply: Reply<Bytes>) -> Response<Body> {
    let end = status::write(Ok(&reply.trailers));
    let (chunk, rest) = frame(reply.body);
    let whole = Whole {
        chunks: [Some(chunk), rest],
        end: Some(end),
    };
    response(&reply.headers, Body::new(whole))
}

/// An answer that is all there.
struct Whole {
    chunks: [Option<Bytes>; 2],
    end: Option<HeaderMap>,
}

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let chunk = self.chunks.iter_mut().find_map(Option::take);
        let frame = chunk.map(Frame::data);
        Poll::Ready(
            frame
                .or_else(|| self.end.take().map(Frame::trailers))
                .map(Ok),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.end.is_none()
    }
}

/// What keeps the sending half of a call that streams.
pub(super) enum Sender {
    /// The whole request; `None` once it was sent.
    Whole(Outbound, Option<Bytes>),
    /// A task sends on.
    Pump(Pump),
}

/// The answer to a call that streams. Dropping it cancels the call.
pub(super) struct Answers {
    // Dropped first: cancelling comes before the end of sending.
    rx: Inbound,
    sender: Sender,
    /// What was received before the head could be told.
    first: Option<Option<Bytes>>,
    /// The rest of a message whose prefix was given.
    rest: Option<Bytes>,
    /// The head went out before the peer's initial metadata came: it comes with the end.
    early: bool,
    ended: bool,
}

impl Answers {
    pub(super) fn new(rx: Inbound, sender: Sender) -> Self {
        Self {
            rx,
            sender,
            first: None,
            rest: None,
            early: false,
            ended: false,
        }
    }

    /// The head, with this as its body. `first` is what was received before, if anything was.
    pub(super) fn into_response(mut self, first: Option<Option<Bytes>>) -> Response<Body> {
        let initial = self.rx.io().headers();
        (self.first, self.early) = (first, initial.is_none());
        response(&initial.unwrap_or_default(), Body::new(self))
    }

    /// The next message; `None` when the call ended well.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Ok(first));
        }
        match &mut self.sender {
            Sender::Whole(tx, message) => {
                // When the peer takes no more, the call has ended and its answer says why.
                if message.is_some() && tx.poll_send(cx, message).is_ready() {
                    *message = None;
                    tx.close();
                }
            }
            Sender::Pump(pump) => {
                if let Poll::Ready(error) = pump.shared().poll_failure(cx) {
                    return Poll::Ready(Err(error));
                }
            }
        }
        self.rx.poll_recv(cx)
    }

    /// Whether the peer's initial metadata came.
    pub(super) fn has_head(&self) -> bool {
        self.rx.io().headers().is_some()
    }

    /// What the sending task tells; `None` when there is none.
    pub(super) fn shared(&self) -> Option<&Shared> {
        match &self.sender {
            Sender::Whole(..) => None,
            Sender::Pump(pump) => Some(pump.shared()),
        }
    }

    /// The fields that end the answer.
    fn end(&self, end: Result<(), Error>) -> HeaderMap {
        let io = self.rx.io();
        match end {
            Ok(()) => {
                let mut fields = status::write(Ok(&io.trailers().unwrap_or_default()));
                if self.early {
                    headers::write(&io.headers().unwrap_or_default(), &mut fields);
                }
                fields
            }
            Err(error) if self.early => status::write(Err(&error)),
            // Its initial metadata was told with the head.
            Err(error) => status::write_end(&error),
        }
    }
}

impl http_body::Body for Answers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let end = match ready!(self.poll_next(cx)) {
            Ok(Some(message)) => {
                let (chunk, rest) = frame(message);
                self.rest = rest;
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.ended = true;
        Poll::Ready(Some(Ok(Frame::trailers(self.end(end)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.rest.is_none()
    }
}
