//! Turns: every subject gets its slice in every round.

use std::sync::Barrier;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::{CALLERS, runtime};
use crate::{Result, alloc};

/// What is measured: one thing that threads do again and again.
pub(super) struct Subject {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) work: Work,
}

/// How it is done so many times.
pub(super) enum Work {
    /// By each thread for itself.
    Each(Each),
    /// By so many threads that are its own; gives the time of all.
    Whole(Whole),
}

type Each = Box<dyn Fn(&Runtime, u64) + Send + Sync>;
type Whole = Box<dyn Fn(usize, u64) -> Duration + Send + Sync>;

/// How long, and how often.
pub(super) struct Plan {
    pub(super) slice: Duration,
    rounds: usize,
}

impl Plan {
    pub(super) const FULL: Self = Self {
        slice: Duration::from_millis(60),
        rounds: 21,
    };
    pub(super) const QUICK: Self = Self {
        slice: Duration::from_millis(20),
        rounds: 9,
    };
}

const THREADS: [usize; 2] = [1, 2];
/// Iterations by which the speed of a subject is found out, after as many that warm it up.
const TRIAL: u64 = 2_000;
/// Iterations whose allocations are counted.
const COUNTED: u64 = 1_000;

/// Measures all of them; gives rows.
pub(super) fn measure(subjects: &[Subject], plan: &Plan) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for threads in THREADS {
        let counts = subjects.iter().map(|subject| subject.count(threads, plan));
        let counts: Vec<u64> = counts.collect::<Result<_>>()?;
        let mut rounds = vec![Vec::new(); subjects.len()];
        for round in 0..plan.rounds {
            for turn in 0..subjects.len() {
                let at = (turn + round) % subjects.len();
                let time = subjects[at].time(threads, counts[at])?;
                rounds[at].push(per_call(time, counts[at]));
            }
        }
        for (subject, rounds) in subjects.iter().zip(rounds) {
            rows.push(json!({
                "group": subject.group,
                "name": subject.name,
                "threads": threads,
                "rounds": rounds,
                "allocations": subject.allocations()?,
            }));
        }
    }
    Ok(rows)
}

/// Nanoseconds, to a hundredth.
fn per_call(time: Duration, count: u64) -> f64 {
    (time.as_nanos() as f64 / count as f64 * 100.0).round() / 100.0
}

impl Subject {
    pub(super) fn each(
        group: &'static str,
        name: &'static str,
        work: impl Fn(&Runtime, u64) + Send + Sync + 'static,
    ) -> Self {
        let work = Work::Each(Box::new(work));
        Self { group, name, work }
    }

    /// How often it is done in a slice.
    fn count(&self, threads: usize, plan: &Plan) -> Result<u64> {
        self.time(threads, TRIAL)?;
        let trial = self.time(threads, TRIAL)?.max(Duration::from_nanos(1));
        let times = plan.slice.as_secs_f64() / trial.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive count that fits easily"
        )]
        let count = (TRIAL as f64 * times) as u64;
        // Whatever slows it down, a slice stays short.
        Ok(count.max(CALLERS))
    }

    /// The time in which each of `threads` threads does it `count` times.
    fn time(&self, threads: usize, count: u64) -> Result<Duration> {
        let work = match &self.work {
            Work::Each(work) => work,
            Work::Whole(work) => return Ok(work(threads, count)),
        };
        let runtimes: Vec<Runtime> = (0..threads).map(|_| runtime()).collect::<Result<_>>()?;
        let barrier = &Barrier::new(threads);
        // Each thread has a look at the clock itself: who waits for them may be woken too late.
        let times: Vec<Duration> = std::thread::scope(|scope| {
            let threads: Vec<_> = (runtimes.iter())
                .map(|runtime| {
                    scope.spawn(move || {
                        // What is made once on each thread is made before.
                        work(runtime, count.min(100));
                        barrier.wait();
                        let begun = Instant::now();
                        work(runtime, count);
                        begun.elapsed()
                    })
                })
                .collect();
            threads.into_iter().filter_map(|t| t.join().ok()).collect()
        });
        if times.len() < threads {
            return Err(format!("{} {}: a thread panicked", self.group, self.name).into());
        }
        Ok(times.iter().sum::<Duration>() / u32::try_from(threads)?)
    }

    /// Allocations of one; `None` where several threads share the work.
    fn allocations(&self) -> Result<Option<f64>> {
        let Work::Each(work) = &self.work else {
            return Ok(None);
        };
        let runtime = runtime()?;
        work(&runtime, COUNTED);
        let before = alloc::count();
        work(&runtime, COUNTED);
        let all = alloc::count() - before;
        // What a thread asks for once for all calls is no part of a call.
        Ok(Some((all as f64 / COUNTED as f64 * 100.0).round() / 100.0))
    }
}
