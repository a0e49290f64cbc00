//! The shedder and what an admitted call holds.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rzero_core::{
    Admission, CallInfo, Class, Error, Method, Outcome, Permit, Priority, RetrySafety,
};
use tokio::time::Instant;

use super::decision::{Hot, Settings};
use super::refusal::refusal;
use super::signals::nanos_since;
use super::window::Window;
use super::{Config, Reason, SignalState, SignalStates, Signals, Snapshot, formula};

/// Paths of methods that are never shed, and not measured either: a probe takes no time, and would
/// pass for a sign of how fast the server is.
const EXEMPT: &str = "/grpc.health.v1.Health/";

/// Whether calls of a method pass unseen: health probes, by which an overloaded server would
/// otherwise be taken for a dead one.
#[must_use]
pub fn is_exempt(method: Method) -> bool {
    method.path().starts_with(EXEMPT)
}

/// Refuses calls while the server has more of them than it can work on. One per server; clones
/// share their state.
///
/// To be asked when the work is about to begin, on the task that does it: what a call has waited
/// since [`CallInfo::received`] is then known, and a call that waited counts as in flight together
/// with those that passed while it did, less a wait of one response time, which keeps workers
/// busy. Asked before the queue, the shedder knows of it only by the calls in flight and the CPU,
/// which takes some 11 s to tell.
///
/// Streams take part when they open. They count against streams only: how long one lives says
/// nothing about capacity, so it neither measures nor stands in the way of unary calls, and a
/// stream opens while all calls and streams together are below the limit.
#[derive(Clone, Debug)]
pub struct Shedder(Arc<Core>);

#[derive(Debug)]
struct Core {
    origin: Instant,
    signals: Arc<Signals>,
    settings: Settings,
    /// The same as the settings; for the snapshot and for reconfiguration, never for a call.
    config: Mutex<Config>,
    hot: [Hot; 3],
    flight: Flight,
    window: Window,
    refusals: AtomicU64,
    shed: [[AtomicU64; 3]; 5],
}

/// Written by every call, so on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Flight {
    unary: AtomicUsize,
    streams: AtomicUsize,
    /// Bits of the average of unary calls, an `f64`. A lost update of an average does no harm.
    average: AtomicU64,
}

impl Flight {
    fn average(&self) -> f64 {
        f64::from_bits(self.average.load(Relaxed))
    }

    fn observe(&self, inflight: f64) {
        let average = formula::average(self.average(), inflight);
        self.average.store(average.to_bits(), Relaxed);
    }
}

impl Shedder {
    /// A shedder without measurements.
    ///
    /// # Errors
    /// What [`Config::validate`] says.
    pub fn new(config: &Config, signals: Arc<Signals>, now: Instant) -> Result<Self, String> {
        config.validate()?;
        let seed = RandomState::new().build_hasher().finish();
        Ok(Self(Arc::new(Core {
            origin: now,
            signals,
            settings: Settings::new(config),
            config: Mutex::new(config.clone()),
            hot: Default::default(),
            flight: Flight::default(),
            window: Window::new(),
            refusals: AtomicU64::new(seed),
            shed: Default::default(),
        })))
    }

    /// Keeps to another configuration from the next call on. What was measured stays.
    ///
    /// # Errors
    /// What [`Config::validate`] says; then the old one stays.
    pub fn reconfigure(&self, config: &Config) -> Result<(), String> {
        config.validate()?;
        // Held over both, so that two reconfigurations at once do not mix.
        let mut known = self.0.config();
        self.0.settings.set(config);
        known.clone_from(config);
        Ok(())
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> Config {
        self.0.config().clone()
    }

    /// The signals that it listens to.
    #[must_use]
    pub fn signals(&self) -> &Arc<Signals> {
        &self.0.signals
    }

    /// All inputs and the limit, at `now`.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let Core {
            signals,
            settings,
            window,
            flight,
            ..
        } = &*self.0;
        let at = nanos_since(self.0.origin, now);
        self.0.turn(at, now);
        let priority = Priority::Normal;
        let is_hot = self.0.hot[priority as usize].lasts(at);
        let factor = settings.factor(signals, priority, now);
        Snapshot {
            enabled: settings.is_enabled(),
            cpu: signals.cpu(now),
            memory_level: signals.memory_level(),
            pools_exhausted: signals.pools_exhausted(),
            queue_wait_p90: Duration::from_micros(window.wait_p90_us()),
            inflight: flight.unary.load(Relaxed),
            streams: flight.streams.load(Relaxed),
            avg_inflight: flight.average(),
            max_pass: window.max_pass(),
            min_rt: Duration::from_secs_f64(window.min_rt_us() / 1e6),
            factor,
            limit: window.limit() * factor,
            overload: settings.overload(signals, window, priority, is_hot, now),
            signals: self.0.states(now),
            shed: self
                .0
                .shed
                .each_ref()
                .map(|row| row.each_ref().map(|n| n.load(Relaxed))),
        }
    }
}

impl Core {
    fn config(&self) -> std::sync::MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn states(&self, now: Instant) -> SignalStates {
        let config = self.config();
        let state = |on, state| if on { state } else { SignalState::Off };
        SignalStates {
            cpu: state(config.cpu, self.signals.cpu_state(now)),
            memory: state(config.memory, self.signals.memory_state()),
            queue: state(config.queue, SignalState::Available),
            pool: state(config.pool, SignalState::Available),
        }
    }

    fn turn(&self, at: u64, now: Instant) {
        if self.window.turn(at) && self.settings.minds_cpu() {
            self.signals.watch(now);
        }
    }

    /// Why a call is to be shed, if it is. `waiting` calls stand before admission with it.
    fn judge(&self, call: &CallInfo, waiting: f64, at: u64, now: Instant) -> Option<Reason> {
        if !self.settings.is_enabled() {
            return None;
        }
        let priority = call.priority();
        let hot = &self.hot[priority as usize];
        let is_hot = hot.lasts(at);
        let cause = self
            .settings
            .overload(&self.signals, &self.window, priority, is_hot, now);
        let reason = match cause {
            Some(reason) => {
                hot.overloaded(at);
                reason
            }
            None if is_hot => Reason::Inflight,
            None => return None,
        };
        let factor = self.settings.factor(&self.signals, priority, now);
        let limit = formula::share(self.window.limit() * factor, priority);
        let mut beside = waiting;
        if call.method().kind().is_stream() {
            beside += self.flight.streams.load(Relaxed) as f64;
        }
        let inflight = self.flight.unary.load(Relaxed) as f64 + beside;
        let average = self.flight.average() + beside;
        (average > limit && inflight > limit).then(|| {
            hot.refused();
            reason
        })
    }

    #[cold]
    fn refuse(&self, reason: Reason, priority: Priority) -> Error {
        self.shed[reason as usize][priority as usize].fetch_add(1, Relaxed);
        refusal(reason, self.refusals.fetch_add(1, Relaxed))
    }
}

impl Admission for Shedder {
    type Permit = Ticket;

    fn admit(&self, call: &CallInfo, now: Instant) -> Result<Ticket, Error> {
        if is_exempt(call.method()) {
            return Ok(Ticket(None));
        }
        let core = &self.0;
        let at = nanos_since(core.origin, now);
        core.turn(at, now);
        let wait = nanos_since(call.received(), now);
        let waiting = core.window.backlog(wait);
        if let Some(reason) = core.judge(call, waiting, at, now) {
            core.window.refused(waiting > 0.0);
            return Err(core.refuse(reason, call.priority()));
        }
        let over = wait > core.settings.queue_wait_max();
        core.window.waited(wait, over);
        let stream = call.method().kind().is_stream();
        if stream {
            core.flight.streams.fetch_add(1, Relaxed);
        } else {
            let before = core.flight.unary.fetch_add(1, Relaxed);
            core.flight.observe(before as f64 + 1.0 + waiting);
        }
        Ok(Ticket(Some(Held {
            core: Arc::clone(core),
            begun: at,
            stream,
        })))
    }
}

/// An admitted call. Its end gives the place back; only a call that was worked on to its end
/// measures the server.
#[derive(Debug)]
#[must_use = "a dropped ticket is a cancelled call"]
pub struct Ticket(Option<Held>);

#[derive(Debug)]
struct Held {
    core: Arc<Core>,
    begun: u64,
    stream: bool,
}

impl Permit for Ticket {
    fn finish(self, outcome: Outcome, now: Instant) {
        let Some(held) = &self.0 else { return };
        if held.stream || !measures(outcome) {
            return;
        }
        let at = nanos_since(held.core.origin, now);
        held.core.turn(at, now);
        held.core.window.passed(at.saturating_sub(held.begun));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let flight = &self.core.flight;
        if self.stream {
            flight.streams.fetch_sub(1, Relaxed);
        } else {
            let before = flight.unary.fetch_sub(1, Relaxed);
            flight.observe(before as f64 - 1.0);
        }
    }
}

/// Whether a call that ended like this was worked on: not shed or refused by a policy further in,
/// not expired, not cancelled.
fn measures(outcome: Outcome) -> bool {
    let Some(class) = outcome.class() else {
        return true;
    };
    let cut = matches!(
        class,
        Class::Cancelled | Class::BreakerOpen | Class::ExpiredInQueue | Class::DeadlineExceeded
    );
    !cut && class.retry_safety() != RetrySafety::NothingRan
}
