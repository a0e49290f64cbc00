//! Following the policies.

use rzero_policy::PolicyWatch;
use tokio::time::Instant;

use super::Governor;

/// Keeps `governor` to the policies of `watch`, until nobody can change them any more.
///
/// # Cancel safety
/// Safe: drop it to stop.
pub(crate) async fn follow(governor: Governor, mut watch: PolicyWatch) {
    while watch.changed().await.is_ok() {
        let policies = watch.borrow_and_update().clone();
        if let Err(error) = governor.reload(&policies, Instant::now()) {
            tracing::error!(%error, "policies not taken over as a whole");
        }
    }
}
