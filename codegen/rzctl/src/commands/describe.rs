//! `rzctl list` and `rzctl describe`: what a service offers, by its own word.

use clap::Args;
use prost_reflect::ServiceDescriptor;
use prost_reflect::{DescriptorPool, EnumDescriptor, MessageDescriptor, MethodDescriptor};
use rzero::CallOptions;
use serde_json::{Value, json};

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::json;
use crate::link::schema::{self, SchemaArgs};
use crate::link::target::TargetArgs;
use crate::link::{PATIENCE, block_on, reflection};
use crate::progress::Progress;

const LIST_EXAMPLES: &str = "\
Examples:
  rzctl list --addr 127.0.0.1:8080           contracts that a server offers
  rzctl list --service greeter               those of a registered service";

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  rzctl describe greeter.Greeter                                 its methods
  rzctl describe greeter.HelloRequest --service greeter          its fields
  rzctl describe shop.v1.Order --proto shop/v1/shop.proto -I api";

#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = DESCRIBE_EXAMPLES)]
pub(crate) struct DescribeArgs {
    /// Full name of a service, method, message or enum
    symbol: String,

    #[command(flatten)]
    schema: SchemaArgs,

    #[command(flatten)]
    target: TargetArgs,
}

pub(crate) fn list(args: &ListArgs, console: &Console) -> Result<Exit> {
    block_on(async {
        let names = {
            let _progress = Progress::start("asking for contracts");
            let target = args.target.open(None).await?;
            let options = CallOptions::new().deadline(PATIENCE);
            reflection::list(&target.channel, &options)
                .await
                .map_err(|error| schema::not_described("contract", &target, &error))?
        };
        match console.is_json() {
            true => console.value(&json!(names)),
            false => names.iter().for_each(|name| console.line(name)),
        }
        Ok(Exit::Ok)
    })
}

pub(crate) fn describe(args: &DescribeArgs, console: &Console) -> Result<Exit> {
    let symbol = args.symbol.trim_matches('/').replace('/', ".");
    let pool = match args.schema.at_hand()? {
        Some(pool) => pool,
        None => block_on(async {
            let _progress = Progress::start(format!("asking for {symbol}"));
            let target = args.target.open(Some(&symbol)).await?;
            let options = CallOptions::new().deadline(PATIENCE);
            args.schema.load(&target, &symbol, &options).await
        })?,
    };
    let (text, value) = find(&pool, &symbol)
        .ok_or_else(|| Failure::input(format!("the contracts have no `{symbol}`")))?;
    match console.is_json() {
        true => console.value(&value),
        false => console.line(text),
    }
    Ok(Exit::Ok)
}

/// A symbol as text and as JSON.
fn find(pool: &DescriptorPool, symbol: &str) -> Option<(String, Value)> {
    if let Some(service) = pool.get_service_by_name(symbol) {
        return Some(of_service(&service));
    }
    if let Some(message) = pool.get_message_by_name(symbol) {
        return Some(of_message(&message));
    }
    if let Some(values) = pool.get_enum_by_name(symbol) {
        return Some(of_enum(&values));
    }
    let (service, method) = symbol.rsplit_once('.')?;
    let service = pool.get_service_by_name(service)?;
    let method = service.methods().find(|known| known.name() == method)?;
    let (input, input_json) = of_message(&method.input());
    let (output, output_json) = of_message(&method.output());
    let text = format!("{}\n\n{input}\n\n{output}", signature(&method));
    let value = json!({ "method": method.full_name(), "input": input_json, "output": output_json });
    Some((text, value))
}

fn of_service(service: &ServiceDescriptor) -> (String, Value) {
    let methods: Vec<String> = service
        .methods()
        .map(|method| format!("  {}\n", signature(&method)))
        .collect();
    let list: Vec<Value> = service
        .methods()
        .map(|method| {
            json!({
                "name": method.name(),
                "input": method.input().full_name(),
                "output": method.output().full_name(),
                "client_streaming": method.is_client_streaming(),
                "server_streaming": method.is_server_streaming(),
            })
        })
        .collect();
    let name = service.full_name();
    let text = format!("service {name} {{\n{}}}", methods.concat());
    (text, json!({ "service": name, "methods": list }))
}

fn signature(method: &MethodDescriptor) -> String {
    let stream = |streams| if streams { "stream " } else { "" };
    format!(
        "rpc {} ({}{}) returns ({}{});",
        method.name(),
        stream(method.is_client_streaming()),
        method.input().full_name(),
        stream(method.is_server_streaming()),
        method.output().full_name(),
    )
}

fn of_message(message: &MessageDescriptor) -> (String, Value) {
    let mut lines = String::new();
    let mut list = Vec::new();
    for field in message.fields() {
        let optional = field.field_descriptor_proto().proto3_optional();
        let label = if optional { "optional " } else { "" };
        let (kind, number) = (json::type_name(&field), field.number());
        let oneof = field.containing_oneof().filter(|_| !optional);
        let note = match &oneof {
            Some(oneof) => format!(" // one of {}", oneof.name()),
            None => String::new(),
        };
        lines.push_str(&format!(
            "  {label}{kind} {} = {number};{note}\n",
            field.name()
        ));
        list.push(json!({
            "name": field.name(),
            "json_name": field.json_name(),
            "type": kind,
            "number": number,
            "optional": optional,
            "oneof": oneof.map(|oneof| oneof.name().to_owned()),
        }));
    }
    let name = message.full_name();
    let text = format!("message {name} {{\n{lines}}}");
    (text, json!({ "message": name, "fields": list }))
}

fn of_enum(values: &EnumDescriptor) -> (String, Value) {
    let lines: Vec<String> = values
        .values()
        .map(|value| format!("  {} = {};\n", value.name(), value.number()))
        .collect();
    let list: Vec<Value> = values
        .values()
        .map(|value| json!({ "name": value.name(), "number": value.number() }))
        .collect();
    let name = values.full_name();
    let text = format!("enum {name} {{\n{}}}", lines.concat());
    (text, json!({ "enum": name, "values": list }))
}
