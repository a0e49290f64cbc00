//! Which compression a message has.

use bytes::Bytes;
use rzero_core::Error;

use super::{Raw, gzip, malformed, too_large};

/// A way to compress messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// `gzip`, which every gRPC implementation understands.
    Gzip,
}

impl Compression {
    /// Its name in `grpc-encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
        }
    }

    /// The compressed form of `bytes`.
    pub(crate) fn compress(self, bytes: &[u8]) -> Bytes {
        match self {
            Self::Gzip => gzip::compress(bytes).into(),
        }
    }

    /// What `bytes` were before they were compressed, at most `bytes_max` of it. No bytes at all
    /// stand for an empty message.
    ///
    /// # Errors
    /// [`TooLarge`](rzero_core::Class::TooLarge) as soon as there is more, INTERNAL when they are
    /// not compressed this way.
    pub(crate) fn decompress(self, bytes: &[u8], bytes_max: usize) -> Result<Bytes, Error> {
        if bytes.is_empty() {
            return Ok(Bytes::new());
        }
        let Self::Gzip = self;
        match gzip::decompress(bytes, bytes_max) {
            Ok(bytes) => Ok(bytes.into()),
            Err(gzip::Failed::TooLarge) => Err(too_large(
                format_args!("decompressed message (of {} bytes as sent)", bytes.len()),
                bytes_max,
            )),
            Err(gzip::Failed::Malformed) => Err(malformed("a message is not valid gzip")),
        }
    }
}

/// What `grpc-encoding` says about the compressed messages of a direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// There are none.
    #[default]
    Identity,
    /// They are compressed in a way that is understood.
    Known(Compression),
    /// They cannot be read.
    Unknown,
}

impl Encoding {
    /// The encoding of a name.
    pub(crate) fn of_name(name: &[u8]) -> Self {
        match name {
            b"identity" | b"" => Self::Identity,
            b"gzip" => Self::Known(Compression::Gzip),
            _ => Self::Unknown,
        }
    }

    /// The message itself, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// When it is too long, or compressed though it may not be, or in another way than was said.
    pub(crate) fn open(self, raw: Raw, bytes_max: usize) -> Result<Bytes, Error> {
        match self {
            _ if !raw.compressed && raw.bytes.len() <= bytes_max => Ok(raw.bytes),
            _ if !raw.compressed => Err(too_large(
                format_args!("message of {} bytes", raw.bytes.len()),
                bytes_max,
            )),
            Self::Known(compression) => compression.decompress(&raw.bytes, bytes_max),
            Self::Identity => Err(malformed(
                "a message has the compressed flag set but there is no grpc-encoding",
            )),
            Self::Unknown => Err(malformed(
                "a message is compressed in a way that is not understood: use gzip or identity",
            )),
        }
    }
}

impl From<Option<Compression>> for Encoding {
    fn from(compression: Option<Compression>) -> Self {
        compression.map_or(Self::Identity, Self::Known)
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::{Class, Code};

    use super::*;

    const GZIP: Encoding = Encoding::Known(Compression::Gzip);

    fn raw(bytes: impl Into<Bytes>, compressed: bool) -> Raw {
        Raw {
            bytes: bytes.into(),
            compressed,
        }
    }

    #[test]
    fn limit_counts_after_decompression() {
        let packed = Compression::Gzip.compress(&[0; 1000]);
        assert_eq!(
            raw(packed.clone(), true).open(GZIP, 1000).unwrap().len(),
            1000
        );
        let error = raw(packed, true).open(GZIP, 999).unwrap_err();
        assert_eq!(error.class(), Class::TooLarge);
        assert!(
            error.message().ends_with("the limit of 999 bytes"),
            "{error}"
        );
        let error = raw(vec![0; 5], false).open(GZIP, 4).unwrap_err();
        assert_eq!(error.class(), Class::TooLarge);
    }

    #[test]
    fn plain_message_needs_no_encoding() {
        for encoding in [Encoding::Identity, GZIP, Encoding::Unknown] {
            assert_eq!(raw("hi", false).open(encoding, 2).unwrap(), "hi");
        }
    }

    #[test]
    fn compressed_flag_without_a_known_encoding_is_internal() {
        for encoding in [Encoding::Identity, Encoding::Unknown] {
            let error = raw("hi", true).open(encoding, 9).unwrap_err();
            assert_eq!(error.code(), Code::Internal);
        }
    }

    #[test]
    fn garbage_is_internal_and_nothing_is_an_empty_message() {
        let error = raw("garbage", true).open(GZIP, 99).unwrap_err();
        assert_eq!(
            (error.code(), error.class()),
            (Code::Internal, Class::Decode)
        );
        assert_eq!(raw("", true).open(GZIP, 99).unwrap(), "");
    }

    #[test]
    fn names_are_those_of_the_protocol() {
        assert_eq!(Encoding::of_name(b"identity"), Encoding::Identity);
        assert_eq!(Encoding::of_name(Compression::Gzip.name().as_bytes()), GZIP);
        assert_eq!(Encoding::of_name(b"zstd"), Encoding::Unknown);
        assert_eq!(Encoding::from(Some(Compression::Gzip)), GZIP);
        assert_eq!(Encoding::from(None), Encoding::Identity);
    }
}
