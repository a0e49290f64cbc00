//! Names that two crates, a dashboard or a peer must agree on: metadata keys, reasons, variables.

/// Metadata key of the lane of a call.
pub const LANE: &str = "x-rz-lane";
/// Metadata key that marks shadow traffic, value `1`.
pub const SHADOW: &str = "x-rz-shadow";
/// Metadata key of the retry number, absent on the first attempt.
pub const ATTEMPT: &str = "x-rz-attempt";
/// Metadata key of the caller, `service@version`.
pub const CALLER: &str = "x-rz-caller";
/// Metadata key of the idempotency key.
pub const IDEMPOTENCY_KEY: &str = "x-rz-idempotency-key";
/// Metadata key of the W3C trace parent.
pub const TRACEPARENT: &str = "traceparent";
/// Metadata key of the W3C trace state.
pub const TRACESTATE: &str = "tracestate";
/// Trailer with which an overloaded server asks for a pause, in milliseconds.
pub const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";
/// Domain of the reasons that the framework itself gives (`google.rpc.ErrorInfo.domain`).
pub const DOMAIN: &str = "rzero";

/// Environment variable with the configuration files, colon separated.
pub const ENV_CONFIG: &str = "RZ_CONFIG";
/// Prefix of environment variables that override configuration keys.
pub const ENV_PREFIX: &str = "RZ";
/// Environment variable with the log filter.
pub const ENV_LOG: &str = "RZ_LOG";
/// Environment variables with the identity of an instance, and the keys that they set.
pub const ENV_IDENTITY: [(&str, &str); 4] = [
    ("RZ_SERVICE", "service.name"),
    ("RZ_VERSION", "service.version"),
    ("RZ_ZONE", "service.zone"),
    ("RZ_LANE", "service.lane"),
];
/// Environment variable with the address to advertise when a server listens on all interfaces.
pub const ENV_POD_IP: &str = "POD_IP";
/// Environment variable with the path or git URL of rzero for scaffolds.
pub const ENV_SOURCE: &str = "RZ_SOURCE";
