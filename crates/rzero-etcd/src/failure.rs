//! Why a session with etcd ended, and what that calls for.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

/// Why something with etcd failed, by what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The member does not answer, or has no leader: ask another one.
    #[error("etcd is away: {0}")]
    Away(String),
    /// The lease has ended: ask for another.
    #[error("the lease has ended")]
    LeaseLost,
    /// The history that was asked for is gone: read everything again.
    #[error("the watched history was compacted")]
    Compacted,
    /// etcd answers and says no; somebody has to change something.
    #[error("etcd refuses: {0}")]
    Refused(String),
}

/// Numbers of the gRPC codes that are told apart here.
mod code {
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const NOT_FOUND: i32 = 5;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const FAILED_PRECONDITION: i32 = 9;
    pub(super) const OUT_OF_RANGE: i32 = 11;
}

impl From<etcd_client::Error> for Failure {
    fn from(error: etcd_client::Error) -> Self {
        let etcd_client::Error::GRpcStatus(status) = &error else {
            return Self::Away(error.to_string());
        };
        let message = status.message().to_owned();
        match status.code() as i32 {
            // Of what is asked for here only leases can be missing.
            code::NOT_FOUND => Self::LeaseLost,
            code::OUT_OF_RANGE => Self::Compacted,
            code::INVALID_ARGUMENT | code::PERMISSION_DENIED | code::FAILED_PRECONDITION => {
                Self::Refused(message)
            }
            // An expired token too: the next connection brings a new one.
            _ => Self::Away(message),
        }
    }
}

impl Failure {
    /// What a watch that etcd canceled calls for. The reason of a compaction is empty.
    pub(crate) fn of_canceled(message: &etcd_client::WatchResponse) -> Self {
        if message.compact_revision() > 0 {
            return Self::Compacted;
        }
        Self::Away(format!("it ended a watch: {}", message.cancel_reason()))
    }
}

/// Waits for an answer of etcd, but not for ever.
pub(crate) async fn answered<T>(
    within: Duration,
    what: &str,
    request: impl Future<Output = Result<T, etcd_client::Error>>,
) -> Result<T, Failure> {
    match timeout(within, request).await {
        Ok(outcome) => outcome.map_err(Failure::from),
        Err(_) => Err(Failure::Away(format!("no answer to {what} in {within:?}"))),
    }
}

/// Whether etcd said that it does not ask for users.
pub(crate) fn knows_no_users(error: &etcd_client::Error) -> bool {
    let etcd_client::Error::GRpcStatus(status) = error else {
        return false;
    };
    status.code() as i32 == code::FAILED_PRECONDITION
}
