//! The merged tree: values with the place each one was written.

use std::collections::BTreeMap;
use std::fmt;

use crate::origin::Origin;

/// Deeper nesting is refused, so that recursion over a tree is bounded (in TOML by its parser, at
/// 80). The YAML parser needs some 30 KiB of stack a level in a debug build: 32 levels are safe on
/// the 2 MiB of a thread, and more than any configuration has.
pub(crate) const DEPTH_MAX: usize = 32;

pub(crate) type Table = BTreeMap<String, Entry>;

/// A value and where it was written. Has no `Debug`: values may be secret.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// One key of a table.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key_origin: Origin,
    pub(crate) node: Node,
}

#[derive(Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// Text that was written as text.
    Text(String),
    /// Text without a type of its own (an environment variable, a placeholder): it becomes what
    /// the reader asks for.
    Loose(String),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// The word for this kind of value in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Text(_) | Self::Loose(_) => "text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    pub(crate) fn table(origin: Origin) -> Self {
        Self {
            value: Value::Table(Table::new()),
            origin,
        }
    }

    /// Puts `over` on top: tables merge key by key, everything else is replaced as a whole. An
    /// empty section (`server:` in YAML) hides nothing below it.
    pub(crate) fn merge(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(_), Value::Null) => {}
            (Value::Table(below), Value::Table(above)) => {
                for (key, entry) in above {
                    match below.get_mut(&key) {
                        Some(old) => {
                            old.key_origin = entry.key_origin;
                            old.node.merge(entry.node);
                        }
                        None => {
                            below.insert(key, entry);
                        }
                    }
                }
                self.origin = over.origin;
            }
            (below, above) => {
                *below = above;
                self.origin = over.origin;
            }
        }
    }

    pub(crate) fn get(&self, segment: &Segment) -> Option<&Self> {
        match (&self.value, segment) {
            (Value::Table(table), Segment::Key(key)) => table.get(key).map(|entry| &entry.node),
            (Value::List(list), Segment::Index(index)) => list.get(*index),
            _ => None,
        }
    }

    /// The value at a key written as text: `server.rpc.listen`, `policy.rule.0.timeout`.
    pub(crate) fn find(&self, key: &str) -> Option<&Self> {
        let mut node = self;
        for segment in KeyPath::split(key).ok()? {
            let by_name = node.get(&Segment::Key(segment.clone()));
            node = by_name.or_else(|| node.get(&Segment::Index(segment.parse().ok()?)))?;
        }
        Some(node)
    }

    /// Sets one value by path, creating the tables on the way. A segment names an existing key
    /// also when only case and `-`/`_` differ: `RZ_CLIENT__USER_API__ADDR` reaches
    /// `client.user-api.addr`.
    pub(crate) fn insert(&mut self, path: &[String], node: Self) -> Result<(), String> {
        let Some((segment, rest)) = path.split_first() else {
            *self = node;
            return Ok(());
        };
        if let Value::List(list) = &mut self.value {
            let len = list.len();
            return match segment.parse::<usize>() {
                Ok(index) if index < len => list[index].insert(rest, node),
                Ok(index) if index == len => {
                    let mut added = Self::table(node.origin.clone());
                    let done = added.insert(rest, node);
                    list.push(added);
                    done
                }
                _ => Err(format!("`{segment}` is not a position in a list of {len}")),
            };
        }
        if !matches!(self.value, Value::Table(_)) {
            *self = Self::table(node.origin.clone());
        }
        let Value::Table(table) = &mut self.value else {
            return Ok(());
        };
        let key = find_key(table, segment).unwrap_or_else(|| segment.clone());
        let entry = table.entry(key).or_insert_with(|| Entry {
            key_origin: node.origin.clone(),
            node: Self::table(node.origin.clone()),
        });
        if rest.is_empty() {
            entry.key_origin = node.origin.clone();
        }
        entry.node.insert(rest, node)
    }
}

fn find_key(table: &Table, segment: &str) -> Option<String> {
    if table.contains_key(segment) {
        return Some(segment.to_owned());
    }
    let plain = |key: &str| key.to_lowercase().replace('-', "_");
    let wanted = plain(segment);
    table.keys().find(|key| plain(key) == wanted).cloned()
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

/// The full path of a value; prints as `gateway.routes[0].path`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPath(pub(crate) Vec<Segment>);

impl KeyPath {
    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    pub(crate) fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// Splits `server.rpc.listen`; a segment with a dot inside is quoted: `client."a.b".addr`.
    pub(crate) fn split(text: &str) -> Result<Vec<String>, &'static str> {
        let mut segments = vec![String::new()];
        let mut quoted = false;
        for c in text.chars() {
            match c {
                '"' => quoted = !quoted,
                '.' if !quoted => segments.push(String::new()),
                c => segments
                    .last_mut()
                    .expect("starts with one segment")
                    .push(c),
            }
        }
        match () {
            () if quoted => Err("a quote is not closed"),
            () if segments.iter().any(String::is_empty) => Err("a part between dots is empty"),
            () if segments.len() > DEPTH_MAX => Err("too many levels"),
            () => Ok(segments),
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if index > 0 {
                        f.write_str(".")?;
                    }
                    match key.contains(['.', '[', ' ']) || key.is_empty() {
                        true => write!(f, "{key:?}")?,
                        false => f.write_str(key)?,
                    }
                }
            }
        }
        Ok(())
    }
}
