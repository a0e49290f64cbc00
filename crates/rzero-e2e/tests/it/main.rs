//! End-to-end tests of the RPC core: the same facts on the gRPC wire and on the memory wire.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod calls;
mod channel;
mod deadlines;
#[cfg(feature = "etcd")]
mod etcd;
mod failure_matrix;
mod fresh;
mod governance_client;
mod governance_server;
mod hard;
mod lanes;
mod lifecycle;
mod options;
mod policy_reload;
mod support;
mod tls;
