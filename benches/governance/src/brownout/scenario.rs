//! The scenarios, and what callers see of them.

use std::time::Duration;

use bytes::Bytes;
use rzero_balance::Policy;
use rzero_client::{CallOptions, Channel};
use rzero_core::Result as CallResult;
use rzero_policy::Policies;
use rzero_testing::Echo;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::fleet::{Fleet, State};
use crate::Result;
use crate::latencies::Latencies;

/// How long it is quiet, and how long there is trouble.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) warm_up: Duration,
    pub(super) trouble: Duration,
}

impl Times {
    pub(super) const FULL: Self = Self::new(20, 60);
    pub(super) const QUICK: Self = Self::new(10, 20);

    pub(super) const fn new(warm_up: u64, trouble: u64) -> Self {
        Self {
            warm_up: Duration::from_secs(warm_up),
            trouble: Duration::from_secs(trouble),
        }
    }
}

/// A client that meets the trouble.
#[derive(Debug)]
pub(super) struct Mode {
    pub(super) name: &'static str,
    pub(super) balancer: Policy,
    pub(super) policies: &'static str,
}

/// What happens to which nodes.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    nodes: usize,
    zones: usize,
    /// Nodes whose number this divides without rest.
    hit: usize,
    state: State,
    per_second: u32,
    pub(super) modes: &'static [Mode],
}

const OFF: Mode = Mode {
    name: "in turn, nothing on",
    balancer: Policy::WeightedRoundRobin,
    policies: "[policy]\noff = ['breaker', 'retry', 'outlier', 'slow_start', 'zone', 'subset']",
};
const NAIVE: Mode = Mode {
    name: "retries without budget and breaker",
    balancer: Policy::WeightedRoundRobin,
    policies: "[policy]\noff = ['breaker', 'outlier', 'slow_start', 'zone', 'subset']\n\
               budget.ratio = 1.0\nbudget.floor_per_second = 1000.0",
};
const BUDGET: Mode = Mode {
    name: "defaults without the breaker",
    balancer: Policy::P2c,
    policies: "[policy]\noff = ['breaker']",
};
const DEFAULT: Mode = Mode {
    name: "defaults",
    balancer: Policy::P2c,
    policies: "[policy]",
};

/// Every scenario.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "one of ten nodes is 50 times slower",
        nodes: 10,
        zones: 1,
        hit: 10,
        state: State::Answers(50.0),
        per_second: 500,
        modes: &[OFF, DEFAULT],
    },
    Scenario {
        name: "one of ten nodes hangs",
        nodes: 10,
        zones: 1,
        hit: 10,
        state: State::Hangs,
        per_second: 500,
        modes: &[OFF, DEFAULT],
    },
    Scenario {
        name: "the client's zone of three fails",
        nodes: 9,
        zones: 3,
        hit: 3,
        state: State::Fails,
        per_second: 500,
        modes: &[OFF, DEFAULT],
    },
    Scenario {
        name: "all nodes fail",
        nodes: 10,
        zones: 1,
        hit: 1,
        state: State::Fails,
        per_second: 100,
        modes: &[NAIVE, BUDGET, DEFAULT],
    },
    Scenario {
        name: "all nodes hang",
        nodes: 10,
        zones: 1,
        hit: 1,
        state: State::Hangs,
        per_second: 100,
        modes: &[NAIVE, BUDGET, DEFAULT],
    },
];

impl Scenario {
    /// Plays it in simulated time.
    pub(super) fn play(&self, mode: &Mode, times: Times) -> Result<Seen> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(async {
            let fleet = Fleet::start(self.nodes, self.zones, mode).await?;
            let gap = Duration::from_secs(1) / self.per_second;
            let quiet = arrivals(&fleet.channel, gap, times.warm_up).await;
            // Calls of the quiet time have ended when there is trouble.
            let before = quiet.join_all().await;
            let attempts = fleet.attempts();
            for node in fleet.nodes.iter().step_by(self.hit) {
                node.set(self.state);
            }
            let during = arrivals(&fleet.channel, gap, times.trouble).await;
            let during = during.join_all().await;
            let attempts = fleet.attempts() - attempts;
            Ok(Seen::of(&before, &during, attempts))
        })
    }

    /// Attempts for each call that the default budget allows: its share, and its floor for the
    /// time and one window, which may come at once.
    fn allowed(&self, times: Times) -> f64 {
        let budget = Policies::default().client("fleet").budget;
        let time = times.trouble + budget.window;
        let floor = budget.floor_per_second * time.as_secs_f64();
        let calls = f64::from(self.per_second) * times.trouble.as_secs_f64();
        1.0 + budget.ratio + floor / calls
    }
}

/// How a call ended, and what it took.
type End = (bool, Duration);

/// Calls, one each `gap`, for so long.
async fn arrivals(channel: &Channel, gap: Duration, time: Duration) -> JoinSet<End> {
    let begin = Instant::now();
    let mut due = begin;
    let mut calls = JoinSet::new();
    while due < begin + time {
        sleep_until(due).await;
        let channel = channel.clone();
        calls.spawn(async move {
            let begun = Instant::now();
            (call(&channel).await.is_ok(), begun.elapsed())
        });
        due += gap;
    }
    calls
}

async fn call(channel: &Channel) -> CallResult<()> {
    let options = CallOptions::new().idempotent(true);
    let reply = channel.unary(Echo::SAY, Bytes::from_static(b"hello"), &options);
    reply.await.map(drop)
}

/// What callers saw.
#[derive(Debug)]
pub(super) struct Seen {
    quiet_p99_ms: Option<f64>,
    calls: usize,
    failed: usize,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    attempts: u64,
}

impl Seen {
    fn of(before: &[End], during: &[End], attempts: u64) -> Self {
        let (mut quiet, mut latencies) = (Latencies::default(), Latencies::default());
        before.iter().for_each(|(_, took)| quiet.add(*took));
        during.iter().for_each(|(_, took)| latencies.add(*took));
        Self {
            quiet_p99_ms: quiet.quantile_ms(0.99),
            calls: during.len(),
            failed: during.iter().filter(|(ok, _)| !ok).count(),
            p50_ms: latencies.quantile_ms(0.5),
            p99_ms: latencies.quantile_ms(0.99),
            attempts,
        }
    }

    /// Attempts that reached a node, for each call.
    fn amplification(&self) -> f64 {
        self.attempts as f64 / self.calls.max(1) as f64
    }

    pub(super) fn json(&self, scenario: &Scenario, mode: &Mode, times: Times) -> Value {
        json!({
            "scenario": scenario.name,
            "mode": mode.name,
            "outage": scenario.hit == 1,
            "default": mode.name == DEFAULT.name,
            "budgeted": mode.name != NAIVE.name && mode.name != OFF.name,
            "calls": self.calls,
            "failed": self.failed,
            "quiet_p99_ms": self.quiet_p99_ms,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "attempts": self.attempts,
            "amplification": self.amplification(),
            "allowed": scenario.allowed(times),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Times = Times::new(10, 10);

    fn scenario(name: &str) -> &'static Scenario {
        ALL.iter().find(|known| known.name == name).unwrap()
    }

    fn seen(name: &str, mode: &Mode) -> Seen {
        scenario(name).play(mode, SHORT).unwrap()
    }

    #[test]
    fn budget_bounds_what_an_outage_adds() {
        for scenario in ALL.iter().filter(|scenario| scenario.hit == 1) {
            for mode in [&BUDGET, &DEFAULT] {
                let seen = scenario.play(mode, SHORT).unwrap();
                let (got, allowed) = (seen.amplification(), scenario.allowed(SHORT));
                assert!(got <= allowed, "{}: {got} > {allowed}", scenario.name);
                assert_eq!(seen.failed, seen.calls);
            }
        }
    }

    #[test]
    fn without_a_budget_every_call_has_all_its_attempts() {
        let seen = seen("all nodes fail", &NAIVE);
        assert!((seen.amplification() - 4.0).abs() < 0.1, "{seen:?}");
    }

    #[test]
    fn breaker_keeps_most_of_the_load_away() {
        // For some seconds the calls of the quiet time speak for the nodes.
        let times = Times::new(10, 60);
        let seen = scenario("all nodes fail").play(&DEFAULT, times).unwrap();
        assert!(seen.amplification() < 0.5, "{seen:?}");
    }

    #[test]
    fn calls_in_turn_wait_for_the_slow_node() {
        let scenario = "one of ten nodes is 50 times slower";
        let (off, on) = (seen(scenario, &OFF), seen(scenario, &DEFAULT));
        assert!(off.p99_ms > Some(500.0), "{off:?}");
        assert!(on.p99_ms < off.p99_ms, "{on:?} {off:?}");
    }

    #[test]
    fn floor_of_the_budget_counts_for_one_more_window() {
        let outage = ALL.iter().find(|scenario| scenario.hit == 1).unwrap();
        let allowed = outage.allowed(Times::new(0, 60));
        assert!((allowed - (1.1 + 210.0 / 6000.0)).abs() < 1e-9, "{allowed}");
    }
}
