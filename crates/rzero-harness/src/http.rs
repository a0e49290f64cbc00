//! One HTTP GET to a server on this host: all that a readiness probe needs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Largest answer read. etcd's metrics page, the largest one asked for, has about 100 KiB.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The status code and body of `GET path`.
///
/// Speaks HTTP/1.0, so that the answer ends with the connection and is never chunked. `timeout`
/// bounds the connect and each read.
///
/// # Errors
///
/// The socket's error, `TimedOut`/`WouldBlock` for a silent server, or `InvalidData` for an
/// answer that is not HTTP.
pub(crate) fn get(server: SocketAddr, path: &str, timeout: Duration) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&server, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(BODY_BYTES_MAX).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
}

fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.lines().next()?.split(' ');
    words.next()?.starts_with("HTTP/").then_some(())?;
    let status = words.next()?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn status_and_body_are_read() {
        let answer = b"HTTP/1.0 503 Service Unavailable\r\nA: b\r\n\r\n{\"health\":\"false\"}";
        assert_eq!(parse(answer), Some((503, "{\"health\":\"false\"}".into())));
    }

    #[test]
    fn other_protocols_are_refused() {
        assert_eq!(parse(b"+PONG\r\n\r\n"), None);
        assert_eq!(parse(b""), None);
    }
}
