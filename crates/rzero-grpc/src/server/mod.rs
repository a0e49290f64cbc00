//! The server: accepts connections and hands their calls to a [`Dispatch`].

mod call;
mod stream;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Address, Bound, BoxFuture, Dispatch, Error, Peer, Phase, Served, Stop, Wire};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::{CONNECTION_WINDOW_BYTES, FRAME_BUDGET_BYTES, STREAM_WINDOW_BYTES, ServerTls};

/// Time for TLS and the HTTP/2 preface; a slower peer is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Between two looks at a preface that comes in pieces.
const PREFACE_PAUSE: Duration = Duration::from_millis(5);
/// Concurrent calls a connection may hold.
const STREAMS_MAX: u32 = 1024;
/// How long a peer may take to answer the first step of a GOAWAY.
const GOAWAY_GRACE: Duration = Duration::from_secs(1);
/// Pause after an error of `accept`, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves gRPC on an address.
#[derive(Clone, Debug)]
pub struct GrpcWire {
    listen: Address,
    tls: Option<ServerTls>,
}

impl GrpcWire {
    /// Serves on `listen`; port 0 takes a free one.
    #[must_use]
    pub fn new(listen: Address) -> Self {
        Self { listen, tls: None }
    }

    /// Speaks TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    async fn bind_listener(&self) -> Result<(Listener, Address), Error> {
        let failed = |e: std::io::Error| {
            let hint = match e.kind() {
                std::io::ErrorKind::AddrInUse => {
                    ": another process holds it; choose another port, or 0 for a free one"
                }
                std::io::ErrorKind::PermissionDenied => ": ports below 1024 need privileges",
                std::io::ErrorKind::AddrNotAvailable => ": this host has no such address",
                _ => "",
            };
            Error::unavailable(format!("cannot listen on {}: {e}{hint}", self.listen))
                .with_source(e)
        };
        match &self.listen {
            Address::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port))
                    .await
                    .map_err(failed)?;
                let local = listener.local_addr().map_err(failed)?.into();
                Ok((Listener::Tcp(listener), local))
            }
            Address::Unix(path) => {
                remove_dead_socket(path).map_err(failed)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                Ok((Listener::Unix(listener, path.clone()), self.listen.clone()))
            }
            other => Err(Error::invalid_input(format!(
                "{other}: not an address of the gRPC wire"
            ))),
        }
    }
}

/// A socket file that nobody answers on is left over from a killed process.
fn remove_dead_socket(path: &std::path::Path) -> std::io::Result<()> {
    match std::os::unix::net::UnixStream::connect(path) {
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

impl Wire for GrpcWire {
    fn protocol(&self) -> &'static str {
        "grpc"
    }

    fn bind(&self) -> BoxFuture<'_, Result<Box<dyn Bound>, Error>> {
        Box::pin(async {
            let (listener, local) = self.bind_listener().await?;
            let bound: Box<dyn Bound> = Box::new(BoundWire {
                listener,
                local,
                tls: self.tls.clone(),
            });
            Ok(bound)
        })
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

struct BoundWire {
    listener: Listener,
    local: Address,
    tls: Option<ServerTls>,
}

impl Bound for BoundWire {
    fn local(&self) -> Address {
        self.local.clone()
    }

    fn serve(
        self: Box<Self>,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> BoxFuture<'static, Served> {
        Box::pin(self.run(dispatch, stop))
    }
}

impl BoundWire {
    async fn run(self, dispatch: Arc<dyn Dispatch>, stop: Stop) -> Served {
        let mut connections = JoinSet::new();
        let mut served = Served::default();
        let Self { listener, tls, .. } = self;
        {
            let closing = stop.reached(Phase::Close);
            tokio::pin!(closing);
            loop {
                // Fair on purpose: neither a storm of connections nor of ends starves the other.
                tokio::select! {
                    () = &mut closing => break,
                    Some(ended) = connections.join_next() => count(&mut served, ended),
                    accepted = listener.accept() => match accepted {
                        Ok((io, peer)) => {
                            let serve = Serve { dispatch: Arc::clone(&dispatch), stop: stop.clone(), peer };
                            connections.spawn(serve.connection(io, tls.clone()));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept a connection, trying again");
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                        }
                    },
                }
            }
        }
        drop(listener);
        while let Some(ended) = connections.join_next().await {
            count(&mut served, ended);
        }
        served
    }
}

fn count(served: &mut Served, ended: Result<bool, tokio::task::JoinError>) {
    served.connections_cut += u32::from(ended.unwrap_or(false));
}

enum Io {
    Tcp(TcpStream),
    Unix(tokio::net::UnixStream),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Io, Arc<Peer>)> {
        let (io, address) = match self {
            Self::Tcp(listener) => {
                let (tcp, from) = listener.accept().await?;
                tcp.set_nodelay(true)?;
                (Io::Tcp(tcp), from.into())
            }
            Self::Unix(listener, path) => {
                let (unix, _) = listener.accept().await?;
                (Io::Unix(unix), Address::Unix(path.clone()))
            }
        };
        Ok((
            io,
            Arc::new(Peer {
                address,
                identity: None,
            }),
        ))
    }
}

/// Says something and closes. What the peer sent is read first, some of it: closing a socket with
/// unread bytes would reset the connection and lose the words.
async fn last_words(tcp: &mut TcpStream, words: &[u8]) -> std::io::Result<()> {
    tcp.write_all(words).await?;
    tcp.shutdown().await?;
    let mut left = tcp.take(64 << 10);
    tokio::io::copy(&mut left, &mut tokio::io::sink())
        .await
        .map(drop)
}

/// What the task of a connection needs.
struct Serve {
    dispatch: Arc<dyn Dispatch>,
    stop: Stop,
    peer: Arc<Peer>,
}

impl Serve {
    /// Serves a connection to its end; `true` when calls were cut.
    async fn connection(mut self, io: Io, acceptor: Option<ServerTls>) -> bool {
        match (io, acceptor) {
            (Io::Unix(unix), _) => self.http2(unix).await,
            (Io::Tcp(tcp), None) => match self.opening(self.reject_foreign(tcp)).await.flatten() {
                Some(tcp) => self.http2(tcp).await,
                None => false,
            },
            (Io::Tcp(tcp), Some(tls)) => match self.opening(tls.accept(tcp)).await {
                Some(Ok((stream, identity))) => {
                    if identity.is_some() {
                        let address = self.peer.address.clone();
                        self.peer = Arc::new(Peer { address, identity });
                    }
                    self.http2(stream).await
                }
                Some(Err(error)) => self.refused(error.message()),
                None => false,
            },
        }
    }

    /// Waits for a step before the first call; `None` when it takes too long, or when the server
    /// leaves meanwhile, which such a connection must not hold up.
    async fn opening<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = timeout(HANDSHAKE, step) => match done {
                Ok(done) => Some(done),
                Err(_) => {
                    self.refused("no whole handshake in time");
                    None
                }
            },
            () = self.stop.reached(Phase::Close) => None,
        }
    }

    fn refused(&self, why: &str) -> bool {
        tracing::warn!(peer = %self.peer.address, "connection refused: {why}");
        false
    }

    /// Looks at the first bytes: TLS and HTTP/1 on a plaintext gRPC port are told apart and get
    /// an answer that says what is wrong.
    async fn reject_foreign(&self, mut tcp: TcpStream) -> Option<TcpStream> {
        let mut first = [0; 4];
        let read = loop {
            match tcp.peek(&mut first).await {
                Ok(n) if n == 0 || n >= 4 || !b"PRI ".starts_with(&first[..n]) => break n,
                // A preface in pieces: the rest may take its time, but not this core.
                Ok(_) => tokio::time::sleep(PREFACE_PAUSE).await,
                Err(_) => break 0,
            }
        };
        match read {
            0 => None,
            _ if first.starts_with(b"PRI") => Some(tcp),
            _ if first[0] == 0x16 => {
                self.refused("the peer speaks TLS to a plaintext port; set server.rpc.tls, or turn TLS off in the client");
                None
            }
            _ => {
                self.refused("the peer speaks HTTP/1 or something else to a gRPC port");
                let body = "This port speaks gRPC over HTTP/2 (prior knowledge).\n";
                let answer = format!(
                    "HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\n\
                     content-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = timeout(HANDSHAKE, last_words(&mut tcp, answer.as_bytes())).await;
                None
            }
        }
    }

    async fn http2<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, io: S) -> bool {
        let handshake = h2::server::Builder::new()
            .max_concurrent_streams(STREAMS_MAX)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .data_frame_budget(FRAME_BUDGET_BYTES)
            .max_frame_size(1 << 16)
            .max_header_list_size(16 << 10)
            .handshake(io);
        let mut connection = match self.opening(handshake).await {
            Some(Ok(connection)) => connection,
            Some(Err(error)) => return self.refused(&format!("HTTP/2 handshake failed: {error}")),
            None => return false,
        };
        let mut calls: JoinSet<()> = JoinSet::new();
        let closing = self.stop.reached(Phase::Close);
        let cut = self.stop.reached(Phase::Cut);
        tokio::pin!(closing, cut);
        let mut draining = false;
        let grace = sleep(GOAWAY_GRACE);
        tokio::pin!(grace);
        loop {
            // Fair on purpose; every branch is cancel safe.
            tokio::select! {
                () = &mut closing, if !draining => {
                    draining = true;
                    connection.graceful_shutdown();
                    grace.as_mut().reset(Instant::now() + GOAWAY_GRACE);
                }
                // A peer that does not even answer the ping of a GOAWAY has nothing in flight.
                () = &mut grace, if draining && calls.is_empty() => return false,
                () = &mut cut => return !calls.is_empty(),
                Some(_) = calls.join_next() => {}
                accepted = connection.accept() => match accepted {
                    Some(Ok((request, respond))) => {
                        let dispatch = Arc::clone(&self.dispatch);
                        let peer = Arc::clone(&self.peer);
                        calls.spawn(call::serve(dispatch, peer, request, respond));
                    }
                    // Dropping the set cancels the handlers of a lost connection.
                    Some(Err(error)) => {
                        tracing::debug!(peer = %self.peer.address, %error, "connection broke");
                        return false;
                    }
                    None => return false,
                },
            }
        }
    }
}

impl fmt::Debug for BoundWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundWire({})", self.local)
    }
}
