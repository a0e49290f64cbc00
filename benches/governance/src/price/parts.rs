//! The decisions alone, with the time passed in.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rzero_balance::{Candidate, NodeStats, Picker, Policy};
use rzero_core::{CallInfo, Idempotency, Kind, Method, Outcome};
use rzero_resilience::breaker::Breaker;
use tokio::time::Instant;

use super::CANDIDATES;
use super::turns::Subject;

const GROUP: &str = "part";
/// Virtual time between two calls of a thread: windows turn as they do under load.
const STEP: Duration = Duration::from_micros(10);
const LATENCY: Duration = Duration::from_micros(800);

/// A decision of the breaker, a whole call of it, and the same of the balancer.
pub(super) fn subjects() -> Vec<Subject> {
    let now = Instant::now();
    vec![
        stepped("breaker decision", {
            let breaker = breaker(now);
            move |now| drop(black_box(breaker.enter(now)))
        }),
        stepped("breaker call", {
            let breaker = breaker(now);
            move |now| {
                if let Ok(pass) = breaker.enter(now) {
                    pass.finish(Outcome::OK, now + LATENCY);
                }
            }
        }),
        stepped("pick", {
            let nodes = Nodes::new(now);
            move |now| {
                black_box(nodes.pick(now));
            }
        }),
        stepped("pick call", {
            let nodes = Nodes::new(now);
            move |now| {
                let stats = &nodes.stats[nodes.pick(now)];
                let started = stats.begin(now);
                black_box(stats.finish(started, Outcome::OK, now + LATENCY));
            }
        }),
    ]
}

/// Does `step` again and again at times that go on from slice to slice.
fn stepped(name: &'static str, step: impl Fn(Instant) + Send + Sync + 'static) -> Subject {
    let origin = Instant::now();
    let spent = AtomicU64::new(0);
    Subject::each(GROUP, name, move |_, count| {
        let before = spent.load(Relaxed);
        let mut now = origin + STEP * u32::try_from(before).unwrap_or(u32::MAX);
        for _ in 0..count {
            now += STEP;
            step(now);
        }
        spent.fetch_max(before + count, Relaxed);
    })
}

fn breaker(now: Instant) -> Breaker {
    let breaker = Breaker::new("bench", "/a.B/C", Default::default(), now);
    // It has seen calls, so that its window is not empty.
    for _ in 0..100 {
        if let Ok(pass) = breaker.enter(now) {
            pass.finish(Outcome::OK, now);
        }
    }
    breaker
}

/// Candidates that have answered, and the default picker of them.
struct Nodes {
    picker: Box<dyn Picker>,
    stats: Vec<Arc<NodeStats>>,
    call: CallInfo,
}

impl Nodes {
    fn new(now: Instant) -> Self {
        let stats: Vec<_> = (0..CANDIDATES)
            .map(|_| Arc::new(NodeStats::new(now)))
            .collect();
        for node in &stats {
            let started = node.begin(now);
            node.finish(started, Outcome::OK, now + LATENCY);
        }
        let candidates = stats.iter().zip(0..).map(|(stats, key)| Candidate {
            key,
            weight: 100,
            stats: Arc::clone(stats),
        });
        let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown);
        let method = method.expect("the path is well formed");
        Self {
            picker: Policy::P2c.picker(candidates.collect(), now),
            stats,
            call: CallInfo::new(method, now),
        }
    }

    fn pick(&self, now: Instant) -> usize {
        self.picker.pick(&self.call, now, None).unwrap_or(0)
    }
}
