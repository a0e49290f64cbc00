//! Which calls a rule is for.

use rzero_config::{Error, Section};
use rzero_core::{glob, glob_method};
use serde::Deserialize;

use crate::glob::matches_caller;
use crate::{Scope, Side};

/// `match` of a rule; what is absent matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Match {
    /// Pattern of methods, `package.Service/Method`.
    pub(crate) method: Option<String>,
    pub(crate) side: Option<Side>,
    /// Client only: pattern of names of `[client.<name>]`.
    pub(crate) target: Option<String>,
    /// Server only: pattern of callers.
    pub(crate) caller: Option<String>,
}

/// One of `[[policy.rule]]`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Position in the list, counted from 0.
    pub(crate) index: usize,
    pub(crate) matches: Match,
    /// What it sets: the table without `match`.
    pub(crate) values: Section,
}

impl Match {
    /// The only side it can match on; `None` for both.
    pub(crate) fn only_side(&self) -> Option<Side> {
        let by_name = || match (&self.target, &self.caller) {
            (Some(_), _) => Some(Side::Client),
            (_, Some(_)) => Some(Side::Server),
            _ => None,
        };
        self.side.or_else(by_name)
    }

    /// Whether it is about methods or callers, and not about a whole target.
    pub(crate) fn is_narrow(&self) -> bool {
        self.method.is_some() || self.caller.is_some()
    }

    /// Whether it fits calls of the method at `path` (`None`: of a whole target).
    pub(crate) fn fits(
        &self,
        side: Side,
        scope: Scope<'_>,
        callers: &[String],
        path: Option<&str>,
    ) -> bool {
        let method = match (&self.method, path) {
            (None, _) => true,
            (Some(pattern), Some(path)) => glob_method(pattern, path),
            (Some(_), None) => false,
        };
        let target = match (&self.target, scope) {
            (None, _) => true,
            (Some(pattern), Scope::Target(target)) => glob(pattern, target),
            (Some(_), _) => false,
        };
        let caller = match (&self.caller, scope) {
            (None, _) => true,
            (Some(pattern), Scope::Caller(caller)) => matches_caller(pattern, caller),
            (Some(pattern), Scope::Class(class)) => class.holds(callers, pattern),
            (Some(_), _) => false,
        };
        method && target && caller && self.side.is_none_or(|wanted| wanted == side)
    }

    /// What is wrong with it, placed in `at`, the section of the match.
    pub(crate) fn check(&self, at: &Section) -> Result<(), Error> {
        let method = |pattern: &String| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._/*".contains(&b);
            let bare = pattern.strip_prefix('/').unwrap_or(pattern);
            !bare.is_empty() && bare.bytes().all(allowed)
        };
        if self.method.as_ref().is_some_and(|pattern| !method(pattern)) {
            let text = "is no pattern of methods; write \"package.Service/*\" or \
                        \"package.Service/Method\"";
            return Err(at.error_at("method", text));
        }
        for (key, pattern) in [("target", &self.target), ("caller", &self.caller)] {
            if pattern.as_ref().is_some_and(String::is_empty) {
                return Err(at.error_at(key, "is empty and matches nothing; leave it out"));
            }
        }
        if self.target.is_some() && self.only_side() != Some(Side::Client) {
            let text = "only clients have targets; write side = \"client\" or leave it out";
            return Err(at.error_at("target", text));
        }
        if self.caller.is_some() && self.only_side() != Some(Side::Server) {
            let text = "only servers have callers; write side = \"server\", or leave out `side` \
                        and `target`";
            return Err(at.error_at("caller", text));
        }
        Ok(())
    }
}

/// As it tells a rule from others in logs: `{method="shop.Orders/*", side="server"}`.
impl std::fmt::Display for Match {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = self.side.map(|side| side.as_str().to_owned());
        let parts = [
            ("method", &self.method),
            ("side", &side),
            ("target", &self.target),
            ("caller", &self.caller),
        ];
        let written = parts.iter().filter_map(|(key, value)| {
            let value = value.as_ref()?;
            Some(format!("{key}={value:?}"))
        });
        write!(f, "{{{}}}", written.collect::<Vec<_>>().join(", "))
    }
}
