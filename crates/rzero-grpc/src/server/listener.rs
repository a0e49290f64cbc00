//! The socket that connections come from.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use rzero_core::{Address, Error};
use tokio::net::{TcpListener, UnixListener};

use crate::engine::Io;

/// A bound socket. A Unix socket's file goes with it.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Takes an address; gives the one that was taken.
    pub(super) async fn bind(listen: &Address) -> Result<(Self, Address), Error> {
        let failed = |e: io::Error| {
            let text = format!("cannot listen on {listen}: {e}{}", hint(&e));
            Error::unavailable(text).with_source(e)
        };
        match listen {
            Address::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port)).await;
                let listener = listener.map_err(failed)?;
                let local = listener.local_addr().map_err(failed)?.into();
                Ok((Self::Tcp(listener), local))
            }
            Address::Unix(path) => {
                remove_dead_socket(path).map_err(failed)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                Ok((Self::Unix(listener, path.clone()), listen.clone()))
            }
            other => Err(Error::invalid_input(format!(
                "{other}: not an address of the gRPC wire"
            ))),
        }
    }

    /// The next connection, and the address of its peer.
    pub(super) async fn accept(&self) -> io::Result<(Io, Address)> {
        match self {
            Self::Tcp(listener) => {
                let (tcp, from) = listener.accept().await?;
                tcp.set_nodelay(true)?;
                Ok((Io::Tcp(tcp), from.into()))
            }
            Self::Unix(listener, path) => {
                let (unix, _) = listener.accept().await?;
                Ok((Io::Unix(unix), Address::Unix(path.clone())))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": another process holds it; choose another port, or 0 for a free one"
        }
        io::ErrorKind::PermissionDenied => ": ports below 1024 need privileges",
        io::ErrorKind::AddrNotAvailable => ": this host has no such address",
        _ => "",
    }
}

/// A socket file that nobody answers on is left over from a killed process.
fn remove_dead_socket(path: &Path) -> io::Result<()> {
    match StdUnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Ok(()),
    }
}
