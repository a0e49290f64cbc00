//! What code generators wrote.

#[path = "gen/tonic.rs"]
#[rustfmt::skip]
pub mod tonic;

/// Protobuf by pilota.
pub mod volo_grpc {
    #![allow(warnings, clippy::all, reason = "generated")]
    include!("gen/volo_grpc.rs");
}

/// Thrift by pilota.
pub mod volo_thrift {
    #![allow(warnings, unsafe_code, clippy::all, reason = "generated")]
    include!("gen/volo_thrift.rs");
}
