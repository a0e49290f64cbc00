//! Free loopback ports that stay free for a while.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};

use crate::error::HarnessError;

/// Lowest port handed out: well above the ports that products take by default.
const LOWEST: u16 = 10_000;
/// Below this many candidates the choice is left to the kernel.
const ROOM_MIN: u16 = 2_000;
/// Attempts for each port before the kernel's own choice is taken.
const ATTEMPTS: usize = 64;

/// `count` different ports of 127.0.0.1 that nobody listens on.
///
/// They are taken from below the range of ephemeral ports: a member that is down for a moment
/// must find its port free when it returns, and no outgoing connection may have got it in
/// between. (A client that redials a dead ephemeral port can even connect to itself.)
///
/// # Errors
///
/// When the kernel has no port left.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>, HarnessError> {
    // All listeners are held until the last port is chosen, so that no port is chosen twice.
    let listeners: Vec<TcpListener> = (0..count).map(|_| reserve()).collect::<Result<_, _>>()?;
    listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect::<Result<_, _>>()
        .map_err(HarnessError::io("read the address of a listener"))
}

/// A listener on a port for which nobody else can be listening.
///
/// # Errors
///
/// When the kernel has no port left.
pub(crate) fn reserve() -> Result<TcpListener, HarnessError> {
    let highest = ephemeral_start().saturating_sub(1);
    if highest.saturating_sub(LOWEST) >= ROOM_MIN {
        for _ in 0..ATTEMPTS {
            let candidate = LOWEST + random_below(highest - LOWEST);
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
                return Ok(listener);
            }
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(HarnessError::io("bind a loopback port"))
}

/// First port that the kernel gives to outgoing connections.
fn ephemeral_start() -> u16 {
    const LINUX_DEFAULT: u16 = 32_768;
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(LINUX_DEFAULT)
}

/// A number in `0..bound`; two processes that ask at the same moment get different ones.
fn random_below(bound: u16) -> u16 {
    let random = RandomState::new().build_hasher().finish();
    u16::try_from(random % u64::from(bound)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{ephemeral_start, free_ports};

    #[test]
    fn ports_of_one_choice_differ() {
        let mut ports = free_ports(40).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 40);
    }

    #[test]
    fn ports_stay_out_of_ephemeral_range() {
        let start = ephemeral_start();
        if start > 20_000 {
            assert!(free_ports(20).unwrap().iter().all(|port| *port < start));
        }
    }
}
