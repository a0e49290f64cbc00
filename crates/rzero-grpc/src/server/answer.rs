//! Answers, as they are written into the core.

use bytes::Bytes;
use rzero_core::{Class, Error, Metadata, Reply, Trailers};
use rzero_http2::connection::Connection;
use rzero_http2::frame::{ErrorCode, StreamId};

use super::served::Served;
use crate::engine::check_send;
use crate::fields::{self, Refusal};
use crate::message::{self, Compression};

pub(super) type Core = Connection<Served>;

/// Answers a unary call.
pub(super) fn unary(
    core: &mut Core,
    stream: StreamId,
    result: Result<Reply<Bytes>, Error>,
    compression: Option<Compression>,
    send_bytes_max: usize,
) {
    let result = result.and_then(|reply| check_send(&reply.body, send_bytes_max).map(|()| reply));
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => return fail(core, stream, &error),
    };
    core.headers(stream, false, |block| {
        fields::write_head(block, &reply.headers, compression);
    });
    let (prefix, body) = message::pack(reply.body, compression);
    core.data(stream, &prefix, body, false);
    core.headers(stream, true, |block| {
        fields::write_status(block, Ok(&reply.trailers));
    });
    leave(core, stream);
}

/// Ends a call that has sent nothing yet with an error.
pub(super) fn fail(core: &mut Core, stream: StreamId, error: &Error) {
    let initial = error.reply_metadata().map(|reply| &reply.headers);
    match initial.filter(|headers| !headers.is_empty()) {
        Some(headers) => {
            core.headers(stream, false, |block| {
                fields::write_head(block, headers, None);
            });
            core.headers(stream, true, |block| {
                fields::write_status(block, Err(error))
            });
        }
        // All in one block.
        None => {
            core.headers(stream, true, |block| {
                fields::write_trailers_only(block, error)
            });
        }
    }
    leave(core, stream);
}

/// Ends a call that streams, whose messages are all in the core. `head` is what waits to go out
/// with the head, when that was not sent.
pub(super) fn finish(
    core: &mut Core,
    stream: StreamId,
    head: Option<Metadata>,
    answers: Option<Compression>,
    result: Result<Trailers, Error>,
) {
    match (head, &result) {
        (Some(head), Err(error)) if head.is_empty() => return fail(core, stream, error),
        (Some(head), _) => {
            core.headers(stream, false, |block| {
                fields::write_head(block, &head, answers)
            });
        }
        (None, _) => {}
    }
    core.headers(stream, true, |block| {
        fields::write_status(block, result.as_ref().map(|trailers| &trailers.0));
    });
    leave(core, stream);
}

/// Answers a request that is not gRPC as plain HTTP, so that any client sees an answer.
pub(super) fn refuse(core: &mut Core, stream: StreamId, refusal: Refusal) {
    let text = Bytes::from_static(refusal.text.as_bytes());
    core.headers(stream, text.is_empty(), |block| {
        fields::write_refusal(block, refusal)
    });
    if !text.is_empty() {
        core.data(stream, &[], text, true);
    }
    leave(core, stream);
}

/// What a peer still sends after its answer is not wanted; it is told so (RFC 9113 section 8.1).
fn leave(core: &mut Core, stream: StreamId) {
    if core.waiting(stream) == 0 && core.get_mut(stream).is_some() && !core.peer_ended(stream) {
        core.reset(stream, ErrorCode::NO_ERROR);
    }
}

/// The answer to a call that holds more of the server's memory than it may.
pub(super) fn too_much() -> Error {
    Error::new(
        Class::TooLarge,
        "the server holds too many unread bytes; this call has held some for longest",
    )
}
