//! Whole messages out of bytes in any pieces.

use std::fmt;

use bytes::Bytes;
use rzero_core::Error;

use super::{Encoding, PREFIX_BYTES, Run, malformed, too_large};

/// What is allocated for a message that has only been announced, in bytes. From there the buffer
/// doubles as its bytes arrive.
const AHEAD_BYTES: usize = 16 << 10;
/// Small messages that came together are kept together up to this length: it is also what one of
/// them may keep in memory that is held for long.
const RUN_BYTES: usize = 16 << 10;

/// A whole message as it came, perhaps compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    /// The bytes behind the prefix.
    pub(crate) bytes: Bytes,
    /// The flag of the prefix.
    pub(crate) compressed: bool,
}

impl Raw {
    /// The message itself, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// See [`Encoding::open`].
    pub(crate) fn open(self, encoding: Encoding, bytes_max: usize) -> Result<Bytes, Error> {
        encoding.open(self, bytes_max)
    }

    /// What it took on the wire.
    pub(crate) fn wire_bytes(&self) -> usize {
        PREFIX_BYTES + self.bytes.len()
    }
}

/// Cuts the bytes of one direction of a stream into messages.
///
/// Holds the unfinished message and nothing else: at most twice what has arrived of it, or 16 KiB.
pub(crate) struct Assembler {
    bytes_max: usize,
    state: State,
}

enum State {
    Prefix {
        bytes: [u8; PREFIX_BYTES],
        have: usize,
    },
    Body {
        /// Never has more capacity than the message needs.
        buffer: Vec<u8>,
        length: usize,
        compressed: bool,
    },
    /// A rule was broken: what follows makes no sense and is dropped.
    Failed,
}

const BETWEEN: State = State::Prefix {
    bytes: [0; PREFIX_BYTES],
    have: 0,
};

impl Assembler {
    /// Takes messages of at most `bytes_max` bytes as sent.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            state: BETWEEN,
        }
    }

    /// The next whole message in `input`, which is moved forward past it. `None`: all of `input`
    /// was taken and more is needed. To be called again until it gives `None`.
    ///
    /// # Errors
    /// When a prefix announces more than the limit or has an unknown flag. Everything that follows
    /// is then dropped.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Raw>, Error> {
        if let State::Prefix { have: 0, .. } = self.state
            && let Some((prefix, rest)) = input.split_first_chunk()
        {
            let (length, compressed) = self.announced(*prefix)?;
            if let Some((body, rest)) = rest.split_at_checked(length) {
                *input = rest;
                let bytes = Bytes::copy_from_slice(body);
                return Ok(Some(Raw { bytes, compressed }));
            }
            *input = rest;
            self.state = body(length, compressed);
        }
        self.in_pieces(input)
    }

    /// The same for a stream, with all whole messages at the front of `input` at once: one
    /// allocation and one copy for all.
    ///
    /// # Errors
    /// See [`next`](Self::next).
    pub(crate) fn next_run(&mut self, input: &mut &[u8]) -> Result<Option<Run>, Error> {
        if let State::Prefix { have: 0, .. } = self.state {
            let (run, rest) = input.split_at(self.whole(input));
            if !run.is_empty() {
                *input = rest;
                return Ok(Some(Run::Many(Bytes::copy_from_slice(run))));
            }
        }
        Ok(self.next(input)?.map(Run::One))
    }

    /// Bytes of the good and whole messages at the front of `input`: one, or as many as fit into a
    /// run.
    fn whole(&self, input: &[u8]) -> usize {
        let mut end = 0;
        while let Some((prefix, rest)) = input[end..].split_first_chunk()
            && let Ok((length, _)) = self.check(*prefix)
            && length <= rest.len()
            && (end == 0 || end + PREFIX_BYTES + length <= RUN_BYTES)
        {
            end += PREFIX_BYTES + length;
        }
        end
    }

    fn in_pieces(&mut self, input: &mut &[u8]) -> Result<Option<Raw>, Error> {
        loop {
            match &mut self.state {
                State::Prefix { bytes, have } => {
                    let taken = take(input, PREFIX_BYTES - *have);
                    bytes[*have..*have + taken.len()].copy_from_slice(taken);
                    *have += taken.len();
                    if *have < PREFIX_BYTES {
                        return Ok(None);
                    }
                    let (length, compressed) = {
                        let bytes = *bytes;
                        self.announced(bytes)?
                    };
                    self.state = body(length, compressed);
                }
                State::Body {
                    buffer,
                    length,
                    compressed,
                } => {
                    let taken = take(input, *length - buffer.len());
                    make_room(buffer, taken.len(), *length);
                    buffer.extend_from_slice(taken);
                    if buffer.len() < *length {
                        return Ok(None);
                    }
                    let (bytes, compressed) = (std::mem::take(buffer).into(), *compressed);
                    self.state = BETWEEN;
                    return Ok(Some(Raw { bytes, compressed }));
                }
                State::Failed => {
                    *input = &[];
                    return Ok(None);
                }
            }
        }
    }

    /// Bytes that are known to be missing of the message, or prefix, that has begun.
    pub(crate) fn missing(&self) -> usize {
        match &self.state {
            State::Prefix { have: 0, .. } | State::Failed => 0,
            State::Prefix { have, .. } => PREFIX_BYTES - have,
            State::Body { buffer, length, .. } => length - buffer.len(),
        }
    }

    /// The length of the message that has begun, with its prefix; 0 when none is known of.
    pub(crate) fn length(&self) -> usize {
        match &self.state {
            State::Prefix { .. } | State::Failed => 0,
            State::Body { length, .. } => PREFIX_BYTES + length,
        }
    }

    /// Whether a message has begun but not ended. When the stream ends so, [`torn`] is the error.
    pub(crate) fn is_torn(&self) -> bool {
        !matches!(self.state, State::Prefix { have: 0, .. })
    }

    /// Bytes of memory that the unfinished message holds.
    #[cfg(test)]
    pub(crate) fn buffered(&self) -> usize {
        match &self.state {
            State::Prefix { have, .. } => *have,
            State::Body { buffer, .. } => buffer.capacity(),
            State::Failed => 0,
        }
    }

    fn announced(&mut self, prefix: [u8; PREFIX_BYTES]) -> Result<(usize, bool), Error> {
        self.check(prefix).map_err(|wrong| {
            self.state = State::Failed;
            match wrong {
                Wrong::Flag => malformed("a message begins with an unknown flag: is it gRPC?"),
                Wrong::Length(length) => {
                    too_large(format_args!("message of {length} bytes"), self.bytes_max)
                }
            }
        })
    }

    /// Length and flag of the message that a prefix announces.
    fn check(&self, [flag, length @ ..]: [u8; PREFIX_BYTES]) -> Result<(usize, bool), Wrong> {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if flag > 1 {
            Err(Wrong::Flag)
        } else if length > self.bytes_max {
            Err(Wrong::Length(length))
        } else {
            Ok((length, flag == 1))
        }
    }
}

/// What is wrong with a prefix.
enum Wrong {
    Flag,
    Length(usize),
}

impl fmt::Debug for Assembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembler")
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}

fn body(length: usize, compressed: bool) -> State {
    State::Body {
        buffer: Vec::new(),
        length,
        compressed,
    }
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}

/// Makes room for `more` bytes of a message of `length`: exactly what the message needs when that
/// is little, else twice what has arrived.
fn make_room(buffer: &mut Vec<u8>, more: usize, length: usize) {
    let needed = buffer.len() + more;
    if needed > buffer.capacity() {
        let ahead = needed.max(2 * buffer.capacity()).max(AHEAD_BYTES);
        buffer.reserve_exact(ahead.min(length) - buffer.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rzero_core::{Class, Code};

    use super::super::prefix;
    use super::*;

    fn wire(messages: &[(Vec<u8>, bool)]) -> Vec<u8> {
        let parts = messages
            .iter()
            .map(|(body, flag)| [&prefix(body.len(), *flag)[..], body].concat());
        parts.collect::<Vec<_>>().concat()
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            messages in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), any::<bool>()), 0..6),
            cuts in prop::collection::vec(0usize..20, 1..40),
        ) {
            let wire = wire(&messages);
            let mut assembler = Assembler::new(64);
            let mut got = Vec::new();
            let mut rest = &wire[..];
            for cut in cuts.iter().cycle().take(500) {
                let mut piece = take(&mut rest, *cut);
                while let Some(raw) = assembler.next(&mut piece).unwrap() {
                    got.push((raw.bytes.to_vec(), raw.compressed));
                }
                prop_assert!(piece.is_empty());
            }
            while let Some(raw) = assembler.next(&mut rest).unwrap() {
                got.push((raw.bytes.to_vec(), raw.compressed));
            }
            prop_assert_eq!(got, messages);
            prop_assert!(!assembler.is_torn());
            prop_assert_eq!((assembler.missing(), assembler.buffered()), (0, 0));
        }

        #[test]
        fn runs_hold_the_same_messages(
            messages in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), any::<bool>()), 0..6),
            cuts in prop::collection::vec(1usize..90, 1..40),
        ) {
            let wire = wire(&messages);
            let mut assembler = Assembler::new(64);
            let (mut got, mut bytes) = (Vec::new(), 0);
            let mut rest = &wire[..];
            for cut in cuts.iter().cycle().take(500) {
                let mut piece = take(&mut rest, *cut);
                while let Some(mut run) = assembler.next_run(&mut piece).unwrap() {
                    bytes += run.wire_bytes();
                    while let Some(raw) = run.pop() {
                        got.push((raw.bytes.to_vec(), raw.compressed));
                    }
                    prop_assert!(run.is_empty());
                }
                prop_assert!(piece.is_empty());
            }
            prop_assert_eq!(got, messages);
            prop_assert_eq!(bytes, wire.len());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, cut in 1usize..9) {
            let mut assembler = Assembler::new(64);
            for mut piece in bytes.chunks(cut) {
                while let Ok(Some(_)) = assembler.next(&mut piece) {}
            }
            let (mut assembler, mut rest) = (Assembler::new(64), &bytes[..]);
            while let Ok(Some(mut run)) = assembler.next_run(&mut rest) {
                while run.pop().is_some() {}
            }
        }

        #[test]
        fn memory_follows_what_arrived(length in 1usize..1 << 20, step in 1usize..9000) {
            let mut assembler = Assembler::new(1 << 20);
            assembler.next(&mut &prefix(length, false)[..]).unwrap();
            let mut arrived = 0;
            while arrived < length {
                prop_assert_eq!(assembler.missing(), length - arrived);
                let bound = (2 * arrived).max(AHEAD_BYTES).min(length);
                prop_assert!(assembler.buffered() <= bound, "{} of {arrived}", assembler.buffered());
                let piece = vec![1; step.min(length - arrived)];
                arrived += piece.len();
                let message = assembler.next(&mut &piece[..]).unwrap();
                prop_assert_eq!(message.map(|raw| raw.bytes.len()), (arrived == length).then_some(length));
            }
        }
    }

    #[test]
    fn long_messages_are_refused_before_they_arrive() {
        let mut assembler = Assembler::new(10);
        let mut input = &[0, 0, 0, 0, 11, 1, 2][..];
        let error = assembler.next(&mut input).unwrap_err();
        assert_eq!(error.class(), Class::TooLarge);
        assert_eq!(
            error.message(),
            "message of 11 bytes is over the limit of 10 bytes"
        );
        assert_eq!(assembler.next(&mut input).unwrap(), None);
        assert!(input.is_empty());
    }

    #[test]
    fn runs_are_short_and_come_before_what_is_wrong() {
        let small = [&prefix(1000, false)[..], &[7; 1000]].concat();
        let mut assembler = Assembler::new(100_000);
        let input = [small.repeat(40), vec![9]].concat();
        let mut rest = &input[..];
        let lengths: Vec<usize> = std::iter::from_fn(|| assembler.next_run(&mut rest).ok()?)
            .map(|run| run.wire_bytes())
            .collect();
        assert_eq!(lengths, [16 * 1005, 16 * 1005, 8 * 1005]);
        let input = [&small[..], &[9, 0, 0, 0, 0]].concat();
        let (mut assembler, mut rest) = (Assembler::new(100_000), &input[..]);
        assert!(assembler.next_run(&mut rest).unwrap().is_some());
        assert!(assembler.next_run(&mut rest).is_err());
    }

    #[test]
    fn unknown_flag_is_refused_also_in_pieces() {
        let mut assembler = Assembler::new(10);
        assert_eq!(assembler.next(&mut &[2, 0][..]).unwrap(), None);
        assert!(assembler.is_torn());
        assert_eq!(assembler.missing(), 3);
        let error = assembler.next(&mut &[0, 0, 0][..]).unwrap_err();
        assert_eq!(error.code(), Code::Internal);
    }

    #[test]
    fn claimed_length_alone_allocates_nothing() {
        let mut assembler = Assembler::new(usize::MAX);
        assembler.next(&mut &[0, 255, 255, 255, 255][..]).unwrap();
        assert_eq!(assembler.buffered(), 0);
        assert_eq!(assembler.missing(), 0xffff_ffff);
        assembler.next(&mut &[1][..]).unwrap();
        assert_eq!(assembler.buffered(), AHEAD_BYTES);
    }

    #[test]
    fn length_is_known_from_the_prefix_to_the_end() {
        let mut assembler = Assembler::new(100);
        assert_eq!(assembler.next(&mut &[0, 0, 0][..]).unwrap(), None);
        assert_eq!(assembler.length(), 0);
        assert_eq!(assembler.next(&mut &[0, 3, 7][..]).unwrap(), None);
        assert_eq!((assembler.length(), assembler.missing()), (8, 2));
        assert!(assembler.next(&mut &[7, 7][..]).unwrap().is_some());
        assert_eq!(assembler.length(), 0);
    }
}
