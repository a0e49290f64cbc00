//! Rules, prepared for the methods they cover.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rzero_core::{Method, ServiceDesc, glob_method};
use rzero_resilience::limit::gcra::Decision;
use rzero_resilience::limit::{Gcra, OnError, RateKey, RateLimit, RateRule, RateScope};
use tokio::time::Instant;

use super::gcra::terms;

/// When to come back where nothing can be counted: soon, for Redis may be back by then.
const RETRY_AWAY: Duration = Duration::from_secs(1);

/// What became of the calls under a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateStats {
    /// The rule's name.
    pub rule: String,
    /// Decisions, since the rule is there.
    pub asked: u64,
    /// Those that were refusals.
    pub refused: u64,
    /// Those made without Redis.
    pub degraded: u64,
}

/// A rule with all that is needed to decide by it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) rule: RateRule,
    pub(super) terms: Gcra,
    /// Counts while Redis is away.
    local: Arc<RateLimit>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    refused: AtomicU64,
    degraded: AtomicU64,
}

/// All rules, and which of them cover which method.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) all: Vec<Rule>,
    services: Vec<Covered>,
}

/// For each method of a service, by index: the positions of its rules.
#[derive(Debug)]
struct Covered {
    service: &'static str,
    methods: Vec<Box<[usize]>>,
}

impl Rules {
    /// The distributed ones of `rules`, going on with what `old` has counted under the same names.
    pub(super) fn next(
        old: &Self,
        services: &[&'static ServiceDesc],
        rules: &[RateRule],
        share: u32,
        now: Instant,
    ) -> Result<Self, String> {
        for (at, rule) in rules.iter().enumerate() {
            rule.validate()?;
            if rules[..at].iter().any(|other| other.name == rule.name) {
                return Err(format!(
                    "rate rule `{}`: name: is there twice; rename one of them",
                    rule.name
                ));
            }
        }
        let distributed = rules.iter().filter(|r| r.scope == RateScope::Distributed);
        let all: Vec<Rule> = distributed
            .map(|rule| Rule::next(old, rule, share, now))
            .collect();
        let services = services.iter().map(|service| covered(service, &all));
        Ok(Self {
            services: services.collect(),
            all,
        })
    }

    /// The rules that cover a method. Allocates nothing when none does.
    pub(super) fn covering(&self, method: Method) -> Vec<&Rule> {
        match self.prepared(method) {
            Some(positions) => positions.iter().map(|at| &self.all[*at]).collect(),
            None => self.matching(method).collect(),
        }
    }

    /// Whether any rule covers a method.
    pub(super) fn cover(&self, method: Method) -> bool {
        match self.prepared(method) {
            Some(positions) => !positions.is_empty(),
            None => self.matching(method).next().is_some(),
        }
    }

    /// Positions of the rules that cover a method; `None` when it was not prepared for.
    fn prepared(&self, method: Method) -> Option<&[usize]> {
        let name = method.service();
        let mut services = self.services.iter();
        let service = services.find(|s| std::ptr::eq(s.service, name) || s.service == name)?;
        let positions = service.methods.get(usize::from(method.index()))?;
        Some(positions)
    }

    fn matching(&self, method: Method) -> impl Iterator<Item = &Rule> {
        self.all.iter().filter(move |r| r.covers(method.path()))
    }

    pub(super) fn named(&self, name: &str) -> Option<&Rule> {
        self.all.iter().find(|r| r.rule.name == name)
    }

    /// Gives each rule its share among `replicas` processes.
    pub(super) fn share(&self, replicas: u32, now: Instant) {
        for rule in &self.all {
            rule.local.reconfigure(fallback(&rule.rule, replicas), now);
        }
    }
}

impl Rule {
    fn next(old: &Rules, rule: &RateRule, share: u32, now: Instant) -> Self {
        let same = old.named(&rule.name).filter(|r| r.rule.key == rule.key);
        let gcra = fallback(rule, share);
        let (local, counts) = match same {
            Some(old) => {
                old.local.reconfigure(gcra, now);
                (Arc::clone(&old.local), Arc::clone(&old.counts))
            }
            None => {
                let keys = match rule.key {
                    RateKey::All => 1,
                    _ => rule.capacity,
                };
                (
                    Arc::new(RateLimit::starting(gcra, keys, now)),
                    Arc::default(),
                )
            }
        };
        Self {
            terms: terms(rule.rate, rule.period, rule.burst()),
            rule: rule.clone(),
            local,
            counts,
        }
    }

    fn covers(&self, path: &str) -> bool {
        glob_method(&self.rule.methods, path)
    }

    /// Decides without Redis; with `n` 0 it looks what it would say to one.
    pub(super) fn decide_alone(&self, text: Option<&str>, now: Instant, n: u32) -> Decision {
        let fixed = |allowed, retry_after| Decision {
            allowed,
            remaining: 0,
            retry_after,
            reset_after: retry_after,
        };
        match self.rule.on_error {
            OnError::Share | OnError::Full if n == 0 => self.local.peek(&text, now, 1),
            OnError::Share | OnError::Full => self.local.check_n(&text, now, n),
            OnError::Allow => fixed(true, Duration::ZERO),
            OnError::Deny => fixed(false, RETRY_AWAY),
        }
    }

    pub(super) fn count(&self, allowed: bool, degraded: bool) {
        let order = Ordering::Relaxed;
        self.counts.asked.fetch_add(1, order);
        self.counts.refused.fetch_add(u64::from(!allowed), order);
        self.counts.degraded.fetch_add(u64::from(degraded), order);
    }

    pub(super) fn stats(&self) -> RateStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RateStats {
            rule: self.rule.name.clone(),
            asked: read(&self.counts.asked),
            refused: read(&self.counts.refused),
            degraded: read(&self.counts.degraded),
        }
    }
}

/// What one of `replicas` processes allows while Redis is away. The rate is divided by stretching
/// its period, so nothing is lost by rounding; a burst is at least one, so that something passes.
fn fallback(rule: &RateRule, replicas: u32) -> Gcra {
    let parts = match rule.on_error {
        OnError::Share => replicas.max(1),
        OnError::Full | OnError::Allow | OnError::Deny => 1,
    };
    let period = rule.period.saturating_mul(parts);
    Gcra::new(rule.rate, period, (rule.burst() / parts).max(1))
}

fn covered(service: &'static ServiceDesc, rules: &[Rule]) -> Covered {
    let of = |path: &str| {
        let rules = rules.iter().enumerate();
        let covering = rules.filter(|(_, r)| r.covers(path));
        covering.map(|(at, _)| at).collect()
    };
    Covered {
        service: service.name,
        methods: service.methods.iter().map(|m| of(m.path)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(rate: u32, burst: u32) -> RateRule {
        RateRule {
            name: "r".into(),
            rate,
            burst,
            scope: RateScope::Distributed,
            ..RateRule::default()
        }
    }

    #[test]
    fn whole_rate_is_kept_on_demand() {
        let full = RateRule {
            on_error: OnError::Full,
            ..rule(100, 10)
        };
        let whole = Gcra::new(100, Duration::from_secs(1), 10);
        assert_eq!(fallback(&full, 7), whole);
        assert_eq!(fallback(&rule(100, 10), 0), whole);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_limit(rate in 1_u32..10_000, burst in 1_u32..1000, n in 1_u32..50) {
            let share = fallback(&rule(rate, burst), n);
            let (whole, per) = (f64::from(rate), f64::from(n));
            let interval = Duration::from_nanos(share.interval()).as_secs_f64();
            let total = per / interval;
            prop_assert!(total <= whole && total > whole * 0.99, "{total} of {whole}");
            let bursts = share.tolerance() / share.interval() * u64::from(n);
            prop_assert!(bursts <= u64::from(burst.max(n)));
        }
    }
}
