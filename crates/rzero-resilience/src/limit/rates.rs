//! The rate limits of a server or client.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rzero_core::{Admission, CallInfo, Error, Method, ServiceDesc};
use tokio::time::Instant;

use super::gcra::Decision;
use super::key::KeyOf;
use super::{RateLimit, RateRule, RateScope, glob, refusal};

/// A set of rate limits, by rules.
///
/// A call must be within all rules that cover its method. It is counted by all of them or by none,
/// but for calls of the same key that are decided at the same instant on several threads. Rules
/// whose scope is not [`RateScope::Local`] are left to whoever keeps the store they are counted in.
///
/// Which rules cover which method is worked out when rules change: a call costs one look-up in an
/// array and, for each rule that covers it, one hash and one atomic exchange. Methods of services
/// that were not named are covered too, by comparing their paths with the patterns on each call.
#[derive(Debug)]
pub struct RateLimits {
    services: Vec<&'static ServiceDesc>,
    rules: ArcSwap<Compiled>,
}

#[derive(Debug, Default)]
struct Compiled {
    rules: Vec<Rule>,
    services: Vec<Covered>,
}

#[derive(Debug)]
struct Rule {
    rule: RateRule,
    limit: Arc<RateLimit>,
}

/// For each method of a service, by index: the positions of its rules.
#[derive(Debug)]
struct Covered {
    service: &'static str,
    methods: Vec<Box<[usize]>>,
}

impl RateLimits {
    /// The limits that `rules` describe, prepared for the methods of `services`.
    ///
    /// # Errors
    /// When a rule is not valid or two have the same name; the text names it.
    pub fn new(services: &[&'static ServiceDesc], rules: &[RateRule]) -> Result<Self, String> {
        let limits = Self {
            services: services.to_vec(),
            rules: ArcSwap::default(),
        };
        limits.reconfigure(rules, Instant::now())?;
        Ok(limits)
    }

    /// Replaces the rules. A rule of the same name and key goes on with what it has counted, at
    /// its new rate.
    ///
    /// # Errors
    /// When a rule is not valid or two have the same name; the rules stay as they were.
    pub fn reconfigure(&self, rules: &[RateRule], now: Instant) -> Result<(), String> {
        for (at, rule) in rules.iter().enumerate() {
            rule.validate()?;
            if rules[..at].iter().any(|other| other.name == rule.name) {
                return Err(format!(
                    "rate rule `{}`: name: is there twice; rename one of them",
                    rule.name
                ));
            }
        }
        let old = self.rules.load();
        let local = rules.iter().filter(|rule| rule.scope == RateScope::Local);
        let rules: Vec<Rule> = local.map(|rule| old.next(rule, now)).collect();
        let services = self.services.iter();
        let services = services.map(|service| covered(service, &rules)).collect();
        self.rules.store(Arc::new(Compiled { rules, services }));
        Ok(())
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Vec<RateRule> {
        let compiled = self.rules.load();
        compiled.rules.iter().map(|r| r.rule.clone()).collect()
    }

    /// The limit behind a rule, to look at: what it refused, and whether it forgets.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<Arc<RateLimit>> {
        let compiled = self.rules.load();
        let rule = compiled.rules.iter().find(|r| r.rule.name == name)?;
        Some(Arc::clone(&rule.limit))
    }

    /// Counts the call, or says which rule refuses it. Allocates nothing.
    ///
    /// # Errors
    /// With the name of the rule and its decision given to `refused`, whatever that returns.
    pub fn check<E>(
        &self,
        call: &CallInfo,
        now: Instant,
        refused: impl FnOnce(&RateRule, Decision) -> E,
    ) -> Result<(), E> {
        let compiled = self.rules.load();
        let first = match compiled.covering(call.method()) {
            Some([]) => None,
            // With one rule there is nothing to give back.
            Some([only]) => Rule::refuses(&compiled.rules[*only], call, now, 1),
            Some(rules) => all(rules.iter().map(|at| &compiled.rules[*at]), call, now),
            None => all(compiled.matching(call.method()), call, now),
        };
        match first {
            Some((rule, decision)) => Err(refused(rule, decision)),
            None => Ok(()),
        }
    }
}

/// The first of `rules` that refuses the call. All are looked at before any of them counts.
fn all<'a>(
    rules: impl Iterator<Item = &'a Rule> + Clone,
    call: &CallInfo,
    now: Instant,
) -> Option<(&'a RateRule, Decision)> {
    let mut looked = rules.clone();
    let mut counted = rules;
    looked
        .find_map(|rule| rule.refuses(call, now, 0))
        .or_else(|| counted.find_map(|rule| rule.refuses(call, now, 1)))
}

impl Compiled {
    /// A rule that goes on from the one of the same name and key, when there was one.
    fn next(&self, rule: &RateRule, now: Instant) -> Rule {
        let same = |r: &&Rule| r.rule.name == rule.name && r.rule.key == rule.key;
        let limit = match self.rules.iter().find(same) {
            Some(old) => {
                old.limit.reconfigure(rule.gcra(), now);
                Arc::clone(&old.limit)
            }
            None => Arc::new(RateLimit::starting(rule.gcra(), rule.capacity(), now)),
        };
        Rule {
            rule: rule.clone(),
            limit,
        }
    }

    /// Positions of the rules that cover a method; `None` when it was not prepared for.
    fn covering(&self, method: Method) -> Option<&[usize]> {
        let name = method.service();
        let mut services = self.services.iter();
        let service = services.find(|s| std::ptr::eq(s.service, name) || s.service == name)?;
        service
            .methods
            .get(usize::from(method.index()))
            .map(|rules| &**rules)
    }

    fn matching(&self, method: Method) -> impl Iterator<Item = &Rule> + Clone {
        let rules = self.rules.iter();
        rules.filter(move |r| glob::matches(&r.rule.methods, method.path()))
    }
}

impl Rule {
    /// Counts the call if it is within the rule; with `n` 0 it only looks.
    fn refuses(&self, call: &CallInfo, now: Instant, n: u32) -> Option<(&RateRule, Decision)> {
        let key = KeyOf(&self.rule.key, call);
        let decision = match n {
            0 => self.limit.peek(&key, now, 1),
            _ => self.limit.check_n(&key, now, n),
        };
        if n == 0 && !decision.allowed {
            self.limit.count_refused();
        }
        (!decision.allowed).then_some((&self.rule, decision))
    }
}

fn covered(service: &'static ServiceDesc, rules: &[Rule]) -> Covered {
    let of = |path: &str| {
        let rules = rules.iter().enumerate();
        let covering = rules.filter(|(_, r)| glob::matches(&r.rule.methods, path));
        covering.map(|(at, _)| at).collect()
    };
    Covered {
        service: service.name,
        methods: service.methods.iter().map(|m| of(m.path)).collect(),
    }
}

/// A refusal is of class `RateLimited` and tells when to come back; [`RateLimits::check`] decides
/// without making an error.
impl Admission for RateLimits {
    type Permit = ();

    fn admit(&self, call: &CallInfo, now: Instant) -> Result<(), Error> {
        self.check(call, now, |_, decision| {
            refusal::rate_limited(decision.retry_after)
        })
    }
}
