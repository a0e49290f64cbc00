//! Many connections for a while, and what came of them together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::attack::{Attack, Next, Reading, Script};
use crate::connection::{self, Outcome};
use crate::throttle::Throttle;

/// Pause after a connection that was not taken.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

/// How many different ends are told apart.
const ENDS_MAX: usize = 16;

/// How long and how hard.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// For how long.
    pub duration: Duration,
    /// Over how many connections at a time.
    pub connections: usize,
    /// How much of a core it may use.
    pub share: f64,
    /// Whether a connection that ended is replaced.
    pub again: bool,
    /// A connection is left as soon as a stream has ended with one of these marks.
    pub until: &'static [&'static str],
}

/// What came of all connections.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Connections that were made.
    pub connections: u64,
    /// Connections that were not taken.
    pub refused: u64,
    /// Connections that the server ended.
    pub ended: u64,
    /// How they ended, and how many.
    pub ends: BTreeMap<String, u64>,
    /// How long the first one that ended had lived.
    pub first_end: Option<Duration>,
    /// Connections that lived longer than the attack says they may.
    pub overdue: u64,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// Bytes of DATA that came back.
    pub data_bytes: u64,
    /// Streams that the server ended.
    pub streams_ended: u64,
    /// How they ended.
    pub marks: BTreeMap<String, u64>,
    /// Processor time that it took.
    pub processor_time: Duration,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    fn add(&mut self, outcome: Outcome, within: Duration) {
        self.bytes_sent += outcome.bytes_sent;
        self.data_bytes += outcome.seen.data_bytes;
        self.streams_ended += outcome.seen.ended;
        for (mark, count) in outcome.seen.marks {
            *self.marks.entry(mark).or_default() += count;
        }
        self.overdue += u64::from(outcome.lived > within);
        let Some(end) = outcome.end else { return };
        self.ended += 1;
        let first = self.first_end.unwrap_or(Duration::MAX);
        self.first_end = Some(first.min(outcome.lived));
        let end = end.to_string();
        if self.ends.len() < ENDS_MAX || self.ends.contains_key(&end) {
            *self.ends.entry(end).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.refused += other.refused;
        self.ended += other.ended;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.first_end = match (self.first_end, other.first_end) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.overdue += other.overdue;
        self.bytes_sent += other.bytes_sent;
        self.data_bytes += other.data_bytes;
        self.streams_ended += other.streams_ended;
        for (mark, count) in other.marks {
            *self.marks.entry(mark).or_default() += count;
        }
    }

    /// The report as a process prints it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "connections": self.connections,
            "refused": self.refused,
            "ended": self.ended,
            "ends": self.ends,
            "first_end_s": self.first_end.map(|end| end.as_secs_f64()),
            "overdue": self.overdue,
            "bytes_sent": self.bytes_sent,
            "data_bytes": self.data_bytes,
            "streams_ended": self.streams_ended,
            "marks": self.marks,
            "processor_s": self.processor_time.as_secs_f64(),
            "took_s": self.took.as_secs_f64(),
        })
    }
}

/// Attacks the server at `target`.
pub async fn attack(attack: &Attack, target: SocketAddr, plan: &Plan) -> Report {
    let recipe = Recipe {
        make: Arc::new(attack.script),
        reading: attack.reading,
        within: attack.within,
        until: plan.until,
    };
    run(recipe, target, plan).await
}

/// What is run on each connection.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) make: Arc<dyn Fn() -> Script + Send + Sync>,
    pub(crate) reading: Reading,
    pub(crate) within: Duration,
    pub(crate) until: &'static [&'static str],
}

/// Runs a recipe on all connections until the plan's time is over.
pub(crate) async fn run(recipe: Recipe, target: SocketAddr, plan: &Plan) -> Report {
    let begun = Instant::now();
    let throttle = Arc::new(Throttle::new(plan.share));
    let mut tasks = JoinSet::new();
    for _ in 0..plan.connections {
        // One after the other, as far as the throttle allows: a burst would only wait for the
        // kernel's queue.
        throttle.pace().await;
        let one = one_after_the_other(
            recipe.clone(),
            target,
            Arc::clone(&throttle),
            (begun + plan.duration, plan.again),
        );
        tasks.spawn(one);
    }
    let mut report = Report::default();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(part) => report.merge(part),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    report.processor_time = throttle.used();
    report.took = begun.elapsed();
    report
}

/// The script, ended by what the server says.
fn watched(mut script: Script, until: &'static [&'static str]) -> Script {
    if until.is_empty() {
        return script;
    }
    Box::new(move |out, seen| {
        if until.iter().any(|mark| seen.marks.contains_key(*mark)) {
            return Next::Leave;
        }
        match script(out, seen) {
            Next::Hold => Next::Wait,
            next => next,
        }
    })
}

async fn one_after_the_other(
    recipe: Recipe,
    target: SocketAddr,
    throttle: Arc<Throttle>,
    (until, again): (Instant, bool),
) -> Report {
    let mut report = Report::default();
    while Instant::now() < until {
        match connection::connect(target).await {
            Ok(io) => {
                let script = watched((recipe.make)(), recipe.until);
                let outcome = connection::run(io, script, recipe.reading, &throttle, until).await;
                report.connections += 1;
                report.add(outcome, recipe.within);
            }
            Err(_) => {
                report.refused += 1;
                sleep(REFUSED_PAUSE).await;
            }
        }
        if !again {
            break;
        }
        throttle.pace().await;
    }
    report
}
