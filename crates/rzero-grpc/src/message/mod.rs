//! Messages of a call as bytes: the five-byte prefix, compression, and whole messages out of DATA
//! frames that split them anywhere.
//!
//! What is here does no I/O and knows no stream.

mod assembler;
mod compression;
mod gzip;
mod run;

use bytes::Bytes;
use rzero_core::{Class, Code, Error};

pub(crate) use assembler::{Assembler, Raw};
pub use compression::Compression;
pub(crate) use compression::Encoding;
pub(crate) use run::Run;

/// Length of the prefix of every message: a flag and four bytes of length.
pub(crate) const PREFIX_BYTES: usize = 5;

/// The prefix of a message of `len` bytes as they are sent.
///
/// A message of 4 GiB or more cannot be named; the saturated length makes every peer refuse it.
pub(crate) fn prefix(len: usize, compressed: bool) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    [u8::from(compressed), a, b, c, d]
}

/// A message ready to be sent: its prefix and its bytes, compressed when that makes it shorter.
pub(crate) fn pack(
    message: Bytes,
    compression: Option<Compression>,
) -> ([u8; PREFIX_BYTES], Bytes) {
    let compressed = compression.map(|compression| compression.compress(&message));
    match compressed.filter(|compressed| compressed.len() < message.len()) {
        Some(compressed) => (prefix(compressed.len(), true), compressed),
        None => (prefix(message.len(), false), message),
    }
}

/// The error for a message that breaks the rules of the wire: the sender's fault, told as INTERNAL
/// as the protocol wants it.
pub(crate) fn malformed(text: &'static str) -> Error {
    Error::with_code(Code::Internal, text).with_class(Class::Decode)
}

/// The same error as a client sees it: the callee is at fault.
pub(crate) fn of_answer(error: Error) -> Error {
    match error.class() {
        Class::Decode => error.with_class(Class::BadAnswer),
        _ => error,
    }
}

fn too_large(what: std::fmt::Arguments<'_>, bytes_max: usize) -> Error {
    Error::new(
        Class::TooLarge,
        format!("{what} is over the limit of {bytes_max} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_holds_flag_and_length() {
        assert_eq!(prefix(0x0102_0304, true), [1, 1, 2, 3, 4]);
        assert_eq!(prefix(0, false), [0; 5]);
    }

    #[test]
    fn only_what_shrinks_is_sent_compressed() {
        let long = Bytes::from(vec![7; 1000]);
        let (prefix, body) = pack(long.clone(), Some(Compression::Gzip));
        assert_eq!(prefix[0], 1);
        assert_eq!(usize::from(prefix[4]), body.len());
        assert!(body.len() < 100);
        assert_eq!(pack(long.clone(), None).1, long);
        let short = Bytes::from_static(b"hi");
        assert_eq!(
            pack(short.clone(), Some(Compression::Gzip)),
            ([0, 0, 0, 0, 2], short)
        );
    }

    #[test]
    fn malformed_message_is_internal_and_the_senders_fault() {
        let error = malformed("torn");
        assert_eq!(
            (error.code(), error.class()),
            (Code::Internal, Class::Decode)
        );
        let error = of_answer(error);
        assert_eq!(
            (error.code(), error.class()),
            (Code::Internal, Class::BadAnswer)
        );
        assert_eq!(error.message(), "torn");
    }
}
