//! The address that others are told.

use std::net::{IpAddr, UdpSocket};

use rzero_core::{Address, Error, Result, names};

/// The address to register for a server that listens on `local`.
///
/// What the operator wrote wins. An address on all interfaces cannot be dialed: it becomes
/// `$POD_IP`, or else the address of the interface that the default route uses.
pub(crate) fn advertised(local: &Address, written: Option<&str>) -> Result<Address> {
    if let Some(text) = written {
        return text
            .parse()
            .map_err(|e| Error::invalid_input(format!("server.rpc.advertise: {e}")));
    }
    let Address::Tcp { host, port } = local else {
        return Ok(local.clone());
    };
    if !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
        return Ok(local.clone());
    }
    let host = match std::env::var(names::ENV_POD_IP) {
        Ok(ip) if !ip.is_empty() => ip,
        _ => outward().unwrap_or_else(|| {
            tracing::warn!(
                "no outward interface found, registering 127.0.0.1; set server.rpc.advertise"
            );
            "127.0.0.1".to_owned()
        }),
    };
    Ok(Address::tcp(host, *port))
}

/// The address of the interface that the default route uses. Connecting a UDP socket chooses it
/// without sending anything.
fn outward() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // An address of the documentation range: never a real host.
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then(|| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concrete_addresses_are_told_as_they_are() {
        let local = Address::tcp("127.0.0.1", 80);
        assert_eq!(advertised(&local, None).unwrap(), local);
        assert_eq!(
            advertised(&local, Some("h:1")).unwrap(),
            Address::tcp("h", 1)
        );
    }

    #[test]
    fn all_interfaces_are_never_told() {
        let told = advertised(&Address::tcp("0.0.0.0", 80), None).unwrap();
        assert!(!told.to_string().starts_with("0.0.0.0"));
    }
}
