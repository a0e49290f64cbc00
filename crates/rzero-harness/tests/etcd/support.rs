//! What the system knows about processes and sockets, read from /proc.

use std::collections::HashSet;
use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use rzero_harness::EtcdCluster;

/// Ids of the members' processes.
pub(crate) fn pids(etcd: &EtcdCluster) -> Vec<u32> {
    etcd.members()
        .iter()
        .filter_map(|member| member.pid())
        .collect()
}

/// Whether something accepts connections at `endpoint`.
pub(crate) fn answers(endpoint: &str) -> bool {
    TcpStream::connect_timeout(&endpoint.parse().unwrap(), Duration::from_secs(1)).is_ok()
}

/// Effective user id of a process.
pub(crate) fn user_of(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Local addresses, in the kernel's hexadecimal, on which a process listens.
pub(crate) fn listening_addresses(pid: u32) -> Vec<String> {
    let sockets: HashSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    ["tcp", "tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).ok())
        .flat_map(|table| {
            table
                .lines()
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .into_iter()
        })
        .filter_map(|line| {
            const LISTEN: &str = "0A";
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields.get(3) == Some(&LISTEN) && sockets.contains(*fields.get(9)?);
            listens.then(|| fields[1].split(':').next().unwrap().to_owned())
        })
        .collect()
}

/// Whether `condition` holds within ten seconds.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    (0..1_000).any(|_| {
        let holds = condition();
        if !holds {
            std::thread::sleep(Duration::from_millis(10));
        }
        holds
    })
}
