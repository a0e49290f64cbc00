//! Ejection of outliers: when nodes are looked at, and what follows.

use rzero_balance::{EjectReason, Look, Probed, Watched};
use rzero_core::{Lane, Outcome};
use rzero_registry::InstanceId;
use tokio::time::Instant;

use super::Cluster;
use crate::node::{Node, State};

impl Cluster {
    /// Looks at the nodes of all lanes; gives the time of the next look.
    pub(super) fn look(&mut self, now: Instant) -> Instant {
        let lanes: Vec<Lane> = self.awake.iter().cloned().collect();
        let next = lanes.iter().map(|lane| self.look_at(lane, now)).min();
        next.unwrap_or(now + self.policy.outlier.interval)
    }

    fn look_at(&mut self, lane: &Lane, now: Instant) -> Instant {
        let mut nodes: Vec<&mut Node> = (self.nodes.values_mut())
            .filter(|node| node.instance.lane == *lane)
            .collect();
        let mut watched: Vec<Watched<'_>> = nodes.iter_mut().map(|node| node.watched()).collect();
        let Look {
            ejected,
            probe,
            changed,
            suspended,
            next,
            ..
        } = self.outliers.tick(now, &mut watched);
        drop(watched);
        for (at, reason) in ejected {
            tell(nodes[at], reason, now);
        }
        for at in probe {
            let timeout = self.policy.outlier.probe_timeout;
            nodes[at].probe(now + timeout, self.events.clone());
            self.changed = true;
        }
        self.changed |= changed | self.suspend(lane, suspended);
        next
    }

    /// Notes whether ejection is suspended in a lane; `true` when that is new.
    fn suspend(&mut self, lane: &Lane, suspended: bool) -> bool {
        if suspended == self.suspended.contains(lane) {
            return false;
        }
        if suspended {
            self.suspended.insert(lane.clone());
            tracing::warn!(%lane, "ejection is suspended: too few nodes are left, or all of them fail");
        } else {
            self.suspended.remove(lane);
            tracing::info!(%lane, "ejection works again");
        }
        true
    }

    /// A probe of a node has ended.
    pub(super) fn probed(&mut self, id: &InstanceId, outcome: Outcome) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let now = Instant::now();
        match self.outliers.probed(&mut node.watched(), outcome, now) {
            Probed::In => {
                tracing::info!(address = %node.address, "node is in again and starts slowly");
            }
            Probed::Out => tell(node, EjectReason::Probe, now),
            Probed::Undecided => {}
        }
        self.changed = true;
    }
}

fn tell(node: &Node, reason: EjectReason, now: Instant) {
    let until = node.standing.ejected_until().unwrap_or(now);
    let pause = until.saturating_duration_since(now);
    tracing::warn!(
        address = %node.address,
        reason = reason.name(),
        ?pause,
        "node ejected: it takes no calls for a while"
    );
}

impl Node {
    pub(super) fn watched(&mut self) -> Watched<'_> {
        Watched {
            stats: &self.stats,
            standing: &mut self.standing,
            ready: match &self.state {
                State::Ready(connection) => connection.is_open(),
                State::Connecting | State::BackOff => false,
            },
        }
    }
}
