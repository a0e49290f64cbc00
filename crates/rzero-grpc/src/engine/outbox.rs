//! Messages that wait in a cell to be sent.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::message::PREFIX_BYTES;

/// Small messages are put together up to this length, which fits into one DATA frame.
const RUN_BYTES: usize = 16 << 10;
/// Messages up to this length are copied together; a longer one is framed from where it lies.
const SMALL_BYTES_MAX: usize = 4 << 10;
/// What a message counts beside its bytes: a sender of thousands of tiny messages has to let others
/// work, too.
const MESSAGE_BYTES: usize = 64;

/// Messages with their prefixes, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    cost: usize,
}

/// What goes into the core at a time.
#[derive(Debug)]
struct Piece {
    what: What,
    cost: usize,
}

#[derive(Debug)]
enum What {
    /// Whole messages with their prefixes.
    Run(Vec<u8>),
    /// One that is not copied.
    Long([u8; PREFIX_BYTES], Bytes),
}

impl Outbox {
    /// What the messages cost, in bytes: somewhat more than the memory that they take.
    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn push(&mut self, prefix: [u8; PREFIX_BYTES], message: Bytes) {
        let bytes = PREFIX_BYTES + message.len();
        let cost = bytes + MESSAGE_BYTES;
        self.cost += cost;
        let is_small = message.len() <= SMALL_BYTES_MAX;
        if is_small
            && let Some(piece) = self.pieces.back_mut()
            && let What::Run(run) = &mut piece.what
            && run.len() + bytes <= RUN_BYTES
        {
            run.extend_from_slice(&prefix);
            run.extend_from_slice(&message);
            piece.cost += cost;
            return;
        }
        let what = if is_small {
            What::Run([&prefix[..], &message].concat())
        } else {
            What::Long(prefix, message)
        };
        self.pieces.push_back(Piece { what, cost });
    }

    /// Hands the first piece to `take`, as what comes before its body and that.
    pub(super) fn pop<R>(&mut self, take: impl FnOnce(&[u8], Bytes) -> R) -> Option<R> {
        let Piece { what, cost } = self.pieces.pop_front()?;
        self.cost -= cost;
        Some(match what {
            What::Run(run) => take(&[], run.into()),
            What::Long(prefix, message) => take(&prefix, message),
        })
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
                let message = vec![u8::try_from(n).unwrap_or_default(); length];
                want.extend_from_slice(&prefix(length, false));
                want.extend_from_slice(&message);
                outbox.push(prefix(length, false), message.into());
                prop_assert!(outbox.cost() > length);
            }
            while outbox.pop(|head, body| {
                got.extend_from_slice(head);
                got.extend_from_slice(&body);
                head.is_empty() && body.len() > RUN_BYTES
            }).is_some_and(|is_long| { assert!(!is_long); true }) {}
            prop_assert_eq!(got, want);
            prop_assert_eq!((outbox.cost(), outbox.is_empty()), (0, true));
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
