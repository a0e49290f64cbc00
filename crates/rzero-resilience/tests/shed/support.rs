//! Calls, random numbers and trees of files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rzero_core::{CallInfo, Idempotency, Kind, Method, MethodDesc, Priority};
use rzero_resilience::shed::{Config, Shedder, Signals};
use tokio::time::Instant;

const fn method(path: &'static str, kind: Kind) -> MethodDesc {
    MethodDesc {
        path,
        service: "shop.Cart",
        name: "Any",
        kind,
        idempotency: Idempotency::Unknown,
        index: 0,
    }
}

static UNARY: MethodDesc = method("/shop.Cart/Add", Kind::Unary);
static STREAM: MethodDesc = method("/shop.Cart/Watch", Kind::ServerStream);
static HEALTH: MethodDesc = method("/grpc.health.v1.Health/Check", Kind::Unary);

/// An ordinary unary call, read at `received`.
pub(crate) fn unary(received: Instant) -> CallInfo {
    CallInfo::new(Method::new(&UNARY), received)
}

/// A unary call of a priority.
pub(crate) fn prior(priority: Priority, received: Instant) -> CallInfo {
    let mut call = unary(received);
    call.set_priority(priority);
    call
}

/// A stream that is opened.
pub(crate) fn stream(received: Instant) -> CallInfo {
    CallInfo::new(Method::new(&STREAM), received)
}

/// A health probe.
pub(crate) fn probe(received: Instant) -> CallInfo {
    CallInfo::new(Method::new(&HEALTH), received)
}

/// A shedder with defaults and its signals.
pub(crate) fn shedder(now: Instant) -> (Shedder, Arc<Signals>) {
    let signals = Arc::new(Signals::new(now));
    let shedder = Shedder::new(&Config::default(), Arc::clone(&signals), now).unwrap();
    (shedder, signals)
}

/// Numbers that look random and are the same each time (splitmix64).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Exponential with this mean, as times between independent arrivals are.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        -mean * (1.0 - unit).ln()
    }
}

/// A tree of files that stands for `/`; made anew for each test.
pub(crate) struct Tree(PathBuf);

impl Tree {
    pub(crate) fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("shed-trees")
            .join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let tree = Self(dir);
        tree.file("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3\n");
        tree.file("proc/self/stat", &stat(0, 0));
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and what directories it needs.
    pub(crate) fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.0.join(path)).unwrap();
    }
}

/// The text of `/proc/self/stat` with this user and system time, in ticks.
pub(crate) fn stat(user: u32, system: u32) -> String {
    format!("7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 {user} {system} 0 0 20 0 9 0 77\n")
}
