//! The messages of `grpc.health.v1`.

use std::collections::BTreeMap;

/// Whether a service takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub(super) enum Status {
    /// Never sent.
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    /// Sent to watchers only.
    ServiceUnknown = 3,
}

impl Status {
    pub(super) fn of(serving: bool) -> Self {
        if serving {
            Self::Serving
        } else {
            Self::NotServing
        }
    }
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    pub(super) service: String,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct HealthCheckResponse {
    #[prost(enumeration = "Status", tag = "1")]
    pub(super) status: i32,
}

impl From<Status> for HealthCheckResponse {
    fn from(status: Status) -> Self {
        Self {
            status: status.into(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct HealthListRequest {}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct HealthListResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) statuses: BTreeMap<String, HealthCheckResponse>,
}
