//! The configuration file of a service: our sections and the user's own.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rzero_client::ClientConfig;
use rzero_config::{Error, Loader, Watched, watch_files};
use rzero_core::names;
use rzero_server::{ServerConfig, ServiceConfig};
use serde::de::DeserializeOwned;

use super::registry::RegistrySettings;

/// The configuration of a service: the framework's sections, and the user's own struct, to which
/// it derefs.
#[derive(Clone, Debug)]
pub struct Settings<T> {
    /// `[service]`.
    pub service: ServiceConfig,
    /// `[server]`.
    pub server: ServerConfig,
    /// `[registry]`.
    pub registry: RegistrySettings,
    /// `[client.<name>]`.
    pub clients: BTreeMap<String, ClientConfig>,
    /// Everything else.
    pub user: T,
}

impl<T> Deref for Settings<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.user
    }
}

/// Loads the configuration of a service: the file at `path` (or the files that `RZ_CONFIG` names,
/// colon separated), overridden by `RZ_<SECTION>__<KEY>`, and by `RZ_SERVICE`, `RZ_VERSION`, `RZ_ZONE`
/// and `RZ_LANE` for who this instance is. The framework's sections are taken out;
/// `T` is what remains.
///
/// # Errors
/// Names file, line and key of everything that is wrong: an unreadable file, an unknown key, a
/// value of the wrong type or out of range.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<Settings<T>, Error> {
    read(&files(path.as_ref()))
}

/// Loads the configuration as [`load`] does and follows its files: a change is read whole,
/// checked, and only then swapped in. A change that is wrong leaves the last good value in place
/// and says so in the log.
///
/// An [`App`](crate::App) reads its own sections once, when it is made: what is worth watching is
/// your part of the value.
///
/// # Errors
/// As [`load`]: the first value must be good.
pub fn watch<T>(path: impl AsRef<Path>) -> Result<Watched<Settings<T>>, Error>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let files = files(path.as_ref());
    watch_files(
        {
            let files = files.clone();
            move || read(&files)
        },
        files,
    )
}

fn files(path: &Path) -> Vec<PathBuf> {
    match std::env::var_os(names::ENV_CONFIG) {
        Some(list) if !list.is_empty() => std::env::split_paths(&list).collect(),
        _ => vec![path.to_owned()],
    }
}

fn read<T: DeserializeOwned>(files: &[PathBuf]) -> Result<Settings<T>, Error> {
    let loader = files.iter().fold(Loader::new(), Loader::file);
    // What tells one instance from another is set where it is started.
    let identity = names::ENV_IDENTITY.iter().filter_map(|(name, key)| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((*key, value))
    });
    let loader = identity.fold(loader, |loader, (key, value)| loader.set(key, value));
    let mut document = loader.env_prefix(names::ENV_PREFIX).load()?;
    let missing = || {
        let text = "the section is missing: write [service] with at least name = \"…\"";
        rzero_config::Error::from(rzero_config::Problem::new("service", text))
    };
    Ok(Settings {
        service: document.take_section("service")?.ok_or_else(missing)?,
        server: document.take_section("server")?.unwrap_or_default(),
        registry: document.take_section("registry")?.unwrap_or_default(),
        clients: document.take_map("client")?,
        user: document.rest()?,
    })
}
