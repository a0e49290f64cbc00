//! `rzctl call`: a call of any kind, found by name, typed by the server's own contracts.

mod input;
mod options;
mod stream;

use clap::Args;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use rzero::CallOptions;
use rzero::parts::core::{Error, Idempotency, Kind, Method};

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::json;
use crate::link::schema::{self, SchemaArgs};
use crate::link::target::{Target, TargetArgs};
use crate::link::{PATIENCE, block_on};
use crate::progress::Progress;
use crate::report;
use input::Requests;
use options::OptionArgs;

const EXAMPLES: &str = "\
Examples:
  rzctl call greeter.Greeter/SayHello '{\"name\":\"Li\"}'
  rzctl call greeter.Greeter/SayHello '{\"name\":\"Li\"}' --addr 127.0.0.1:8080 -H 'x-tenant: blue'
  rzctl call shop.v1.Shop/Buy @order.json --deadline 500ms --idempotent
  printf '{\"value\":1}\\n{\"value\":2}\\n' | rzctl call calc.Calc/Sum
  rzctl call user.v1.Users/Get '{\"id\":7}' --service user.rpc --etcd-endpoints 127.0.0.1:2379
  rzctl call user.v1.Users/Get '{\"id\":7}' --proto user/v1/user.proto -I api";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CallArgs {
    /// What to call, such as `greeter.v1.Greeter/SayHello`
    #[arg(value_name = "SERVICE/METHOD")]
    method: Path,

    /// The request: JSON, `@FILE`, or `-` for standard input. Without it a single request is empty
    /// and a stream of them is read from standard input, as JSON lines
    #[arg(value_name = "JSON")]
    request: Option<String>,

    /// Show fields that have their default value too
    #[arg(long)]
    emit_defaults: bool,

    /// Show the node that answered, headers and trailers
    #[arg(short, long)]
    verbose: bool,

    #[command(flatten)]
    options: OptionArgs,

    #[command(flatten)]
    schema: SchemaArgs,

    #[command(flatten)]
    target: TargetArgs,
}

/// `package.Service` and `Method`.
#[derive(Clone, Debug)]
struct Path {
    service: String,
    method: String,
}

impl std::str::FromStr for Path {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let text = text.trim_start_matches('/');
        match text.rsplit_once('/') {
            Some((service, method)) if !service.is_empty() && !method.is_empty() => Ok(Self {
                service: service.to_owned(),
                method: method.to_owned(),
            }),
            _ => Err(
                "write the service with its package, a slash and the method, such as \
                      greeter.v1.Greeter/SayHello",
            ),
        }
    }
}

pub(crate) fn run(args: &CallArgs, console: &Console) -> Result<Exit> {
    block_on(call(args, console))
}

/// Everything that is known before the first message goes out.
struct Prepared<'a> {
    args: &'a CallArgs,
    console: &'a Console,
    target: Target,
    pool: DescriptorPool,
    descriptor: MethodDescriptor,
    method: Method,
    options: CallOptions,
}

async fn call(args: &CallArgs, console: &Console) -> Result<Exit> {
    let prepared = {
        let _progress = Progress::start(format!("looking for {}", args.method.service));
        prepare(args, console).await?
    };
    let stdin_by_default = matches!(prepared.method.kind(), Kind::ClientStream | Kind::Bidi);
    let requests = Requests::new(args.request.as_deref(), stdin_by_default)?;
    match prepared.method.kind() {
        Kind::Unary => prepared.unary(requests).await?,
        _ => prepared.stream(requests).await?,
    }
    Ok(Exit::Ok)
}

async fn prepare<'a>(args: &'a CallArgs, console: &'a Console) -> Result<Prepared<'a>> {
    let asking = CallOptions::new().deadline(PATIENCE);
    let target = args.target.open(Some(&args.method.service)).await?;
    let service = &args.method.service;
    let pool = args.schema.load(&target, service, &asking).await?;
    let descriptor = schema::method(&schema::service(&pool, service)?, &args.method.method)?;
    let kind = match (
        descriptor.is_client_streaming(),
        descriptor.is_server_streaming(),
    ) {
        (false, false) => Kind::Unary,
        (true, false) => Kind::ClientStream,
        (false, true) => Kind::ServerStream,
        (true, true) => Kind::Bidi,
    };
    let path = format!("/{service}/{}", args.method.method);
    let method = Method::dynamic(&path, kind, idempotency(&descriptor))
        .map_err(|error| Failure::input(error.message().to_owned()))?;
    let options = args.options.build(kind)?;
    Ok(Prepared {
        args,
        console,
        target,
        pool,
        descriptor,
        method,
        options,
    })
}

/// What the contract says about repeating a call.
fn idempotency(method: &MethodDescriptor) -> Idempotency {
    use prost_types::method_options::IdempotencyLevel;
    let options = method.method_descriptor_proto().options.as_ref();
    match options.map(prost_types::MethodOptions::idempotency_level) {
        Some(IdempotencyLevel::NoSideEffects) => Idempotency::NoSideEffects,
        Some(IdempotencyLevel::Idempotent) => Idempotency::Idempotent,
        _ => Idempotency::Unknown,
    }
}

impl Prepared<'_> {
    async fn unary(&self, mut requests: Requests) -> Result<()> {
        let message = self.single(&mut requests).await?;
        let progress = Progress::start(format!("calling {}", self.method.path()));
        let channel = &self.target.channel;
        let result = channel.unary(self.method, message, &self.options).await;
        drop(progress);
        self.show_node();
        match result {
            Ok(reply) => {
                self.show_metadata("header", &reply.headers);
                self.show(reply.body, !self.console.is_json())?;
                self.show_metadata("trailer", &reply.trailers);
                Ok(())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The one request of a call that takes one.
    async fn single(&self, requests: &mut Requests) -> Result<bytes::Bytes> {
        let first = requests.next().await?.unwrap_or_else(|| "{}".to_owned());
        let message = json::encode(&self.descriptor.input(), &first)?;
        match requests.next().await? {
            None => Ok(message),
            Some(_) => Err(Failure::input(format!(
                "`{}` takes one request, more than one was given",
                self.method.name()
            ))),
        }
    }

    /// Prints a reply.
    fn show(&self, message: bytes::Bytes, pretty: bool) -> Result<()> {
        let text = json::decode(
            &self.descriptor.output(),
            message,
            self.args.emit_defaults,
            pretty,
        )?;
        self.console.line(text);
        Ok(())
    }

    fn show_node(&self) {
        if let (true, Some(node)) = (self.args.verbose, self.target.trail.node()) {
            let nodes = self.target.channel.nodes();
            let known = nodes.iter().find(|known| known.address == node);
            let about = known.map_or_else(String::new, |known| {
                let version = match known.version.as_str() {
                    "" => String::new(),
                    version => format!(", version {version}"),
                };
                format!(" (instance {}{version}, lane {})", known.id, known.lane)
            });
            self.console.note(format!("node: {node}{about}"));
        }
    }

    fn show_metadata(&self, label: &str, metadata: &rzero::Metadata) {
        if self.args.verbose {
            for line in report::metadata_lines(label, metadata) {
                self.console.note(line);
            }
        }
    }

    fn failed(&self, error: &Error) -> Failure {
        if let Some(reply) = error.reply_metadata() {
            self.show_metadata("header", &reply.headers);
            self.show_metadata("trailer", &reply.trailers);
        }
        report::of_call(error, &self.target.connections(error), Some(&self.pool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_service_and_a_method() {
        let path: Path = "/a.v1.B/C".parse().unwrap();
        assert_eq!(
            (path.service.as_str(), path.method.as_str()),
            ("a.v1.B", "C")
        );
        for wrong in ["", "a.B", "a.B/", "/C"] {
            assert!(wrong.parse::<Path>().is_err(), "{wrong}");
        }
    }
}
