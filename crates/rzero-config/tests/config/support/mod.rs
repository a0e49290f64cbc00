use std::path::PathBuf;
use std::time::Duration;

use rzero_config::{ByteSize, Document, Format, Loader};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// A section as the assembly crates write them.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) rpc: Rpc,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rpc {
    pub(crate) listen: String,
    #[serde(with = "rzero_config::duration")]
    pub(crate) timeout: Duration,
    pub(crate) body_max: ByteSize,
    pub(crate) port: u16,
}

impl Default for Rpc {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".into(),
            timeout: Duration::from_secs(2),
            body_max: ByteSize::mib(4),
            port: 80,
        }
    }
}

/// A user's own struct, without `deny_unknown_fields`.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Own {
    pub(crate) greeting: String,
    #[serde(default)]
    pub(crate) nested: Nested,
    #[serde(default)]
    pub(crate) routes: Vec<Route>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
pub(crate) struct Nested {
    #[serde(default)]
    pub(crate) colour: String,
    #[serde(default)]
    pub(crate) count: u8,
}

#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Route {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) weight: u32,
}

/// A file in a folder of its own.
pub(crate) fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temp folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("the folder is writable");
    (folder, path)
}

pub(crate) fn toml(text: &str) -> Document {
    no_env()
        .text("a.toml", Format::Toml, text)
        .load()
        .expect("the text is valid")
}

pub(crate) fn yaml(text: &str) -> Document {
    no_env()
        .text("a.yaml", Format::Yaml, text)
        .load()
        .expect("the text is valid")
}

pub(crate) fn no_env() -> Loader {
    Loader::new().env_map::<String, String>([])
}

/// The lines of the error of reading a TOML text as a `T`.
pub(crate) fn toml_errors<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> Vec<String> {
    lines(&toml(text).rest::<T>().expect_err("the text does not fit"))
}

pub(crate) fn lines(error: &rzero_config::Error) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}
