//! Ejection of outliers: nodes that fail much more than their peers take no calls for a while.

use rzero_core::Outcome;
use tokio::time::Instant;

use crate::stats::{Counts, Streak};
use crate::verdict::Verdict;
use crate::{NodeStats, Randomness};

mod config;
mod rate;
mod standing;

pub use config::OutlierConfig;
pub use standing::Standing;

use standing::State;

/// A node of a lane, as [`Outliers`] sees it.
#[derive(Debug)]
pub struct Watched<'a> {
    /// Its statistics.
    pub stats: &'a NodeStats,
    /// Where it stands.
    pub standing: &'a mut Standing,
    /// Whether it has a connection that takes calls.
    pub ready: bool,
}

/// Why a node was ejected; as metric label by [`name`](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EjectReason {
    /// Too many failures in a row.
    Consecutive,
    /// Too many timeouts in a row.
    Timeouts,
    /// Too large a share of failures in the interval.
    FailureShare,
    /// A success rate far below that of its peers.
    SuccessRate,
    /// The probe failed.
    Probe,
}

impl EjectReason {
    /// A short name in `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consecutive => "consecutive",
            Self::Timeouts => "timeouts",
            Self::FailureShare => "failure_share",
            Self::SuccessRate => "success_rate",
            Self::Probe => "probe",
        }
    }
}

/// What a look at the nodes of a lane gave. Numbers of nodes are indices into the list looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// Nodes that were ejected just now; the time is in their [`Standing`].
    pub ejected: Vec<(usize, EjectReason)>,
    /// Nodes whose time is over: send each one probe, a health check or one idempotent call, and
    /// tell the outcome to [`Outliers::probed`].
    pub probe: Vec<usize>,
    /// Whether another set of nodes [takes calls](Standing::takes_calls) than before.
    pub changed: bool,
    /// Whether ejection is suspended, because too few nodes are left or none is free of failures.
    pub suspended: bool,
    /// When to look again at the latest.
    pub next: Instant,
}

/// What a probe decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// The node is in: make a new snapshot.
    In,
    /// It is ejected again, for the reason [`EjectReason::Probe`].
    Out,
    /// Nothing: the probe did not reach it, or was not the one that was asked for.
    Undecided,
}

/// The rules of ejection, for all lanes of a target. Holds no state of nodes: that is in their
/// [`Standing`].
///
/// A breaker protects from a service that fails as a whole; this protects from the one instance
/// of many that does. [`NodeStats`] counts failures on the call path without a lock;
/// [`Outliers::tick`] looks at the nodes of one lane, off the path, and says who is out and who is
/// to be probed. The owner asks it on every change of the nodes, when [`Look::next`] has come, and
/// when [`OutlierConfig::wants_look`] says so of a call that ended. It leaves nodes that do not
/// [take calls](Standing::takes_calls) out of the snapshot.
///
/// # What counts
///
/// Errors whose class counts for outliers, but not a failed connect: the node's connection backs
/// off by itself, and a node that is not ready is not judged. A refusal for load
/// ([`Overloaded`](rzero_core::Class::Overloaded)) never ejects, nor does what never ran. A call
/// that was given up by its caller says nothing; so a timeout has to be
/// [finished](NodeStats::finish) as `DeadlineExceeded`, not dropped.
///
/// # Black holes
///
/// A node that takes calls and never answers is seen only by timeouts. Power of two choices soon
/// gives it no more than the forced pick of each second, because its calls in flight pile up, so
/// five failures in a row would take five seconds and a timeout. Two timeouts in a row are enough
/// therefore, as long as at most half of the lane is as silent. Calls that begin in the first and
/// in the second second after its last answer are enough for that, so it is out after about a
/// second and a timeout. That is within two timeouts, when the timeout is at least a second and
/// the client makes ten calls a second for each node. With fewer calls or shorter timeouts it takes
/// longer, and costs fewer calls. The caller has to set a timeout for each attempt: without one
/// nothing is seen.
///
/// # When it is wrong
///
/// It is relative: when no ready node is free of failures, ejecting some would only put their load
/// on others that are as bad, so it is suspended and all take calls. A lane of fewer than three
/// nodes has no outliers unless `ejected_max` is raised. A method that always times out on a
/// service with few other calls looks like silence: up to `ejected_max` of its nodes are out in
/// turn; give the method the time it needs, or set `timeouts` to 0. A stream that is cut by its
/// deadline as planned is no timeout: finish it as a success.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use rzero_balance::{NodeStats, OutlierConfig, Outliers, Randomness, Standing, Watched};
/// use rzero_core::{Class, Outcome};
/// use tokio::time::Instant;
///
/// let now = Instant::now();
/// let outliers = Outliers::new(OutlierConfig::default(), now, Randomness::per_thread());
/// let mut nodes: Vec<_> = (0..3).map(|_| (NodeStats::new(now), Standing::new())).collect();
/// for _ in 0..5 {
///     let started = nodes[1].0.begin(now);
///     let streak = nodes[1].0.finish(started, Outcome::failed(Class::Internal), now);
///     if outliers.config().wants_look(streak) {
///         let mut lane: Vec<_> = nodes
///             .iter_mut()
///             .map(|(stats, standing)| Watched { stats, standing, ready: true })
///             .collect();
///         let look = outliers.tick(now, &mut lane);
///         assert_eq!(look.ejected[0].0, 1);
///     }
/// }
/// assert!(!nodes[1].1.takes_calls());
/// assert!(nodes[1].1.ejected_until().unwrap() >= now + Duration::from_secs(27));
/// ```
#[derive(Debug)]
pub struct Outliers {
    config: OutlierConfig,
    /// Where intervals are counted from.
    epoch: Instant,
    random: Randomness,
}

impl Outliers {
    /// The rules of `config`, which is [valid](OutlierConfig::validate), with intervals counted from
    /// `now` and jitter from `random`.
    #[must_use]
    pub const fn new(config: OutlierConfig, now: Instant, random: Randomness) -> Self {
        Self {
            config,
            epoch: now,
            random,
        }
    }

    /// Takes other valid rules. Nodes that are out stay out for their time.
    pub fn set_config(&mut self, config: OutlierConfig) {
        self.config = config;
    }

    /// The rules.
    #[must_use]
    pub const fn config(&self) -> &OutlierConfig {
        &self.config
    }

    /// Looks at all nodes of one lane at `now`, ready or not.
    pub fn tick(&self, now: Instant, nodes: &mut [Watched<'_>]) -> Look {
        let took: Vec<bool> = nodes.iter().map(|n| n.standing.takes_calls()).collect();
        let interval = self.interval(now);
        let findings = self.judge(interval, nodes);
        let (suspended, ejected) = if self.config.enabled {
            let suspended = self.is_suspended(nodes, &findings);
            let due = if suspended { Vec::new() } else { findings };
            (suspended, self.eject(due, now, nodes))
        } else {
            let out = nodes.iter_mut().filter(|n| n.standing.is_ejected());
            out.for_each(|n| n.standing.admit(n.stats, now));
            (false, Vec::new())
        };
        for node in nodes.iter_mut() {
            node.standing.suspended = suspended;
            if node.standing.is_over(interval) {
                node.standing.turn(node.stats, interval);
            }
        }
        let probe = self.due_for_probe(now, nodes);
        Look {
            ejected,
            probe,
            changed: (took.iter().zip(nodes.iter()))
                .any(|(took, node)| *took != node.standing.takes_calls()),
            suspended,
            next: self.next(interval, now, nodes),
        }
    }

    /// A probe of `node` ended with `outcome`. An answer, be it that the method is missing, lets it
    /// in and begins its slow start; a failure ejects it again, for longer. When the probe was
    /// refused for load or never left, another one is asked for after `probe_timeout`.
    pub fn probed(&self, node: &mut Watched<'_>, outcome: Outcome, now: Instant) -> Probed {
        if !matches!(node.standing.state, State::Probing { .. }) {
            return Probed::Undecided;
        }
        match Verdict::of(outcome) {
            Verdict::Good | Verdict::Missing => {
                node.standing.admit(node.stats, now);
                Probed::In
            }
            Verdict::Failed | Verdict::TimedOut => {
                self.send_out(node.standing, now);
                Probed::Out
            }
            Verdict::Silent => Probed::Undecided,
        }
    }

    /// The number of the interval at `now`.
    fn interval(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.epoch).as_nanos();
        let length = self.config.interval.as_nanos().max(1);
        u64::try_from(passed / length).unwrap_or(u64::MAX)
    }

    /// For each node the reason to eject it, if it is in, ready and there is one.
    fn judge(&self, interval: u64, nodes: &mut [Watched<'_>]) -> Vec<Option<EjectReason>> {
        let config = &self.config;
        let silent = |node: &&Watched<'_>| {
            node.ready && config.timeouts > 0 && node.stats.streak().timeouts >= config.timeouts
        };
        let hushed = nodes.iter().filter(silent).count() * 2 > nodes.len();
        let counts: Vec<Option<Counts>> = nodes.iter_mut().map(|node| self.count(node)).collect();
        let mut findings: Vec<Option<EjectReason>> = (nodes.iter().zip(&counts))
            .map(|(node, counts)| self.reason(node.stats.streak(), (*counts)?, hushed))
            .collect();
        // A new node is a moment behind the others: its first partial interval is compared too,
        // and has enough calls or not.
        if nodes.iter().any(|node| node.standing.is_over(interval)) {
            for at in rate::outliers(&counts, config) {
                findings[at].get_or_insert(EjectReason::SuccessRate);
            }
            for (node, counts) in nodes.iter_mut().zip(&counts) {
                node.standing.suspect = counts.is_some_and(|c| self.fails_mostly(c));
            }
        }
        findings
    }

    /// What a node did in the interval so far; `None` when it is out or not ready.
    fn count(&self, node: &mut Watched<'_>) -> Option<Counts> {
        if node.standing.is_ejected() {
            return None;
        }
        if !node.ready {
            // When it comes back it is most likely another process: nothing is held against it.
            node.stats.forgive();
            return None;
        }
        Some(node.standing.counts(node.stats))
    }

    fn reason(&self, streak: Streak, counts: Counts, hushed: bool) -> Option<EjectReason> {
        let reached = |count: u32, limit: u32| limit > 0 && count >= limit;
        if reached(streak.failures, self.config.consecutive) {
            Some(EjectReason::Consecutive)
        } else if reached(streak.timeouts, self.config.timeouts) && !hushed {
            Some(EjectReason::Timeouts)
        } else if self.fails_mostly(counts) {
            Some(EjectReason::FailureShare)
        } else {
            None
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    fn fails_mostly(&self, counts: Counts) -> bool {
        let enough = self.config.share_calls > 0 && counts.calls >= self.config.share_calls;
        enough && counts.failed as f64 >= self.config.share * counts.calls as f64
    }

    /// Whether too few nodes are ready and in, or none of them is free of failures.
    fn is_suspended(&self, nodes: &[Watched<'_>], findings: &[Option<EjectReason>]) -> bool {
        let serving = |node: &Watched<'_>| node.ready && !node.standing.is_ejected();
        let absolute = |reason: &EjectReason| *reason != EjectReason::SuccessRate;
        let fine = (nodes.iter().zip(findings)).any(|(node, finding)| {
            serving(node) && !node.standing.suspect && !finding.as_ref().is_some_and(absolute)
        });
        let count = nodes.iter().filter(|node| serving(node)).count();
        nodes.iter().any(|node| node.ready) && (!fine || self.is_too_few(count, nodes.len()))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of nodes")]
    fn is_too_few(&self, serving: usize, all: usize) -> bool {
        (serving as f64) < self.config.panic_below * all as f64
    }

    /// Ejects the nodes with a reason, the worst first, as many as may be out.
    fn eject(
        &self,
        findings: Vec<Option<EjectReason>>,
        now: Instant,
        nodes: &mut [Watched<'_>],
    ) -> Vec<(usize, EjectReason)> {
        let mut due: Vec<(usize, EjectReason)> = (findings.into_iter().enumerate())
            .filter_map(|(at, reason)| Some((at, reason?)))
            .collect();
        due.sort_by_key(|(at, _)| std::cmp::Reverse(nodes[*at].stats.streak().failures));
        let out = nodes.iter().filter(|n| n.standing.is_ejected()).count();
        let serving = (nodes.iter())
            .filter(|n| n.ready && !n.standing.is_ejected())
            .count();
        // Never the last one, and never so many that ejection would be suspended.
        let spare = (1..serving)
            .take_while(|fewer| !self.is_too_few(serving - fewer, nodes.len()))
            .count();
        due.truncate(self.may_be_out(nodes.len()).saturating_sub(out).min(spare));
        for (at, _) in &due {
            self.send_out(nodes[*at].standing, now);
        }
        due
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count of nodes"
    )]
    fn may_be_out(&self, nodes: usize) -> usize {
        // A hair more, because 0.3 x 10 is a little less than 3.
        let part = (self.config.ejected_max * nodes as f64 + 1e-9) as usize;
        match nodes {
            0 | 1 => 0,
            2 => part,
            _ if self.config.ejected_max > 0.0 => part.max(1),
            _ => 0,
        }
    }

    fn send_out(&self, standing: &mut Standing, now: Instant) {
        let config = &self.config;
        let times = standing.times.saturating_add(1);
        let span = (config.ejection.saturating_mul(times)).min(config.ejection_max);
        let unit = f64::from(self.random.dice().unit());
        let factor = 1.0 + config.jitter * (2.0 * unit - 1.0);
        standing.eject(now + span.mul_f64(factor.max(0.0)));
    }

    /// Marks ready nodes whose time is over as being probed, and names them.
    fn due_for_probe(&self, now: Instant, nodes: &mut [Watched<'_>]) -> Vec<usize> {
        let mut due = Vec::new();
        for (at, node) in nodes.iter_mut().enumerate() {
            let since = match node.standing.state {
                State::In => continue,
                State::Out { until } => until,
                State::Probing { again } => again,
            };
            if node.ready && since <= now {
                node.standing.state = State::Probing {
                    again: now + self.config.probe_timeout,
                };
                due.push(at);
            }
        }
        due
    }

    /// The end of the interval, or of an ejection or a probe before that.
    fn next(&self, interval: u64, now: Instant, nodes: &[Watched<'_>]) -> Instant {
        let length = self.config.interval;
        let ends = u32::try_from(interval.saturating_add(1)).ok();
        let end = ends.and_then(|n| self.epoch.checked_add(length.checked_mul(n)?));
        let end = end.filter(|end| *end > now).unwrap_or(now + length);
        (nodes.iter())
            .filter_map(|node| match node.standing.state {
                State::Out { until: at } | State::Probing { again: at } => Some(at),
                State::In => None,
            })
            .filter(|at| *at > now)
            .fold(end, Instant::min)
    }
}
