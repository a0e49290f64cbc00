//! Concurrency limits of single methods.

use rzero_core::{Admission, CallInfo, Error, ServiceDesc};
use serde::Deserialize;
use tokio::time::Instant;

use super::{Concurrency, ConcurrencyConfig, ConcurrencyPermit, GradientConfig, glob};

/// A limit on calls at once for each method that a pattern fits.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcurrencyRule {
    /// Which methods: `*` (default), `package.Service/*`, `package.Service/Get*`. A `*` stands for
    /// any text. The first rule that fits a method is its own; none is no limit.
    pub methods: String,
    /// Calls of one such method that may run at once; 0, the default, is no fixed limit.
    pub max: u32,
    /// Finds out a limit for each method from how long its calls take. Default off.
    pub adaptive: Option<GradientConfig>,
}

impl Default for ConcurrencyRule {
    fn default() -> Self {
        Self {
            methods: "*".to_owned(),
            max: 0,
            adaptive: None,
        }
    }
}

impl ConcurrencyRule {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the rule, the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        let named = |what: String| format!("concurrency rule `{}`: {what}", self.methods);
        glob::validate(&self.methods).map_err(named)?;
        self.config().validate().map_err(named)
    }

    fn config(&self) -> ConcurrencyConfig {
        ConcurrencyConfig {
            max: self.max,
            adaptive: self.adaptive.clone(),
        }
    }
}

/// A [`Concurrency`] limit for each method of a service, so that a slow method cannot take all the
/// room of the others. Beside it, one `Concurrency` bounds the whole server:
/// `(server_wide, per_method)` is one admission.
#[derive(Debug)]
pub struct MethodConcurrency {
    service: &'static ServiceDesc,
    limits: Box<[Concurrency]>,
    /// For methods of other services, which have no limit.
    free: Concurrency,
}

impl MethodConcurrency {
    /// Limits for the methods of `service`.
    ///
    /// # Errors
    /// When a rule is not valid; the text names it.
    pub fn new(service: &'static ServiceDesc, rules: &[ConcurrencyRule]) -> Result<Self, String> {
        let limits = Self {
            service,
            limits: service.methods.iter().map(|_| unlimited()).collect(),
            free: unlimited(),
        };
        limits.reconfigure(rules)?;
        Ok(limits)
    }

    /// Replaces the rules. Calls that run keep running, and what was learned of a method stays
    /// while its limit is adaptive.
    ///
    /// # Errors
    /// When a rule is not valid; the rules stay as they were.
    pub fn reconfigure(&self, rules: &[ConcurrencyRule]) -> Result<(), String> {
        rules.iter().try_for_each(ConcurrencyRule::validate)?;
        for (method, limit) in self.service.methods.iter().zip(&self.limits) {
            let fits = |rule: &&ConcurrencyRule| glob::matches(&rule.methods, method.path);
            let rule = rules.iter().find(fits);
            limit.reconfigure(&rule.map(ConcurrencyRule::config).unwrap_or_default())?;
        }
        Ok(())
    }

    /// The limit of each method, by index.
    #[must_use]
    pub fn limits(&self) -> &[Concurrency] {
        &self.limits
    }
}

impl Admission for MethodConcurrency {
    type Permit = ConcurrencyPermit;

    fn admit(&self, call: &CallInfo, now: Instant) -> Result<ConcurrencyPermit, Error> {
        let method = call.method();
        let ours = method.service() == self.service.name;
        let limit = self.limits.get(usize::from(method.index()));
        limit
            .filter(|_| ours)
            .unwrap_or(&self.free)
            .admit(call, now)
    }
}

fn unlimited() -> Concurrency {
    Concurrency::fixed(0)
}
