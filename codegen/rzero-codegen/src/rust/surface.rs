//! Names of what is generated for services.
//!
//! The trait is named like the service; `…Server`, `…Client` and an upper case table of methods
//! stand beside it. When one of the four is taken by a message or another service, `Service` (then
//! `Service2` …) is put behind the base of all of them. Methods are named in snake case; a second
//! method of the same Rust name gets `_method`, and `new` and `clone`, which clients have already,
//! get an underscore. The variant of a client method that takes options is `…_with`, or
//! `…_with_options` where a method of the contract has that name.

use std::collections::BTreeSet;

use rzero_idl::{Idempotency, MethodKind, Model, Service};

use super::paths;
use crate::names::{Names, case};

/// Methods every client has.
const CLIENT_METHODS: &[&str] = &["new", "clone"];

/// What generated code offers for a set of contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    /// All services, in the model's order.
    pub services: Vec<SurfaceService>,
}

/// One service as generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceService {
    /// The package of the contract, empty when there is none.
    pub package: String,
    /// The name of the contract, such as `Greeter`.
    pub name: String,
    /// The full name of the contract, such as `greeter.v1.Greeter`.
    pub full_name: String,
    /// Identifiers of the modules below the output's `mod.rs`, such as `["greeter", "v1"]`.
    pub module: Vec<String>,
    /// The trait to implement, such as `Greeter`.
    pub trait_name: String,
    /// The server, such as `GreeterServer`.
    pub server_name: String,
    /// The client, such as `GreeterClient`.
    pub client_name: String,
    /// The table of methods, such as `GREETER`.
    pub table_name: String,
    /// The type parameter of the server; `T` unless a message has that name.
    pub parameter: String,
    /// The comment of the contract.
    pub docs: String,
    /// Marked deprecated.
    pub deprecated: bool,
    /// The methods, by index.
    pub methods: Vec<SurfaceMethod>,
}

/// One method as generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceMethod {
    /// The name of the contract, such as `SayHello`.
    pub name: String,
    /// The path of a call, such as `/greeter.v1.Greeter/SayHello`.
    pub path: String,
    /// The method of trait and client, such as `say_hello`.
    pub rust_name: String,
    /// The client's variant that takes options, such as `say_hello_with`.
    pub with_name: String,
    /// Which sides stream.
    pub kind: MethodKind,
    /// What the contract says about repeating a call.
    pub idempotency: Idempotency,
    /// Marked deprecated.
    pub deprecated: bool,
    /// The comment of the contract.
    pub docs: String,
    /// Path of the request type as the service's module writes it.
    pub input: String,
    /// Path of the reply type as the service's module writes it.
    pub output: String,
    /// Path of the request type as the output's `mod.rs` writes it.
    pub input_from_root: String,
    /// Path of the reply type as the output's `mod.rs` writes it.
    pub output_from_root: String,
}

pub(super) fn surface(model: &Model, names: &Names) -> Surface {
    let mut services = Vec::new();
    for package in &model.packages {
        let Some(module) = names.packages.get(&package.name) else {
            continue;
        };
        let mut taken = module.taken.clone();
        for service in &package.services {
            services.push(name_service(names, &module.module, &mut taken, service));
        }
    }
    Surface { services }
}

fn name_service(
    names: &Names,
    module: &[String],
    taken: &mut BTreeSet<String>,
    service: &Service,
) -> SurfaceService {
    let four = |name: &str| {
        let base = case::camel(name);
        let table = case::plain(&case::snake(&base)).to_uppercase();
        let (server, client) = (format!("{base}Server"), format!("{base}Client"));
        [base, server, client, table]
    };
    let chosen = case::choose(&service.name, "service", |name| {
        let four = four(name);
        !four[0].is_empty() && four.iter().all(|name| !taken.contains(name))
    });
    let [trait_name, server_name, client_name, table_name] = four(&chosen);
    taken.extend(four(&chosen));
    let parameter = case::choose("T", "logic", |name| !taken.contains(&case::camel(name)));
    SurfaceService {
        package: service.package.clone(),
        name: service.name.clone(),
        full_name: service.full_name.clone(),
        module: module.to_vec(),
        trait_name,
        server_name,
        client_name,
        table_name,
        parameter: case::camel(&parameter),
        docs: service.docs.clone(),
        deprecated: service.deprecated,
        methods: name_methods(names, module, service),
    }
}

fn name_methods(names: &Names, module: &[String], service: &Service) -> Vec<SurfaceMethod> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let rust_names: Vec<String> = service
        .methods
        .iter()
        .map(|method| {
            let mut identifier = String::new();
            case::choose(&method.name, "method", |name| {
                identifier = case::snake(name);
                if CLIENT_METHODS.contains(&identifier.as_str()) {
                    identifier.push('_');
                }
                !identifier.is_empty() && !taken.contains(&identifier)
            });
            taken.insert(identifier.clone());
            identifier
        })
        .collect();
    let with_names: Vec<String> = rust_names
        .iter()
        .map(|rust_name| {
            let plain = case::plain(rust_name).trim_end_matches('_');
            let mut with = format!("{plain}_with");
            while taken.contains(&with) {
                with.push_str("_options");
            }
            taken.insert(with.clone());
            with
        })
        .collect();
    let methods = service.methods.iter().zip(rust_names).zip(with_names);
    methods
        .map(|((method, rust_name), with_name)| SurfaceMethod {
            name: method.name.clone(),
            path: method.path.clone(),
            rust_name,
            with_name,
            kind: method.kind,
            idempotency: method.idempotency,
            deprecated: method.deprecated,
            docs: method.docs.clone(),
            input: paths::type_path(names, module, &method.input),
            output: paths::type_path(names, module, &method.output),
            input_from_root: paths::type_path(names, &[], &method.input),
            output_from_root: paths::type_path(names, &[], &method.output),
        })
        .collect()
}
