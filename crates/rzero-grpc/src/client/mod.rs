//! Client connections.

mod calling;
mod conn;
mod replies;
mod shared;
mod slot;

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Address, BoxFuture, Call, CallInfo, Class, Connection, Dial, Duplex, Error, Gone, Load,
    UnaryReply,
};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

use crate::engine::{Cell, Io, Rules, Side, Touch, check_send};
use crate::message::{self, Encoding};
use crate::{ClientOptions, ClientTls};
use conn::{Conn, Target};
use shared::{Command, Shared, leaving};
use slot::Slot;

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

    async fn open(&self, to: &Address) -> Result<Arc<dyn Connection>, Error> {
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
        Ok(Arc::new(GrpcConnection {
            shared,
            address: to.clone(),
            options: Arc::clone(&self.options),
        }))
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

/// A connection, as callers hold it.
struct GrpcConnection {
    shared: Arc<Shared>,
    address: Address,
    options: Arc<ClientOptions>,
}

impl GrpcConnection {
    fn begin_unary(&self, call: Call<Bytes>) -> Result<Arc<Slot>, Error> {
        check_send(&call.body, self.options.send_bytes_max)?;
        let entered = self.shared.enter();
        let slot = Slot::new(Arc::clone(&self.shared), self.options.receive_bytes_max);
        entered?;
        let message = message::pack(call.body, self.options.compression);
        let command = Command::Unary(Arc::clone(&slot), call.info, message);
        self.shared.mailbox.send(command).map_err(|_| leaving())?;
        Ok(slot)
    }
}

impl Connection for GrpcConnection {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        match self.begin_unary(call) {
            Ok(slot) => UnaryReply::pending(slot),
            Err(error) => UnaryReply::ready(Err(error)),
        }
    }

    fn open(&self, call: CallInfo) -> Duplex {
        let rules = Rules {
            side: Side::Client,
            receive_bytes_max: self.options.receive_bytes_max,
            send_bytes_max: self.options.send_bytes_max,
            window_bytes: self.options.http2.stream_window_bytes,
            compression: self.options.compression,
        };
        let entered = self.shared.enter();
        let owner = Arc::clone(&self.shared) as Arc<dyn Touch>;
        let cell = Cell::new(owner, rules, Encoding::Identity);
        let refused = entered.and_then(|()| {
            let command = Command::Open(Arc::clone(&cell), call);
            self.shared.mailbox.send(command).map_err(|_| leaving())
        });
        if let Err(error) = refused {
            cell.fail(error, None, &mut Vec::new());
        }
        Duplex::new(cell)
    }

    fn load(&self) -> Load {
        Load {
            in_flight: self.shared.in_flight(),
        }
    }

    fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    fn drain(&self) {
        self.shared.close(Gone::Draining);
        let _ = self.shared.mailbox.send(Command::Drain);
    }

    fn gone(&self) -> BoxFuture<'_, Gone> {
        let mut gone = self.shared.gone.subscribe();
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
        write!(f, "GrpcConnection({})", self.address)
    }
}
