//! One pick among 100 nodes: the lock-free power of two choices against the same idea behind a
//! mutex, as go-zero has it. `pick` is the decision alone, `call` adds the bookkeeping of the
//! call. The time is that of one iteration on each thread: a flat line over threads is perfect.
//!
//! Run it alone on the machine: `cargo bench -p rzero-benches --bench pick`.

use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use rzero_balance::{Candidate, LoadFactor, NodeStats, Picker, Policy};
use rzero_core::{CallInfo, Idempotency, Kind, Method, Outcome};
use tokio::time::Instant;

const NODES: usize = 100;
const LATENCY: Duration = Duration::from_micros(800);

/// A balancer under test.
trait Subject: Sync {
    fn pick(&self, now: Instant) -> usize;
    fn call(&self, now: Instant);
}

struct Ours {
    picker: Box<dyn Picker>,
    stats: Vec<Arc<NodeStats>>,
    call: CallInfo,
}

impl Ours {
    fn new(policy: Policy, now: Instant) -> Self {
        let stats: Vec<_> = (0..NODES).map(|_| Arc::new(NodeStats::new(now))).collect();
        let candidates = stats.iter().zip(0..).map(|(stats, key)| Candidate {
            key,
            weight: 100,
            stats: Arc::clone(stats),
        });
        let method = Method::dynamic("/bench.Pick/Call", Kind::Unary, Idempotency::Unknown);
        let mut call = CallInfo::new(method.unwrap_or_else(|_| unreachable!()), now);
        call.set_hash_key(Some(42));
        for node in &stats {
            let started = node.begin(now);
            node.finish(started, Outcome::OK, now + LATENCY);
        }
        Self {
            picker: policy.picker(candidates.collect(), now),
            stats,
            call,
        }
    }
}

impl Subject for Ours {
    fn pick(&self, now: Instant) -> usize {
        self.picker.pick(&self.call, now, None).unwrap_or(0)
    }

    fn call(&self, now: Instant) {
        let stats = &self.stats[self.pick(now)];
        let started = stats.begin(now);
        stats.finish(started, Outcome::OK, now + LATENCY);
    }
}

#[derive(Clone, Copy)]
struct Locked {
    lag: u64,
    in_flight: i64,
    success: u64,
    last: Instant,
    picked: Instant,
}

/// Everything in one mutex.
struct Mutexed(Mutex<(Vec<Locked>, u64)>);

impl Mutexed {
    fn new(now: Instant) -> Self {
        let node = Locked {
            lag: 800_000,
            in_flight: 0,
            success: 1_000,
            last: now,
            picked: now,
        };
        Self(Mutex::new((vec![node; NODES], 1)))
    }
}

impl Locked {
    fn load(&self) -> f64 {
        ((self.lag + 1) as f64).sqrt().floor() * (self.in_flight + 1) as f64
    }

    fn is_healthy(&self) -> bool {
        self.success > 500
    }
}

fn draw(state: &mut u64, n: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % n as u64).unwrap_or(0)
}

fn choose(nodes: &mut [Locked], state: &mut u64, now: Instant) -> usize {
    let (mut a, mut b) = (0, 1);
    for _ in 0..3 {
        a = draw(state, nodes.len());
        b = draw(state, nodes.len() - 1);
        b += usize::from(b >= a);
        if nodes[a].is_healthy() && nodes[b].is_healthy() {
            break;
        }
    }
    if nodes[a].load() > nodes[b].load() {
        std::mem::swap(&mut a, &mut b);
    }
    let forced = now.saturating_duration_since(nodes[b].picked) > Duration::from_secs(1);
    let winner = if forced { b } else { a };
    nodes[winner].picked = now;
    winner
}

#[expect(clippy::unwrap_used, reason = "a poisoned benchmark may end")]
impl Subject for Mutexed {
    fn pick(&self, now: Instant) -> usize {
        let (nodes, state) = &mut *self.0.lock().unwrap();
        choose(nodes, state, now)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of two lags"
    )]
    fn call(&self, now: Instant) {
        let at = {
            let (nodes, state) = &mut *self.0.lock().unwrap();
            let at = choose(nodes, state, now);
            nodes[at].in_flight += 1;
            at
        };
        let node = &mut self.0.lock().unwrap().0[at];
        let end = now + LATENCY;
        let keep = (-end.saturating_duration_since(node.last).as_secs_f64() / 10.0).exp();
        node.in_flight -= 1;
        node.last = end;
        node.lag = (node.lag as f64 * keep + LATENCY.as_nanos() as f64 * (1.0 - keep)) as u64;
        node.success = (node.success as f64 * keep + 1_000.0 * (1.0 - keep)) as u64;
    }
}

/// Runs `step` `count` times on each of `threads` threads; gives the time until all are done.
fn time(threads: u32, count: u64, step: &(impl Fn(Instant) + Sync)) -> Duration {
    let barrier = Barrier::new(threads as usize + 1);
    let start = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let begin = Instant::now();
                barrier.wait();
                // 10 µs of virtual time per step: nodes become due for a forced pick as they do
                // under load.
                for i in 0..count {
                    step(begin + Duration::from_micros(10 * i));
                }
            });
        }
        barrier.wait();
        Instant::now()
    });
    start.elapsed()
}

fn run(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, subject: &impl Subject) {
    for threads in [1, 2] {
        group.bench_function(format!("{name}/{threads}_threads"), |bencher| {
            let step = |now| {
                black_box(subject.pick(now));
            };
            bencher.iter_custom(|count| time(threads, count, &step));
        });
        group.bench_function(format!("{name}_call/{threads}_threads"), |bencher| {
            bencher.iter_custom(|count| time(threads, count, &|now| subject.call(now)));
        });
    }
}

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    let now = Instant::now();
    let load_factor = LoadFactor::default();
    run(&mut group, "p2c", &Ours::new(Policy::P2c, now));
    run(&mut group, "mutex", &Mutexed::new(now));
    let hash = Policy::ConsistentHash { load_factor };
    run(&mut group, "consistent_hash", &Ours::new(hash, now));
    let round_robin = Policy::WeightedRoundRobin;
    run(&mut group, "round_robin", &Ours::new(round_robin, now));
    run(&mut group, "random", &Ours::new(Policy::Random, now));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = pick
}
criterion_main!(benches);
