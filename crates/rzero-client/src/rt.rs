//! What generated clients call; not for users, but for [`ClientStream`].

use std::fmt;

use rzero_core::{Class, Code, Codec, Duplex, Error, Method, Receiver, Reply, Result, Sender};

use crate::{CallOptions, Channel};

/// Calls a unary method.
///
/// # Errors
/// The callee's, or why it could not be reached.
pub async fn call_unary<Req, Rsp>(
    channel: &Channel,
    method: Method,
    request: Req,
    options: &CallOptions,
    requests: Codec<Req>,
    replies: Codec<Rsp>,
) -> Result<Reply<Rsp>> {
    let message = (requests.encode)(&request);
    drop(request);
    let reply = channel.unary(method, message, options).await?;
    reply.try_map(replies.decode).map_err(Error::bad_answer)
}

/// Calls a method that answers with a stream.
///
/// # Errors
/// When no node can take the call; what happens later comes out of the receiver.
pub async fn call_server_stream<Req, Rsp>(
    channel: &Channel,
    method: Method,
    request: Req,
    options: &CallOptions,
    requests: Codec<Req>,
    replies: Codec<Rsp>,
) -> Result<Receiver<Rsp>> {
    let message = (requests.encode)(&request);
    drop(request);
    let Duplex { rx, mut tx } = channel.open(method, options).await?;
    // A peer that ended the call before it read the message says why on the other direction.
    let _ = tx.send(message).await;
    tx.close();
    Ok(Receiver::new(rx, replies).of_client())
}

/// Calls a method that takes a stream.
///
/// # Errors
/// When no node can take the call; what happens later comes out of the stream.
pub async fn call_client_stream<Req, Rsp>(
    channel: &Channel,
    method: Method,
    options: &CallOptions,
    requests: Codec<Req>,
    replies: Codec<Rsp>,
) -> Result<ClientStream<Req, Rsp>> {
    let Duplex { rx, tx } = channel.open(method, options).await?;
    Ok(ClientStream {
        rx: Receiver::new(rx, replies).of_client(),
        tx: Sender::new(tx, requests),
    })
}

/// Calls a method that streams both ways.
///
/// # Errors
/// When no node can take the call; what happens later comes out of the receiver.
pub async fn call_bidi<Req, Rsp>(
    channel: &Channel,
    method: Method,
    options: &CallOptions,
    requests: Codec<Req>,
    replies: Codec<Rsp>,
) -> Result<(Sender<Req>, Receiver<Rsp>)> {
    let Duplex { rx, tx } = channel.open(method, options).await?;
    Ok((
        Sender::new(tx, requests),
        Receiver::new(rx, replies).of_client(),
    ))
}

/// A call that sends many messages and is answered by one. Dropped before [`finish`] it cancels
/// the call.
///
/// [`finish`]: ClientStream::finish
pub struct ClientStream<Req, Rsp> {
    // Dropped first: cancelling must come before the end of sending, or a half upload would look
    // like a whole one.
    rx: Receiver<Rsp>,
    tx: Sender<Req>,
}

impl<Req, Rsp> ClientStream<Req, Rsp> {
    /// Sends a message; waits while the peer does not take more.
    ///
    /// # Errors
    /// When the peer takes no more; [`finish`](ClientStream::finish) then says why.
    ///
    /// # Cancel safety
    /// When the future is dropped the message was not sent.
    pub async fn send(&mut self, message: Req) -> Result<()> {
        self.tx.send(message).await
    }

    /// Says that no more messages follow and waits for the answer.
    ///
    /// # Errors
    /// The callee's, or why the stream broke.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call.
    pub async fn finish(self) -> Result<Reply<Rsp>> {
        let Self { mut rx, mut tx } = self;
        tx.close();
        // A callee that answers otherwise has another contract, which gRPC calls UNIMPLEMENTED.
        let bad = |text| Error::with_code(Code::Unimplemented, text).with_class(Class::BadAnswer);
        let body = rx.recv().await?;
        let body = body.ok_or_else(|| bad("no message in the answer"))?;
        if rx.recv().await?.is_some() {
            return Err(bad("more than one message in the answer"));
        }
        let (headers, trailers) = (rx.headers(), rx.trailers());
        Ok(Reply {
            body,
            headers: headers.unwrap_or_default(),
            trailers: trailers.unwrap_or_default(),
        })
    }
}

impl<Req, Rsp> fmt::Debug for ClientStream<Req, Rsp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStream")
            .field("tx", &self.tx)
            .field("rx", &self.rx)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use rzero_core::{Metadata, StreamIo};

    use super::*;

    /// A callee that answers with these messages and ends well.
    struct Answers(Mutex<VecDeque<Bytes>>);

    impl StreamIo for Answers {
        fn poll_recv(&self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
            Poll::Ready(Ok(self.0.lock().unwrap().pop_front()))
        }

        fn poll_send(&self, _: &mut Context<'_>, _: &mut Option<Bytes>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn close_send(&self) {}

        fn add_headers(&self, _: Metadata) -> bool {
            false
        }

        fn headers(&self) -> Option<Metadata> {
            None
        }

        fn trailers(&self) -> Option<Metadata> {
            None
        }

        fn release_recv(&self) {}
    }

    async fn upload(answers: &[&'static str]) -> Result<Reply<Bytes>> {
        let codec = Codec::bytes();
        let answers = answers
            .iter()
            .map(|&text| Bytes::from_static(text.as_bytes()));
        let Duplex { rx, tx } = Duplex::new(Arc::new(Answers(Mutex::new(answers.collect()))));
        let (rx, tx) = (Receiver::new(rx, codec), Sender::new(tx, codec));
        ClientStream { rx, tx }.finish().await
    }

    #[tokio::test]
    async fn uploads_are_answered_by_exactly_one_message() {
        assert_eq!(upload(&["a"]).await.unwrap().into_inner(), "a");
        for answers in [&[][..], &["a", "b"]] {
            let error = upload(answers).await.unwrap_err();
            assert_eq!(error.code(), Code::Unimplemented);
        }
    }
}
