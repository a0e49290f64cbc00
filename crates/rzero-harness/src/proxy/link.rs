//! One connection through the proxy: two sockets, and a thread for each direction.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::shared::{Passage, Shared, TICK};
use crate::deadline::Deadline;

const BUFFER_BYTES: usize = 16 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// An accepted client, before its server is connected.
pub(super) struct Link {
    client: TcpStream,
    ticket: Ticket,
}

/// The link's share in the proxy: generation, and the count that falls when it is dropped.
struct Ticket {
    shared: Arc<Shared>,
    generation: u64,
    broken: AtomicBool,
}

/// Both sockets of an open link. The fields are dropped in order: sockets before the count, so
/// that a link which is no longer counted is closed.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    ticket: Ticket,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl Ticket {
    fn pass(&self) -> Passage {
        self.shared
            .pass(self.generation, || self.broken.load(Ordering::Relaxed))
    }

    /// Waits `delay`; `false` when the link is cut before the end.
    fn wait(&self, delay: Duration) -> bool {
        if delay.is_zero() {
            return true;
        }
        let end = Deadline::after(delay);
        while !end.passed() {
            if self.pass() == Passage::Cut {
                return false;
            }
            thread::sleep(delay.min(Duration::from_millis(1)));
        }
        true
    }
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, client: TcpStream, generation: u64) -> Self {
        let ticket = Ticket {
            shared,
            generation,
            broken: AtomicBool::new(false),
        };
        Self { client, ticket }
    }

    /// Connects the server as soon as bytes may pass, and forwards until the end.
    pub(super) fn run(self) {
        if self.ticket.pass() == Passage::Cut {
            reset_on_close(&self.client);
            return;
        }
        let server = TcpStream::connect_timeout(&self.ticket.shared.server(), CONNECT_WITHIN);
        let Ok(server) = server else {
            reset_on_close(&self.client);
            return;
        };
        let pair = Arc::new(Pair {
            client: self.client,
            server,
            ticket: self.ticket,
        });
        if pair.prepare().is_err() {
            pair.break_off();
            return;
        }
        let other = Arc::clone(&pair);
        let back = thread::Builder::new()
            .name("fault-proxy-back".into())
            .spawn(move || other.pump(&other.server, &other.client));
        if back.is_err() {
            pair.break_off();
        }
        pair.pump(&pair.client, &pair.server);
    }
}

impl Pair {
    fn prepare(&self) -> io::Result<()> {
        for socket in [&self.client, &self.server] {
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(TICK))?;
            socket.set_write_timeout(Some(TICK))?;
        }
        Ok(())
    }

    /// Forwards one direction until its end, a failure or a cut.
    fn pump(&self, from: &TcpStream, to: &TcpStream) {
        let mut buffer = [0; BUFFER_BYTES];
        loop {
            let read = match read(from, &mut buffer) {
                Ok(Some(read)) => read,
                Ok(None) => match self.ticket.pass() {
                    Passage::After(_) => continue,
                    Passage::Cut => return self.break_off(),
                },
                Err(_) => return self.break_off(),
            };
            // Asked after the read: what came in before a fault and is still here is held back.
            match self.ticket.pass() {
                Passage::After(delay) if self.ticket.wait(delay) => {}
                _ => return self.break_off(),
            }
            if read == 0 {
                // The end of one direction is passed on; the other may go on for long.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            if !self.write(to, &buffer[..read]) {
                return self.break_off();
            }
        }
    }

    /// Writes all of `bytes` to a peer that may be slow to read; `false` on failure or a cut.
    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(0) => return false,
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_tick(&error) => {}
                Err(_) => return false,
            }
            if self.ticket.pass() == Passage::Cut {
                return false;
            }
        }
        true
    }

    /// Ends both directions with a reset, as soon as both threads have let go of the sockets.
    fn break_off(&self) {
        self.ticket.broken.store(true, Ordering::Relaxed);
        reset_on_close(&self.client);
        reset_on_close(&self.server);
    }
}

/// Bytes read; `None` when none came within a tick.
fn read(mut from: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match from.read(buffer) {
        Ok(read) => Ok(Some(read)),
        Err(error) if is_tick(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_tick(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Makes the close of `socket` a reset instead of an orderly end.
pub(super) fn reset_on_close(socket: &TcpStream) {
    // If this fails the peer sees an orderly end: still a lost connection.
    let _ = set_socket_linger(socket, Some(Duration::ZERO));
}
