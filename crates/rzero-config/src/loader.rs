//! The layers and their order.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::document::Document;
use crate::error::{Error, Problem};
use crate::expand::expand;
use crate::node::{DEPTH_MAX, KeyPath, Node};
use crate::origin::{Origin, SourceName};
use crate::parse::{Format, loose_value, parse};
use crate::remote::{RemoteSource, RemoteState};

/// A larger file is refused: it is not a configuration, and it would be held in memory.
pub(crate) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Collects the layers of a configuration and merges them.
///
/// The order is fixed, whatever the order of the calls: defaults, files and texts in the order
/// given, remote sources in the order given, environment, command line. A later layer wins key by
/// key; lists are replaced whole.
///
/// `${NAME}` and `${NAME:default}` are expanded in text values of all but the last two;
/// `$${` writes the text `${`. A variable that is set to nothing counts as set. A value that is
/// one placeholder and nothing else becomes what the reader asks for: `port = "${PORT:8080}"`.
#[derive(Clone, Default)]
#[must_use = "a loader does nothing until `load`"]
pub struct Loader {
    defaults: Vec<Arc<str>>,
    sources: Vec<Source>,
    remotes: Vec<Arc<dyn RemoteSource>>,
    env: Option<Arc<BTreeMap<String, String>>>,
    env_prefix: Option<String>,
    set: Vec<(String, String)>,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Text {
        name: PathBuf,
        format: Format,
        text: Arc<str>,
    },
}

impl Loader {
    /// A loader without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds built-in defaults, written in TOML: the lowest layer. May be called several times.
    pub fn defaults(mut self, toml_text: &str) -> Self {
        self.defaults.push(toml_text.into());
        self
    }

    /// Adds a file, which must exist: `.toml`, `.yaml`, `.yml` or `.json`, at most 4 MiB.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(path.into()));
        self
    }

    /// Adds several files, such as the parts of `RZ_CONFIG`.
    pub fn files<P: Into<PathBuf>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        paths.into_iter().fold(self, Self::file)
    }

    /// Adds a text that is not a file. `name` stands for the path in messages.
    pub fn text(mut self, name: impl Into<PathBuf>, format: Format, text: &str) -> Self {
        self.sources.push(Source::Text {
            name: name.into(),
            format,
            text: text.into(),
        });
        self
    }

    /// Adds what a remote source holds at the moment of [`load`](Self::load), above all files and
    /// texts. One that has not answered yet adds nothing: who cannot do without it
    /// [waits](crate::wait_for_remote) before.
    pub fn remote(mut self, source: Arc<dyn RemoteSource>) -> Self {
        self.remotes.push(source);
        self
    }

    /// Lets environment variables override keys: with the prefix `RZ`, `RZ_SERVER__RPC__LISTEN`
    /// sets `server.rpc.listen`. A name without `__` is not a key. A segment also reaches an
    /// existing key that differs in case or writes `-` for `_`; a number reaches into a list.
    ///
    /// A value written as a TOML array, inline table or quoted text is read as such; any other
    /// becomes what the reader asks for.
    pub fn env_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.env_prefix = Some(prefix.into());
        self
    }

    /// Takes these variables instead of the environment of the process, for overrides and for
    /// placeholders.
    pub fn env_map<K: Into<String>, V: Into<String>>(
        mut self,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let env = env
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.env = Some(Arc::new(env.collect()));
        self
    }

    /// Sets one key from the command line: the highest layer. The value is read like that of an
    /// environment variable. A segment with a dot inside is quoted: `client."a.b".addr`.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.push((key.into(), value.into()));
        self
    }

    /// The files, in order: what to give to [`watch_files`](crate::watch_files).
    pub fn paths(&self) -> Vec<PathBuf> {
        let files = self.sources.iter().filter_map(|source| match source {
            Source::File(path) => Some(path.clone()),
            Source::Text { .. } => None,
        });
        files.collect()
    }

    /// Reads and merges all layers. Blocks on the file system.
    ///
    /// # Errors
    ///
    /// Every file that cannot be read or parsed, every placeholder without a value, every
    /// override that fits nowhere; all in one error.
    pub fn load(self) -> Result<Document, Error> {
        let env = self.env.clone().unwrap_or_else(|| Arc::new(process_env()));
        let mut problems = Vec::new();
        let mut root = Node::table(Origin::Default { line: 1, column: 1 });
        for layer in self.parsed_layers() {
            match layer {
                Ok(mut layer) => {
                    expand(&mut layer, &KeyPath::default(), &env, &mut problems);
                    root.merge(layer);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if let Some(prefix) = &self.env_prefix {
            overlay_env(&mut root, prefix, &env, &mut problems);
        }
        for (key, value) in &self.set {
            let node = loose_value(value, &Origin::CommandLine);
            overlay(
                &mut root,
                key,
                KeyPath::split(key).map_err(str::to_owned),
                node,
                &mut problems,
            );
        }
        Error::check(problems)?;
        Ok(Document::new(root))
    }

    fn parsed_layers(&self) -> impl Iterator<Item = Result<Node, Problem>> {
        let defaults = self
            .defaults
            .iter()
            .map(|text| parse(text, Format::Toml, &SourceName::Defaults));
        let remotes = self.remotes.iter().filter_map(|remote| {
            let RemoteState::Document(bytes) = remote.current() else {
                return None;
            };
            Some(parse_remote(remote.name(), bytes.to_vec()))
        });
        defaults
            .chain(self.sources.iter().map(Source::parse))
            .chain(remotes)
    }
}

/// Names only: values and variables may be secret.
impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: Vec<&str> = self.set.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("Loader")
            .field("paths", &self.paths())
            .field("remotes", &self.remotes)
            .field("env_prefix", &self.env_prefix)
            .field("set", &set)
            .finish_non_exhaustive()
    }
}

impl Source {
    fn parse(&self) -> Result<Node, Problem> {
        match self {
            Self::Text { name, format, text } => {
                parse(text, *format, &SourceName::File(name.as_path().into()))
            }
            Self::File(path) => {
                let whole = || Origin::File {
                    path: path.as_path().into(),
                    line: 0,
                    column: 0,
                };
                let format = Format::of(path).ok_or_else(|| {
                    Problem::new("", "the format of this file is not known")
                        .with_origin(whole())
                        .with_help("name it .toml, .yaml, .yml or .json")
                })?;
                let text = read_text(path).map_err(|problem| problem.with_origin(whole()))?;
                parse(&text, format, &SourceName::File(path.as_path().into()))
            }
        }
    }
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "create it, or take it off the list of files",
            std::io::ErrorKind::PermissionDenied => "let this user read it",
            _ => "give the path of a readable text file",
        };
        Problem::new("", format!("cannot read this file: {error}")).with_help(help)
    };
    as_text(read_bounded(path).map_err(unreadable)?, "file")
}

/// The layer of a remote source.
fn parse_remote(name: &str, bytes: Vec<u8>) -> Result<Node, Problem> {
    let name: Arc<str> = name.into();
    let text = as_text(bytes, "document").map_err(|problem| {
        problem.with_origin(Origin::Remote {
            name: Arc::clone(&name),
            line: 0,
            column: 0,
        })
    })?;
    parse(&text, Format::sniff(&text), &SourceName::Remote(name))
}

fn as_text(bytes: Vec<u8>, what: &str) -> Result<String, Problem> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(
            Problem::new("", format!("this {what} is larger than 4 MiB"))
                .with_help("keep data in files of its own and their paths here"),
        );
    }
    String::from_utf8(bytes).map_err(|_| {
        Problem::new("", format!("this {what} is not UTF-8 text"))
            .with_help("save it with the encoding UTF-8")
    })
}

/// The content, or one byte more than allowed of it.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Variables that are not Unicode are left out: no key and no placeholder can name them.
fn process_env() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn overlay_env(
    root: &mut Node,
    prefix: &str,
    env: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in env {
        let key = name
            .strip_prefix(prefix)
            .and_then(|name| name.strip_prefix('_'));
        let Some(key) = key.filter(|key| key.contains("__")) else {
            continue;
        };
        let segments: Vec<String> = key.split("__").map(str::to_lowercase).collect();
        let node = loose_value(
            value,
            &Origin::Environment {
                name: name.as_str().into(),
            },
        );
        let segments = match () {
            () if segments.iter().any(String::is_empty) => {
                Err("a part between `__` is empty".into())
            }
            () if segments.len() > DEPTH_MAX => Err("too many levels".into()),
            () => Ok(segments),
        };
        overlay(root, "", segments, node, problems);
    }
}

fn overlay(
    root: &mut Node,
    key: &str,
    segments: Result<Vec<String>, String>,
    node: Node,
    problems: &mut Vec<Problem>,
) {
    let origin = node.origin.clone();
    let done = segments.and_then(|segments| root.insert(&segments, node));
    if let Err(message) = done {
        problems.push(Problem::new(key, message).with_origin(origin));
    }
}
