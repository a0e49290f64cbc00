//! Where the types of a call come from: the server itself, or contracts at hand.

use std::path::PathBuf;

use clap::Args;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use rzero::CallOptions;
use rzero::parts::core::{Code, Error};
use rzero_idl::{ProtoInput, load_protos};

use super::reflection;
use super::target::Target;
use crate::failure::{Failure, Result};

/// Contracts at hand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Contracts")]
pub(crate) struct SchemaArgs {
    /// Contracts with the types of the call, instead of asking the server
    #[arg(long, value_name = "FILE", num_args = 1..)]
    proto: Vec<PathBuf>,

    /// Folders that imports are relative to
    #[arg(short = 'I', long = "include", value_name = "DIR", requires = "proto")]
    includes: Vec<PathBuf>,
}

impl SchemaArgs {
    /// The contracts at hand, when some are named.
    pub(crate) fn at_hand(&self) -> Result<Option<DescriptorPool>> {
        if self.proto.is_empty() {
            return Ok(None);
        }
        let model = load_protos(&ProtoInput {
            files: self.proto.clone(),
            includes: self.includes.clone(),
        })?;
        DescriptorPool::decode(model.descriptor_bytes.as_slice())
            .map(Some)
            .map_err(|error| Failure::broken("the contracts do not fit together").because(&error))
    }

    /// The types that define `symbol`.
    pub(crate) async fn load(
        &self,
        target: &Target,
        symbol: &str,
        options: &CallOptions,
    ) -> Result<DescriptorPool> {
        match self.at_hand()? {
            Some(pool) => Ok(pool),
            None => reflection::describe(&target.channel, symbol, options)
                .await
                .map_err(|error| not_described(symbol, target, &error)),
        }
    }
}

/// Why a server did not tell its contracts.
pub(crate) fn not_described(symbol: &str, target: &Target, error: &Error) -> Failure {
    match error.code() {
        Code::NotFound => Failure::input(format!("the server has no `{symbol}`"))
            .help("`rzctl list` shows what it has"),
        Code::Unimplemented => Failure::input("the server does not tell its contracts").help(
            "name them with `--proto FILE` and `-I DIR`, or switch `server.rpc.reflection` on;\n\
             it is off in mode `pro`",
        ),
        _ => crate::report::of_call(error, &target.connections(error), None),
    }
}

/// A service of a pool.
pub(crate) fn service(pool: &DescriptorPool, name: &str) -> Result<ServiceDescriptor> {
    pool.get_service_by_name(name).ok_or_else(|| {
        let known: Vec<String> = pool.services().map(|s| s.full_name().to_owned()).collect();
        let known = match known.is_empty() {
            true => "the contracts have no service".to_owned(),
            false => format!("the contracts have: {}", known.join(", ")),
        };
        Failure::input(format!("there is no service `{name}`")).help(known)
    })
}

/// A method of a service.
pub(crate) fn method(service: &ServiceDescriptor, name: &str) -> Result<MethodDescriptor> {
    service
        .methods()
        .find(|method| method.name() == name)
        .ok_or_else(|| {
            let known: Vec<String> = service.methods().map(|m| m.name().to_owned()).collect();
            Failure::input(format!("`{}` has no method `{name}`", service.full_name()))
                .help(format!("it has: {}", known.join(", ")))
        })
}
