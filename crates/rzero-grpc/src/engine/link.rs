//! A socket, and the bytes on their way out.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// What a buffer may keep allocated while nothing is sent.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// A connected socket.
pub(crate) enum Io {
    /// Plaintext TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
}

impl Io {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(io) => Pin::new(io).poll_read(cx, buf),
            Self::Unix(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => Pin::new(&mut **io).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Unix(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Tls(io) => Pin::new(&mut **io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // Sockets have nothing to flush.
            Self::Tcp(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            Self::Tls(io) => Pin::new(&mut **io).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Self::Unix(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(&mut **io).poll_shutdown(cx),
        }
    }
}

/// A socket with what has been taken from the core and not yet been written.
pub(crate) struct Link {
    io: Io,
    sending: Vec<u8>,
    sent: usize,
    written: u64,
    /// TLS holds back bytes until it is flushed.
    is_flushed: bool,
}

impl Link {
    pub(crate) fn new(io: Io) -> Self {
        Self {
            io,
            sending: Vec::new(),
            sent: 0,
            written: 0,
            is_flushed: true,
        }
    }

    /// Reads once; 0 bytes are the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(into);
        ready!(self.io.poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Writes what is left and then all of `out`, which is empty afterwards; pending when the
    /// socket takes no more.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.sent == self.sending.len() {
                self.sending.clear();
                self.sent = 0;
                if out.is_empty() {
                    break;
                }
                mem::swap(&mut self.sending, out);
                self.is_flushed = false;
            }
            let written = ready!(self.io.poll_write(cx, &self.sending[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.written += u64::try_from(written).unwrap_or(u64::MAX);
        }
        if !self.is_flushed {
            ready!(self.io.poll_flush(cx))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Bytes taken from the core that the socket has not taken.
    pub(crate) fn unsent(&self) -> usize {
        self.sending.len() - self.sent
    }

    /// Bytes that the socket has taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Says goodbye: the peer reads what was written and then the end.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_shutdown(cx)
    }

    /// Gives back what a burst left allocated.
    pub(crate) fn shrink(&mut self) {
        if self.sending.is_empty() {
            self.sending = Vec::new();
        }
    }

    /// Whether a burst left more allocated than a busy connection keeps.
    pub(crate) fn shrink_burst(&mut self) {
        if self.sending.is_empty() && self.sending.capacity() > KEPT_BYTES_MAX {
            self.sending = Vec::new();
        }
    }
}
