//! Sending messages under the peer's flow control.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;
use rzero_core::{Class, Error};

use crate::frame::frame;
use crate::headers;

/// Sends a message once the peer's window has room for some of it: at most one message waits.
pub(crate) fn poll_send(
    send: &mut SendStream<Bytes>,
    cx: &mut Context<'_>,
    message: &mut Option<Bytes>,
) -> Poll<Result<(), Error>> {
    let Some(bytes) = message else {
        return Poll::Ready(Ok(()));
    };
    send.reserve_capacity(bytes.len() + 5);
    while send.capacity() == 0 {
        match ready!(send.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(Err(headers::stream_error(&error))),
            None => return Poll::Ready(Err(ended())),
        }
    }
    let sent = send
        .send_data(frame(bytes), false)
        .map_err(|e| headers::stream_error(&e));
    *message = None;
    Poll::Ready(sent)
}

/// The peer takes no more messages.
pub(crate) fn ended() -> Error {
    Error::new(
        Class::Cancelled,
        "the peer takes no more messages; the answer says why",
    )
}
