//! What waits on a stream to be sent.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// A message's prefix: one byte for compression and four for the length.
const HEAD_BYTES_MAX: usize = 5;

/// What waits on a stream to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Pending {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    pub(super) tail: Tail,
}

/// What comes behind the bytes.
#[derive(Debug, Default)]
pub(super) enum Tail {
    /// More bytes, perhaps.
    #[default]
    Open,
    /// The end of the stream.
    End,
    /// A header block that ends the stream.
    Trailers(Vec<u8>),
}

/// One run of bytes.
#[derive(Debug)]
struct Chunk {
    head: [u8; HEAD_BYTES_MAX],
    /// What is left of `head`: its last bytes.
    head_left: usize,
    body: Bytes,
}

impl Pending {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, head: &[u8], body: Bytes) {
        self.bytes += head.len() + body.len();
        let mut inline = [0; HEAD_BYTES_MAX];
        let inline_head = match HEAD_BYTES_MAX.checked_sub(head.len()) {
            Some(at) => {
                inline[at..].copy_from_slice(head);
                head.len()
            }
            None => {
                self.chunks.push_back(Chunk {
                    head: inline,
                    head_left: 0,
                    body: Bytes::copy_from_slice(head),
                });
                0
            }
        };
        if inline_head + body.len() > 0 {
            self.chunks.push_back(Chunk {
                head: inline,
                head_left: inline_head,
                body,
            });
        }
    }

    /// Moves the next `bytes` to the end of `out`; there have to be as many.
    pub(super) fn move_to(&mut self, out: &mut Vec<u8>, bytes: usize) {
        self.bytes -= bytes;
        let mut missing = bytes;
        while let Some(chunk) = self.chunks.front_mut() {
            let of_head = missing.min(chunk.head_left);
            let at = HEAD_BYTES_MAX - chunk.head_left;
            out.extend_from_slice(&chunk.head[at..at + of_head]);
            chunk.head_left -= of_head;
            missing -= of_head;

            let of_body = missing.min(chunk.body.len());
            out.extend_from_slice(&chunk.body[..of_body]);
            chunk.body.advance(of_body);
            missing -= of_body;
            if chunk.head_left > 0 || !chunk.body.is_empty() {
                break;
            }
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_out_in_order(
            chunks in prop::collection::vec((0_usize..9, 0_usize..20), 0..20),
            takes in prop::collection::vec(0_usize..30, 0..40),
        ) {
            let mut next = 0_u8;
            let mut run = |len: usize| -> Vec<u8> {
                (0..len).map(|_| { next = next.wrapping_add(1); next }).collect()
            };
            let (mut pending, mut want) = (Pending::default(), Vec::new());
            for (head, body) in chunks {
                let (head, body) = (run(head), run(body));
                want.extend_from_slice(&head);
                want.extend_from_slice(&body);
                pending.push(&head, Bytes::from(body));
            }
            prop_assert_eq!(pending.bytes(), want.len());
            let mut got = Vec::new();
            for take in takes {
                let take = take.min(pending.bytes());
                pending.move_to(&mut got, take);
            }
            let rest = pending.bytes();
            pending.move_to(&mut got, rest);
            prop_assert_eq!(got, want);
            prop_assert!(pending.chunks.is_empty());
        }
    }
}
