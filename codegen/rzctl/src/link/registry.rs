//! Which registry is asked.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rzero::config::{Document, Loader};
use rzero::parts::core::names;
use rzero::parts::registry::Registry;
use rzero::parts::{RegistrySettings, open_registry};

use crate::failure::{Failure, Result};

/// How the etcd client gets into this program.
const ETCD_HELP: &str = "run `cargo install rzctl --features etcd`\n\
    (in a checkout of rzero: `cargo install --path codegen/rzctl --features etcd`);\n\
    its build needs protoc: `apt install protobuf-compiler libprotobuf-dev`";

/// How the DNS resolver gets into this program.
const DNS_HELP: &str = "run `cargo install rzctl --features dns`\n\
    (in a checkout of rzero: `cargo install --path codegen/rzctl --features dns`)";

/// Where services register.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryArgs {
    /// Kind of the registry [default: that of the configuration, else `local`]
    #[arg(long, value_name = "KIND")]
    registry: Option<Kind>,

    /// Folder of the local registry [default: that of this user]
    #[arg(long, value_name = "DIR")]
    registry_dir: Option<PathBuf>,

    /// Members of the etcd cluster, comma separated; stands for `--registry etcd` too
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    etcd_endpoints: Vec<String>,

    /// Configuration of a service, whose `[registry]` is used [env: RZ_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A folder of this host
    Local,
    /// The list in the configuration
    Static,
    /// An etcd cluster
    Etcd,
}

impl RegistryArgs {
    /// Opens the registry; nothing is awaited yet.
    pub(crate) fn open(&self) -> Result<Arc<dyn Registry>> {
        let mut document = self.load()?;
        let written = document.explain();
        let kind = written.iter().find(|value| value.key == "registry.kind");
        if kind.is_some_and(|kind| kind.value.contains("etcd")) && !cfg!(feature = "etcd") {
            return Err(Failure::input("this rzctl was built without etcd").help(ETCD_HELP));
        }
        if kind.is_some_and(|kind| kind.value.contains("dns")) && !cfg!(feature = "dns") {
            return Err(Failure::input("this rzctl was built without dns").help(DNS_HELP));
        }
        let settings: RegistrySettings = document
            .take_section("registry")
            .map_err(|error| Failure::input("the configuration is wrong").because(&error))?
            .unwrap_or_default();
        if self.kind() == Some(Kind::Static) && settings.services.is_empty() {
            return Err(Failure::input("no instance is listed").help(
                "`--registry static` needs `--config FILE` with `[registry.services]`;\n\
                 a single instance is called with `--addr HOST:PORT`",
            ));
        }
        open_registry(&settings)
            .map_err(|error| Failure::input("the registry cannot be used").because_of(&error))
    }

    fn kind(&self) -> Option<Kind> {
        match (self.registry, self.etcd_endpoints.is_empty()) {
            (None, false) => Some(Kind::Etcd),
            (kind, _) => kind,
        }
    }

    /// The configuration that services have, with what the arguments say on top of it.
    fn load(&self) -> Result<Document> {
        let files = match env::var_os(names::ENV_CONFIG) {
            Some(list) if self.config.is_empty() => env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            _ => self.config.clone(),
        };
        let mut loader = Loader::new().files(files).env_prefix(names::ENV_PREFIX);
        if let Some(kind) = self.kind() {
            let text = match kind {
                Kind::Local => "local",
                Kind::Static => "static",
                Kind::Etcd => "etcd",
            };
            loader = loader.set("registry.kind", text);
        }
        if let Some(dir) = &self.registry_dir {
            let dir = dir
                .to_str()
                .ok_or_else(|| Failure::input(format!("`{}` is not UTF-8", dir.display())))?;
            loader = loader.set("registry.dir", quoted(dir));
        }
        if !self.etcd_endpoints.is_empty() {
            let list: Vec<String> = self
                .etcd_endpoints
                .iter()
                .map(|text| quoted(text))
                .collect();
            loader = loader.set("registry.etcd.endpoints", format!("[{}]", list.join(", ")));
        }
        loader
            .load()
            .map_err(|error| Failure::input("the configuration is wrong").because(&error))
    }
}

/// A TOML string; JSON's are those too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
