//! A client's connection to a server in this process.

use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Address, BoxFuture, Call, CallInfo, Class, Connection, Duplex, Error, Fixed, Gone, Load, Peer,
    Phase, Reply, Result, UnaryReply, recover,
};
use tokio::sync::watch;

use super::Server;
use super::stream::{ClientIo, ServerIo, Wires};

static LEAVING: Fixed = Fixed::new(Class::Draining, "the server is leaving");
static LOST: Fixed = Fixed::new(Class::ConnectionLost, "the server is gone");

pub(crate) struct MemoryConnection {
    server: Arc<Server>,
    drained: watch::Sender<bool>,
}

/// Counts a call in flight while it lives.
struct InFlight(Arc<Server>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.send_modify(|n| *n -= 1);
    }
}

impl MemoryConnection {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            drained: watch::Sender::new(false),
        }
    }

    /// The call as the server sees it.
    fn accept(&self, info: &CallInfo) -> Result<(CallInfo, InFlight)> {
        match *self.server.gone.borrow() {
            Some(Gone::Lost) => return Err(Error::fixed(&LOST)),
            Some(Gone::Draining) => return Err(Error::fixed(&LEAVING)),
            None if *self.drained.borrow() => return Err(Error::fixed(&LEAVING)),
            None => {}
        }
        let path = info.method().path();
        let method = self.server.dispatch.resolve(path.as_bytes());
        let missing = || Error::unimplemented(format!("no method {path} here"));
        let mut served = CallInfo::new(method.ok_or_else(missing)?, tokio::time::Instant::now());
        served.set_deadline(info.deadline());
        served.set_metadata(info.metadata().map(|metadata| Arc::new(metadata.clone())));
        let address = Address::Memory("client".to_owned());
        served.set_peer(Arc::new(Peer {
            address,
            identity: None,
        }));
        self.server.in_flight.send_modify(|n| *n += 1);
        Ok((served, InFlight(Arc::clone(&self.server))))
    }
}

/// Resolves when calls in flight are lost: the server was killed or cut.
async fn lost(server: Arc<Server>) {
    let mut gone = server.gone.subscribe();
    let killed = async {
        if gone.wait_for(|g| *g == Some(Gone::Lost)).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = killed => {}
        () = server.stop.reached(Phase::Cut) => {}
    }
}

impl Connection for MemoryConnection {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        let (info, in_flight) = match self.accept(&call.info) {
            Ok(accepted) => accepted,
            Err(error) => return UnaryReply::ready(Err(error)),
        };
        let server = Arc::clone(&self.server);
        UnaryReply::boxed(Box::pin(async move {
            let handled = recover(server.dispatch.unary(Call {
                info,
                body: call.body,
            }));
            let result: Result<Reply<Bytes>> = tokio::select! {
                result = handled => result,
                () = lost(Arc::clone(&server)) => Err(Error::fixed(&LOST)),
            };
            drop(in_flight);
            result
        }))
    }

    fn open(&self, info: CallInfo) -> Duplex {
        let wires = Arc::new(Wires::default());
        let handler = match self.accept(&info) {
            Err(error) => {
                wires.finish(Err(error));
                None
            }
            Ok((info, in_flight)) => {
                let body = Duplex::new(Arc::new(ServerIo(Arc::clone(&wires))));
                let (server, wires) = (Arc::clone(&self.server), Arc::clone(&wires));
                let task = tokio::spawn(async move {
                    let result = tokio::select! {
                        result = recover(server.dispatch.stream(Call { info, body })) => result,
                        () = lost(Arc::clone(&server)) => Err(Error::fixed(&LOST)),
                    };
                    wires.finish(result);
                    drop(in_flight);
                });
                Some(task.abort_handle())
            }
        };
        Duplex::new(Arc::new(ClientIo { wires, handler }))
    }

    fn load(&self) -> Load {
        let in_flight = u32::try_from(*self.server.in_flight.borrow()).unwrap_or(u32::MAX);
        Load { in_flight }
    }

    fn is_open(&self) -> bool {
        self.server.gone.borrow().is_none() && !*self.drained.borrow()
    }

    fn drain(&self) {
        self.drained.send_replace(true);
    }

    fn gone(&self) -> BoxFuture<'_, Gone> {
        let mut server = self.server.gone.subscribe();
        let mut drained = self.drained.subscribe();
        Box::pin(async move {
            tokio::select! {
                gone = server.wait_for(Option::is_some) => match gone {
                    Ok(gone) => gone.unwrap_or(Gone::Lost),
                    Err(_) => Gone::Lost,
                },
                _ = drained.wait_for(|d| *d) => Gone::Draining,
            }
        })
    }
}
