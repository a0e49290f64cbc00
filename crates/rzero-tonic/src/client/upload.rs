//! The messages of a request.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body as _;
use rzero_core::{Error, Result};
use tonic::body::Body;

use crate::MESSAGE_BYTES_MAX;
use crate::frame::Deframer;
use crate::inflate::Encoding;
use crate::status::of_status;

/// The body of a request, as messages.
pub(super) struct Upload {
    body: Body,
    deframer: Deframer,
    ended: bool,
}

/// What of a request was there at once.
pub(super) enum Begin {
    /// All of it: one message.
    Whole(Bytes),
    /// Some messages; more may follow.
    Part(Vec<Bytes>),
}

impl Upload {
    pub(super) fn new(body: Body, encoding: Encoding) -> Self {
        Self {
            body,
            deframer: Deframer::new(encoding, MESSAGE_BYTES_MAX),
            ended: false,
        }
    }

    /// The next message; `None` at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            if let Some(message) = self.deframer.next()? {
                return Poll::Ready(Ok(Some(message)));
            }
            if self.ended {
                return Poll::Ready(match self.deframer.is_torn() {
                    true => Err(Error::internal("the request ended inside a message")),
                    false => Ok(None),
                });
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => self.ended = true,
                Some(Err(status)) => return Poll::Ready(Err(of_status(status))),
                // Requests have no trailers; whoever sends some anyway is not heard.
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        self.deframer.push(chunk);
                    }
                }
            }
        }
    }

    /// What is there at once. When `wait` is set, because the request has one message by its
    /// contract, it is awaited.
    pub(super) async fn begin(&mut self, wait: bool) -> Result<Begin> {
        let mut first: Option<Bytes> = None;
        poll_fn(|cx| {
            loop {
                let next = match self.poll_next(cx)? {
                    Poll::Ready(next) => next,
                    Poll::Pending if wait => return Poll::Pending,
                    Poll::Pending => {
                        return Poll::Ready(Ok(Begin::Part(Vec::from_iter(first.take()))));
                    }
                };
                match (first.take(), next) {
                    (None, Some(message)) => first = Some(message),
                    (Some(message), None) => return Poll::Ready(Ok(Begin::Whole(message))),
                    (None, None) => return Poll::Ready(Ok(Begin::Part(Vec::new()))),
                    (Some(a), Some(b)) => return Poll::Ready(Ok(Begin::Part(vec![a, b]))),
                }
            }
        })
        .await
    }
}
