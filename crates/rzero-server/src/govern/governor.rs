//! What all calls of a server share, and how policies are compiled for them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rzero_core::{
    CallInfo, Error, Idempotency, Kind, Method, MethodDesc, Result, ServiceDesc, Shields,
};
use rzero_policy::{MethodPolicy, Policies, PolicyName, Scope, Side};
use rzero_resilience::breaker::Breaker;
use rzero_resilience::limit::{Concurrency, RateLimits, RateRule, RateScope, SharedRates};
use rzero_resilience::shed::{Shedder, Signals};
use tokio::time::Instant;

use super::admit::{Governed, Guard, Service};
use super::callers::ByCaller;
use super::rules::{Rules, SharedRules, Switch, Time};
use super::view::{Governance, LimitView, MethodView, RateView};

/// Name of the callee in the breakers of a server: itself.
const CALLEE: &str = "server";

/// The governance of a server. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Governor(Arc<Whole>);

#[derive(Debug)]
struct Whole {
    shared: Arc<Shared>,
    guards: Vec<Guard>,
}

/// What all services of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shedder: Shedder,
    pub(super) concurrency: Concurrency,
    pub(super) rates: RateLimits,
    pub(super) shared_rates: Option<Arc<dyn SharedRates>>,
    pub(super) shields: Arc<Shields>,
    pub(super) expired: AtomicU64,
    timeout: Option<Duration>,
}

/// What governance takes from its server.
pub(crate) struct Common {
    pub(crate) signals: Arc<Signals>,
    pub(crate) shields: Arc<Shields>,
    pub(crate) shared_rates: Option<Arc<dyn SharedRates>>,
    /// Time of a unary call whose caller gave none, unless a policy says so.
    pub(crate) timeout: Option<Duration>,
}

impl Governor {
    /// The governance of a server of `services`, without measurements.
    ///
    /// # Errors
    /// A policy that makes no sense, which [`Policies`] should not have let through.
    pub(crate) fn new(
        services: &[&'static ServiceDesc],
        policies: &Policies,
        common: Common,
        now: Instant,
    ) -> Result<Self> {
        let whole = policies.server();
        let shared = Arc::new(Shared {
            shedder: Shedder::new(&whole.shed, common.signals, now).map_err(wrong)?,
            concurrency: Concurrency::new(&whole.concurrency).map_err(wrong)?,
            rates: RateLimits::new(services, &whole.rates).map_err(wrong)?,
            shared_rates: common.shared_rates,
            shields: common.shields,
            expired: AtomicU64::new(0),
            timeout: common.timeout,
        });
        let guards = services.iter().map(|desc| shared.guard(desc, now));
        let guards = guards.collect();
        let governor = Self(Arc::new(Whole { shared, guards }));
        governor.reload(policies, now)?;
        Ok(governor)
    }

    /// The guard of a service that was given to [`new`](Self::new); one of another service, such
    /// as health, lets everything pass that is not dead.
    pub(crate) fn guard(&self, desc: &'static ServiceDesc, now: Instant) -> Guard {
        let known = self.0.guards.iter().find(|g| g.0.desc.name == desc.name);
        known.map_or_else(|| self.0.shared.guard(desc, now), Guard::clone)
    }

    /// Keeps to other policies from the next call on; what was counted stays.
    ///
    /// # Errors
    /// A policy that makes no sense; those before it are in force then.
    pub(crate) fn reload(&self, policies: &Policies, now: Instant) -> Result<()> {
        let (shared, server) = (&self.0.shared, policies.server());
        shared.share(&server.rates, now)?;
        shared.shedder.reconfigure(&server.shed).map_err(wrong)?;
        let concurrency = &shared.concurrency;
        concurrency
            .reconfigure(&server.concurrency)
            .map_err(wrong)?;
        let rates = &shared.rates;
        rates.reconfigure(&server.rates, now).map_err(wrong)?;
        let services = self.0.guards.iter().map(|guard| &*guard.0);
        for service in services {
            for (method, governed) in service.desc.methods.iter().zip(&service.methods) {
                governed.reload(shared, policies, method, now)?;
            }
        }
        Ok(())
    }

    /// What it knows at `now`.
    pub(crate) fn view(&self, now: Instant) -> Governance {
        let shared = &self.0.shared;
        let services = self.0.guards.iter().map(|guard| &guard.0);
        let methods = services.flat_map(|service| {
            let methods = service.desc.methods.iter().zip(&service.methods);
            methods.map(|(method, governed)| governed.view(method, now))
        });
        let mut methods: Vec<_> = methods.collect();
        methods.sort_by_key(|method| method.path);
        Governance {
            shed: shared.shedder.snapshot(now),
            concurrency: limit_view(&shared.concurrency),
            rates: shared.rate_views(),
            methods,
            expired: shared.expired.load(Relaxed),
        }
    }
}

impl Shared {
    /// A guard whose policies are all off.
    fn guard(self: &Arc<Self>, desc: &'static ServiceDesc, now: Instant) -> Guard {
        let stray = MethodDesc {
            path: desc.name,
            service: desc.name,
            name: "",
            kind: Kind::Unary,
            idempotency: Idempotency::Unknown,
            index: 0,
        };
        let methods = desc.methods.iter().chain([&stray]);
        let methods = methods.map(|method| Governed {
            rules: SharedRules::new(Rules::free(self.time(None, method.kind))),
            by_caller: ArcSwapOption::empty(),
            concurrency: Concurrency::fixed(0),
            breaker: Breaker::new(CALLEE, method.path, Default::default(), now),
        });
        Guard(Arc::new(Service {
            shared: Arc::clone(self),
            desc,
            methods: methods.collect(),
        }))
    }

    /// Hands on the rules that all processes share.
    fn share(&self, rules: &[RateRule], now: Instant) -> Result<()> {
        let mut shared = rules.iter().filter(|r| r.scope == RateScope::Distributed);
        match (&self.shared_rates, shared.next()) {
            (Some(store), _) => store.reconfigure(rules, now),
            (None, None) => Ok(()),
            (None, Some(rule)) => Err(Error::invalid_input(format!(
                "policy.rate `{}`: its scope is distributed, but nothing is shared: give \
                 App::shared_rates a store, or write scope = \"local\"",
                rule.name
            ))),
        }
    }

    /// What a call of `method` keeps to.
    pub(super) fn rules(
        &self,
        policies: &Policies,
        policy: &MethodPolicy,
        method: Method,
    ) -> Rules {
        let mut rates = policies.server().rates.iter();
        let local = rates.any(|r| r.scope == RateScope::Local);
        let shared = self.shared_rates.as_ref().is_some_and(|s| s.covers(method));
        let rated = policy.has(PolicyName::Rate);
        Rules::free(self.time(Some(policy), method.kind()))
            .with_priority(policy.priority)
            .with_on_cancel(policy.on_cancel)
            .with(Switch::Shed, policy.has(PolicyName::Shed))
            .with(Switch::Concurrency, policy.has(PolicyName::Concurrency))
            .with(Switch::Rate, local && rated)
            .with(Switch::SharedRate, shared && rated)
            .with(Switch::Breaker, policy.breaker.get().enabled)
    }

    /// How long calls may take.
    fn time(&self, policy: Option<&MethodPolicy>, kind: Kind) -> Time {
        let (written, default) = match kind.is_stream() {
            true => (policy.and_then(|p| p.stream_timeout), None),
            false => (policy.and_then(|p| p.timeout), self.timeout),
        };
        match (written, default) {
            (Some(written), _) => written.time().map_or(Time::Asked, Time::Max),
            (None, Some(default)) => Time::Default(default),
            (None, None) => Time::Asked,
        }
    }

    fn rate_views(&self) -> Vec<RateView> {
        let rules = self.rates.rules().into_iter();
        let view = rules.filter_map(|rule| {
            let limit = self.rates.limit(&rule.name)?;
            Some(RateView {
                refused: limit.refused(),
                forgotten: limit.forgotten(),
                name: rule.name,
                methods: rule.methods,
                key: rule.key.to_string(),
                rate: rule.rate,
                period: rule.period,
            })
        });
        view.collect()
    }
}

impl Governed {
    fn reload(
        &self,
        shared: &Shared,
        policies: &Policies,
        method: &'static MethodDesc,
        now: Instant,
    ) -> Result<()> {
        let policy = policies.method(Side::Server, Scope::Any, method.path);
        let limit = &self.concurrency;
        limit.reconfigure(&policy.concurrency).map_err(wrong)?;
        self.breaker.reconfigure(policy.breaker, now);
        let by_caller = policies.depends_on_caller(method.path);
        self.by_caller.store(by_caller.then(|| {
            let new = ByCaller::new(policies);
            if let Some(old) = &*self.by_caller.load() {
                let like = CallInfo::new(Method::new(method), now);
                new.take_over(old, shared, &like);
            }
            Arc::new(new)
        }));
        let rules = shared.rules(policies, &policy, Method::new(method));
        self.rules.set(rules.with(Switch::ByCaller, by_caller));
        Ok(())
    }

    fn view(&self, method: &'static MethodDesc, now: Instant) -> MethodView {
        let rules = self.rules.get();
        let (timeout, cuts) = match rules.time() {
            Time::Asked => (None, false),
            Time::Default(time) => (Some(time), false),
            Time::Max(time) => (Some(time), true),
        };
        MethodView {
            path: method.path,
            timeout,
            cuts,
            priority: rules.priority(),
            finishes: rules.finishes(),
            shed: rules.has(Switch::Shed),
            rate: rules.has(Switch::Rate) || rules.has(Switch::SharedRate),
            limited: rules.has(Switch::Concurrency),
            concurrency: limit_view(&self.concurrency),
            breaker: self.breaker.snapshot(now),
        }
    }
}

fn limit_view(limit: &Concurrency) -> LimitView {
    LimitView {
        running: limit.running(),
        limit: limit.limit(),
        refused: limit.refused(),
    }
}

fn wrong(text: String) -> Error {
    Error::invalid_input(format!("policy: {text}"))
}
