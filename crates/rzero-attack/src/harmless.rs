//! Well-formed calls in the same amount, to compare with.
//!
//! What neighbours feel of an attack is only worth something against what they feel of an honest
//! client that is as busy. This one makes as many connections a second as the attack did, sends no
//! more bytes, and uses no more processor time. It takes the answers to its calls: cheap ones, or
//! the attack's own where those make the server work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rzero_http2::frame::Setting;
use tokio::time::Instant;

use crate::attack::{Honest, Next, Reading, Script};
use crate::craft::{self, Streams};
use crate::driver::{Plan, Recipe, Report, run};

/// Calls that a connection has under way.
const OPEN: u64 = 16;

/// Connections at a time, at most: they take turns where an attack only keeps many of them.
const CONNECTIONS_MAX: usize = 64;

/// How busy the attack was.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// For how long.
    pub duration: Duration,
    /// Connections at a time.
    pub connections: usize,
    /// Connections that were made, all in all.
    pub connections_made: u64,
    /// Bytes that were sent, all in all.
    pub bytes_sent: u64,
    /// How much of a core it used.
    pub share: f64,
    /// The call to make.
    pub call: Honest,
}

/// What may still be spent.
struct Budget {
    profile: Profile,
    begun: Instant,
    connections: AtomicU64,
    bytes: AtomicU64,
}

impl Budget {
    /// How much of `total` may be spent by now: it is spread evenly.
    fn due(&self, total: u64) -> u64 {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let passed = millis(self.begun.elapsed());
        let all = millis(self.profile.duration).max(1);
        u64::try_from(u128::from(total) * u128::from(passed) / u128::from(all)).unwrap_or(total)
    }

    fn may_connect(&self) -> bool {
        let open = self.profile.connections.min(CONNECTIONS_MAX) as u64;
        self.connections.load(Ordering::Relaxed) < self.due(self.profile.connections_made) + open
    }

    fn may_send(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) <= self.due(self.profile.bytes_sent)
    }
}

/// Calls the server at `target` as busily as the profile says.
pub async fn call(target: SocketAddr, profile: Profile) -> Report {
    let budget = Arc::new(Budget {
        profile,
        begun: Instant::now(),
        connections: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    });
    let plan = Plan {
        duration: profile.duration,
        connections: profile.connections.min(CONNECTIONS_MAX),
        share: profile.share,
        again: true,
        until: &[],
    };
    let recipe = Recipe {
        make: Arc::new(move || script(Arc::clone(&budget))),
        reading: Reading::Polite,
        within: Duration::MAX,
        until: &[],
    };
    run(recipe, target, &plan).await
}

fn script(budget: Arc<Budget>) -> Script {
    let (path, message) = (budget.profile.call)();
    let block = craft::request(path, &[]);
    let (mut streams, mut sent) = (Streams::default(), 0_u64);
    let (mut greeted, mut counted) = (false, false);
    let profile = budget.profile;
    let most = (profile.bytes_sent / profile.connections_made.max(1)).max(1);
    // Where the attack kept its connections this one does too.
    let keeps = profile.connections_made <= profile.connections as u64;
    Box::new(move |out, seen| {
        if !counted {
            budget.connections.fetch_add(1, Ordering::Relaxed);
            counted = true;
        }
        if !greeted {
            // The windows are not what is measured.
            craft::hello(out, &[Setting::InitialWindowSize((1 << 31) - 1)]);
            craft::window_update(out, None, (1 << 31) - 65_536);
            greeted = true;
        }
        while streams.opened() < seen.ended + OPEN && budget.may_send() && (keeps || sent < most) {
            let before = out.len();
            craft::call(out, streams.open(), &block, &message);
            let bytes = (out.len() - before) as u64;
            sent += bytes;
            budget.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        let is_done = !keeps && sent >= most && streams.opened() == seen.ended;
        if is_done && budget.may_connect() {
            Next::Leave
        } else {
            Next::Wait
        }
    })
}
