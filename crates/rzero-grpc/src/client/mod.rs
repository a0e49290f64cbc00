//! Client connections.

mod stream;
mod unary;

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::uri::{Authority, Scheme};
use rzero_core::{
    Address, BoxFuture, Call, CallInfo, Class, Connection, Dial, Duplex, Error, Fixed, Gone, Load,
    UnaryReply,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::{
    CONNECTION_WINDOW_BYTES, ClientTls, FRAME_BUDGET_BYTES, STREAM_WINDOW_BYTES, headers, timeout,
};

static LEAVING: Fixed = Fixed::new(Class::Draining, "the connection takes no more calls");

/// Opens gRPC connections, plaintext unless [`ClientTls`] is given.
#[derive(Clone, Debug, Default)]
pub struct GrpcDialer {
    tls: Option<ClientTls>,
}

impl GrpcDialer {
    /// A plaintext dialer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    async fn open(&self, to: &Address) -> Result<Arc<dyn Connection>, Error> {
        let failed = |e: std::io::Error| connect_failed(to, &e.to_string()).with_source(e);
        match to {
            Address::Tcp { host, port } => {
                let tcp = TcpStream::connect((host.as_str(), *port))
                    .await
                    .map_err(failed)?;
                tcp.set_nodelay(true).map_err(failed)?;
                let Some(tls) = &self.tls else {
                    return handshake(tcp, to, Scheme::HTTP).await;
                };
                let stream = tls.connect(host, tcp).await;
                let stream = stream.map_err(|e| connect_failed(to, e.message()).with_source(e))?;
                handshake(stream, to, Scheme::HTTPS).await
            }
            Address::Unix(path) => {
                let unix = UnixStream::connect(path).await.map_err(failed)?;
                handshake(unix, to, Scheme::HTTP).await
            }
            other => Err(connect_failed(other, "not an address of the gRPC wire")),
        }
    }
}

impl Dial for GrpcDialer {
    fn dial<'a>(
        &'a self,
        to: &'a Address,
        by: Instant,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, Error>> {
        Box::pin(async move {
            let late =
                |_| connect_failed(to, "no answer in time: is a gRPC server listening there?");
            timeout_at(by, self.open(to)).await.map_err(late)?
        })
    }
}

fn connect_failed(to: &Address, why: &str) -> Error {
    Error::new(
        Class::ConnectFailed,
        format!("cannot connect to {to}: {why}"),
    )
}

async fn handshake<IO>(io: IO, to: &Address, scheme: Scheme) -> Result<Arc<dyn Connection>, Error>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let not_http2 = |e: h2::Error| {
        let hint = "the peer does not speak HTTP/2 in this form (gRPC, plaintext or TLS?)";
        connect_failed(to, &format!("{hint}: {e}"))
    };
    let (send, mut connection) = h2::client::Builder::new()
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .data_frame_budget(FRAME_BUDGET_BYTES)
        .max_frame_size(1 << 16)
        .enable_push(false)
        .handshake::<_, Bytes>(io)
        .await
        .map_err(not_http2)?;
    // A ping round trip proves that an HTTP/2 server is alive behind the open port.
    let mut pings = connection.ping_pong().expect("the handle is taken once");
    let mut pong = Box::pin(pings.ping(h2::Ping::opaque()));
    let alive = poll_fn(|cx| {
        if let Poll::Ready(end) = std::pin::Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(end.and_then(|()| Err(h2::Reason::NO_ERROR.into())));
        }
        pong.as_mut().poll(cx).map_ok(drop)
    });
    alive.await.map_err(not_http2)?;
    drop(pong);
    let authority: Authority = match to {
        Address::Tcp { .. } => to
            .to_string()
            .parse()
            .map_err(|e: http::uri::InvalidUri| connect_failed(to, &e.to_string()))?,
        _ => Authority::from_static("localhost"),
    };
    let shared = Arc::new(Shared {
        send: Mutex::new(Some(send.clone())),
        authority,
        scheme,
        gone: watch::Sender::new(None),
        in_flight: AtomicU32::new(0),
    });
    tokio::spawn(drive(connection, send, Arc::clone(&shared)));
    Ok(Arc::new(GrpcConnection(shared)))
}

struct Shared {
    send: Mutex<Option<SendRequest<Bytes>>>,
    authority: Authority,
    scheme: Scheme,
    gone: watch::Sender<Option<Gone>>,
    in_flight: AtomicU32,
}

impl Shared {
    fn close(&self, why: Gone) {
        self.send
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.gone.send_if_modified(|now| {
            let changed = *now != Some(why);
            *now = Some(why);
            changed
        });
    }

    /// Begins a stream; an error means that nothing was sent.
    fn begin(&self, info: &CallInfo) -> Result<(ResponseFuture, h2::SendStream<Bytes>), Error> {
        let mut request = headers::request(info.method().path(), &self.authority, &self.scheme)?;
        if let Some(metadata) = info.metadata() {
            headers::write(metadata, request.headers_mut());
        }
        if let Some(remaining) = info.remaining(Instant::now()) {
            if remaining < Duration::from_nanos(1) {
                return Err(Error::deadline_exceeded(
                    "the deadline passed before sending",
                ));
            }
            let value = http::HeaderValue::try_from(timeout::format(remaining));
            request
                .headers_mut()
                .insert("grpc-timeout", value.expect("digits and a letter"));
        }
        let send = self
            .send
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut send = send.ok_or(Error::fixed(&LEAVING))?;
        send.send_request(request, false).map_err(|e| {
            match e.is_go_away() || e.is_io() || e.is_reset() || e.is_library() {
                true => Error::fixed(&LEAVING),
                false => Error::internal("not encodable as an HTTP/2 request").with_source(e),
            }
        })
    }
}

/// Counts a call in flight while it lives.
struct InFlight(Arc<Shared>);

impl InFlight {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does the I/O of a connection and notices when it takes no more calls.
async fn drive<IO>(
    mut connection: h2::client::Connection<IO, Bytes>,
    probe: SendRequest<Bytes>,
    shared: Arc<Shared>,
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut probe = Some(probe);
    let mut gone = shared.gone.subscribe();
    let mut drained = Box::pin(async move { gone.wait_for(Option::is_some).await.is_ok() });
    poll_fn(|cx| {
        if std::pin::Pin::new(&mut connection).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // After a GOAWAY h2 keeps the connection for calls in flight and only the readiness of a
        // sender tells; the frame woke this task, so asking here is enough.
        if let Some(sender) = &mut probe {
            if let Poll::Ready(Err(_)) = sender.poll_ready(cx) {
                shared.close(Gone::Draining);
            }
            if drained.as_mut().poll(cx).is_ready() {
                probe = None;
            }
        }
        Poll::Pending
    })
    .await;
    shared.close(Gone::Lost);
}

struct GrpcConnection(Arc<Shared>);

impl Connection for GrpcConnection {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        UnaryReply::boxed(Box::pin(unary::call(InFlight::new(&self.0), call)))
    }

    fn open(&self, call: CallInfo) -> Duplex {
        Duplex::new(stream::open(InFlight::new(&self.0), &call))
    }

    fn load(&self) -> Load {
        Load {
            in_flight: self.0.in_flight.load(Ordering::Relaxed),
        }
    }

    fn is_open(&self) -> bool {
        self.0.gone.borrow().is_none()
    }

    fn drain(&self) {
        self.0.close(Gone::Draining);
    }

    fn gone(&self) -> BoxFuture<'_, Gone> {
        let mut gone = self.0.gone.subscribe();
        Box::pin(async move {
            match gone.wait_for(Option::is_some).await {
                Ok(why) => why.unwrap_or(Gone::Lost),
                Err(_) => Gone::Lost,
            }
        })
    }
}

impl Drop for GrpcConnection {
    fn drop(&mut self) {
        self.drain();
    }
}

impl fmt::Debug for GrpcConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrpcConnection({})", self.0.authority)
    }
}
