//! A TCP proxy on loopback that misbehaves on demand.

mod acceptor;
mod link;
mod shared;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::HarnessError;
use crate::ports;
use shared::Shared;

/// What a [`FaultProxy`] does to the connections through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Bytes pass in both directions.
    #[default]
    Forward,
    /// Each piece of data waits this long before it passes, in either direction. Pieces wait one
    /// after the other, so throughput falls too.
    Delay(Duration),
    /// Connections open and stay open, and no byte passes: a lost network, a hung host. Bytes
    /// sent meanwhile are kept and pass when the fault ends.
    Blackhole,
    /// Connections are reset: those that exist, and new ones as soon as they are accepted.
    Reset,
    /// Nobody listens: new connections are refused, those that exist are reset.
    Refuse,
}

/// A TCP proxy on 127.0.0.1 in front of one server, for faults between a client and a real peer.
///
/// Its behaviour is switched while it runs, for connections that exist as for new ones. It owns a
/// few threads and ends, with all connections through it, when it is dropped.
///
/// ```no_run
/// use rzero_harness::{EtcdCluster, Fault, FaultProxy};
///
/// let etcd = EtcdCluster::start(1)?;
/// let proxy = FaultProxy::start(&etcd.endpoints()[0])?;
/// // … connect the client under test to proxy.endpoint() …
/// proxy.set(Fault::Blackhole); // the network is lost
/// proxy.set(Fault::Forward); // and comes back
/// # Ok::<(), rzero_harness::HarnessError>(())
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts a proxy on a free port in front of `server`, which need not be up yet.
    ///
    /// # Errors
    ///
    /// When `server` is no address, or no port or thread is to be had.
    pub fn start(server: impl ToSocketAddrs) -> Result<Self, HarnessError> {
        let action = "find the address of the proxied server";
        let server = server
            .to_socket_addrs()
            .and_then(|mut addresses| addresses.next().ok_or(std::io::ErrorKind::NotFound.into()))
            .map_err(HarnessError::io(action))?;
        let listener = ports::reserve()?;
        let address = listener
            .local_addr()
            .map_err(HarnessError::io("read the proxy's own address"))?;
        let shared = Arc::new(Shared::new(address, server));
        let acceptor = thread::Builder::new()
            .name("fault-proxy".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || acceptor::run(&shared, listener)
            })
            .map_err(HarnessError::io("start the proxy's thread"))?;
        Ok(Self {
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.shared.address()
    }

    /// Where clients connect, as `127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        self.address().to_string()
    }

    /// Switches the behaviour. When it returns the change is complete: with [`Fault::Refuse`] and
    /// [`Fault::Reset`] all connections are gone, and after [`Fault::Refuse`] the proxy listens
    /// again.
    pub fn set(&self, fault: Fault) {
        self.shared.set(fault);
    }

    /// The present behaviour.
    pub fn fault(&self) -> Fault {
        self.shared.fault()
    }

    /// Resets the connections that exist, within 50 ms; new ones are treated as before.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// The number of client connections that are open.
    pub fn connections(&self) -> usize {
        self.shared.connections()
    }

    /// The number of client connections accepted since the start.
    pub fn accepted(&self) -> usize {
        self.shared.accepted()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(acceptor) = self.acceptor.take() {
            // A panic of the acceptor has been printed; the test fails by what it misses.
            let _ = acceptor.join();
        }
    }
}
