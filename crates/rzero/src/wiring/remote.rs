//! Configuration centres by configuration.

use std::sync::Arc;
use std::time::Duration;

use rzero_config::{
    Document, Error, Loader, Origin, Problem, RemoteSource, remote_missing, wait_for_remote,
};
use serde::Deserialize;

#[cfg(feature = "etcd")]
use super::registry::RegistrySettings;

/// Section that says where else the configuration is.
const SECTION: &str = "config";

/// `[config]` of a configuration: where the remote layer of it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfigSettings {
    /// The configuration centre. Default none.
    remote: Option<Kind>,
    /// Whether a start without an answer of the centre fails. Default no: it starts with the files,
    /// and what the centre holds is applied when it appears.
    required: bool,
    /// How long the start waits for that answer. Default 3 s.
    #[serde(with = "rzero_config::duration")]
    timeout: Duration,
    /// Which cluster, and where in it. Default the cluster of `[registry.etcd]`.
    etcd: Option<Centre>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Etcd,
}

#[cfg(feature = "etcd")]
type Centre = rzero_etcd::CentreConfig;

#[cfg(not(feature = "etcd"))]
type Centre = rzero_registry::NoEtcd;

impl Default for ConfigSettings {
    fn default() -> Self {
        Self {
            remote: None,
            required: false,
            timeout: Duration::from_secs(3),
            etcd: None,
        }
    }
}

/// The configuration centre that `[config]` of the files, the environment and the command line
/// names, once it has answered or its time (`config.timeout`) is up. Blocks the thread that long.
/// `None` without one.
///
/// # Errors
/// What is wrong with these layers, a centre whose feature is off, and one that is required and
/// does not answer.
pub fn open(local: &Loader) -> Result<Option<Arc<dyn RemoteSource>>, Error> {
    let mut document = local.clone().load()?;
    let settings: ConfigSettings = document.take_section(SECTION)?.unwrap_or_default();
    let Some(Kind::Etcd) = settings.remote else {
        return Ok(None);
    };
    let source = etcd(&settings, &mut document)?;
    let state = wait_for_remote(&*source, settings.timeout);
    if !state.is_known() {
        let missing = remote_missing(&*source, settings.timeout);
        if settings.required {
            return Err(missing);
        }
        tracing::warn!(
            error = %missing,
            "starting without the configuration centre; what it holds is applied when it appears"
        );
    }
    Ok(Some(source))
}

/// Takes the section off a whole configuration.
///
/// # Errors
/// When the centre has it: it cannot say where it is itself.
pub(super) fn take(document: &mut Document) -> Result<(), Error> {
    document.take_section::<ConfigSettings>(SECTION)?;
    let theirs = document.explain().into_iter().find(|line| {
        line.key.starts_with("config.") && matches!(line.origin, Origin::Remote { .. })
    });
    let Some(line) = theirs else { return Ok(()) };
    let problem = Problem::new(
        line.key,
        "says where the configuration centre is, and stands in it",
    );
    let problem = problem.with_origin(line.origin);
    Err(problem
        .with_help("write it in a file or in the environment")
        .into())
}

#[cfg(feature = "etcd")]
fn etcd(
    settings: &ConfigSettings,
    document: &mut Document,
) -> Result<Arc<dyn RemoteSource>, Error> {
    let service: Option<rzero_server::ServiceConfig> = document.take_section("service")?;
    let Some(service) = service else {
        let text = "is missing: the configuration centre is asked by the name of the service";
        return Err(Problem::new("service.name", text).into());
    };
    let registry: RegistrySettings = document.take_section("registry")?.unwrap_or_default();
    let registry = registry.etcd.unwrap_or_default();
    let config = settings.etcd.clone().unwrap_or_default();
    let source = rzero_etcd::EtcdCentre::open(&config, &registry, &service.name)
        .map_err(|error| Problem::new("", error.message()))?;
    Ok(Arc::new(source))
}

#[cfg(not(feature = "etcd"))]
fn etcd(_: &ConfigSettings, document: &mut Document) -> Result<Arc<dyn RemoteSource>, Error> {
    Err(document.error_at(
        "config.remote",
        "needs the feature `etcd` of rzero: run `cargo add rzero --features etcd` (its build \
         needs protoc: apt install protobuf-compiler libprotobuf-dev)",
    ))
}
