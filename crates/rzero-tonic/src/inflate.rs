//! Messages that tonic compressed.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use http::HeaderMap;
use rzero_core::{Class, Error, Result};

/// How the messages of one direction are compressed when their flag says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    /// What the `grpc-encoding` header says.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self> {
        let Some(name) = headers.get("grpc-encoding") else {
            return Ok(Self::Identity);
        };
        match name.as_bytes() {
            b"identity" => Ok(Self::Identity),
            b"gzip" => Ok(Self::Gzip),
            b"deflate" => Ok(Self::Deflate),
            other => Err(Error::unimplemented(format!(
                "messages compressed with {} cannot be passed on: use gzip, deflate or none",
                String::from_utf8_lossy(other)
            ))),
        }
    }

    /// The message before it was compressed, of at most `bytes_max` bytes.
    pub(crate) fn inflate(self, message: &[u8], bytes_max: usize) -> Result<Bytes> {
        let mut out = Vec::new();
        let limit = u64::try_from(bytes_max)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let read = match self {
            Self::Identity => {
                let text = "a message is marked as compressed but grpc-encoding is missing";
                return Err(Error::internal(text));
            }
            Self::Gzip => GzDecoder::new(message).take(limit).read_to_end(&mut out),
            Self::Deflate => ZlibDecoder::new(message).take(limit).read_to_end(&mut out),
        };
        read.map_err(|source| {
            Error::internal("a compressed message cannot be read").with_source(source)
        })?;
        if out.len() > bytes_max {
            let text = format!("a compressed message grows over {bytes_max} bytes");
            return Err(Error::new(Class::TooLarge, text));
        }
        Ok(out.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn headers(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-encoding"),
            HeaderValue::from_static(encoding),
        )])
    }

    #[test]
    fn compressed_messages_are_read() {
        let text = b"again and again and again";
        let inflated = Encoding::Gzip.inflate(&gzip(text), 100).unwrap();
        assert_eq!(inflated, &text[..]);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        let deflated = encoder.finish().unwrap();
        let inflated = Encoding::Deflate.inflate(&deflated, 100).unwrap();
        assert_eq!(inflated, &text[..]);
    }

    #[test]
    fn bombs_are_refused_at_the_limit() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(Encoding::Gzip.inflate(&bomb, 1 << 20).is_ok());
        let error = Encoding::Gzip.inflate(&bomb, (1 << 20) - 1).unwrap_err();
        assert_eq!(error.class(), Class::TooLarge);
    }

    #[test]
    fn unknown_encodings_are_refused_by_name() {
        assert_eq!(Encoding::of(&headers("gzip")).unwrap(), Encoding::Gzip);
        assert_eq!(Encoding::of(&HeaderMap::new()).unwrap(), Encoding::Identity);
        let error = Encoding::of(&headers("zstd")).unwrap_err();
        assert_eq!(error.class(), Class::Unimplemented);
        assert!(error.message().contains("zstd"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Encoding::Gzip.inflate(&bytes, 1000);
            let _ = Encoding::Deflate.inflate(&bytes, 1000);
        }
    }
}
