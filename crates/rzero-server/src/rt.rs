//! What generated servers call; not for users.

use bytes::Bytes;
use rzero_core::{
    Call, CallInfo, Codec, Cx, Duplex, Error, Receiver, Reply, ReplyMetadata, Result, Sender,
    ServiceDesc, Trailers,
};

/// A service that knows its contract.
pub trait Describe {
    /// Its contract.
    fn describe(&self) -> &'static ServiceDesc;
}

/// Begins a unary call: its context and its decoded message.
///
/// # Errors
/// When the message cannot be decoded.
pub fn open_unary<Req>(call: Call<Bytes>, codec: Codec<Req>) -> Result<(Cx, Req)> {
    let request = (codec.decode)(call.body)?;
    Ok((Cx::unary(call.info), request))
}

/// Ends a unary call.
///
/// # Errors
/// The handler's, with the metadata that it set.
pub fn close_unary<Rsp>(cx: Cx, out: Result<Rsp>, codec: Codec<Rsp>) -> Result<Reply<Bytes>> {
    let metadata = cx.into_reply_metadata();
    match out {
        Ok(message) => {
            let metadata = metadata.unwrap_or_default();
            let body = (codec.encode)(&message);
            Ok(Reply {
                body,
                headers: metadata.headers,
                trailers: metadata.trailers,
            })
        }
        Err(error) => Err(told(error, metadata)),
    }
}

/// A handler's error with the metadata that the handler set, and no other.
fn told(error: Error, metadata: Option<ReplyMetadata>) -> Error {
    let error = error.without_relayed_metadata();
    match metadata {
        Some(metadata) => error.with_reply_metadata(metadata),
        None => error,
    }
}

/// Begins a call that streams: its context and its two directions.
#[must_use]
pub fn open_stream<Req, Rsp>(
    call: Call<Duplex>,
    requests: Codec<Req>,
    replies: Codec<Rsp>,
) -> (Cx, Receiver<Req>, Sender<Rsp>) {
    let cx = Cx::stream(call.info, std::sync::Arc::clone(call.body.io()));
    let Duplex { rx, tx } = call.body;
    (cx, Receiver::new(rx, requests), Sender::new(tx, replies))
}

/// The one message of a call whose caller sends one.
///
/// # Errors
/// When there is none, or more than one.
pub async fn only<Req>(mut rx: Receiver<Req>) -> Result<Req> {
    let missing = || Error::unimplemented("no message where one is expected");
    let request = rx.recv().await?.ok_or_else(missing)?;
    match rx.recv().await? {
        None => Ok(request),
        Some(_) => Err(Error::unimplemented(
            "more than one message where one is expected",
        )),
    }
}

/// Ends a call whose handler has sent its replies.
///
/// # Errors
/// The handler's, with the trailing metadata that it set.
pub fn close_stream(cx: Cx, out: Result<()>) -> Result<Trailers> {
    let metadata = cx.into_reply_metadata();
    match out {
        Ok(()) => Ok(Trailers(metadata.unwrap_or_default().trailers)),
        Err(error) => Err(told(error, metadata)),
    }
}

/// Ends a call whose handler gives the one reply.
///
/// # Errors
/// The handler's, or why the reply could not be sent.
pub async fn close_stream_with<Rsp>(
    cx: Cx,
    mut tx: Sender<Rsp>,
    out: Result<Rsp>,
) -> Result<Trailers> {
    let sent = match out {
        Ok(message) => tx.send(message).await,
        Err(error) => Err(error),
    };
    close_stream(cx, sent)
}

/// The answer to a method that the contract does not have.
#[must_use]
pub fn unimplemented(call: &CallInfo) -> Error {
    Error::unimplemented(format!("{} is not implemented here", call.method().path()))
}
