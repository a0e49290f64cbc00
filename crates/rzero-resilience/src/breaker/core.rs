//! The state that all clones and passes of a breaker share.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rzero_core::{Class, Outcome};
use tokio::time::Instant;

use super::Snapshot;
use super::config::{Codes, Settings};
use super::decision::{Chance, Evidence, Rule, State, dice};
use super::ramp::Ramp;
use super::reasons::{Herald, Reason, Reasons};
use super::ring::{Counts, Runs, Shape};
use super::sync::Line;
use super::tally::Tally;

/// One breaker. The settings are mirrored in atomics, each read by itself: a call that races with
/// a change of settings may be judged by some of the old ones and some of the new.
#[derive(Debug)]
pub(super) struct Core {
    switch: Line<Switch>,
    tally: Tally,
    rejecting: Line<Rejecting>,
    numbers: Numbers,
    reasons: Reasons,
    herald: Herald,
    settings: Mutex<Settings>,
    epoch: Instant,
    callee: Arc<str>,
    method: Box<str>,
}

/// What every call reads.
#[derive(Debug, Default)]
struct Switch {
    enabled: AtomicBool,
    state: AtomicU8,
    /// A bit for each class that counts as a failure.
    failures: AtomicU64,
    /// `u64::MAX` while the rule for slow calls is off.
    slow_ns: AtomicU64,
}

/// What calls write while the breaker rejects.
#[derive(Debug, Default)]
struct Rejecting {
    ramp: Ramp,
    throws: AtomicU64,
}

/// What calls read while something fails.
#[derive(Debug, Default)]
struct Numbers {
    k: AtomicU64,
    k_min: AtomicU64,
    protection: AtomicU32,
    buckets: AtomicU32,
    forced_ns: AtomicU64,
}

/// What an outcome says about the callee.
enum Verdict {
    Good,
    Bad(Class),
    Neither,
}

/// The window, weighed.
pub(super) struct Judgement {
    pub(super) window: Counts,
    pub(super) evidence: Evidence,
    pub(super) failures: u64,
    pub(super) runs: Runs,
    pub(super) chance: Chance,
}

impl Core {
    pub(super) fn new(
        callee: Arc<str>,
        method: Box<str>,
        settings: Settings,
        now: Instant,
    ) -> Self {
        let core = Self {
            switch: Line::default(),
            tally: Tally::new(shape(&settings), settings.get().slow_ratio, 0),
            rejecting: Line::default(),
            numbers: Numbers::default(),
            reasons: Reasons::default(),
            herald: Herald::default(),
            settings: Mutex::new(settings),
            epoch: now,
            callee,
            method,
        };
        core.reconfigure(settings, now);
        core
    }

    pub(super) fn callee(&self) -> &str {
        &self.callee
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// Nanoseconds since the breaker was made, 0 before.
    #[inline]
    pub(super) fn nanos(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.epoch);
        age.as_secs() * 1_000_000_000 + u64::from(age.subsec_nanos())
    }

    #[inline]
    pub(super) fn is_enabled(&self) -> bool {
        self.switch.0.enabled.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        match self.switch.0.state.load(Ordering::Relaxed) {
            0 => State::Closed,
            1 => State::Throttling,
            _ => State::Open,
        }
    }

    pub(super) fn rejected(&self) -> u64 {
        self.tally.totals().dropped
    }

    /// Random bits of this breaker's own: the same at each run of the program.
    pub(super) fn dice(&self) -> u64 {
        dice(self.rejecting.0.throws.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a call may pass.
    #[inline]
    pub(super) fn decide(&self, now_ns: u64, dice: impl FnOnce() -> u64) -> bool {
        self.tally.turn(now_ns);
        if self.tally.is_clean() {
            self.settle(State::Closed, now_ns);
            return true;
        }
        self.weigh(now_ns, dice)
    }

    /// Whether a call may pass when not all went well in the window.
    fn weigh(&self, now_ns: u64, dice: impl FnOnce() -> u64) -> bool {
        let (window, rule) = (self.tally.window(), self.rule());
        let slow_fails = self.tally.is_too_slow(window);
        let (evidence, _) = evidence(window, slow_fails);
        if rule.surely_passes(evidence) {
            self.settle(State::Closed, now_ns);
            return true;
        }
        let chance = rule.chance(evidence, self.tally.runs(slow_fails));
        let state = chance.state();
        self.settle(state, now_ns);
        if state == State::Closed {
            return true;
        }
        let ramp = &self.rejecting.0.ramp;
        if ramp.takes(now_ns, self.numbers.forced_ns.load(Ordering::Relaxed)) {
            return true;
        }
        if chance.rejects(dice()) {
            ramp.rejected();
            self.tally.add_dropped();
            return false;
        }
        ramp.passed(now_ns);
        true
    }

    /// Counts how a call ended.
    #[inline]
    pub(super) fn record(&self, outcome: Outcome, began_ns: u64, now_ns: u64) {
        self.tally.turn(now_ns);
        match self.verdict(outcome) {
            Verdict::Good => {
                let limit_ns = self.switch.0.slow_ns.load(Ordering::Relaxed);
                let is_slow = now_ns.saturating_sub(began_ns) > limit_ns;
                if is_slow {
                    self.tally.add_slow();
                } else {
                    self.tally.add_good();
                }
                if self.state() != State::Closed {
                    self.succeeded_again(is_slow, now_ns);
                }
            }
            Verdict::Bad(class) => self.failed(Reason::Class(class), now_ns),
            Verdict::Neither => {}
        }
    }

    /// Counts a failure.
    pub(super) fn failed(&self, reason: Reason, now_ns: u64) {
        let earlier = self.tally.add_bad();
        self.reasons.remember(earlier, reason, now_ns);
        if self.state() != State::Closed {
            self.rejecting.0.ramp.failed();
        }
    }

    /// A success while calls are rejected: the callee may be back.
    fn succeeded_again(&self, is_slow: bool, now_ns: u64) {
        let ramp = &self.rejecting.0.ramp;
        if is_slow && self.tally.is_too_slow(self.tally.window()) {
            ramp.failed();
        } else if ramp.succeeded() && self.tally.restart(now_ns) {
            self.settle(State::Closed, now_ns);
        }
    }

    #[inline]
    fn verdict(&self, outcome: Outcome) -> Verdict {
        let Some(class) = outcome.class() else {
            return Verdict::Good;
        };
        let counted = self.switch.0.failures.load(Ordering::Relaxed);
        match class {
            Class::Cancelled => Verdict::Neither,
            _ if counted & bit(class) != 0 => Verdict::Bad(class),
            // Nothing was asked of the callee, or of the instance that leaves.
            Class::NoEndpoint | Class::BreakerOpen | Class::Draining => Verdict::Neither,
            _ => Verdict::Good,
        }
    }

    fn rule(&self) -> Rule {
        let numbers = &self.numbers;
        Rule {
            k: f64::from_bits(numbers.k.load(Ordering::Relaxed)),
            k_min: f64::from_bits(numbers.k_min.load(Ordering::Relaxed)),
            protection: f64::from(numbers.protection.load(Ordering::Relaxed)),
            buckets: f64::from(numbers.buckets.load(Ordering::Relaxed)),
        }
    }

    /// Weighs the window without deciding anything.
    pub(super) fn judge(&self) -> Judgement {
        let window = self.tally.window();
        let slow_fails = self.tally.is_too_slow(window);
        let (evidence, failures) = evidence(window, slow_fails);
        let runs = self.tally.runs(slow_fails);
        Judgement {
            window,
            evidence,
            failures,
            runs,
            chance: self.rule().chance(evidence, runs),
        }
    }

    #[inline]
    fn settle(&self, to: State, now_ns: u64) {
        if self.state() != to {
            self.change(to, now_ns);
        }
    }

    #[cold]
    fn change(&self, to: State, now_ns: u64) {
        let from = self.switch.0.state.swap(to as u8, Ordering::Relaxed);
        if from == to as u8 {
            return;
        }
        if from == State::Closed as u8 {
            self.rejecting.0.ramp.begin(now_ns);
        }
        if let Some(untold) = self.herald.tells(to, now_ns) {
            let known = self.judge();
            let reason = self.reasons.last(now_ns).first().map(|f| f.reason.as_str());
            tracing::warn!(
                callee = self.callee(),
                method = self.method(),
                state = to.as_str(),
                total = known.evidence.total,
                succeeded = known.evidence.accepts,
                rejected = known.window.dropped,
                last_failure = reason,
                changes_not_logged = untold,
                "circuit breaker changed state"
            );
        }
    }

    pub(super) fn reconfigure(&self, settings: Settings, now: Instant) {
        let config = settings.get();
        let mut current = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let (switch, numbers) = (&self.switch.0, &self.numbers);
        let slow_ns = config
            .slow_ms
            .map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
        switch.failures.store(mask(config.codes), Ordering::Relaxed);
        switch.slow_ns.store(slow_ns, Ordering::Relaxed);
        numbers.k.store(config.k.to_bits(), Ordering::Relaxed);
        numbers
            .k_min
            .store(config.k_min.to_bits(), Ordering::Relaxed);
        numbers
            .protection
            .store(config.protection, Ordering::Relaxed);
        numbers.buckets.store(config.buckets, Ordering::Relaxed);
        let forced_ns = nanos(config.forced_pass);
        numbers.forced_ns.store(forced_ns, Ordering::Relaxed);
        let now_ns = self.nanos(now);
        // Without the rule for slow calls no share of them is too large.
        let slow_ratio = config.slow_ms.map_or(f64::INFINITY, |_| config.slow_ratio);
        self.tally.reshape(shape(&settings), slow_ratio, now_ns);
        switch.enabled.store(config.enabled, Ordering::Relaxed);
        if !config.enabled {
            self.settle(State::Closed, now_ns);
        }
        *current = settings;
    }

    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let now_ns = self.nanos(now);
        self.tally.turn(now_ns);
        let settings = *self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.judge();
        if self.is_enabled() {
            // Nobody may have called since the failures expired.
            self.settle(known.chance.state(), now_ns);
        }
        let failures = self.reasons.last(now_ns);
        let doublings = self.rejecting.0.ramp.doublings();
        Snapshot::new(self, settings.get(), &known, failures, doublings)
    }
}

fn evidence(window: Counts, slow_fails: bool) -> (Evidence, u64) {
    let (accepts, failures) = window.judged(slow_fails);
    let total = accepts + failures + window.dropped;
    (Evidence { total, accepts }, failures)
}

fn shape(settings: &Settings) -> Shape {
    let config = settings.get();
    Shape {
        buckets: config.buckets,
        width_ns: nanos(config.window / config.buckets),
    }
}

/// At most an hour, as checked settings are.
fn nanos(time: std::time::Duration) -> u64 {
    time.as_secs() * 1_000_000_000 + u64::from(time.subsec_nanos())
}

fn bit(class: Class) -> u64 {
    1 << (class as u32)
}

fn mask(codes: Codes) -> u64 {
    let counted = Class::ALL.iter().filter(|class| codes.counts(**class));
    counted.fold(0, |mask, class| mask | bit(*class))
}

/// A bit for each class must fit.
const _: () = assert!(Class::ALL.len() <= 64);
