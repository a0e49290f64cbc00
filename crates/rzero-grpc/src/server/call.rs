//! One call: from the request's head to the trailers.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use rzero_core::{
    Call, CallInfo, Class, Dispatch, Duplex, Error, Metadata, Method, Peer, Reply, recover,
};
use tokio::time::{Instant, timeout_at};

use super::stream::GrpcStream;
use crate::frame::{Deframer, frame};
use crate::{RECEIVE_BYTES_MAX, headers, timeout};

/// Time to read the message of a unary call that has no deadline.
const BODY: Duration = Duration::from_secs(30);

pub(super) async fn serve(
    dispatch: Arc<dyn Dispatch>,
    peer: Arc<Peer>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let received = Instant::now();
    let (head, body) = request.into_parts();
    if let Err(refusal) = check_head(&head) {
        return refuse(respond, refusal);
    }
    let path = head.uri.path();
    let Some(method) = dispatch.resolve(path.as_bytes()) else {
        let error = Error::unimplemented(format!("no method {path} here"));
        return send_error(&mut respond, &error);
    };
    let info = match call_info(method, received, peer, &head.headers) {
        Ok(info) => info,
        Err(error) => return send_error(&mut respond, &error),
    };
    if method.kind().is_stream() {
        stream(&*dispatch, info, body, respond).await;
    } else {
        unary(&*dispatch, info, body, respond).await;
    }
}

/// A request that is not gRPC gets a plain HTTP answer, so that any client sees one.
fn check_head(head: &http::request::Parts) -> Result<(), (StatusCode, &'static str)> {
    let content = head
        .headers
        .get(http::header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let is_grpc = content.is_some_and(|c| {
        c.strip_prefix(b"application/grpc")
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    });
    if !is_grpc {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This port speaks gRPC.\n",
        ));
    }
    if head.method != http::Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "gRPC requests are POST.\n"));
    }
    Ok(())
}

fn refuse(mut respond: SendResponse<Bytes>, (status, text): (StatusCode, &'static str)) {
    let mut response = Response::new(());
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain"),
    );
    // It fails only when the peer has left.
    if let Ok(mut body) = respond.send_response(response, false) {
        let _ = body.send_data(Bytes::from_static(text.as_bytes()), true);
    }
}

fn call_info(
    method: Method,
    received: Instant,
    peer: Arc<Peer>,
    fields: &HeaderMap,
) -> Result<CallInfo, Error> {
    let mut info = CallInfo::new(method, received);
    info.set_peer(peer);
    if let Some(text) = fields.get("grpc-timeout") {
        let budget = text.to_str().ok().and_then(timeout::parse);
        let budget = budget.ok_or(Error::invalid_input("malformed grpc-timeout"))?;
        info.set_deadline(received.checked_add(budget));
    }
    let metadata = headers::read(fields);
    if !metadata.is_empty() {
        info.set_metadata(Some(Arc::new(metadata)));
    }
    Ok(info)
}

async fn unary(
    dispatch: &dyn Dispatch,
    info: CallInfo,
    mut body: RecvStream,
    mut respond: SendResponse<Bytes>,
) {
    let by = info.deadline().unwrap_or(info.received() + BODY);
    let work = async {
        let late = |_| {
            Error::new(
                Class::ExpiredInQueue,
                "no whole request before the deadline",
            )
        };
        let message = timeout_at(by, read_message(&mut body))
            .await
            .map_err(late)??;
        recover(dispatch.unary(Call {
            info,
            body: message,
        }))
        .await
    };
    let reset = poll_fn(|cx| respond.poll_reset(cx));
    // A caller that leaves drops the handler.
    let result = tokio::select! {
        result = work => result,
        _ = reset => return,
    };
    match result {
        Ok(reply) => send_reply(&mut respond, &reply),
        Err(error) => send_error(&mut respond, &error),
    }
}

async fn read_message(body: &mut RecvStream) -> Result<Bytes, Error> {
    let mut deframer = Deframer::new(RECEIVE_BYTES_MAX);
    let mut message = None;
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|e| headers::stream_error(&e))?;
        headers::consume(body, &chunk)?;
        deframer.push(&chunk);
        while let Some(next) = deframer.next()? {
            if message.replace(next).is_some() {
                return Err(Error::unimplemented(
                    "more than one message in a unary request",
                ));
            }
        }
    }
    let bad = |text: &'static str| Error::new(Class::Decode, text);
    if deframer.is_torn() {
        return Err(bad("the request ended inside a message"));
    }
    message.ok_or_else(|| bad("no message in the request"))
}

fn send_reply(respond: &mut SendResponse<Bytes>, reply: &Reply<Bytes>) {
    // Failures mean that the peer has left: nobody is there to be told.
    if let Ok(mut body) = respond.send_response(headers::response(&reply.headers), false) {
        let _ = body.send_data(frame(&reply.body), false);
        let _ = body.send_trailers(headers::write_status(Ok(&reply.trailers)));
    }
}

/// Ends a call that has sent nothing yet.
pub(super) fn send_error(respond: &mut SendResponse<Bytes>, error: &Error) {
    let initial = error.reply_metadata().map(|reply| &reply.headers);
    let mut response = headers::response(initial.unwrap_or(&Metadata::new()));
    let status = headers::write_status(Err(error));
    if initial.is_some_and(|headers| !headers.is_empty()) {
        if let Ok(mut body) = respond.send_response(response, false) {
            let _ = body.send_trailers(status);
        }
        return;
    }
    response.headers_mut().extend(status);
    let _ = respond.send_response(response, true);
}

async fn stream(
    dispatch: &dyn Dispatch,
    info: CallInfo,
    body: RecvStream,
    respond: SendResponse<Bytes>,
) {
    let io = Arc::new(GrpcStream::new(body, respond));
    let duplex = Duplex::new(Arc::clone(&io) as _);
    let work = recover(dispatch.stream(Call { info, body: duplex }));
    let result = tokio::select! {
        result = work => result,
        () = poll_fn(|cx| io.poll_reset(cx)) => return,
    };
    io.finish(result);
}
