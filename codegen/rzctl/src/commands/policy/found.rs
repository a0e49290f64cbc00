//! The configuration and the methods that are meant, without asking a server.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prost_reflect::DescriptorPool;
use rzero::config::{Document, Explained, Loader, Origin, RemoteSource};
use rzero::parts::client::ClientConfig;
use rzero::parts::core::{glob, glob_method, names};
use rzero::parts::open_remote;
use rzero::parts::server::{ServerConfig, ServiceConfig};
use rzero::policy::Policies;

use super::ShowArgs;
use crate::failure::{Failure, Result};
use crate::project::Project;

type Centre = Arc<dyn RemoteSource>;

/// A configuration, as far as policies are concerned.
pub(super) struct Configured {
    pub(super) files: Vec<PathBuf>,
    pub(super) policies: Policies,
    /// `service.name`, if there is one.
    pub(super) name: Option<String>,
    /// `server.rpc.timeout` and where it is written.
    pub(super) server_timeout: (Duration, Option<Origin>),
    /// The clients, each with where its timeout is written.
    pub(super) clients: BTreeMap<String, (ClientConfig, Option<Origin>)>,
    /// Why a configuration centre was not asked, or did not answer.
    pub(super) without_centre: Option<String>,
}

impl Configured {
    pub(super) fn load(args: &ShowArgs, project: Option<&Project>) -> Result<Self> {
        let files = files(args, project)?;
        let local = Loader::new().files(files.clone());
        let local = local.env_prefix(names::ENV_PREFIX);
        let wrong = |error: &rzero::config::Error| {
            Failure::input("the configuration is wrong").because(error)
        };
        let (centre, without_centre) = centre(&local).map_err(|error| wrong(&error))?;
        let loader = centre.into_iter().fold(local, Loader::remote);
        let mut document = loader.load().map_err(|error| wrong(&error))?;
        let configured = Self::read(&mut document, files).map_err(|error| wrong(&error))?;
        Ok(Self {
            without_centre,
            ..configured
        })
    }

    fn read(
        document: &mut Document,
        files: Vec<PathBuf>,
    ) -> std::result::Result<Self, rzero::config::Error> {
        let policies = Policies::take(document)?;
        let service: Option<ServiceConfig> = document.take_section("service")?;
        let server: Option<ServerConfig> = document.take_section("server")?;
        let clients: BTreeMap<String, ClientConfig> = document.take_map("client")?;
        let timeout = server.unwrap_or_default().rpc.timeout;
        let clients = clients.into_iter().map(|(name, config)| {
            let key = format!("client.{name:?}.timeout");
            let origin = document.origin(&key).cloned();
            (name, (config, origin))
        });
        Ok(Self {
            files,
            policies,
            name: service.map(|service| service.name),
            server_timeout: (timeout, document.origin("server.rpc.timeout").cloned()),
            clients: clients.collect(),
            without_centre: None,
        })
    }

    /// The `[client.<name>]` that calls `service`; `service` itself when none does.
    pub(super) fn target(&self, service: &str) -> String {
        let calls = |(name, (config, _)): &(&String, &(ClientConfig, Option<Origin>))| {
            config.service.as_deref().unwrap_or(name) == service
        };
        let found = self.clients.iter().find(calls);
        found.map_or_else(|| service.to_owned(), |(name, _)| name.clone())
    }
}

/// The configuration centre that the other layers name, as a service would open it; or why what is
/// in it is not shown.
fn centre(
    local: &Loader,
) -> std::result::Result<(Option<Centre>, Option<String>), rzero::config::Error> {
    let is_named = |line: &Explained| line.key == "config.remote";
    if !cfg!(feature = "etcd") && local.clone().load()?.explain().iter().any(is_named) {
        let why = "the configuration centre was not asked: this rzctl was built without etcd";
        return Ok((None, Some(why.to_owned())));
    }
    let centre = open_remote(local)?;
    let silent = centre.as_deref().filter(|it| !it.current().is_known());
    let why = silent.map(|it| format!("{} did not answer, what it holds is not shown", it.name()));
    Ok((centre, why))
}

/// The files that are meant: named, in the environment, or in `etc/`.
fn files(args: &ShowArgs, project: Option<&Project>) -> Result<Vec<PathBuf>> {
    if !args.config.is_empty() {
        return Ok(args.config.clone());
    }
    if let Some(list) = env::var_os(names::ENV_CONFIG) {
        let list = env::split_paths(&list).filter(|path| !path.as_os_str().is_empty());
        return Ok(list.collect());
    }
    let help = "name it with `--config FILE`";
    let Some(project) = project else {
        return Err(Failure::input("there is no configuration at hand").help(help));
    };
    let folder = project.config_dir();
    let short = args.service.split('.').next().unwrap_or_default();
    let own = folder.join(format!("{short}.toml"));
    if own.is_file() {
        return Ok(vec![own]);
    }
    let all = configurations(&folder);
    match <[PathBuf; 1]>::try_from(all) {
        Ok([only]) => Ok(vec![only]),
        Err(all) => {
            let (folder, count) = (folder.display(), all.len());
            let text = format!("`{folder}` has {count} configurations");
            Err(Failure::input(text).help(help))
        }
    }
}

fn configurations(folder: &Path) -> Vec<PathBuf> {
    let is_known = |path: &PathBuf| {
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        matches!(suffix, Some("toml" | "yaml" | "yml" | "json"))
    };
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = paths.filter(is_known).collect();
    found.sort();
    found
}

/// The paths of the methods that are meant; `None` when no contract is at hand.
pub(super) fn methods(
    args: &ShowArgs,
    project: Option<&Project>,
    configured: &Configured,
) -> Result<Option<Vec<String>>> {
    let Some(all) = contracts(args, project)? else {
        return Ok(None);
    };
    let contract = format!("/{}/", args.service);
    let of_contract: Vec<&String> = all.iter().filter(|p| p.starts_with(&contract)).collect();
    let is_client = args.side == super::SideArg::Client;
    let is_whole = is_client
        || configured
            .name
            .as_ref()
            .is_none_or(|own| *own == args.service);
    let of_service: Vec<&String> = match (of_contract.is_empty(), is_whole) {
        (false, _) => of_contract,
        (true, true) => all.iter().collect(),
        (true, false) => return Err(unknown(args, &all, configured)),
    };
    let Some(pattern) = &args.method else {
        return Ok(Some(of_service.into_iter().cloned().collect()));
    };
    let fits = |path: &&&String| {
        let short = path.rsplit('/').next().unwrap_or_default();
        glob_method(pattern, path) || glob(pattern, short)
    };
    let fitting: Vec<String> = of_service
        .iter()
        .filter(fits)
        .map(|p| (*p).clone())
        .collect();
    if fitting.is_empty() {
        let known: Vec<&str> = of_service
            .iter()
            .map(|p| p.trim_start_matches('/'))
            .collect();
        return Err(Failure::input(format!("no method matches `{pattern}`"))
            .help(format!("there are: {}", known.join(", "))));
    }
    Ok(Some(fitting))
}

/// The paths of all methods of the contracts at hand.
pub(super) fn contracts(args: &ShowArgs, project: Option<&Project>) -> Result<Option<Vec<String>>> {
    let pool = match (args.schema.at_hand()?, project) {
        (Some(pool), _) => pool,
        // What this service calls is not in its own contracts.
        (None, _) if args.side == super::SideArg::Client => return Ok(None),
        (None, None) => return Ok(None),
        (None, Some(project)) => {
            let model = project.contracts()?;
            DescriptorPool::decode(model.descriptor_bytes.as_slice()).map_err(|error| {
                Failure::broken("the contracts do not fit together").because(&error)
            })?
        }
    };
    let paths = pool.services().flat_map(|service| {
        let of = |method: prost_reflect::MethodDescriptor| {
            format!("/{}/{}", service.full_name(), method.name())
        };
        service.methods().map(of).collect::<Vec<_>>()
    });
    Ok(Some(paths.collect()))
}

fn unknown(args: &ShowArgs, all: &[String], configured: &Configured) -> Failure {
    let mut known: Vec<&str> = all
        .iter()
        .filter_map(|p| p.trim_start_matches('/').split('/').next())
        .collect();
    known.dedup();
    let own = configured.name.iter().map(String::as_str);
    let known: Vec<&str> = own.chain(known).collect();
    Failure::input(format!(
        "there is no service and no contract `{}`",
        args.service
    ))
    .help(format!("there are: {}", known.join(", ")))
}
