//! Whether something that speaks Redis answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Whether `server` answers a PING within about `timeout`. One that demands a password first
/// answers too.
pub(crate) fn answers(server: SocketAddr, timeout: Duration) -> bool {
    ask(server, timeout).is_some_and(|reply| reply.starts_with(b"+PONG") || is_locked(&reply))
}

fn is_locked(reply: &[u8]) -> bool {
    reply.starts_with(b"-NOAUTH")
}

fn ask(server: SocketAddr, timeout: Duration) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, timeout).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    stream.set_write_timeout(Some(timeout)).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut reply = [0; 64];
    let length = stream.read(&mut reply).ok()?;
    Some(reply[..length].to_vec())
}
