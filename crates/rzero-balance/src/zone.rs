//! Preference for the own zone, with spill-over.

/// A node, as the preference for a zone sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zoned {
    /// Its weight, as registered.
    pub weight: u32,
    /// Whether it is in the zone of the client.
    pub local: bool,
    /// Whether it takes calls.
    pub ready: bool,
}

/// Weights are multiplied by this, so that a small share of a small weight is not rounded away.
const SCALE: f64 = 1_024.0;

/// The weights to balance with, in the order of `nodes`; 0 takes no calls. `spill_below` is the
/// ready part of the local capacity below which calls leave the zone, 0.7 by default; with 0 none
/// leave while a local node is ready. Without a ready local node, or a ready one elsewhere, the
/// zone makes no difference.
///
/// Calls inside a zone are faster and cost nothing; but a zone that lost its nodes must not keep
/// its load. As long as at least 70 % of the zone's capacity is ready, all calls stay; below
/// that, the local nodes keep the load that they would have had at 70 %, and the rest spills over
/// to the other zones in proportion to their weights. The step is smooth: just below the limit
/// almost nothing leaves.
///
/// It is wrong when zones are unequal: the registered capacity of a zone stands for the demand in
/// it, which a client cannot see. Where the clients of one zone make more load than its nodes
/// carry, leave the preference off.
///
/// ```
/// use rzero_balance::{Zoned, prefer_zone};
///
/// let node = |local, ready| Zoned { weight: 100, local, ready };
/// let mut nodes = [node(true, true), node(true, true), node(false, true), node(false, true)];
/// let weights = prefer_zone(&nodes, 0.7);
/// assert_eq!(weights[2..], [0, 0]);
/// nodes[0].ready = false;
/// let weights = prefer_zone(&nodes, 0.7);
/// // 50 % of the capacity is left: 50/70 of the calls stay.
/// let share = f64::from(weights[1]) / weights.iter().map(|w| f64::from(*w)).sum::<f64>();
/// assert!((share - 5.0 / 7.0).abs() < 0.01);
/// ```
#[must_use]
pub fn prefer_zone(nodes: &[Zoned], spill_below: f64) -> Vec<u32> {
    let sum = |wanted: fn(&Zoned) -> bool| {
        let weights = nodes.iter().filter(|n| wanted(n));
        weights.map(|n| f64::from(n.weight)).sum::<f64>()
    };
    let known = sum(|n| n.local);
    let local = sum(|n| n.local && n.ready);
    let remote = sum(|n| !n.local && n.ready);
    let away = if local > 0.0 && remote > 0.0 {
        let stays = (local / (known * spill_below.max(0.0))).min(1.0);
        // Such that local : remote = stays : 1 - stays.
        local * (1.0 - stays) / (stays * remote)
    } else {
        1.0
    };
    // The largest weight has to fit.
    let top = (nodes.iter())
        .map(|n| f64::from(n.weight) * if n.local { 1.0 } else { away })
        .fold(1.0, f64::max);
    let scale = SCALE.min(f64::from(u32::MAX) / top);
    (nodes.iter())
        .map(|n| match (n.ready, n.local) {
            (false, _) => 0,
            (true, true) => scaled(n.weight, scale),
            (true, false) => scaled(n.weight, scale * away),
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and the cast saturates"
)]
fn scaled(weight: u32, by: f64) -> u32 {
    (f64::from(weight) * by).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(local: &[bool], remote: &[bool]) -> Vec<Zoned> {
        let node = |local| {
            move |ready: &bool| Zoned {
                weight: 100,
                local,
                ready: *ready,
            }
        };
        let nodes = local.iter().map(node(true));
        nodes.chain(remote.iter().map(node(false))).collect()
    }

    /// The share of the calls that stays in the zone.
    fn stays(nodes: &[Zoned]) -> f64 {
        let weights = prefer_zone(nodes, 0.7);
        let sum = |local: bool| -> f64 {
            let own = nodes.iter().zip(&weights).filter(|(n, _)| n.local == local);
            own.map(|(_, weight)| f64::from(*weight)).sum()
        };
        sum(true) / (sum(true) + sum(false))
    }

    #[test]
    fn share_that_stays_falls_with_the_ready_capacity() {
        for (ready, want) in [
            (10, 1.0),
            (7, 1.0),
            (6, 6.0 / 7.0),
            (1, 1.0 / 7.0),
            (0, 0.0),
        ] {
            let local: Vec<bool> = (0..10).map(|i| i < ready).collect();
            let share = stays(&zones(&local, &[true; 20]));
            assert!((share - want).abs() < 0.01, "{ready} of 10: {share}");
        }
    }

    #[test]
    fn calls_stay_where_nothing_else_is_ready() {
        let nodes = zones(&[true, false, false], &[false, false]);
        let weights = prefer_zone(&nodes, 0.7);
        assert!(weights[0] > 0);
        assert_eq!(weights[1..], [0; 4]);
        assert!(prefer_zone(&[], 0.7).is_empty());
        let elsewhere = prefer_zone(&zones(&[], &[true, true]), 0.7);
        assert!(elsewhere[0] > 0 && elsewhere[0] == elsewhere[1]);
    }

    #[test]
    fn weights_keep_their_proportions_even_when_huge() {
        let mut nodes = zones(&[true, true, false, false], &[true, true]);
        nodes[0].weight = u32::MAX;
        nodes[1].weight = u32::MAX / 4;
        let weights = prefer_zone(&nodes, f64::NAN);
        let ratio = f64::from(weights[0]) / f64::from(weights[1]);
        assert!((ratio - 4.0).abs() < 0.01, "{ratio}");
        for spill_below in [0.0, 0.7, 1.0, -1.0] {
            assert!(prefer_zone(&nodes, spill_below)[0] > 0);
        }
    }
}
