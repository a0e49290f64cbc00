//! Client connections.

mod calling;
mod conn;
mod line;
mod pool;
mod replies;
mod saturation;
mod shared;
mod slot;

use std::io;
use std::sync::Arc;

use rzero_core::{Address, BoxFuture, Class, Connection, Dial, Error};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

use crate::engine::Io;
use crate::{ClientOptions, ClientTls};
use conn::{Conn, Target};
use line::Line;
use pool::Pool;
use shared::Shared;

/// Opens gRPC connections, plaintext unless [`ClientTls`] is given.
#[derive(Clone, Debug, Default)]
pub struct GrpcDialer {
    tls: Option<ClientTls>,
    options: Arc<ClientOptions>,
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

    /// Keeps to `options` instead of the defaults.
    #[must_use]
    pub fn with_options(mut self, options: ClientOptions) -> Self {
        self.options = Arc::new(options);
        self
    }

    async fn connect(&self, to: &Address) -> Result<Line, Error> {
        let failed = |e: io::Error| connect_failed(to, &e.to_string()).with_source(e);
        let (io, scheme) = match to {
            Address::Tcp { host, port } => {
                let tcp = TcpStream::connect((host.as_str(), *port)).await;
                let tcp = tcp.map_err(failed)?;
                tcp.set_nodelay(true).map_err(failed)?;
                match &self.tls {
                    None => (Io::Tcp(tcp), "http"),
                    Some(tls) => {
                        let stream = tls.connect(host, tcp).await.map_err(|e| {
                            let text = format!("TLS failed ({e}): does the server speak TLS?");
                            connect_failed(to, &text)
                        })?;
                        (Io::Tls(Box::new(stream)), "https")
                    }
                }
            }
            Address::Unix(path) => {
                let unix = UnixStream::connect(path).await.map_err(failed)?;
                (Io::Unix(unix), "http")
            }
            other => return Err(connect_failed(other, "not an address of the gRPC wire")),
        };
        let authority = match to {
            Address::Tcp { .. } => to.to_string(),
            _ => "localhost".to_owned(),
        };
        let shared = Shared::new(self.options.calls_max);
        let target = Target { scheme, authority };
        let options = Arc::clone(&self.options);
        let mut conn = Conn::new(io, target, options, Arc::clone(&shared));
        conn.handshake().await.map_err(|e| {
            let hint = "the peer does not speak HTTP/2 in this form (gRPC, plaintext or TLS?)";
            connect_failed(to, &format!("{hint}: {e}")).with_source(e)
        })?;
        // It ends when its last call has, after the connection was dropped.
        tokio::spawn(conn.run());
        Ok(Line {
            shared,
            options: Arc::clone(&self.options),
        })
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
            let first = timeout_at(by, self.connect(to)).await.map_err(late)??;
            Ok(Pool::new(first, self.clone(), to.clone()) as Arc<dyn Connection>)
        })
    }
}

fn connect_failed(to: &Address, why: &str) -> Error {
    Error::new(
        Class::ConnectFailed,
        format!("cannot connect to {to}: {why}"),
    )
}
