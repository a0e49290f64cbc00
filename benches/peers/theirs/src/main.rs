//! Other frameworks as servers and as clients of the bench.
//!
//! | system | what it is |
//! |---|---|
//! | `tonic` | tonic as it comes |
//! | `tonic-tuned` | tonic with large windows and an explicit stream limit |
//! | `volo-grpc` | volo-grpc as it comes, code by volo-build |
//! | `volo-thrift` | volo-thrift, multiplexed on one connection, code by volo-build |
//! | `tarpc` | tarpc with bincode over TCP |
//! | `h2` | the h2 crate alone: prost messages, no gRPC layer |
//! | `raw` | frames with a length over TCP, opaque bytes: the practical limit |
//! | `raw-prost` | the same with prost messages encoded and decoded on both sides |

/// Made by `cargo run -p bench-gen`.
mod generated;
mod http2;
mod raw;
mod tarpc;
mod tonic;
mod volo_grpc;
mod volo_thrift;

use bench_load::Result;
use bench_load::drive::call;

fn main() -> Result<()> {
    bench_load::drive::main(
        |system, listen| match system {
            "tonic" => tonic::serve(listen, false),
            "tonic-tuned" => tonic::serve(listen, true),
            "volo-grpc" => volo_grpc::serve(listen),
            "volo-thrift" => volo_thrift::serve(listen),
            "tarpc" => tarpc::serve(listen),
            "h2" => http2::serve(listen),
            "raw" => raw::serve(listen, raw::Body::Opaque),
            "raw-prost" => raw::serve(listen, raw::Body::Prost),
            other => Err(format!("no server `{other}`").into()),
        },
        |args| match args.system.as_str() {
            "tonic" => call::<tonic::Client<false>>(args),
            "tonic-tuned" => call::<tonic::Client<true>>(args),
            "volo-grpc" => call::<volo_grpc::Client>(args),
            "volo-thrift" => call::<volo_thrift::Client>(args),
            "tarpc" => call::<tarpc::Client>(args),
            "h2" => call::<http2::Client>(args),
            "raw" => call::<raw::Client<false>>(args),
            "raw-prost" => call::<raw::Client<true>>(args),
            other => Err(format!("no client `{other}`").into()),
        },
    )
}
