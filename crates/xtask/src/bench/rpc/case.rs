//! What is asked of the systems.

use super::system::{ALL, Group, System};

/// What a client does, as its command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Echo,
    Order,
    Mixed,
    Feed,
    Idle,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Order => "order",
            Self::Mixed => "mixed",
            Self::Feed => "feed",
            Self::Idle => "idle",
        }
    }
}

/// What a case is, whatever its sizes: figures are computed from cases by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Id {
    /// Unary calls.
    Unary {
        pinned: bool,
        concurrency: u32,
        load: Load,
    },
    /// The same over this many connections, the wire alone.
    Connections { connections: u32, concurrency: u32 },
    /// A stream of many small messages.
    SmallStream,
    /// A stream of much data in large messages.
    LargeStream,
    /// Handlers that wait.
    Timer,
    /// Handlers that compute.
    Spin,
    /// One handler that computes long among fast ones.
    Slow,
    /// Connections without calls.
    Idle,
}

/// The messages of unary calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Load {
    B128,
    KiB1,
    Order,
}

impl Load {
    const ALL: [Self; 3] = [Self::B128, Self::KiB1, Self::Order];

    const fn name(self) -> &'static str {
        match self {
            Self::B128 => "128 B",
            Self::KiB1 => "1 KiB",
            Self::Order => "order",
        }
    }
}

/// One case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Server and client have one core each.
    pub(super) pinned: bool,
    pub(super) concurrency: u32,
    /// Over so many connections instead of the system's own number.
    pub(super) connections: Option<u32>,
    pub(super) payload: u32,
    /// Messages of a stream.
    pub(super) count: u64,
    pub(super) wait_us: u32,
    pub(super) spin_us: u32,
    /// Each measurement has a server of its own, whose memory nothing else has touched.
    pub(super) fresh: bool,
    pub(super) quick: bool,
}

/// Concurrent calls of the unary cases.
pub(super) const CONCURRENCY: [u32; 4] = [1, 16, 64, 256];
/// Idle connections.
const IDLE: u32 = 10_000;
/// Connections that only open are few in a short run.
const QUICK_IDLE: u32 = 1_000;
const SMALL_STREAM: u64 = 1_000_000;
const QUICK_SMALL_STREAM: u64 = 100_000;
/// In messages of 64 KiB: 1 GiB.
const LARGE_STREAM: u64 = 16_384;

impl Case {
    fn new(id: Id, name: String, kind: Kind, concurrency: u32) -> Self {
        Self {
            id,
            name,
            kind,
            pinned: false,
            concurrency,
            connections: None,
            payload: 128,
            count: 0,
            wait_us: 0,
            spin_us: 0,
            fresh: false,
            quick: false,
        }
    }

    fn unary(pinned: bool, concurrency: u32, load: Load) -> Self {
        let id = Id::Unary {
            pinned,
            concurrency,
            load,
        };
        let how = if pinned { "pinned" } else { "unpinned" };
        let name = format!("{how} c={concurrency} {}", load.name());
        let (kind, payload) = match load {
            Load::B128 => (Kind::Echo, 128),
            Load::KiB1 => (Kind::Echo, 1024),
            Load::Order => (Kind::Order, 0),
        };
        let quick = matches!(
            (concurrency, load),
            (1 | 64, Load::B128) | (256, Load::KiB1) | (64, Load::Order)
        );
        Self {
            pinned,
            payload,
            quick: quick && !pinned,
            ..Self::new(id, name, kind, concurrency)
        }
    }

    fn connections(connections: u32, concurrency: u32) -> Self {
        let id = Id::Connections {
            connections,
            concurrency,
        };
        let name = format!("unpinned c={concurrency} 128 B over {connections} connections");
        Self {
            connections: Some(connections),
            ..Self::new(id, name, Kind::Echo, concurrency)
        }
    }

    fn stream(id: Id, name: String, count: u64, payload: u32) -> Self {
        Self {
            count,
            payload,
            fresh: true,
            ..Self::new(id, name, Kind::Feed, 1)
        }
    }

    /// Whether `system` takes part.
    pub(super) fn includes(&self, system: &System) -> bool {
        let wire = matches!(system.name, "rzero" | "rzero-bare" | "tonic");
        match self.id {
            Id::Unary {
                pinned,
                concurrency,
                load,
            } => match system.group {
                Group::Main | Group::Unary => true,
                Group::Cross => load == Load::B128,
                Group::CrossGo => !pinned && load == Load::B128 && concurrency <= 64,
            },
            Id::Connections { .. } => system.name == "rzero-bare",
            Id::SmallStream | Id::LargeStream => system.group == Group::Main,
            Id::Timer | Id::Spin | Id::Slow | Id::Idle => wire,
        }
    }

    /// Whether a word of its name begins with `text`: `pinned` is not `unpinned`.
    pub(super) fn is_called(&self, text: &str) -> bool {
        self.name.starts_with(text) || self.name.contains(&format!(" {text}"))
    }

    /// Names of the systems that take part.
    pub(super) fn systems(&self) -> Vec<&'static str> {
        let included = ALL.iter().filter(|system| self.includes(system));
        included.map(|system| system.name).collect()
    }

    /// What is measured is the system as a whole rather than single calls.
    pub(super) fn has_latency(&self) -> bool {
        !matches!(self.kind, Kind::Feed | Kind::Idle)
    }
}

/// All cases, in the order in which they are measured.
pub(super) fn all(quick: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for pinned in [false, true] {
        for load in Load::ALL {
            cases.extend(CONCURRENCY.map(|c| Case::unary(pinned, c, load)));
        }
    }
    for concurrency in [64, 256] {
        cases.extend([2, 4].map(|n| Case::connections(n, concurrency)));
    }
    let (small, idle) = match quick {
        true => (QUICK_SMALL_STREAM, QUICK_IDLE),
        false => (SMALL_STREAM, IDLE),
    };
    let mut small = Case::stream(
        Id::SmallStream,
        format!("stream {small} x 128 B"),
        small,
        128,
    );
    small.quick = true;
    let large = "stream 1 GiB in 64 KiB messages".to_owned();
    let large = Case::stream(Id::LargeStream, large, LARGE_STREAM, 64 << 10);
    let mut timer = Case::new(Id::Timer, "timer 1 ms c=256".into(), Kind::Echo, 256);
    (timer.wait_us, timer.quick) = (1000, true);
    let mut spin = Case::new(Id::Spin, "spin 50 us c=64".into(), Kind::Echo, 64);
    spin.spin_us = 50;
    let mut slow = Case::new(Id::Slow, "one 5 ms among 63".into(), Kind::Mixed, 64);
    (slow.spin_us, slow.quick) = (5000, true);
    let name = format!("{idle} idle connections");
    let mut idle = Case::new(Id::Idle, name, Kind::Idle, idle);
    idle.fresh = true;
    cases.extend([small, large, timer, spin, slow, idle]);
    cases
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn pinned_is_not_unpinned() {
        let called = |text| {
            all(false)
                .iter()
                .filter(|case| case.is_called(text))
                .count()
        };
        assert_eq!(called("pinned"), 12);
        assert_eq!(called("c=64 128 B"), 4);
    }

    #[test]
    fn every_case_has_its_own_name_and_systems() {
        for quick in [false, true] {
            let cases = all(quick);
            for (at, case) in cases.iter().enumerate() {
                assert!(cases[..at].iter().all(|other| other.name != case.name));
                assert!(!case.systems().is_empty(), "{}", case.name);
            }
        }
    }
}
