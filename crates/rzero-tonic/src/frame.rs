//! gRPC messages inside the body of a tonic request or answer.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rzero_core::{Class, Error, Result};

use crate::inflate::Encoding;

const PREFIX: usize = 5;

/// Up to this length a message is copied behind its prefix; a longer one goes out behind it as a
/// chunk of its own, uncopied.
const COPIED_MAX: usize = 1024;

/// A message as chunks of a body: one, or the prefix and the message.
pub(crate) fn frame(message: Bytes) -> (Bytes, Option<Bytes>) {
    let copied = message.len() <= COPIED_MAX;
    let room = if copied { message.len() } else { 0 };
    let mut out = BytesMut::with_capacity(PREFIX + room);
    out.put_u8(0);
    // Nothing here is near 4 GiB; a saturated length makes the reader refuse the message.
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    if copied {
        out.put_slice(&message);
        return (out.freeze(), None);
    }
    (out.freeze(), Some(message))
}

/// Cuts messages out of chunks, however those were split. A message that lies in one chunk, which
/// is what tonic makes, is not copied.
#[derive(Debug)]
pub(crate) struct Deframer {
    encoding: Encoding,
    bytes_max: usize,
    /// The latest chunk, as far as it was not taken yet.
    chunk: Bytes,
    /// The beginning of a message that goes on in the next chunk.
    partial: BytesMut,
}

impl Deframer {
    pub(crate) fn new(encoding: Encoding, bytes_max: usize) -> Self {
        Self {
            encoding,
            bytes_max,
            chunk: Bytes::new(),
            partial: BytesMut::new(),
        }
    }

    /// Takes a chunk; the one before must have been used up by [`next`](Self::next).
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.partial.extend_from_slice(&self.chunk);
        self.chunk = chunk;
    }

    /// The next whole message; `None` when more chunks are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        if self.partial.is_empty() {
            if let Some((compressed, length)) = self.prefix(&self.chunk)?
                && self.chunk.len() >= PREFIX + length
            {
                self.chunk.advance(PREFIX);
                let message = self.chunk.split_to(length);
                return self.finish(compressed, message).map(Some);
            }
            self.partial.extend_from_slice(&self.chunk);
            self.chunk.clear();
            return Ok(None);
        }
        self.fill(PREFIX);
        let Some((compressed, length)) = self.prefix(&self.partial)? else {
            return Ok(None);
        };
        self.fill(PREFIX + length);
        if self.partial.len() < PREFIX + length {
            return Ok(None);
        }
        self.partial.advance(PREFIX);
        let message = std::mem::take(&mut self.partial).freeze();
        self.finish(compressed, message).map(Some)
    }

    /// Whether a message has begun but not ended.
    pub(crate) fn is_torn(&self) -> bool {
        !self.chunk.is_empty() || !self.partial.is_empty()
    }

    /// Moves bytes of the chunk until the beginning has `length` bytes.
    fn fill(&mut self, length: usize) {
        let missing = length.saturating_sub(self.partial.len());
        let taken = self.chunk.split_to(missing.min(self.chunk.len()));
        self.partial.extend_from_slice(&taken);
    }

    /// Whether the message is compressed and how long it is.
    fn prefix(&self, bytes: &[u8]) -> Result<Option<(bool, usize)>> {
        let Some([flag, length @ ..]) = bytes.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if *flag > 1 {
            let text = format!("{flag} is not a flag of a gRPC message");
            return Err(Error::internal(text));
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > self.bytes_max {
            let text = format!(
                "message of {length} bytes is over the limit of {} bytes",
                self.bytes_max
            );
            return Err(Error::new(Class::TooLarge, text));
        }
        Ok(Some((*flag == 1, length)))
    }

    fn finish(&self, compressed: bool, message: Bytes) -> Result<Bytes> {
        if compressed {
            self.encoding.inflate(&message, self.bytes_max)
        } else {
            Ok(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(deframer: &mut Deframer, out: &mut Vec<Bytes>) {
        while let Some(message) = deframer.next().unwrap() {
            out.push(message);
        }
    }

    proptest! {
        #[test]
        fn messages_survive_any_split(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..6),
            cuts in prop::collection::vec(1usize..700, 1..50),
        ) {
            let mut bytes = BytesMut::new();
            for message in &messages {
                let (head, tail) = frame(Bytes::copy_from_slice(message));
                bytes.extend_from_slice(&head);
                bytes.extend_from_slice(&tail.unwrap_or_default());
            }
            let mut deframer = Deframer::new(Encoding::Identity, 4096);
            let (mut out, mut bytes) = (Vec::new(), bytes.freeze());
            for cut in cuts.iter().cycle() {
                if bytes.is_empty() {
                    break;
                }
                deframer.push(bytes.split_to((*cut).min(bytes.len())));
                all(&mut deframer, &mut out);
            }
            prop_assert!(!deframer.is_torn());
            prop_assert_eq!(out, messages);
        }

        #[test]
        fn arbitrary_bytes_never_panic(chunks: Vec<Vec<u8>>) {
            let mut deframer = Deframer::new(Encoding::Gzip, 1000);
            for chunk in chunks {
                deframer.push(chunk.into());
                while let Ok(Some(_)) = deframer.next() {}
            }
        }
    }

    #[test]
    fn whole_messages_are_not_copied() {
        let mut bytes = BytesMut::new();
        for _ in 0..2 {
            bytes.put_slice(&[0, 0, 0, 0, 3]);
            bytes.put_slice(b"abc");
        }
        let chunk = bytes.freeze();
        let at = chunk.as_ptr();
        let mut deframer = Deframer::new(Encoding::Identity, 10);
        deframer.push(chunk);
        let first = deframer.next().unwrap().unwrap();
        assert_eq!(first.as_ptr(), at.wrapping_add(5));
        assert_eq!(deframer.next().unwrap().unwrap(), "abc");
        assert!(deframer.next().unwrap().is_none() && !deframer.is_torn());
    }

    #[test]
    fn torn_oversized_and_odd_messages_are_noticed() {
        let mut deframer = Deframer::new(Encoding::Identity, 10);
        deframer.push(Bytes::from_static(&[0, 0, 0, 0, 3, b'a']));
        assert!(deframer.next().unwrap().is_none());
        assert!(deframer.is_torn());
        for (bytes, class) in [
            ([0, 0, 0, 0, 11], Class::TooLarge),
            ([2, 0, 0, 0, 0], Class::Internal),
            ([1, 0, 0, 0, 0], Class::Internal),
        ] {
            let mut deframer = Deframer::new(Encoding::Identity, 10);
            deframer.push(Bytes::copy_from_slice(&bytes));
            assert_eq!(deframer.next().unwrap_err().class(), class);
        }
    }
}
