//! The answer of a tonic service, as messages and an end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body as _;
use rzero_core::{Class, Error, Metadata, Result, RetrySafety};
use tonic::body::Body;

use crate::MESSAGE_BYTES_MAX;
use crate::frame::Deframer;
use crate::headers;
use crate::inflate::Encoding;
use crate::status::{self, of_status};

/// The messages of an answer and how it ended.
pub(super) struct Answer {
    body: Body,
    deframer: Deframer,
    /// How the call ended, once that is known.
    end: Option<Result<Metadata>>,
    trailers: Metadata,
}

impl Answer {
    /// The initial metadata of a response, and the rest.
    pub(super) fn open(response: Response<Body>) -> Result<(Metadata, Self)> {
        let (head, body) = response.into_parts();
        let encoding = Encoding::of(&head.headers)?;
        // In an answer that is only a head, all metadata is trailing metadata.
        let end = status::read(head.headers.clone());
        let initial = match (&end, head.status) {
            (None, StatusCode::OK) => headers::read_lossy(head.headers),
            (None, other) => return Err(status::of_http(other)),
            (Some(_), _) => Metadata::new(),
        };
        let answer = Self {
            body,
            deframer: Deframer::new(encoding, MESSAGE_BYTES_MAX),
            end,
            trailers: Metadata::new(),
        };
        Ok((initial, answer))
    }

    /// The next message; `None` when the answer ended well.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            if let Some(message) = self.deframer.next()? {
                return Poll::Ready(Ok(Some(message)));
            }
            if let Some(end) = self.end.take() {
                let torn = self.deframer.is_torn();
                self.trailers = end.map_err(passed_on)?;
                return Poll::Ready(if torn { Err(torn_message()) } else { Ok(None) });
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(Err(no_status())),
                Some(Err(status)) => return Poll::Ready(Err(passed_on(of_status(status)))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => self.deframer.push(chunk),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        let end = status::read(trailers);
                        self.end = Some(end.unwrap_or_else(|| Err(no_status())));
                    }
                },
            }
        }
    }

    /// Trailing metadata of an answer that ended well.
    pub(super) fn into_trailers(self) -> Metadata {
        self.trailers
    }
}

/// A handler of tonic that passes on the failure of one of its own calls has run, but a status does
/// not say where it was made. What only we say about a call, that nothing ran, cannot be its own.
fn passed_on(error: Error) -> Error {
    let nothing_ran = error.class().retry_safety() == RetrySafety::NothingRan;
    if nothing_ran && error.class() != Class::of_code(error.code()) {
        return error.relayed();
    }
    error
}

fn no_status() -> Error {
    Error::internal("the service ended its answer without a status")
}

fn torn_message() -> Error {
    Error::internal("the service ended its answer inside a message")
}
