//! Leaving, phase by phase.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Phase, Served, Shields, Shutdown, Tasks};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::part::LAST_MOMENT;
use super::{Joined, Parts, Requests};
use crate::builtin::Health;
use crate::config::{DrainConfig, Mode};

/// Time that cut work has to notice it.
const CUT: Duration = Duration::from_secs(1);

/// How a server left: how long each phase took and what was cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Each phase with its duration, in order.
    pub phases: Vec<(Phase, Duration)>,
    /// Connections with calls in flight that were cut.
    pub connections_cut: u32,
    /// Background parts that did not stop in time.
    pub parts_cut: Vec<&'static str>,
    /// Tasks beside the services that did not stop in time, see [`App::tasks`](super::App::tasks).
    pub tasks_cut: Vec<&'static str>,
    /// Shielded sections that did not end in time.
    pub shields_cut: usize,
}

impl Drained {
    /// Whether anything was cut.
    #[must_use]
    pub fn cut(&self) -> bool {
        let named = self.parts_cut.len() + self.tasks_cut.len();
        self.connections_cut > 0 || named + self.shields_cut > 0
    }
}

pub(super) struct Drain {
    pub(super) shutdown: Shutdown,
    pub(super) config: DrainConfig,
    pub(super) mode: Mode,
    pub(super) requests: Requests,
    pub(super) shields: Arc<Shields>,
    pub(super) tasks: Tasks,
}

impl Drain {
    pub(super) async fn run(
        self,
        health: Health,
        registration: Joined,
        mut wires: JoinSet<Served>,
        parts: Parts,
    ) -> Drained {
        let begun = Instant::now();
        let mut drained = Drained::default();
        let joined = registration.is_some();
        tracing::info!("leaving");
        self.phase(&mut drained, Phase::Announce, Duration::ZERO, async {
            health.set_serving(false);
        })
        .await;
        self.phase(
            &mut drained,
            Phase::Deregister,
            self.config.deregister,
            async {
                if let Some(registration) = registration
                    && let Err(error) = registration.close().await
                {
                    tracing::warn!(%error, "not deregistered; the lease ends it");
                }
            },
        )
        .await;
        if joined {
            let wait = self.config.wait(self.mode);
            self.phase(&mut drained, Phase::Wait, wait, std::future::pending())
                .await;
        }
        health.close();
        self.phase(&mut drained, Phase::Close, Duration::ZERO, async {})
            .await;
        let mut cut = 0;
        let in_flight = async {
            while let Some(served) = wires.join_next().await {
                cut += served.map_or(0, |served| served.connections_cut);
            }
            // Sections that outlive their calls are work in flight too.
            self.shields.all_closed().await;
        };
        self.phase(
            &mut drained,
            Phase::InFlight,
            self.config.in_flight,
            in_flight,
        )
        .await;
        if !wires.is_empty() {
            let cutting = async {
                while let Some(served) = wires.join_next().await {
                    cut += served.map_or(0, |served| served.connections_cut);
                }
            };
            self.phase(&mut drained, Phase::Cut, CUT, cutting).await;
        }
        drained.connections_cut = cut;
        self.back_ends(&mut drained, parts).await;
        self.shutdown.enter(Phase::Done);
        tell(&drained, begun.elapsed());
        drained
    }

    /// Stops what the calls needed: sections that outlive them, parts, tasks.
    async fn back_ends(&self, drained: &mut Drained, mut parts: Parts) {
        let back_ends = async {
            // A section that hangs must not keep the parts from being told.
            let _ = timeout(self.config.back_ends / 2, self.shields.all_closed()).await;
            parts.stop().await;
            self.tasks.ask();
            self.tasks.ended().await;
        };
        self.phase(drained, Phase::BackEnds, self.config.back_ends, back_ends)
            .await;
        drained.shields_cut = self.shields.open();
        drained.parts_cut = parts.cut().await;
        drained.tasks_cut = self.tasks.stop(LAST_MOMENT).await.tasks;
    }

    /// Enters a phase and does its work until that is done, its time is up, or somebody who asked
    /// twice is in a hurry.
    async fn phase(
        &self,
        drained: &mut Drained,
        phase: Phase,
        limit: Duration,
        work: impl Future<Output = ()>,
    ) {
        let begun = Instant::now();
        self.shutdown.enter(phase);
        let hurried = async {
            self.requests.asked(2).await;
            // What is cut must still notice it; everything else is skipped.
            if phase >= Phase::Cut {
                std::future::pending::<()>().await;
            }
        };
        // The work is looked at first, so that a phase whose work is done never waits.
        tokio::select! {
            biased;
            _ = timeout(limit, work) => {}
            () = hurried => {}
        }
        drained.phases.push((phase, begun.elapsed()));
    }
}

/// The last log line: how long each phase took and what was cut.
fn tell(drained: &Drained, took: Duration) {
    let phases: Vec<_> = drained
        .phases
        .iter()
        .map(|(phase, took)| format!("{phase:?}={took:.0?}"))
        .collect();
    let phases = phases.join(" ");
    if drained.cut() {
        let (connections, shields) = (drained.connections_cut, drained.shields_cut);
        let (parts, tasks) = (drained.parts_cut.join(" "), drained.tasks_cut.join(" "));
        tracing::warn!(
            ?took,
            phases,
            connections,
            shields,
            parts,
            tasks,
            "left; something was cut"
        );
    } else {
        tracing::info!(?took, phases, "left; nothing was cut");
    }
}
