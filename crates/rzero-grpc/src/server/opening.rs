//! A connection before its first call: TLS, and a look at what the peer speaks.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use rzero_core::{Address, Peer, Phase, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::conn::{Conn, End};
use super::context::Context;
use super::handshakes::Handshakes;
use crate::ServerTls;
use crate::engine::Io;

/// What the bytes of an HTTP/2 client begin with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// The longest first line of a foreign request that is waited for, in bytes.
const LINE_BYTES_MAX: usize = 8 << 10;
/// What is read of a foreign request before the connection closes, in bytes.
const FOREIGN_BYTES_MAX: u64 = 64 << 10;

/// What the task of a new connection needs.
pub(super) struct Opening {
    pub(super) context: Arc<Context>,
    pub(super) tls: Option<ServerTls>,
    pub(super) handshakes: Arc<Handshakes>,
    pub(super) stop: Stop,
}

impl Opening {
    /// Serves a connection to its end.
    pub(super) async fn serve(self, io: Io, from: Address) -> End {
        let mut peer = Peer {
            address: from,
            identity: None,
        };
        let opened = match (io, self.tls.clone()) {
            (Io::Tcp(tcp), None) => self.plaintext(tcp, &peer.address).await,
            (Io::Tcp(tcp), Some(tls)) => self.handshake(tcp, &tls, &mut peer).await,
            (io, _) => Some((io, Vec::new())),
        };
        let Some((io, first)) = opened else {
            return End::Clean;
        };
        let conn = Conn::new(io, Arc::new(peer), self.context, jitter());
        conn.serve(&first, self.stop).await
    }

    /// Waits for a step before the first call; `None` when it takes too long, or when the server
    /// leaves meanwhile, which such a connection must not hold up.
    async fn step<T>(&self, peer: &Address, step: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = timeout(self.context.options.handshake_timeout, step) => {
                if done.is_err() {
                    self.context.complain(peer, "no whole handshake in time");
                }
                done.ok()
            }
            () = self.stop.reached(Phase::Close) => None,
        }
    }

    async fn handshake(
        &self,
        tcp: TcpStream,
        tls: &ServerTls,
        peer: &mut Peer,
    ) -> Option<(Io, Vec<u8>)> {
        let accepted = async {
            let handshake = self.handshakes.begin().await;
            tokio::select! {
                accepted = tls.accept(tcp) => Some(accepted),
                () = handshake.given_up() => None,
            }
        };
        let Some(accepted) = self.step(&peer.address, accepted).await? else {
            let why = "the TLS handshake took long and others wait (max_handshakes)";
            self.context.complain(&peer.address, why);
            return None;
        };
        match accepted {
            Ok((stream, identity)) => {
                peer.identity = identity;
                Some((Io::Tls(Box::new(stream)), Vec::new()))
            }
            Err(error) => {
                let why = format_args!(
                    "TLS handshake failed ({error}); does the client speak TLS and trust our CA?"
                );
                self.context.complain(&peer.address, why);
                None
            }
        }
    }

    /// Looks at the first bytes: TLS and HTTP/1 on a plaintext gRPC port are told apart and get
    /// an answer that says what is wrong.
    async fn plaintext(&self, mut tcp: TcpStream, peer: &Address) -> Option<(Io, Vec<u8>)> {
        let first = self.step(peer, first_bytes(&mut tcp)).await?;
        if PREFACE.starts_with(&first) && !first.is_empty() {
            return Some((Io::Tcp(tcp), first));
        }
        match first.first().copied() {
            None => {}
            Some(TLS_HANDSHAKE) => self.context.complain(
                peer,
                "the peer speaks TLS to a plaintext port; set server.rpc.tls, or turn TLS off in \
                 the client",
            ),
            Some(_) if first.starts_with(b"PRI") => {
                self.context
                    .complain(peer, "the HTTP/2 preface is malformed");
            }
            Some(_) if self.step(peer, is_http1(&mut tcp, first.clone())).await? => {
                self.context
                    .complain(peer, "the peer speaks HTTP/1 to a gRPC port");
                self.step(peer, last_words(&mut tcp)).await;
            }
            Some(_) => self
                .context
                .complain(peer, "the peer does not speak HTTP/2"),
        }
        None
    }
}

/// Enough bytes to tell what the peer speaks.
async fn first_bytes(tcp: &mut TcpStream) -> Vec<u8> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while first.len() < 4 && PREFACE.starts_with(&first) {
        let mut rest = (&mut *tcp).take(u64::try_from(PREFACE.len() - first.len()).unwrap_or(0));
        match rest.read_buf(&mut first).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    first
}

/// Whether the first line is that of an HTTP/1 request.
async fn is_http1(tcp: &mut TcpStream, mut line: Vec<u8>) -> bool {
    while !line.contains(&b'\n') && line.len() < LINE_BYTES_MAX {
        match tcp.read_buf(&mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.windows(8).any(|part| part == b" HTTP/1.")
}

/// Answers HTTP/1 and closes. What the peer sent is read first, some of it: closing a socket with
/// unread bytes would reset the connection and lose the words.
async fn last_words(tcp: &mut TcpStream) -> std::io::Result<()> {
    let body = "This port speaks gRPC over HTTP/2 (prior knowledge).\n";
    let answer = format!(
        "HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(answer.as_bytes()).await?;
    tcp.shutdown().await?;
    let mut left = tcp.take(FOREIGN_BYTES_MAX);
    tokio::io::copy(&mut left, &mut tokio::io::sink())
        .await
        .map(drop)
}

/// A number between -1 and 1 that differs from connection to connection.
fn jitter() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(0u8) >> 32).unwrap_or(0);
    f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0
}
