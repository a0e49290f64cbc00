//! Callers with policies of their own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rzero_core::{CallInfo, names};
use rzero_policy::{CallerClass, Policies, Scope, Side};
use rzero_resilience::limit::Concurrency;

use super::governor::Shared;
use super::rules::Rules;

/// Classes of callers that one method tells apart. There are about as many as patterns in
/// `match.caller`, of which there are at most 64; more only where patterns overlap a lot.
const CLASSES_MAX: usize = 256;

/// What a method keeps to for each class of callers, worked out when the first call of the class
/// comes. Finding it takes no lock and, from the second call on, allocates nothing.
#[derive(Debug)]
pub(super) struct ByCaller {
    policies: Policies,
    /// In the order in which they came.
    slots: Box<[OnceLock<Tailored>]>,
    full: AtomicBool,
}

/// What one class of callers keeps to.
#[derive(Debug)]
pub(super) struct Tailored {
    class: CallerClass,
    /// One of the callers, by whom the class is found again after a reload.
    caller: Box<str>,
    pub(super) rules: Rules,
    /// A limit that the rules give these callers instead of the one of the method. They are
    /// counted apart.
    pub(super) concurrency: Option<Concurrency>,
}

impl ByCaller {
    pub(super) fn new(policies: &Policies) -> Self {
        Self {
            policies: policies.clone(),
            slots: (0..CLASSES_MAX).map(|_| OnceLock::new()).collect(),
            full: AtomicBool::new(false),
        }
    }

    /// Takes over the calls that run from the policies before.
    pub(super) fn take_over(&self, old: &Self, shared: &Shared, like: &CallInfo) {
        for known in old.slots.iter().filter_map(OnceLock::get) {
            let running = known.concurrency.as_ref();
            self.of(&known.caller, shared, like, running);
        }
    }

    /// What holds for this call; `None` when its caller has no rules of its own.
    pub(super) fn find(&self, shared: &Shared, call: &CallInfo) -> Option<&Tailored> {
        let caller = call.metadata()?.get(names::CALLER)?;
        self.of(caller, shared, call, None)
    }

    fn of(
        &self,
        caller: &str,
        shared: &Shared,
        call: &CallInfo,
        running: Option<&Concurrency>,
    ) -> Option<&Tailored> {
        let class = self.policies.caller_class(caller);
        for slot in &self.slots {
            let make = || self.tailor(class, caller, shared, call, running);
            let found = slot.get().unwrap_or_else(|| slot.get_or_init(make));
            if found.class == class {
                return Some(found);
            }
        }
        if !self.full.swap(true, Relaxed) {
            tracing::error!(
                method = call.method().path(),
                "the patterns in match.caller overlap too much; some callers have the policies of any"
            );
        }
        None
    }

    #[cold]
    fn tailor(
        &self,
        class: CallerClass,
        caller: &str,
        shared: &Shared,
        call: &CallInfo,
        running: Option<&Concurrency>,
    ) -> Tailored {
        let path = call.method().path();
        let of = |scope| self.policies.method(Side::Server, scope, path);
        let (policy, any) = (of(Scope::Class(class)), of(Scope::Any));
        let own = policy.concurrency != any.concurrency;
        let concurrency = own.then(|| {
            let limit = running.cloned().unwrap_or_else(|| Concurrency::fixed(0));
            if let Err(error) = limit.reconfigure(&policy.concurrency) {
                // Checked when the policies were read.
                tracing::error!(error, "limit of callers not taken over");
            }
            limit
        });
        Tailored {
            class,
            caller: caller.into(),
            rules: shared.rules(&self.policies, &policy, call.method()),
            concurrency,
        }
    }
}
