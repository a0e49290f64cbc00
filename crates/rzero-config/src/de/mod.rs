//! From the merged tree to a user's type, strictly.
//!
//! The tree is offered to serde key by key, so three things are known that a format's own
//! deserializer does not tell: the place of every value, the names a struct knows (for
//! suggestions), and the keys nobody took. The last works for structs without
//! `deny_unknown_fields` as well.
//!
//! serde stops at its first error. To report more than one, the value it stumbled over is hidden
//! and the reading repeated, until it passes or the rest depends on what was hidden.

mod access;
mod error;
mod tree;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use self::tree::{Path, TreeDeserializer};
use crate::error::Problem;
use crate::node::{KeyPath, Node};
use crate::origin::Origin;
use crate::suggest;

/// Readings are repeated at most this often to find further problems.
const ROUNDS_MAX: usize = 50;

/// What one reading knows and collects.
#[derive(Default)]
pub(crate) struct Context {
    /// Top-level keys that belong to somebody else.
    hidden: BTreeSet<String>,
    /// Names beside a struct's own that a key of that depth may have been meant to be.
    also_known: BTreeSet<String>,
    also_depth: usize,
    /// Values already reported: skipped in this round.
    poisoned: BTreeSet<KeyPath>,
    unknown: RefCell<BTreeMap<KeyPath, Problem>>,
    secrets: RefCell<BTreeSet<KeyPath>>,
}

impl Context {
    /// Leaves the top-level keys `hidden` out, and knows further names of top-level keys.
    pub(crate) fn hiding(hidden: BTreeSet<String>, also_known: BTreeSet<String>) -> Self {
        Self {
            hidden,
            ..Self::knowing(also_known, 1)
        }
    }

    /// Knows further names of keys of paths that long.
    pub(crate) fn knowing(also_known: BTreeSet<String>, also_depth: usize) -> Self {
        Self {
            also_known,
            also_depth,
            ..Self::default()
        }
    }

    fn report_unknown(&self, path: KeyPath, origin: &Origin, key: &str, known: &[&str]) {
        let also = self
            .also_known
            .iter()
            .map(String::as_str)
            .filter(|_| path.0.len() == self.also_depth);
        let mut problem = Problem::new(path.to_string(), "unknown key").with_origin(origin.clone());
        problem.help = suggest::help(key, known.iter().copied().chain(also));
        self.unknown.borrow_mut().insert(path, problem);
    }

    /// The paths that were read as a `Secret`.
    pub(crate) fn into_secrets(self) -> BTreeSet<KeyPath> {
        self.secrets.into_inner()
    }

    /// Hides the value at `path`, or the closest part around it that is not hidden yet. False
    /// when only the whole is left.
    fn poison(&mut self, mut path: KeyPath, base: &KeyPath) -> bool {
        while path.0.len() > base.0.len() {
            if self.poisoned.insert(path.clone()) {
                return true;
            }
            path.0.pop();
        }
        false
    }

    /// Whether a complaint about `path` may only be there because something inside is hidden.
    fn is_consequence(&self, path: &KeyPath) -> bool {
        self.poisoned
            .iter()
            .any(|poisoned| poisoned.0.starts_with(&path.0))
    }
}

/// Reads `node`, found at `base`, as a `T`.
pub(crate) fn read<T: DeserializeOwned>(
    node: &Node,
    base: &KeyPath,
    cx: &mut Context,
) -> Result<T, Vec<Problem>> {
    let mut problems = Vec::new();
    for _ in 0..ROUNDS_MAX {
        match T::deserialize(TreeDeserializer::new(node, Path::Base(base), cx)) {
            Ok(value) => {
                problems.extend(cx.unknown.take().into_values());
                return if problems.is_empty() {
                    Ok(value)
                } else {
                    Err(problems)
                };
            }
            Err(error) => {
                let (path, problem) = error
                    .or_at(|| base.clone(), node)
                    .into_problem(&cx.also_known, cx.also_depth);
                if !cx.is_consequence(&path) {
                    problems.push(problem);
                }
                if !cx.poison(path, base) {
                    break;
                }
            }
        }
    }
    problems.extend(cx.unknown.take().into_values());
    Err(problems)
}
