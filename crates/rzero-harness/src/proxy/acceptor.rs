//! The thread that listens, or does not.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::link::{self, Link};
use super::shared::{Duty, Shared, TICK};

/// Accepts until the proxy is stopped. `listener` is closed while connections are to be refused,
/// and bound again to the same port afterwards.
pub(super) fn run(shared: &Arc<Shared>, listener: TcpListener) {
    let mut listener = Some(listener);
    loop {
        match (shared.duty(), &listener) {
            (Duty::Stop, _) => return,
            (Duty::Refuse, Some(_)) => {
                listener = None;
                shared.set_listening(false);
            }
            (Duty::Refuse, None) => shared.idle(),
            (Duty::Listen, None) => match TcpListener::bind(shared.address()) {
                Ok(bound) => {
                    listener = Some(bound);
                    shared.set_listening(true);
                }
                // The port is in somebody's hands for a moment. It is not an ephemeral one, so
                // it comes back.
                Err(_) => shared.idle(),
            },
            (Duty::Listen, Some(listening)) => {
                if let Ok(Some(client)) = accept(listening) {
                    open(shared, client);
                }
            }
        }
    }
}

/// The next connection, if one comes within a tick.
fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    let timeout = Timespec::try_from(TICK).map_err(io::Error::other)?;
    let mut waited = [PollFd::new(listener, PollFlags::IN)];
    if poll(&mut waited, Some(&timeout))? == 0 {
        return Ok(None);
    }
    listener.accept().map(|(client, _)| Some(client))
}

fn open(shared: &Arc<Shared>, client: TcpStream) {
    let Some(generation) = shared.admit() else {
        link::reset_on_close(&client);
        return;
    };
    // The link exists before its thread: if the thread cannot start, dropping it counts it out.
    let link = Link::new(Arc::clone(shared), client, generation);
    let _ = thread::Builder::new()
        .name("fault-proxy-link".into())
        .spawn(move || link.run());
}
