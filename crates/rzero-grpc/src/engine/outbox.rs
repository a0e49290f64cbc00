//! Messages that wait in a cell to be sent.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::message::PREFIX_BYTES;

/// Small messages are put together up to this length, which fits into one DATA frame.
const RUN_BYTES: usize = 16 << 10;
/// Messages up to this length are copied together; a longer one is framed from where it lies.
const SMALL_BYTES_MAX: usize = 4 << 10;
/// What a piece costs beside its bytes, about.
const PIECE_BYTES: usize = 64;

/// Messages with their prefixes, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    bytes: usize,
}

/// What goes into the core at a time.
#[derive(Debug)]
enum Piece {
    /// Whole messages with their prefixes.
    Run(Vec<u8>),
    /// One that is not copied.
    Long([u8; PREFIX_BYTES], Bytes),
}

impl Outbox {
    /// The memory that it takes, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn push(&mut self, prefix: [u8; PREFIX_BYTES], message: Bytes) {
        let bytes = PREFIX_BYTES + message.len();
        self.bytes += bytes;
        if message.len() > SMALL_BYTES_MAX {
            self.bytes += PIECE_BYTES;
            self.pieces.push_back(Piece::Long(prefix, message));
            return;
        }
        let run = match self.pieces.back_mut() {
            Some(Piece::Run(run)) if run.len() + bytes <= RUN_BYTES => run,
            last => {
                // Behind a run that is full another will be.
                let room = if last.is_some() { RUN_BYTES } else { bytes };
                self.bytes += PIECE_BYTES;
                self.pieces.push_back(Piece::Run(Vec::with_capacity(room)));
                let Some(Piece::Run(run)) = self.pieces.back_mut() else {
                    return;
                };
                run
            }
        };
        run.extend_from_slice(&prefix);
        run.extend_from_slice(&message);
    }

    /// Hands the first piece to `take`, as what comes before its body and that.
    pub(super) fn pop<R>(&mut self, take: impl FnOnce(&[u8], Bytes) -> R) -> Option<R> {
        match self.pieces.pop_front()? {
            Piece::Run(run) => {
                self.bytes -= run.len() + PIECE_BYTES;
                Some(take(&[], run.into()))
            }
            Piece::Long(prefix, message) => {
                self.bytes -= PREFIX_BYTES + message.len() + PIECE_BYTES;
                Some(take(&prefix, message))
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::prefix;

    proptest! {
        #[test]
        fn bytes_come_out_in_order_and_nothing_is_left(
            lengths in prop::collection::vec(prop_oneof![0_usize..300, 4000_usize..9000], 0..60),
        ) {
            let (mut outbox, mut want, mut got) = (Outbox::default(), Vec::new(), Vec::new());
            for (n, length) in lengths.into_iter().enumerate() {
                let message = vec![n as u8; length];
                want.extend_from_slice(&prefix(length, false));
                want.extend_from_slice(&message);
                outbox.push(prefix(length, false), message.into());
                prop_assert!(outbox.bytes() > length);
            }
            while outbox.pop(|head, body| {
                got.extend_from_slice(head);
                got.extend_from_slice(&body);
                head.is_empty() && body.len() > RUN_BYTES
            }).is_some_and(|is_long| { assert!(!is_long); true }) {}
            prop_assert_eq!(got, want);
            prop_assert_eq!((outbox.bytes(), outbox.is_empty()), (0, true));
        }
    }

    #[test]
    fn small_messages_share_a_piece() {
        let mut outbox = Outbox::default();
        for _ in 0..123 {
            outbox.push(prefix(128, false), Bytes::from_static(&[1; 128]));
        }
        assert_eq!(outbox.pieces.len(), 1);
        outbox.push(prefix(128, false), Bytes::from_static(&[1; 128]));
        assert_eq!(outbox.pieces.len(), 2);
    }
}
