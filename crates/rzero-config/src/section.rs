//! Parts of a document that are merged further before they are read.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use crate::de::{Context, read};
use crate::document::{Explained, explain_into};
use crate::error::{Error, Problem};
use crate::node::{KeyPath, Node, Segment, Value};
use crate::origin::Origin;

/// A part of a document whose values still know their [`Origin`]s: for owners that merge tables
/// by rules of their own before they read them. Cloning copies the tree.
///
/// Values that are read as a [`Secret`](crate::Secret) are not remembered as such here; keep
/// secrets out of such sections.
#[derive(Clone)]
pub struct Section {
    path: KeyPath,
    node: Node,
    /// Keys that were taken: what an unknown key may have meant to be.
    asked: BTreeSet<String>,
}

impl Section {
    pub(crate) fn new(path: KeyPath, node: Node) -> Self {
        Self {
            path,
            node,
            asked: BTreeSet::new(),
        }
    }

    /// A table at `key` in which nothing is written.
    pub fn empty(key: &str) -> Self {
        let node = Node::table(Origin::Default { line: 1, column: 1 });
        Self::new(KeyPath::default().key(key), node)
    }

    /// The full key, such as `policy.rule[0]`.
    pub fn key(&self) -> String {
        self.path.to_string()
    }

    /// Where the part itself is written.
    pub fn written(&self) -> &Origin {
        &self.node.origin
    }

    /// The keys of the table, in alphabetical order; none when it is no table.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let table = match &self.node.value {
            Value::Table(table) => Some(table),
            _ => None,
        };
        table.into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// Takes one key out of the table, with everything below it.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        self.asked.insert(key.to_owned());
        let Value::Table(table) = &mut self.node.value else {
            return None;
        };
        let entry = table.remove(key)?;
        Some(Self::new(self.path.key(key), entry.node))
    }

    /// The items of a list, each with its own key.
    ///
    /// # Errors
    ///
    /// When it is no list.
    pub fn items(self) -> Result<Vec<Self>, Error> {
        match self.node.value {
            Value::List(items) => {
                let item = |(at, node)| Self::new(self.path.with(Segment::Index(at)), node);
                Ok(items.into_iter().enumerate().map(item).collect())
            }
            Value::Null => Ok(Vec::new()),
            other => Err(Problem::new(
                self.path.to_string(),
                format!("expected a list, found {}", other.kind()),
            )
            .with_origin(self.node.origin)
            .into()),
        }
    }

    /// The parts of a table by their names, such as those of `policy.bulkhead.<name>`.
    ///
    /// # Errors
    ///
    /// When it is no table.
    pub fn entries(self) -> Result<BTreeMap<String, Self>, Error> {
        match self.node.value {
            Value::Table(table) => {
                let entry = |(key, entry): (String, crate::node::Entry)| {
                    (key.clone(), Self::new(self.path.key(&key), entry.node))
                };
                Ok(table.into_iter().map(entry).collect())
            }
            Value::Null => Ok(BTreeMap::new()),
            other => Err(Problem::new(
                self.path.to_string(),
                format!("expected a table, found {}", other.kind()),
            )
            .with_origin(self.node.origin)
            .into()),
        }
    }

    /// Puts `over` on top: tables merge key by key, everything else is replaced as a whole. Its
    /// values keep the places where they are written.
    pub fn merge(&mut self, over: &Self) {
        self.node.merge(over.node.clone());
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// Every unknown key and every value that does not fit `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut cx = Context::knowing(self.asked.clone(), self.path.0.len() + 1);
        read(&self.node, &self.path, &mut cx).map_err(Error::from_problems)
    }

    /// Where `key`, given from here (`breaker.k`), is written; `None` when it is not.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.node.find(key).map(|node| &node.origin)
    }

    /// An error about `key`, given from here, found by a check of the caller. It is placed where
    /// the key is written, or the closest table around it.
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> Error {
        let mut around = Some(key);
        let mut origin = None;
        while let (Some(part), None) = (around, &origin) {
            origin = self.origin(part).cloned();
            around = part.rsplit_once('.').map(|(outer, _)| outer);
        }
        let key = match key {
            "" => self.path.to_string(),
            key => format!("{}.{key}", self.path),
        };
        Problem::new(key, message)
            .with_origin(origin.unwrap_or_else(|| self.node.origin.clone()))
            .into()
    }

    /// Every value that is written and its place, ordered by key, secrets masked.
    pub fn explain(&self) -> Vec<Explained> {
        let mut out = Vec::new();
        explain_into(&mut out, &self.path, &self.node, &BTreeSet::new());
        out
    }
}

/// What [`Section::explain`] prints, so secrets are masked.
impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = self.explain();
        f.debug_map()
            .entries(values.iter().map(|line| (&line.key, &line.value)))
            .finish()
    }
}
