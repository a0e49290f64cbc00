//! The five-byte prefix of gRPC messages.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rzero_core::{Class, Error};

const PREFIX: usize = 5;

/// A message with its prefix.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX + message.len());
    out.put_u8(0);
    // The sender's limit is far below 4 GiB: a longer message cannot be built from one `Bytes`
    // that any peer would take, so the saturated length only makes the peer refuse it.
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}

/// Cuts messages out of the bytes of a stream, however those were split.
#[derive(Debug)]
pub(crate) struct Deframer {
    buffer: BytesMut,
    bytes_max: usize,
}

impl Deframer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            bytes_max,
        }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole message; `None` when more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if prefix[0] != 0 {
            let error = Error::unimplemented("compressed messages are not accepted: send identity");
            return Err(error);
        }
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.bytes_max {
            return Err(Error::new(
                Class::TooLarge,
                format!(
                    "message of {length} bytes is over the limit of {} bytes",
                    self.bytes_max
                ),
            ));
        }
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// Whether a message has begun but not ended.
    pub(crate) fn is_torn(&self) -> bool {
        !self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..6),
            step in 1usize..20,
        ) {
            let wire: Vec<u8> = messages.iter().flat_map(|m| frame(m)).collect();
            let mut deframer = Deframer::new(64);
            let mut got = Vec::new();
            for chunk in wire.chunks(step) {
                deframer.push(chunk);
                while let Some(message) = deframer.next().unwrap() {
                    got.push(message.to_vec());
                }
            }
            prop_assert_eq!(got, messages);
            prop_assert!(!deframer.is_torn());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let mut deframer = Deframer::new(64);
            deframer.push(&bytes);
            while let Ok(Some(_)) = deframer.next() {}
        }
    }

    #[test]
    fn long_messages_are_refused_before_they_arrive() {
        let mut deframer = Deframer::new(10);
        deframer.push(&[0, 0, 0, 0, 11]);
        assert_eq!(deframer.next().unwrap_err().class(), Class::TooLarge);
    }
}
