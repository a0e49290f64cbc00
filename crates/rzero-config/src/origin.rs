//! Where a value came from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where one value of the merged configuration was written.
///
/// The order of the variants is the order of the layers: a later one wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The built-in defaults of the program. Lines and columns count from 1.
    Default {
        /// Line in the text of the defaults.
        line: usize,
        /// Column in characters.
        column: usize,
    },
    /// A file, or a named text.
    File {
        /// The path as it was given to the loader, or the name of the text.
        path: Arc<Path>,
        /// Line, counted from 1. Zero when only the file as a whole is meant.
        line: usize,
        /// Column in characters, counted from 1. Zero together with `line`.
        column: usize,
    },
    /// A remote source.
    Remote {
        /// Its name, such as `etcd:/rzero/config/greeter`.
        name: Arc<str>,
        /// Line, counted from 1. Zero when only the source as a whole is meant.
        line: usize,
        /// Column in characters, counted from 1. Zero together with `line`.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// The full name of the variable.
        name: Arc<str>,
    },
    /// The command line (`Loader::set`).
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { line, column } => write!(f, "default:{line}:{column}"),
            Self::File { path, line: 0, .. } => write!(f, "{}", path.display()),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Remote { name, line: 0, .. } => f.write_str(name),
            Self::Remote { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Environment { name } => write!(f, "environment {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// The text a position belongs to: turns a line and column into an [`Origin`].
#[derive(Clone, Debug)]
pub(crate) enum SourceName {
    Defaults,
    File(Arc<Path>),
    Remote(Arc<str>),
}

impl SourceName {
    pub(crate) fn at(&self, line: usize, column: usize) -> Origin {
        match self {
            Self::Defaults => Origin::Default { line, column },
            Self::File(path) => Origin::File {
                path: Arc::clone(path),
                line,
                column,
            },
            Self::Remote(name) => Origin::Remote {
                name: Arc::clone(name),
                line,
                column,
            },
        }
    }
}
