//! One call: let in or refused in one step, and its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwapOption;
use rzero_core::{
    Admission, CallInfo, Class, Error, Fixed, Method, Outcome, Permit, Result, ServiceDesc, Shields,
};
use rzero_resilience::breaker::{Breaker, Pass};
use rzero_resilience::limit::{Concurrency, ConcurrencyPermit, SharedRates};
use rzero_resilience::shed::Ticket;
use tokio::time::Instant;

use super::callers::ByCaller;
use super::governor::Shared;
use super::rules::{Rules, SharedRules, Switch};

static EXPIRED: Fixed = Fixed::new(
    Class::ExpiredInQueue,
    "the deadline passed before the call began",
);

/// What an admitted call holds, in the order in which it was let in; finished in reverse.
type Held = (
    Option<Ticket>,
    (
        Option<ConcurrencyPermit>,
        (Option<ConcurrencyPermit>, Option<Pass>),
    ),
);

/// The governance of one service: what its methods keep to, and their state, by their index.
#[derive(Clone, Debug)]
pub(crate) struct Guard(pub(super) Arc<Service>);

#[derive(Debug)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) desc: &'static ServiceDesc,
    /// The last one is for calls of methods that the contract does not have.
    pub(super) methods: Box<[Governed]>,
}

/// One method: what it keeps to, and its state, which outlives every reload.
#[derive(Debug)]
pub(super) struct Governed {
    pub(super) rules: SharedRules,
    /// What some callers keep to instead, where rules name callers.
    pub(super) by_caller: ArcSwapOption<ByCaller>,
    pub(super) concurrency: Concurrency,
    pub(super) breaker: Breaker,
}

/// A call that was let in. Dropped, it counts as cancelled, or as failed when the thread panics.
#[must_use]
#[derive(Debug)]
pub(crate) struct Admitted {
    held: Held,
    rules: Rules,
}

impl Admitted {
    /// Whether the handler runs to its end when its caller has left.
    pub(crate) const fn finishes(&self) -> bool {
        self.rules.finishes()
    }

    /// The call ended.
    pub(crate) fn finish(self, outcome: Outcome, now: Instant) {
        self.held.finish(outcome, now);
    }
}

impl Guard {
    /// Lets a call in, or refuses it. To be asked when the handler is about to run, on the task
    /// that runs it: how long the call has waited is known then. Sets its deadline and priority.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) fn admit(&self, call: &mut CallInfo, now: Instant) -> Result<Admitted> {
        let shared = &*self.0.shared;
        let governed = self.0.governed(call.method());
        let (mut rules, mut limit) = (governed.rules.get(), &governed.concurrency);
        let by_caller = rules.has(Switch::ByCaller);
        let by_caller = by_caller.then(|| governed.by_caller.load());
        let by_caller = by_caller.as_ref().and_then(|table| table.as_ref());
        if let Some(own) = by_caller.and_then(|table| table.find(shared, call)) {
            rules = own.rules;
            limit = own.concurrency.as_ref().unwrap_or(limit);
        }
        call.set_deadline(rules.deadline(call));
        if call.deadline().is_some_and(|at| at <= now) {
            shared.expired.fetch_add(1, Relaxed);
            return Err(Error::fixed(&EXPIRED));
        }
        call.set_priority(rules.priority());
        let held = shared.hold(rules, limit, &governed.breaker, call, now)?;
        Ok(Admitted { held, rules })
    }

    /// Rate limits that the call still has to ask, because they have to be waited for.
    pub(crate) fn shared_rates(&self, admitted: &Admitted) -> Option<Arc<dyn SharedRates>> {
        let asked = admitted.rules.has(Switch::SharedRate);
        asked.then(|| self.0.shared.shared_rates.clone()).flatten()
    }

    /// Sections that outlive a cancelled call.
    pub(crate) fn shields(&self) -> &Arc<Shields> {
        &self.0.shared.shields
    }
}

impl Service {
    #[inline]
    fn governed(&self, method: Method) -> &Governed {
        let last = self.methods.len() - 1;
        &self.methods[usize::from(method.index()).min(last)]
    }
}

impl Shared {
    /// The fused step.
    #[inline]
    fn hold(
        &self,
        rules: Rules,
        limit: &Concurrency,
        breaker: &Breaker,
        call: &CallInfo,
        now: Instant,
    ) -> Result<Held> {
        let ask = |switch| rules.has(switch);
        let ticket = admit(ask(Switch::Shed), &self.shedder, call, now)?;
        let limited = ask(Switch::Concurrency);
        let server = admit(limited, &self.concurrency, call, now)?;
        let own = admit(limited, limit, call, now)?;
        admit(ask(Switch::Rate), &self.rates, call, now)?;
        let pass = admit(ask(Switch::Breaker), breaker, call, now)?;
        Ok((ticket, (server, (own, pass))))
    }
}

/// What a policy says that may be off.
#[inline]
fn admit<A: Admission>(
    on: bool,
    policy: &A,
    call: &CallInfo,
    now: Instant,
) -> Result<Option<A::Permit>> {
    on.then(|| policy.admit(call, now)).transpose()
}
