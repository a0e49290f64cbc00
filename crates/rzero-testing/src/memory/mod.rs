//! The in-memory wire: calls go from task to task.

mod connection;
mod pipe;
mod stream;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rzero_core::{
    Address, Bound, BoxFuture, Class, Connection, Dial, Dispatch, Error, Gone, Phase, Served, Stop,
    Wire,
};
use tokio::sync::watch;
use tokio::time::Instant;

use connection::MemoryConnection;

/// The protocol under which the memory wire registers.
pub const PROTOCOL: &str = "memory";

/// A network in this process: servers listen on names, clients dial them.
#[derive(Clone, Debug, Default)]
pub struct MemoryNet(Arc<Mutex<HashMap<String, Arc<Server>>>>);

/// A server that listens.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) stop: Stop,
    pub(crate) gone: watch::Sender<Option<Gone>>,
    pub(crate) in_flight: watch::Sender<usize>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.name)
    }
}

impl MemoryNet {
    /// A network without servers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A wire that listens on `name`.
    #[must_use]
    pub fn wire(&self, name: &str) -> Arc<dyn Wire> {
        Arc::new(MemoryWire {
            net: self.clone(),
            name: name.to_owned(),
        })
    }

    /// Kills the server on `name` as SIGKILL would: calls in flight are lost.
    pub fn kill(&self, name: &str) {
        if let Some(server) = self.servers().remove(name) {
            server.gone.send_replace(Some(Gone::Lost));
        }
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<String, Arc<Server>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dial for MemoryNet {
    fn dial<'a>(
        &'a self,
        to: &'a Address,
        _by: Instant,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, Error>> {
        let server = match to {
            Address::Memory(name) => self.servers().get(name).cloned(),
            _ => None,
        };
        Box::pin(async move {
            let refused = || Error::new(Class::ConnectFailed, format!("nobody listens on {to}"));
            let connection = MemoryConnection::new(server.ok_or_else(refused)?);
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }
}

struct MemoryWire {
    net: MemoryNet,
    name: String,
}

impl Wire for MemoryWire {
    fn protocol(&self) -> &'static str {
        PROTOCOL
    }

    fn bind(&self) -> BoxFuture<'_, Result<Box<dyn Bound>, Error>> {
        Box::pin(async {
            if self.net.servers().contains_key(&self.name) {
                let text = format!("memory:{} is taken: choose another name", self.name);
                return Err(Error::unavailable(text));
            }
            let bound = BoundWire {
                net: self.net.clone(),
                name: self.name.clone(),
            };
            Ok(Box::new(bound) as Box<dyn Bound>)
        })
    }
}

struct BoundWire {
    net: MemoryNet,
    name: String,
}

impl Bound for BoundWire {
    fn local(&self) -> Address {
        Address::Memory(self.name.clone())
    }

    fn serve(
        self: Box<Self>,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> BoxFuture<'static, Served> {
        let server = Arc::new(Server {
            name: self.name.clone(),
            dispatch,
            stop: stop.clone(),
            gone: watch::Sender::new(None),
            in_flight: watch::Sender::new(0),
        });
        // Before the first poll, so that whoever was told the address finds the server.
        self.net
            .servers()
            .insert(self.name.clone(), Arc::clone(&server));
        Box::pin(async move {
            stop.reached(Phase::Close).await;
            self.net.servers().remove(&self.name);
            server.gone.send_if_modified(|gone| {
                let first = gone.is_none();
                *gone = gone.or(Some(Gone::Draining));
                first
            });
            let mut in_flight = server.in_flight.subscribe();
            tokio::select! {
                // A cut ends the calls too: looked at first, it is not taken for a quiet end.
                biased;
                () = stop.reached(Phase::Cut) => Served { connections_cut: 1 },
                _ = in_flight.wait_for(|n| *n == 0) => Served::default(),
            }
        })
    }
}
