//! The merged configuration and the ways to read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::de::{Context, read};
use crate::error::{Error, Problem};
use crate::node::{KeyPath, Node, Segment, Table, Value};
use crate::origin::Origin;
use crate::redact::{MASK, is_secret_path, mask_url};
use crate::section::Section;

/// All layers as one tree, where each value knows its [`Origin`].
///
/// Every way of reading is strict: a key that the target type does not take is an error. Taking a
/// section gives it to its owner; [`rest`](Self::rest) or [`finish`](Self::finish) then finds the
/// keys that belong to nobody.
///
/// Values inside a `#[serde(flatten)]`ed struct or an untagged or internally tagged enum are
/// buffered by serde before they reach their type: unknown keys go unnoticed there unless the
/// inner type has `deny_unknown_fields` (which serde does not support for `flatten`), and errors
/// are placed at the table around them.
pub struct Document {
    root: Node,
    /// Sections that were taken.
    taken: BTreeSet<String>,
    /// Sections that were asked for, present or not: what a top-level key may have meant to be.
    asked: BTreeSet<String>,
    /// Paths that were read as a `Secret`, whatever their names.
    secrets: Mutex<BTreeSet<KeyPath>>,
}

/// One value and where it comes from, as an operator may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The full key, such as `server.rpc.listen`.
    pub key: String,
    /// The value in TOML's notation; `***` for a secret.
    pub value: String,
    /// The layer that won.
    pub origin: Origin,
}

impl Document {
    pub(crate) fn new(root: Node) -> Self {
        Self {
            root,
            taken: BTreeSet::new(),
            asked: BTreeSet::new(),
            secrets: Mutex::default(),
        }
    }

    /// Takes the top-level section `name`; `None` when it is not there or was taken before.
    ///
    /// # Errors
    ///
    /// Every unknown key and every value that does not fit `T`.
    pub fn take_section<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Error> {
        if !self.take(name) {
            return Ok(None);
        }
        let path = KeyPath::default().key(name);
        match self.root.get(&Segment::Key(name.to_owned())) {
            Some(node) => self.read(node, &path, Context::default()).map(Some),
            None => Ok(None),
        }
    }

    /// Takes a top-level section whose keys are names, such as `client.<name>`; empty when it is
    /// not there or was taken before.
    ///
    /// # Errors
    ///
    /// Every unknown key and every value that does not fit `T`, in all entries.
    pub fn take_map<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<BTreeMap<String, T>, Error> {
        Ok(self
            .take_section::<Option<BTreeMap<String, T>>>(name)?
            .flatten()
            .unwrap_or_default())
    }

    /// Takes a top-level section as it is written, to be merged further before it is read; `None`
    /// when it is not there or was taken before.
    pub fn take_raw(&mut self, name: &str) -> Option<Section> {
        if !self.take(name) {
            return None;
        }
        let node = self.root.get(&Segment::Key(name.to_owned()))?;
        Some(Section::new(KeyPath::default().key(name), node.clone()))
    }

    /// Reads everything that was not taken: the user's own configuration.
    ///
    /// # Errors
    ///
    /// Every unknown key, misspelt section names included, and every value that does not fit `T`.
    pub fn rest<T: DeserializeOwned>(self) -> Result<T, Error> {
        let cx = Context::hiding(self.taken.clone(), self.asked.clone());
        self.read(&self.root, &KeyPath::default(), cx)
    }

    /// Ends the reading of a program without configuration of its own.
    ///
    /// # Errors
    ///
    /// Every key that was not taken.
    pub fn finish(self) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Nothing {}

        self.rest::<Nothing>().map(|Nothing {}| ())
    }

    /// Reads the whole tree, taken sections included.
    ///
    /// # Errors
    ///
    /// Every unknown key and every value that does not fit `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.read(&self.root, &KeyPath::default(), Context::default())
    }

    /// Whether there is a top-level section `name`, taken or not.
    pub fn has_section(&self, name: &str) -> bool {
        self.root.get(&Segment::Key(name.to_owned())).is_some()
    }

    /// Where `key` (`server.rpc.listen`) is written; also after its section was taken.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.root.find(key).map(|node| &node.origin)
    }

    /// An error about `key` found by a check of the caller, with the place filled in. The message
    /// must not contain a secret.
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> Error {
        let mut problem = Problem::new(key, message);
        problem.origin = self.origin(key).cloned();
        problem.into()
    }

    /// Every value and the layer it comes from, ordered by key, with secrets masked: values under
    /// keys named like a secret (password, token, secret, key material), values that were read as
    /// a [`Secret`](crate::Secret), and passwords inside URLs. Taken sections are included.
    pub fn explain(&self) -> Vec<Explained> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new();
        explain_into(&mut out, &KeyPath::default(), &self.root, &secrets);
        out
    }

    /// False when the section was taken before.
    fn take(&mut self, name: &str) -> bool {
        self.asked.insert(name.to_owned());
        self.taken.insert(name.to_owned())
    }

    fn read<T: DeserializeOwned>(
        &self,
        node: &Node,
        path: &KeyPath,
        mut cx: Context,
    ) -> Result<T, Error> {
        let result = read(node, path, &mut cx).map_err(Error::from_problems);
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.extend(cx.into_secrets());
        result
    }
}

/// What [`Document::explain`] prints, so secrets are masked.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.explain();
        f.debug_map()
            .entries(values.iter().map(|line| (&line.key, &line.value)))
            .finish()
    }
}

pub(crate) fn explain_into(
    out: &mut Vec<Explained>,
    path: &KeyPath,
    node: &Node,
    secrets: &BTreeSet<KeyPath>,
) {
    match &node.value {
        Value::Table(table) if !table.is_empty() => {
            for (key, entry) in table {
                explain_into(out, &path.key(key), &entry.node, secrets);
            }
        }
        Value::List(items)
            if items
                .iter()
                .any(|item| matches!(item.value, Value::Table(_))) =>
        {
            for (index, item) in items.iter().enumerate() {
                explain_into(out, &path.with(Segment::Index(index)), item, secrets);
            }
        }
        value if !path.0.is_empty() => out.push(Explained {
            key: path.to_string(),
            value: shown(path, value, secrets),
            origin: node.origin.clone(),
        }),
        _ => {}
    }
}

fn shown(path: &KeyPath, value: &Value, secrets: &BTreeSet<KeyPath>) -> String {
    let is_secret = is_secret_path(path) || secrets.contains(path);
    match value {
        Value::Null => "null".into(),
        Value::Table(table) => shown_table(path, table, secrets),
        Value::List(items) => {
            let shown_item = |(index, item): (usize, &Node)| match is_secret {
                true => MASK.to_owned(),
                false => shown(&path.with(Segment::Index(index)), &item.value, secrets),
            };
            let items: Vec<String> = items.iter().enumerate().map(shown_item).collect();
            format!("[{}]", items.join(", "))
        }
        _ if is_secret => MASK.into(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => format!("{float:?}"),
        Value::Text(text) | Value::Loose(text) => format!("{:?}", mask_url(text)),
    }
}

fn shown_table(path: &KeyPath, table: &Table, secrets: &BTreeSet<KeyPath>) -> String {
    let entries: Vec<String> = table
        .iter()
        .map(|(key, entry)| {
            format!(
                "{key} = {}",
                shown(&path.key(key), &entry.node.value, secrets)
            )
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}
