//! The table as a whole, and what it says about a method.

use std::fmt;
use std::sync::Arc;

use rzero_config::{Document, Error, Format, Loader, Problem, Section};
use rzero_core::glob_method;
use serde::Deserialize;

use crate::glob::matches_caller;
use crate::keys::{Checked, Values, Wrong};
use crate::read;
use crate::rule::Rule;
use crate::{Change, ClientPolicy, MethodPolicy, ServerPolicy, change};

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that answers.
    Server,
    /// The one that calls.
    Client,
}

impl Side {
    /// The name as it is written in `match.side`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whom a call goes to or comes from, as far as rules ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Nobody in particular: rules with `match.target` or `match.caller` do not fit.
    Any,
    /// In clients: the name of `[client.<name>]`.
    Target(&'a str),
    /// In servers: the value of `x-rz-caller`, `service@version`.
    Caller(&'a str),
    /// In servers: callers that no rule tells apart.
    Class(CallerClass),
}

/// Callers that no rule tells apart: all of them have the same policies. There are few classes,
/// so a server resolves once for each that it meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallerClass(u64);

impl CallerClass {
    /// Most patterns of callers that rules may have.
    pub(crate) const PATTERNS_MAX: usize = 64;

    pub(crate) fn holds(self, patterns: &[String], pattern: &str) -> bool {
        let at = patterns.iter().position(|known| known == pattern);
        at.is_some_and(|at| self.0 & (1 << at) != 0)
    }
}

/// The policies of a process: `[policy]`, read and checked. Cloning copies a pointer. The default
/// is an empty table: the built-in defaults.
#[derive(Clone)]
pub struct Policies(Arc<Inner>);

pub(crate) struct Inner {
    /// The whole section as it is written.
    pub(crate) written: Section,
    /// The values of `[policy]` itself.
    pub(crate) base: Section,
    /// `base`, read.
    pub(crate) base_values: Values,
    pub(crate) rules: Vec<Rule>,
    /// The patterns of `match.caller`, each once.
    pub(crate) callers: Vec<String>,
    pub(crate) server: ServerPolicy,
    /// The keys of the whole server, as they are written.
    pub(crate) server_written: read::ServerKeys,
}

impl Default for Policies {
    fn default() -> Self {
        read::policies(None).expect("the built-in defaults are valid")
    }
}

impl Policies {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Takes `[policy]` out of a document.
    ///
    /// # Errors
    /// Everything that is wrong, with file, line, key and what to write: unknown keys, unknown
    /// names in `off`, values out of range, rules that contradict themselves.
    pub fn take(document: &mut Document) -> Result<Self, Error> {
        read::policies(document.take_raw("policy"))
    }

    /// Reads a document in TOML that holds `[policy]` and nothing else, for tests and programs
    /// that assemble their own.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let loader = Loader::new().text("policy.toml", Format::Toml, text);
        let mut document = loader.load()?;
        let policies = Self::take(&mut document)?;
        document.finish()?;
        Ok(policies)
    }

    /// What holds for a whole server.
    #[must_use]
    pub fn server(&self) -> &ServerPolicy {
        &self.0.server
    }

    /// What holds for all calls to `target`, the name of `[client.<name>]`.
    #[must_use]
    pub fn client(&self, target: &str) -> ClientPolicy {
        let scope = Scope::Target(target);
        let value = |values: &Values| values.target();
        self.resolve(Side::Client, scope, None, value).0
    }

    /// What holds for the method at `path` (`/package.Service/Method`).
    ///
    /// Rules that fit one by one and contradict each other together, such as one that lowers
    /// `breaker.k` and another that raises `breaker.k_min` above it, cannot all be followed: the
    /// later one is left out for this method, and an error is logged.
    #[must_use]
    pub fn method(&self, side: Side, scope: Scope<'_>, path: &str) -> MethodPolicy {
        let value = |values: &Values| values.method(side);
        self.resolve(side, scope, Some(path), value).0
    }

    /// Whether callers make a difference to the method at `path`: without, [`Scope::Any`] will do
    /// for all of them.
    #[must_use]
    pub fn depends_on_caller(&self, path: &str) -> bool {
        self.0.rules.iter().any(|rule| {
            let matches = &rule.matches;
            let method = matches.method.as_deref();
            matches.caller.is_some() && method.is_none_or(|pattern| glob_method(pattern, path))
        })
    }

    /// The class of a caller, `service@version`. Compares texts with each pattern of callers and
    /// allocates nothing.
    #[must_use]
    pub fn caller_class(&self, caller: &str) -> CallerClass {
        let patterns = self.0.callers.iter().enumerate();
        let bits = patterns.filter(|(_, pattern)| matches_caller(pattern, caller));
        CallerClass(bits.fold(0, |class, (at, _)| class | 1 << at))
    }

    /// What an operator should look at: rules that can never match what `served` and `targets`
    /// list, the paths of all methods that the process serves and the names of its clients.
    /// They are no errors: a file may be shared by several services.
    #[must_use]
    pub fn warnings(&self, served: &[&str], targets: &[&str]) -> Vec<Problem> {
        read::warnings(&self.0, served, targets)
    }

    /// An error about a key of the table, such as `rate[0].scope`, found by a check of the caller;
    /// it is placed where the key is written.
    #[must_use]
    pub fn error_at(&self, key: &str, text: impl Into<String>) -> Error {
        let mut problem = Problem::new(format!("policy.{key}"), text);
        let path = key.replace('[', ".").replace(']', "");
        problem.origin = self.0.written.origin(&path).cloned();
        problem.into()
    }

    /// What differs in `new`: by value, as it is written, with the built-in default where one of
    /// both says nothing.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<Change> {
        change::between(&self.0, &new.0)
    }

    /// The value that `value` makes of base and fitting rules, and the rules that were followed.
    pub(crate) fn resolve<T>(
        &self,
        side: Side,
        scope: Scope<'_>,
        path: Option<&str>,
        value: impl Fn(&Values) -> Checked<T>,
    ) -> (T, Values, Vec<&Rule>) {
        let inner = &*self.0;
        let fits = |rule: &&Rule| rule.matches.fits(side, scope, &inner.callers, path);
        let rules: Vec<&Rule> = inner.rules.iter().filter(fits).collect();
        let made = |rules: &[&Rule]| {
            let mut tree = inner.base.clone();
            rules.iter().for_each(|rule| tree.merge(&rule.values));
            let values = read::values(&tree)?;
            let made = value(&values).map_err(|wrong| wrong.placed(&tree))?;
            Ok::<_, Error>((made, values))
        };
        if !rules.is_empty()
            && let Ok((made, values)) = made(&rules)
        {
            return (made, values, rules);
        }
        // Without rules, or with such that contradict each other: one after the other.
        let values = inner.base_values.clone();
        let mut best = (value(&values).expect("checked when it was read"), values);
        let mut followed = Vec::new();
        for rule in rules {
            followed.push(rule);
            match made(&followed) {
                Ok(made) => best = made,
                Err(error) => {
                    followed.pop();
                    tracing::error!(
                        rule = rule.values.key(), at = %rule.values.written(), method = path,
                        %side, %error, "policy rule left out: it contradicts an earlier one",
                    );
                }
            }
        }
        (best.0, best.1, followed)
    }
}

/// What is written.
impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policies").field(&self.0.written).finish()
    }
}

/// Whether the same is written: the places do not count.
impl PartialEq for Policies {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.changes(other).is_empty()
    }
}

/// Both sides of a value that is wrong, for [`read`].
pub(crate) fn placed(wrong: Wrong, rule: &Section, whole: &Section) -> Error {
    // The rule says it, or it is wrong because of what the rule says elsewhere.
    if rule.origin(wrong.key()).is_some() {
        return wrong.placed(rule);
    }
    let text = format!("{} (together with {})", wrong.text(), rule.key());
    Wrong::new(wrong.key(), text).placed(whole)
}
