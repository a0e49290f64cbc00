//! Compressed requests, opened where they keep nobody waiting.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use bytes::Bytes;
use rzero_core::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::message::{Encoding, Raw};

/// Messages that are no longer than this when they are decompressed are opened on the spot.
const QUICK_BYTES: usize = 64 << 10;

/// Opens long messages a few at a time: inflating 4 MiB takes a core some ten milliseconds, and
/// 4 KiB are enough to ask for it.
#[derive(Debug)]
pub(super) struct Inflater {
    places: Semaphore,
}

impl Inflater {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            places: Semaphore::new(cores),
        }
    }

    /// The message itself, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// See [`Encoding::open`].
    pub(super) async fn open(
        &self,
        message: Raw,
        encoding: Encoding,
        bytes_max: usize,
    ) -> Result<Bytes, Error> {
        if !message.compressed {
            return message.open(encoding, bytes_max);
        }
        // What a message claims to hold may be a lie: then it is too large here, and opened there.
        if claimed_bytes(&message) <= QUICK_BYTES
            && let Ok(opened) = message.clone().open(encoding, bytes_max.min(QUICK_BYTES))
        {
            return Ok(opened);
        }
        let _place = self.places.acquire().await;
        let opened = spawn_blocking(move || message.open(encoding, bytes_max)).await;
        opened.unwrap_or_else(|_| Err(Error::internal("a message could not be decompressed")))
    }
}

/// The length that a compressed message claims to have when it is decompressed: what stands at the
/// end of gzip (RFC 1952 section 2.3.1).
fn claimed_bytes(message: &Raw) -> usize {
    let size = message.bytes.last_chunk();
    let size = size.map_or(0, |size| u32::from_le_bytes(*size));
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Compression;

    const GZIP: Encoding = Encoding::Known(Compression::Gzip);

    fn packed(bytes: &[u8]) -> Raw {
        Raw {
            bytes: Compression::Gzip.compress(bytes),
            compressed: true,
        }
    }

    #[tokio::test]
    async fn messages_of_any_length_are_opened() {
        let inflater = Inflater::new();
        for length in [0, 10, QUICK_BYTES, QUICK_BYTES + 1, 1 << 20] {
            let bytes = vec![7; length];
            let opened = inflater.open(packed(&bytes), GZIP, 1 << 20).await;
            assert_eq!(opened.unwrap(), bytes);
        }
    }

    #[tokio::test]
    async fn limit_and_form_are_checked_wherever_a_message_is_opened() {
        let inflater = Inflater::new();
        for length in [100, 1 << 20] {
            let error = inflater.open(packed(&vec![7; length]), GZIP, 99).await;
            assert_eq!(error.unwrap_err().class(), rzero_core::Class::TooLarge);
        }
        let noise = Raw {
            bytes: Bytes::from_static(b"no gzip at all"),
            compressed: true,
        };
        let error = inflater.open(noise, GZIP, 1 << 20).await.unwrap_err();
        assert_eq!(error.class(), rzero_core::Class::Decode);
    }

    #[tokio::test]
    async fn message_that_lies_about_its_length_is_refused() {
        let mut lie = packed(&vec![7; 1 << 20]);
        let mut bytes = lie.bytes.to_vec();
        let end = bytes.len() - 4;
        bytes[end..].copy_from_slice(&[1, 0, 0, 0]);
        lie.bytes = bytes.into();
        assert!(Inflater::new().open(lie, GZIP, 1 << 21).await.is_err());
    }
}
