//! From the written table to policies.

use std::collections::BTreeSet;

use rzero_config::{Error, Problem, Section};
use rzero_core::glob_method;
use rzero_resilience::limit::RateRule;
use serde::{Deserialize, Serialize};

use crate::keys::{
    BulkheadKeys, CAPS_OF_TARGETS, ConcurrencyKeys, OF_CLIENTS, OF_SERVERS, OF_TARGETS, RateKeys,
    ShedKeys, StoreKeys, Values,
};
use crate::policies::{Inner, placed};
use crate::rule::{Match, Rule};
use crate::{CallerClass, Off, Policies, ServerPolicy, Side};

/// Most rules of each kind: each is looked at for each method.
const RULES_MAX: usize = 256;

/// The keys of a whole server that have defaults, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerKeys {
    pub(crate) shed: ShedKeys,
    pub(crate) server: ServerTable,
    pub(crate) store: StoreKeys,
}

/// `[policy.server]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerTable {
    pub(crate) concurrency: ConcurrencyKeys,
}

/// Everything that goes wrong, in one error.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn add(&mut self, error: Error) {
        self.0 = Some(match self.0.take() {
            Some(known) => known.and(error),
            None => error,
        });
    }

    /// The value, or its default with the error kept.
    fn keep<T: Default>(&mut self, result: Result<T, Error>) -> T {
        result.unwrap_or_else(|error| {
            self.add(error);
            T::default()
        })
    }
}

/// Reads `[policy]`; `None` is an empty table.
pub(crate) fn policies(section: Option<Section>) -> Result<Policies, Error> {
    let written = section.unwrap_or_else(|| Section::empty("policy"));
    let mut base = written.clone();
    let mut errors = Errors::default();
    let rules = base.take("rule");
    let (server, server_written) = server(&mut base, &mut errors);
    let base_values = errors.keep(values(&base));
    for side in [Side::Server, Side::Client] {
        if let Err(wrong) = base_values.method(side) {
            errors.add(wrong.placed(&base));
        }
    }
    if let Err(wrong) = base_values.target() {
        errors.add(wrong.placed(&base));
    }
    let sane = errors.0.is_none();
    let rules = rules.map(Section::items).transpose();
    let rules = errors.keep(rules).unwrap_or_default();
    if let Some(first) = rules.get(RULES_MAX) {
        errors.add(first.error_at("", format!("more than {RULES_MAX} rules; join some")));
    }
    let read = rules.into_iter().take(RULES_MAX).enumerate();
    let read = read.filter_map(|(index, section)| {
        let rule = rule(index, section, sane.then_some(&base));
        rule.map_err(|error| errors.add(error)).ok()
    });
    let rules: Vec<Rule> = read.collect();
    let callers = callers(&rules, &mut errors);
    match errors.0 {
        Some(error) => Err(error),
        None => Ok(Policies::new(Inner {
            written,
            base,
            base_values,
            rules,
            callers,
            server,
            server_written,
        })),
    }
}

/// Reads what may stand in `[policy]` and in rules.
pub(crate) fn values(section: &Section) -> Result<Values, Error> {
    section.read()
}

fn server(base: &mut Section, errors: &mut Errors) -> (ServerPolicy, ServerKeys) {
    let mut policy = ServerPolicy::default();
    let mut keys = ServerKeys::default();
    if let Some(section) = base.take("shed") {
        keys.shed = errors.keep(section.read());
        let config = keys.shed.config();
        policy.shed = errors.keep(config.map_err(|wrong| wrong.placed(&section)));
    }
    if let Some(section) = base.take("server") {
        keys.server = errors.keep(section.read());
        let config = keys.server.concurrency.config();
        let config = config.map_err(|wrong| wrong.below("concurrency").placed(&section));
        policy.concurrency = errors.keep(config);
    }
    if let Some(section) = base.take("store") {
        keys.store = errors.keep(section.read());
        let config = keys.store.config();
        policy.store = errors.keep(config.map_err(|wrong| wrong.placed(&section)));
    }
    if let Some(section) = base.take("rate") {
        policy.rates = rates(section, errors);
    }
    if let Some(section) = base.take("bulkhead") {
        for (name, section) in errors.keep(section.entries()) {
            let keys: BulkheadKeys = errors.keep(section.read());
            let config = keys.config().map_err(|wrong| wrong.placed(&section));
            policy.bulkheads.insert(name, errors.keep(config));
        }
    }
    (policy, keys)
}

fn rates(section: Section, errors: &mut Errors) -> Vec<RateRule> {
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    let items = errors.keep(section.items());
    if let Some(first) = items.get(RULES_MAX) {
        errors.add(first.error_at("", format!("more than {RULES_MAX} rate limits; join some")));
    }
    for item in items.into_iter().take(RULES_MAX) {
        match item.read::<RateKeys>() {
            Err(error) => errors.add(error),
            Ok(keys) => match keys.rule() {
                Err(wrong) => errors.add(wrong.placed(&item)),
                Ok(rule) if !names.insert(rule.name.clone()) => {
                    let text = format!("{:?} names another rate limit already", rule.name);
                    errors.add(item.error_at("name", text));
                }
                Ok(rule) => rules.push(rule),
            },
        }
    }
    rules
}

/// Reads one rule and checks what it makes of `base`, if that is sane itself.
fn rule(index: usize, mut section: Section, base: Option<&Section>) -> Result<Rule, Error> {
    let mut matches = Match::default();
    if let Some(written) = section.take("match") {
        matches = written.read()?;
        matches.check(&written)?;
    }
    let alone = values(&section)?;
    if section.keys().next().is_none() {
        return Err(section.error_at("", "sets nothing; write a value, or remove the rule"));
    }
    fitting_keys(&section, &matches, alone.off)?;
    if let Some(base) = base {
        let mut whole = base.clone();
        whole.merge(&section);
        let merged = values(&whole)?;
        let wrong = |wrong| placed(wrong, &section, &whole);
        let sides = [Side::Server, Side::Client].into_iter();
        let mut sides = sides.filter(|side| matches.only_side().is_none_or(|only| only == *side));
        sides.try_for_each(|side| merged.method(side).map(drop).map_err(wrong))?;
        merged.target().map_err(wrong)?;
    }
    Ok(Rule {
        index,
        matches,
        values: section,
    })
}

/// Refuses keys that cannot have an effect where the rule fits.
fn fitting_keys(rule: &Section, matches: &Match, off: Off) -> Result<(), Error> {
    let only = matches.only_side();
    for key in rule.keys() {
        let misplaced = match only {
            Some(Side::Server) => OF_CLIENTS.contains(&key) || OF_TARGETS.contains(&key),
            Some(Side::Client) => OF_SERVERS.contains(&key),
            None => false,
        };
        if let (true, Some(side)) = (misplaced, only) {
            let text = format!("has no effect: this rule is for the {side} side only");
            return Err(rule.error_at(key, text));
        }
    }
    if !matches.is_narrow() {
        return Ok(());
    }
    let of_target = "holds for all calls to a target; write it in [policy] or in a rule without \
                     `match.method`";
    let keys = OF_TARGETS.iter().chain(CAPS_OF_TARGETS);
    if let Some(key) = keys.into_iter().find(|key| rule.origin(key).is_some()) {
        return Err(rule.error_at(key, of_target));
    }
    match off.iter().find(|name| name.is_of_target()) {
        Some(name) => Err(rule.error_at("off", format!("\"{name}\" {of_target}"))),
        None => Ok(()),
    }
}

fn callers(rules: &[Rule], errors: &mut Errors) -> Vec<String> {
    let patterns = rules.iter().filter_map(|rule| rule.matches.caller.clone());
    let patterns: BTreeSet<String> = patterns.collect();
    if patterns.len() > CallerClass::PATTERNS_MAX {
        let text = format!(
            "rules have {} patterns in match.caller, at most {} are possible; join some",
            patterns.len(),
            CallerClass::PATTERNS_MAX
        );
        errors.add(Problem::new("policy.rule", text).into());
    }
    patterns.into_iter().collect()
}

pub(crate) fn warnings(inner: &Inner, served: &[&str], targets: &[&str]) -> Vec<Problem> {
    let mut found = Vec::new();
    let warn = |at: &Section, key: &str, text: &str, found: &mut Vec<Problem>| {
        found.extend(at.error_at(key, text).problems().iter().cloned());
    };
    for rule in &inner.rules {
        let (matches, at) = (&rule.matches, &rule.values);
        if let Some(pattern) = &matches.method {
            let fits = |path: &&str| glob_method(pattern, path);
            if matches.only_side() == Some(Side::Server) && !served.iter().any(fits) {
                let text = format!("no method that is served matches {pattern:?}");
                warn(at, "match.method", &text, &mut found);
            }
        }
        if let Some(pattern) = &matches.target
            && !targets.iter().any(|name| rzero_core::glob(pattern, name))
        {
            let text = format!("there is no [client.<name>] that {pattern:?} matches");
            warn(at, "match.target", &text, &mut found);
        }
    }
    for (index, rate) in inner.server.rates.iter().enumerate() {
        if !served.iter().any(|path| glob_method(&rate.methods, path)) {
            let text = format!("no method that is served matches {:?}", rate.methods);
            let mut problem = Problem::new(format!("policy.rate[{index}].methods"), text);
            let key = format!("rate.{index}.methods");
            problem.origin = inner.written.origin(&key).cloned();
            found.push(problem);
        }
    }
    found
}
