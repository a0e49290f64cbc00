//! Where a peer can be reached.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a peer can be reached: a TCP host and port, a Unix socket, or a name in this process.
///
/// The text form is `host:port` (IPv6 in brackets), `unix:/path` or `memory:name`.
///
/// ```
/// # use rzero_core::Address;
/// let a: Address = "127.0.0.1:8080".parse().unwrap();
/// assert_eq!(a, Address::tcp("127.0.0.1", 8080));
/// assert_eq!(a.to_string(), "127.0.0.1:8080");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Address {
    /// A host name or IP address, without brackets, and a port.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
    /// A server in this process, by name; used by the in-memory wire.
    Memory(String),
}

impl Address {
    /// A TCP address.
    #[must_use]
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
        }
    }
}

impl From<std::net::SocketAddr> for Address {
    fn from(addr: std::net::SocketAddr) -> Self {
        Self::tcp(addr.ip().to_string(), addr.port())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Memory(name) => write!(f, "memory:{name}"),
        }
    }
}

/// The text is not an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddress(String);

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not an address; write host:port, [ipv6]:port or unix:/path",
            self.0
        )
    }
}

impl std::error::Error for InvalidAddress {}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(invalid())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        if let Some(name) = text.strip_prefix("memory:") {
            return if name.is_empty() {
                Err(invalid())
            } else {
                Ok(Self::Memory(name.into()))
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port: u16 = port.parse().map_err(|_| invalid())?;
        let host = match host.strip_prefix('[') {
            Some(inner) => {
                let inner = inner.strip_suffix(']').ok_or_else(invalid)?;
                let _: std::net::Ipv6Addr = inner.parse().map_err(|_| invalid())?;
                inner
            }
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(invalid());
        }
        if host.contains(':') && !text.starts_with('[') {
            return Err(invalid());
        }
        Ok(Self::tcp(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_round_trip() {
        for text in [
            "127.0.0.1:1",
            "[::1]:65535",
            "a-b.c:80",
            "unix:/tmp/x.sock",
            "memory:m",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "", ":", "host", "host:", ":80", "h:70000", "::1:80", "[::1:80", "a b:1", "unix:",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
