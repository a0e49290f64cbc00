//! Options of one call.

use std::sync::Arc;
use std::time::Duration;

use rzero_core::{InvalidMetadata, Metadata};

/// Options of one call; everything not set is the client's default.
///
/// ```
/// # use std::time::Duration;
/// # use rzero_client::CallOptions;
/// let options = CallOptions::new().deadline(Duration::from_millis(300)).hash_key("user-7");
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) metadata: Option<Arc<Metadata>>,
    pub(crate) hash_key: Option<u64>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) wait_for_ready: Option<bool>,
}

impl CallOptions {
    /// Nothing set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the call may take from now, retries included.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.timeout = Some(within);
        self
    }

    /// Adds a metadata pair.
    ///
    /// # Errors
    /// When the key or value cannot be metadata.
    pub fn metadata(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, InvalidMetadata> {
        Arc::make_mut(self.metadata.get_or_insert_default()).insert(key.into(), value.into())?;
        Ok(self)
    }

    /// Adds a binary metadata pair; the key ends in `-bin`.
    ///
    /// # Errors
    /// When the key cannot be metadata.
    pub fn metadata_binary(
        mut self,
        key: impl Into<String>,
        value: impl Into<bytes::Bytes>,
    ) -> Result<Self, InvalidMetadata> {
        let metadata = Arc::make_mut(self.metadata.get_or_insert_default());
        metadata.insert_binary(key.into(), value.into())?;
        Ok(self)
    }

    /// The key by which consistent hashing places the call: equal keys go to the same instance.
    #[must_use]
    pub fn hash_key(mut self, key: impl AsRef<[u8]>) -> Self {
        // FNV-1a: stable over processes and versions, so that all clients agree.
        let hash = key
            .as_ref()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
        self.hash_key = Some(hash);
        self
    }

    /// Says that the call may run twice without harm, whatever its contract says.
    #[must_use]
    pub fn idempotent(mut self, yes: bool) -> Self {
        self.idempotent = Some(yes);
        self
    }

    /// Waits for a ready instance until the deadline instead of failing at once.
    #[must_use]
    pub fn wait_for_ready(mut self, yes: bool) -> Self {
        self.wait_for_ready = Some(yes);
        self
    }
}
