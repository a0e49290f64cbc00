//! A call of ours as a request for tonic.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};
use http_body::{Frame, SizeHint};
use rzero_core::{Address, CallInfo, Class, Error, Inbound, Peer, Result};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::server::{TcpConnectInfo, UdsConnectInfo};
use tonic::{Code, Status};

use crate::frame::frame;
use crate::headers;
use crate::status::to_status;
use crate::timeout;

/// The head of the request, with what is left of the deadline.
pub(super) fn request(info: &CallInfo, body: Body) -> Result<Request<Body>> {
    let path = info.method().path();
    let uri = Uri::try_from(path).map_err(|source| {
        Error::internal("the path of the method is not a path").with_source(source)
    })?;
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    fields(info, request.headers_mut());
    let extensions = request.extensions_mut();
    if let Some(peer) = info.peer() {
        match connected(peer) {
            Connected::Tcp(info) => drop(extensions.insert(info)),
            Connected::Uds(info) => drop(extensions.insert(info)),
            Connected::Otherwise => {}
        }
        extensions.insert(Arc::clone(peer));
    }
    extensions.insert(info.clone());
    Ok(request)
}

fn fields(info: &CallInfo, fields: &mut HeaderMap) {
    fields.insert(header::TE, HeaderValue::from_static("trailers"));
    let grpc = HeaderValue::from_static("application/grpc");
    fields.insert(header::CONTENT_TYPE, grpc);
    if let Some(left) = info.remaining(Instant::now()) {
        let text = HeaderValue::try_from(timeout::format(left));
        fields.insert("grpc-timeout", text.expect("digits and a letter"));
    }
    if let Some(metadata) = info.metadata() {
        headers::write(metadata, fields);
    }
}

/// What tonic tells handlers about a connection.
enum Connected {
    Tcp(TcpConnectInfo),
    Uds(UdsConnectInfo),
    Otherwise,
}

fn connected(peer: &Peer) -> Connected {
    match &peer.address {
        Address::Tcp { host, port } => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let remote = host.parse().ok().map(|ip| SocketAddr::new(ip, *port));
            Connected::Tcp(TcpConnectInfo {
                local_addr: None,
                remote_addr: remote,
            })
        }
        Address::Unix(_) => Connected::Uds(UdsConnectInfo {
            peer_addr: None,
            peer_cred: None,
        }),
        _ => Connected::Otherwise,
    }
}

/// The messages of a call as the body of a request.
pub(super) struct Messages {
    source: Source,
    /// The rest of a message whose prefix was given.
    rest: Option<Bytes>,
}

enum Source {
    One(Bytes),
    Many(Inbound),
    Ended,
}

impl Messages {
    pub(super) fn one(message: Bytes) -> Self {
        Self::new(Source::One(message))
    }

    pub(super) fn of(rx: Inbound) -> Self {
        Self::new(Source::Many(rx))
    }

    fn new(source: Source) -> Self {
        Self { source, rest: None }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        match &mut self.source {
            Source::One(message) => {
                let message = std::mem::take(message);
                self.source = Source::Ended;
                Poll::Ready(Ok(Some(message)))
            }
            Source::Ended => Poll::Ready(Ok(None)),
            Source::Many(rx) => {
                let message = ready!(rx.poll_recv(cx));
                if !matches!(message, Ok(Some(_))) {
                    self.source = Source::Ended;
                }
                Poll::Ready(message)
            }
        }
    }
}

impl http_body::Body for Messages {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        let message = ready!(self.poll_message(cx));
        Poll::Ready(match message {
            Ok(None) => None,
            Ok(Some(message)) => {
                let (chunk, rest) = frame(message);
                self.rest = rest;
                Some(Ok(Frame::data(chunk)))
            }
            Err(error) => Some(Err(broken(&error))),
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Ended) && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// tonic takes a body that fails with `Cancelled` for one that ended well. A half upload must not
/// look like a whole one.
fn broken(error: &Error) -> Status {
    if error.class() == Class::Cancelled {
        return Status::new(Code::Aborted, "the caller cancelled the call");
    }
    to_status(error)
}
