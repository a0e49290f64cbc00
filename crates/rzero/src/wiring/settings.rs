//! The configuration file of a service: our sections and the user's own.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rzero_client::ClientConfig;
use rzero_config::{Document, Error, Loader, RemoteSource, Watched, watch_sources};
use rzero_core::names;
use rzero_policy::Policies;
use rzero_server::{ServerConfig, ServiceConfig};
use serde::de::DeserializeOwned;

use super::policy::{self, Reading, Source};
use super::redis::{self, RedisSettings};
use super::registry::RegistrySettings;
use super::remote;

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
    /// `[redis.<name>]`.
    pub redis: BTreeMap<String, RedisSettings>,
    /// `[policy]`. An [`App`](crate::App) begins with it, and follows the files and the
    /// configuration centre that it was loaded from.
    pub policy: Policies,
    /// Everything else.
    pub user: T,
    pub(crate) source: Option<Source>,
}

impl<T> Settings<T> {
    /// Settings that are written in the program: everything but the service is left to the
    /// defaults, and nothing is followed.
    #[must_use]
    pub fn new(service: ServiceConfig, user: T) -> Self {
        Self {
            service,
            server: ServerConfig::default(),
            registry: RegistrySettings::default(),
            clients: BTreeMap::new(),
            redis: BTreeMap::new(),
            policy: Policies::default(),
            user,
            source: None,
        }
    }
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
/// With a configuration centre in `[config]`, its document stands above the files; the thread
/// waits for it, for `config.timeout` at most.
///
/// # Errors
/// Names file, line and key of everything that is wrong: an unreadable file, an unknown key, a
/// value of the wrong type or out of range; a configuration centre that is required and away.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<Settings<T>, Error> {
    let files = files(path.as_ref());
    let remote = remote::open(&loader(&files))?;
    read(&files, remote.as_ref())
}

/// Loads the configuration as [`load`] does and follows its files and its configuration centre: a
/// change is read whole, checked, and only then swapped in. A change that is wrong leaves the last
/// good value in place and says so in the log. Where the centre is, is read once.
///
/// An [`App`](crate::App) follows `[policy]` by itself and reads its other sections once, when it
/// is made: what is worth watching is your part of the value.
///
/// # Errors
/// As [`load`]: the first value must be good.
pub fn watch<T>(path: impl AsRef<Path>) -> Result<Watched<Settings<T>>, Error>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let files = files(path.as_ref());
    let remote = remote::open(&loader(&files))?;
    let remotes = remote.iter().cloned().collect();
    let build = {
        let files = files.clone();
        move || read(&files, remote.as_ref())
    };
    watch_sources(build, files, remotes)
}

fn files(path: &Path) -> Vec<PathBuf> {
    match std::env::var_os(names::ENV_CONFIG) {
        Some(list) if !list.is_empty() => std::env::split_paths(&list).collect(),
        _ => vec![path.to_owned()],
    }
}

/// All layers but the remote one.
fn loader(files: &[PathBuf]) -> Loader {
    let loader = files.iter().fold(Loader::new(), Loader::file);
    // What tells one instance from another is set where it is started.
    let identity = names::ENV_IDENTITY.iter().filter_map(|(name, key)| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((*key, value))
    });
    let loader = identity.fold(loader, |loader, (key, value)| loader.set(key, value));
    loader.env_prefix(names::ENV_PREFIX)
}

fn read<T: DeserializeOwned>(
    files: &[PathBuf],
    remote: Option<&Arc<dyn RemoteSource>>,
) -> Result<Settings<T>, Error> {
    let source = Source {
        files: files.to_vec(),
        remote: remote.cloned(),
        read: read_again::<T>,
    };
    let settings = settings(document(files, remote)?)?;
    Ok(Settings {
        source: Some(source),
        ..settings
    })
}

/// What an application follows. The whole is read, so that a mistake anywhere keeps everything as
/// it is.
fn read_again<T: DeserializeOwned>(
    files: &[PathBuf],
    remote: Option<&Arc<dyn RemoteSource>>,
) -> Result<Reading, Error> {
    let document = document(files, remote)?;
    let at_start = policy::at_start(&document);
    let settings: Settings<T> = settings(document)?;
    Ok(Reading {
        policy: settings.policy,
        at_start,
    })
}

/// All layers.
fn document(files: &[PathBuf], remote: Option<&Arc<dyn RemoteSource>>) -> Result<Document, Error> {
    let remote = remote.cloned().into_iter();
    let mut document = remote.fold(loader(files), Loader::remote).load()?;
    remote::take(&mut document)?;
    Ok(document)
}

fn settings<T: DeserializeOwned>(mut document: Document) -> Result<Settings<T>, Error> {
    let missing = || {
        let text = "the section is missing: write [service] with at least name = \"…\"";
        rzero_config::Error::from(rzero_config::Problem::new("service", text))
    };
    let service = document.take_section("service")?.ok_or_else(missing)?;
    let server: ServerConfig = document.take_section("server")?.unwrap_or_default();
    let redis = document.take_map("redis")?;
    let policy = Policies::take(&mut document)?;
    redis::store(&policy, &redis)?;
    redis::check_tokens(&server.auth, &redis)
        .map_err(|text| document.error_at(redis::TOKENS, text))?;
    Ok(Settings {
        service,
        server,
        registry: document.take_section("registry")?.unwrap_or_default(),
        clients: document.take_map("client")?,
        redis,
        policy,
        user: document.rest()?,
        source: None,
    })
}
