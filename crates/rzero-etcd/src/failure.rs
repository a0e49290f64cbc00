//! Why a session with etcd ended, and what that calls for.

use std::error::Error;
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
            return Self::Away(with_causes(error.to_string(), error.source()));
        };
        let message = with_causes(status.message().to_owned(), status.source());
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
    /// The text without the verdict, for a longer one.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Away(reason) | Self::Refused(reason) => reason.clone(),
            other => other.to_string(),
        }
    }

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

/// A text with those of its causes, each once.
fn with_causes(mut text: String, mut cause: Option<&(dyn Error + 'static)>) -> String {
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Whether etcd said that it does not ask for users.
pub(crate) fn knows_no_users(error: &etcd_client::Error) -> bool {
    let etcd_client::Error::GRpcStatus(status) = error else {
        return false;
    };
    status.code() as i32 == code::FAILED_PRECONDITION
}

#[cfg(test)]
mod tests {
    use etcd_client::{Client, WatchOptions};
    use rzero_harness::EtcdCluster;

    use super::*;

    #[tokio::test]
    #[ignore = "needs etcd"]
    async fn answers_of_etcd_are_told_apart() {
        let etcd = EtcdCluster::start(1).unwrap();
        let mut client = Client::connect(etcd.endpoints(), None).await.unwrap();
        let mut revision = 0;
        for value in ["a", "b", "c"] {
            let put = client.put("key", value, None).await.unwrap();
            revision = put.header().unwrap().revision();
        }
        client.compact(revision, None).await.unwrap();
        let options = WatchOptions::new().with_start_revision(1);
        let mut watch = client.watch("key", Some(options)).await.unwrap();
        let canceled = loop {
            let message = watch.message().await.unwrap().unwrap();
            if message.canceled() {
                break message;
            }
        };
        assert_eq!(
            canceled.cancel_reason(),
            "",
            "the reason of a compaction is empty"
        );
        assert_eq!(Failure::of_canceled(&canceled), Failure::Compacted);
        let options = etcd_client::GetOptions::new().with_revision(1);
        let old = client.get("key", Some(options)).await.unwrap_err();
        assert_eq!(Failure::from(old), Failure::Compacted);
        let options = etcd_client::PutOptions::new().with_lease(7);
        let lost = client.put("key", "value", Some(options)).await.unwrap_err();
        assert_eq!(Failure::from(lost), Failure::LeaseLost);
        let none = client.auth_enable().await.unwrap_err();
        assert!(matches!(Failure::from(none), Failure::Refused(_)));
        drop(etcd);
        let gone = client.get("key", None).await.unwrap_err();
        assert!(matches!(Failure::from(gone), Failure::Away(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_a_member_that_is_away() {
        let never = std::future::pending::<Result<(), etcd_client::Error>>();
        let failure = answered(Duration::from_secs(1), "a read", never)
            .await
            .unwrap_err();
        assert_eq!(
            failure,
            Failure::Away("no answer to a read in 1s".to_owned())
        );
    }
}
