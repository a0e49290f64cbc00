//! The events, the loads they happen under, and what go-zero did.

use std::time::Duration;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// All three instances, one after the other: SIGTERM, wait until it is gone, start.
    Restart,
    /// SIGKILL of one.
    Kill,
    /// SIGSTOP of one: its connections stay, nothing answers.
    Hang,
    /// etcd is killed and comes back with an empty store.
    EmptyStore,
    /// All keys of the service are deleted in etcd.
    KeysGone,
}

impl Event {
    /// What people type.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Hang => "hang",
            Self::EmptyStore => "empty-store",
            Self::KeysGone => "keys-gone",
        }
    }

    /// What people read.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Restart => "all three restarted in turn, SIGTERM",
            Self::Kill => "one killed, SIGKILL",
            Self::Hang => "one hangs, SIGSTOP",
            Self::EmptyStore => "etcd killed, back with an empty store",
            Self::KeysGone => "all keys deleted in etcd",
        }
    }
}

/// Where instances register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registry {
    Etcd,
    Local,
}

impl Registry {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Local => "local",
        }
    }
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// Unary calls that must not run twice.
    Unary,
    /// Unary calls that may.
    Idempotent,
    /// Conversations of a second, begun anew when they are over.
    Stream,
}

impl Load {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::Idempotent => "idempotent",
            Self::Stream => "stream",
        }
    }

    /// Calls a second; 0: as many as the workers make.
    pub(super) const fn per_second(self, quick: bool) -> u32 {
        match self {
            Self::Unary | Self::Idempotent if quick => 500,
            Self::Unary | Self::Idempotent => 2_000,
            Self::Stream => 0,
        }
    }

    /// Calls in flight at most.
    pub(super) const fn concurrency(self) -> u32 {
        match self {
            Self::Unary | Self::Idempotent => 64,
            Self::Stream => 16,
        }
    }

    /// How the load program is told.
    pub(super) fn argument(self, quick: bool) -> String {
        let delay_ms = match self {
            Self::Unary | Self::Idempotent => 20,
            Self::Stream => 40,
        };
        let (kind, concurrency) = (self.name(), self.concurrency());
        format!("{kind},{concurrency},{},{delay_ms}", self.per_second(quick))
    }

    /// The longest that an attempt of a call may take under the built-in policies: a call that may
    /// run twice keeps half of its time for a second attempt.
    pub(super) const fn attempt_timeout(self) -> Duration {
        match self {
            Self::Unary | Self::Stream => Duration::from_secs(2),
            Self::Idempotent => Duration::from_secs(1),
        }
    }
}

/// An event with its registry and its loads.
pub(super) struct Scenario {
    event: Event,
    registry: Registry,
    loads: &'static [Load],
    /// Whether the loads are clients at the same time; else each has the event for itself.
    together: bool,
    quick: bool,
}

/// What is played at a time.
pub(super) struct Turn {
    pub(super) event: Event,
    pub(super) registry: Registry,
    pub(super) loads: &'static [Load],
}

impl Turn {
    pub(super) fn title(&self) -> String {
        let loads: Vec<&str> = self.loads.iter().map(|load| load.name()).collect();
        let (event, registry) = (self.event.name(), self.registry.name());
        format!("{event}: {}, registry {registry}", loads.join(" and "))
    }
}

const UNARY: &[Load] = &[Load::Unary];
const BOTH: &[Load] = &[Load::Unary, Load::Idempotent];
const CALLS: &[Load] = &[Load::Unary, Load::Stream];

const fn scenario(
    event: Event,
    registry: Registry,
    loads: &'static [Load],
    together: bool,
    quick: bool,
) -> Scenario {
    Scenario {
        event,
        registry,
        loads,
        together,
        quick,
    }
}

/// All of them.
pub(super) const SCENARIOS: [Scenario; 8] = [
    scenario(Event::Restart, Registry::Etcd, CALLS, true, true),
    scenario(Event::Restart, Registry::Local, CALLS, true, true),
    scenario(Event::Kill, Registry::Etcd, BOTH, false, true),
    scenario(Event::Kill, Registry::Local, BOTH, false, false),
    scenario(Event::Hang, Registry::Etcd, BOTH, false, true),
    scenario(Event::Hang, Registry::Local, BOTH, false, false),
    scenario(Event::EmptyStore, Registry::Etcd, UNARY, true, true),
    scenario(Event::KeysGone, Registry::Etcd, UNARY, true, false),
];

impl Scenario {
    /// What is played for it.
    pub(super) fn turns(&self, quick: bool) -> Vec<Turn> {
        let turn = |loads| Turn {
            event: self.event,
            registry: self.registry,
            loads,
        };
        match (quick, self.together) {
            (true, _) if !self.quick => Vec::new(),
            (true, _) | (false, true) => vec![turn(self.loads)],
            (false, false) => self.loads.chunks(1).map(turn).collect(),
        }
    }
}

/// What go-zero 1.10.3 did, over all rounds: failed calls, and when it was noticed or over.
pub(super) const fn go_zero(event: Event, load: Load) -> Option<(&'static str, &'static str)> {
    match (event, load) {
        (Event::Restart, Load::Unary) => Some(("0 of 50,000", "slowest call 25–30 ms")),
        (Event::Kill, Load::Unary) => Some(("14–17", "within 6 ms")),
        (Event::Kill, Load::Idempotent) => Some(("0", "slowest call 51–56 ms")),
        (Event::Hang, Load::Unary) => Some(("40–43, each after 2 s", "8.6–9.9 s")),
        (Event::EmptyStore, Load::Unary) => Some(("2,013–2,027", "1.0 s without instances")),
        (Event::KeysGone, Load::Unary) => Some(("2–7", "2–6 ms without instances")),
        _ => None,
    }
}
