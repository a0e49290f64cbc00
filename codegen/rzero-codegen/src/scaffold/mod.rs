//! The files of a new service, written once and then the user's.

mod dependency;
mod imports;
mod layout;
mod logic;
mod name;
mod templates;

use std::collections::BTreeMap;

use minijinja::{Value, context};
use rzero_idl::{MethodKind, Model};

use crate::error::GenerateError;
use crate::file::GeneratedFile;
use crate::names::case;
use crate::rust::{SurfaceService, surface};
use imports::{Imports, by_version};

pub use dependency::Dependency;
pub use name::ServiceName;

/// Where contracts lie in a service, relative to its root. Everything below it is generated from.
pub const PROTO_DIR: &str = "proto";

/// Where contracts lie that are only imported: an include folder, not generated services.
pub const IMPORT_DIR: &str = "third_party";

/// Where generated code goes.
pub const GEN_DIR: &str = "src/gen";

/// The port in a container, by custom of gRPC services.
const CONTAINER_PORT: u16 = 8080;

/// Names and built-in texts of the templates, for programs that let users replace them.
pub use templates::TEMPLATES;

/// What a new service is made of.
#[derive(Clone, Copy, Debug)]
pub struct Scaffold<'a> {
    /// Its name.
    pub name: &'a ServiceName,
    /// Its contracts; their sources are copied into the service.
    pub model: &'a Model,
    /// Whether the model is that of [`default_contract`]: then the logic is written out.
    pub built_in: bool,
    /// Where its `rzero` comes from.
    pub dependency: &'a Dependency,
    /// Features of `rzero` to switch on, such as `etcd`.
    pub features: &'a [&'a str],
    /// Whether its manifest declares a workspace of its own, so that it builds in a folder of a
    /// workspace that does not know it.
    pub own_workspace: bool,
    /// Texts that replace built-in templates, by name (see [`TEMPLATES`]).
    pub templates: &'a BTreeMap<String, String>,
}

/// The contract a new service starts from: import name and text.
///
/// # Errors
///
/// When the template fails, which is a bug.
pub fn default_contract(name: &ServiceName) -> Result<(String, String), GenerateError> {
    let service = name.service();
    let taken = ["HelloRequest", "HelloReply", "WatchRequest", "Event"];
    let service = if taken.contains(&service.as_str()) {
        format!("{service}Service")
    } else {
        service
    };
    let context = context! { package => name.package(), service };
    let text = templates::render("contract.proto", &BTreeMap::new(), context)?;
    Ok((format!("{}.proto", name.as_str()), text))
}

/// Writes the files of a new service, except those below [`GEN_DIR`], sorted by path.
///
/// # Errors
///
/// [`GenerateError::NoService`] when the contracts have no service, and
/// [`GenerateError::Template`] when a template that was handed in fails.
pub fn scaffold(input: &Scaffold<'_>) -> Result<Vec<GeneratedFile>, GenerateError> {
    let services = surface(input.model).services;
    if services.is_empty() {
        return Err(GenerateError::NoService);
    }
    let name = input.name.as_str();
    let krate = input.name.crate_ident();
    let common = common(input, &services);
    let test = test_context(&krate, input.built_in, &services);
    let files = [
        (".gitignore".to_owned(), "gitignore", common.clone()),
        ("Cargo.toml".to_owned(), "Cargo.toml", common.clone()),
        ("Dockerfile".to_owned(), "Dockerfile", common.clone()),
        ("README.md".to_owned(), "README.md", common.clone()),
        ("clippy.toml".to_owned(), "clippy.toml", common.clone()),
        (format!("etc/{name}.toml"), "config.toml", common.clone()),
        (format!("k8s/{name}.yaml"), "k8s.yaml", common.clone()),
        ("src/config.rs".to_owned(), "config.rs", common.clone()),
        ("src/lib.rs".to_owned(), "lib.rs", common.clone()),
        (
            "src/logic.rs".to_owned(),
            "logic.rs",
            logic::context(input.built_in, &services),
        ),
        (
            "src/main.rs".to_owned(),
            "main.rs",
            main_context(name, &krate, &services),
        ),
        ("tests/service.rs".to_owned(), "test.rs", test),
    ];
    let mut out = Vec::with_capacity(files.len() + input.model.sources.len());
    for (path, template, context) in files {
        out.push(GeneratedFile::text(
            path,
            templates::render(template, input.templates, context)?,
        ));
    }
    for (import, text) in &input.model.sources {
        let folder = if input.model.files.contains(import) {
            PROTO_DIR
        } else {
            IMPORT_DIR
        };
        out.push(GeneratedFile::text(
            format!("{folder}/{import}"),
            text.clone(),
        ));
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}

/// What the files beside the code need.
fn common(input: &Scaffold<'_>, services: &[SurfaceService]) -> Value {
    let methods = services
        .iter()
        .flat_map(|service| service.methods.iter().map(move |method| (service, method)));
    let call = methods
        .into_iter()
        .find(|(_, method)| method.kind == MethodKind::Unary)
        .map(|(service, method)| {
            let body = if input.built_in {
                r#"{"name":"Li"}"#
            } else {
                "{}"
            };
            context! { method => format!("{}/{}", service.full_name, method.name), body }
        });
    let model = input.model;
    context! {
        name => input.name.as_str(),
        dns_name => input.name.dns_label(),
        rzero => input.dependency.line("rzero", input.features),
        rzero_testing => input.dependency.line("rzero-testing", &[]),
        builtin => input.built_in,
        own_workspace => input.own_workspace,
        port => CONTAINER_PORT,
        has_imports => model.sources.keys().any(|name| !model.files.contains(name)),
        call,
    }
}

fn main_context(name: &str, krate: &str, services: &[SurfaceService]) -> Value {
    let mut imports = Imports::new(krate, &["Arc", "Config", "Exit", "Logic"]);
    imports.always("Config");
    imports.always("Logic");
    let servers: Vec<Value> = services
        .iter()
        .map(|service| {
            let server = imports.path(&service.module, &service.server_name);
            context! { server }
        })
        .collect();
    let mut lines = imports.lines();
    if services.len() > 1 {
        lines.insert(0, "std::sync::Arc".to_owned());
        lines.insert(1, String::new());
    }
    context! { name, services => servers, imports => lines }
}

fn test_context(krate: &str, built_in: bool, services: &[SurfaceService]) -> Value {
    let mut imports = Imports::new(krate, &["Code", "Config", "Logic", "Result", "TestServer"]);
    imports.always("Config");
    imports.always("Logic");
    // A test of something deprecated would warn.
    let probe = services
        .iter()
        .filter(|service| !service.deprecated)
        .find_map(|service| {
            let kind = |kind| {
                service
                    .methods
                    .iter()
                    .find(|method| method.kind == kind && !method.deprecated)
            };
            let method = kind(MethodKind::Unary).or_else(|| kind(MethodKind::ServerStream))?;
            Some((service, method))
        });
    let mut used: Vec<Value> = Vec::new();
    let probe = probe.map(|(service, method)| {
        let server = imports.path(&service.module, &service.server_name);
        let client = imports.path(&service.module, &service.client_name);
        if built_in {
            imports.path(&service.module, "HelloRequest");
            imports.path(&service.module, "WatchRequest");
        }
        let stream = method.kind == MethodKind::ServerStream;
        used.push(context! { server => server.clone(), client => client.clone() });
        // `google.protobuf.Empty` is `()`, which is passed as it is and not bound to a name.
        let empty = method.input == "()";
        let argument = if empty { "()" } else { "request" };
        context! { server, client, stream, empty, argument, method => method.rust_name.clone() }
    });
    let mut lines = imports.lines();
    if probe.is_some() {
        lines.push("rzero::Code".to_owned());
        if built_in {
            lines.push("rzero_testing::TestServer".to_owned());
        }
        lines.sort_by(|a, b| by_version(a, b));
    }
    context! { builtin => built_in, services => used, probe, imports => lines }
}

/// The identifier of a crate.
fn crate_ident(name: &str) -> String {
    case::sanitize(&name.replace('-', "_"))
}
