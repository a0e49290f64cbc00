//! What a member says about itself over plain HTTP on its probe port.

use std::net::SocketAddr;
use std::time::Duration;

use crate::http;

/// A member's view of who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// It leads, as far as it knows.
    pub(crate) leads: bool,
    /// It knows of a leader.
    pub(crate) knows_leader: bool,
}

/// Whether the member took part in a consistent read, which needs a quorum and a leader.
pub(crate) fn is_healthy(probe: SocketAddr, timeout: Duration) -> bool {
    http::get(probe, "/health", timeout)
        .is_ok_and(|(status, body)| status == 200 && body.contains("\"true\""))
}

/// The member's view, or `None` when it does not answer.
pub(crate) fn view(probe: SocketAddr, timeout: Duration) -> Option<View> {
    let (_, metrics) = http::get(probe, "/metrics", timeout).ok()?;
    parse_view(&metrics)
}

fn parse_view(metrics: &str) -> Option<View> {
    let gauge = |name: &str| {
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse::<u8>().ok())
    };
    Some(View {
        leads: gauge("etcd_server_is_leader ")? == 1,
        knows_leader: gauge("etcd_server_has_leader ")? == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::{View, parse_view};

    #[test]
    fn gauges_are_read() {
        let page = "# TYPE etcd_server_has_leader gauge\netcd_server_has_leader 1\n\
                    etcd_server_is_leader 0\n";
        assert_eq!(
            parse_view(page),
            Some(View {
                leads: false,
                knows_leader: true
            })
        );
    }

    #[test]
    fn page_without_gauges_is_no_view() {
        assert_eq!(parse_view("go_threads 9\n"), None);
    }
}
