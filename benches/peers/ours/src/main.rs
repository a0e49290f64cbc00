//! rzero as a server and as a client of the bench.
//!
//! | system | what it is |
//! |---|---|
//! | `rzero` | the facade: configuration, application with all default layers, channel, generated code |
//! | `rzero-bare` | the wire alone: a dispatch and a connection that encode and decode, no governance |
#![forbid(unsafe_code)]

/// Made by `rzctl gen --dir ours`.
#[path = "gen/mod.rs"]
pub mod api;
mod bare;
mod full;

use bench_load::Result;
use prost::Message;

fn main() -> Result<()> {
    bench_load::drive::main(
        |system, listen| match system {
            "rzero" => full::serve(listen),
            "rzero-bare" => bare::serve(listen),
            other => Err(format!("no server `{other}`").into()),
        },
        |args| match args.system.as_str() {
            "rzero" => bench_load::drive::call::<full::Client>(args),
            "rzero-bare" => bench_load::drive::call::<bare::Client>(args),
            other => Err(format!("no client `{other}`").into()),
        },
    )
}

/// The order as generated code knows it.
fn order(order: &bench_load::messages::Order) -> Result<api::bench::v1::Order> {
    Ok(api::bench::v1::Order::decode(
        order.encode_to_vec().as_slice(),
    )?)
}
