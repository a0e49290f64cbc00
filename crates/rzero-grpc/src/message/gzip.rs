//! gzip (RFC 1952) around deflate, with the large states of both directions kept per thread.

use std::cell::RefCell;

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

/// Magic, deflate, no flags, no time, no hint, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const TRAILER_BYTES: usize = 8;

/// What is allocated for a message whose size is only claimed, in bytes.
const AHEAD_BYTES: usize = 64 << 10;

thread_local! {
    // About 300 KiB and 43 KiB, made when a thread first needs them: making them for each message
    // would cost more than a small message's compression.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Why bytes cannot be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    TooLarge,
    Malformed,
}

/// One gzip member of the fastest kind.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER.len() + TRAILER_BYTES + bytes.len() / 2 + 32);
    out.extend_from_slice(&HEADER);
    DEFLATE.with_borrow_mut(|state| deflate(state, bytes, &mut out));
    let mut crc = Crc::new();
    crc.update(bytes);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}

fn deflate(state: &mut Compress, bytes: &[u8], out: &mut Vec<u8>) {
    state.reset();
    let mut rest = bytes;
    loop {
        let before = state.total_in();
        let status = state.compress_vec(rest, out, FlushCompress::Finish);
        rest = &rest[offset(before, state.total_in())..];
        match status.expect("a deflate state that was just reset takes any bytes") {
            Status::StreamEnd => return,
            Status::Ok | Status::BufError => out.reserve(rest.len() + 64),
        }
    }
}

/// What one or more members in a row hold, at most `bytes_max` of it.
pub(super) fn decompress(mut input: &[u8], bytes_max: usize) -> Result<Vec<u8>, Failed> {
    let claimed = input
        .last_chunk()
        .map(|size| usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX));
    let claimed = claimed.unwrap_or(0).min(bytes_max);
    let mut out = Vec::with_capacity(claimed.min(AHEAD_BYTES));
    INFLATE.with_borrow_mut(|state| {
        while !input.is_empty() {
            let start = out.len();
            input = behind_header(input).ok_or(Failed::Malformed)?;
            state.reset(false);
            let member = Member {
                state,
                input,
                out: &mut out,
                claimed,
                bytes_max,
            };
            input = member.inflate()?;
            input = behind_trailer(input, &out[start..]).ok_or(Failed::Malformed)?;
        }
        Ok(())
    })?;
    if out.capacity() > 2 * out.len() {
        out.shrink_to_fit();
    }
    Ok(out)
}

struct Member<'a, 'i> {
    state: &'a mut Decompress,
    input: &'i [u8],
    out: &'a mut Vec<u8>,
    claimed: usize,
    bytes_max: usize,
}

impl<'i> Member<'_, 'i> {
    /// Gives the input behind the deflate stream.
    fn inflate(mut self) -> Result<&'i [u8], Failed> {
        loop {
            let before = (self.state.total_in(), self.state.total_out());
            let status = match self.out.len() == self.out.capacity() {
                true => self.one_more()?,
                false => self
                    .state
                    .decompress_vec(self.input, self.out, FlushDecompress::None)
                    .map_err(|_| Failed::Malformed)?,
            };
            self.input = &self.input[offset(before.0, self.state.total_in())..];
            if status == Status::StreamEnd {
                return Ok(self.input);
            }
            if before == (self.state.total_in(), self.state.total_out()) {
                // It stands still with input and room: the input is cut off.
                return Err(Failed::Malformed);
            }
        }
    }

    /// Looks whether anything follows before there is more room for it.
    fn one_more(&mut self) -> Result<Status, Failed> {
        let before = self.state.total_out();
        let mut byte = [0];
        let status = self
            .state
            .decompress(self.input, &mut byte, FlushDecompress::None)
            .map_err(|_| Failed::Malformed)?;
        if self.state.total_out() > before {
            let room = match self.out.len() {
                len if len < self.claimed => self.claimed - len,
                len => self.bytes_max - len,
            };
            if room == 0 {
                return Err(Failed::TooLarge);
            }
            self.out.reserve_exact(room);
            self.out.push(byte[0]);
        }
        Ok(status)
    }
}

/// The difference of two totals within one slice.
fn offset(before: u64, after: u64) -> usize {
    usize::try_from(after - before).expect("no more than the slice that was given")
}

/// The deflate stream behind a member's header.
fn behind_header(input: &[u8]) -> Option<&[u8]> {
    const CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (head, mut rest) = input.split_first_chunk::<10>()?;
    let flags = head[3];
    if head[..3] != HEADER[..3] || flags & 0xe0 != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (length, behind) = rest.split_first_chunk()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for _ in 0..(flags & (NAME | COMMENT)).count_ones() {
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest = &rest[end + 1..];
    }
    if flags & CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// The bytes behind a member's trailer, when it fits the member's content.
fn behind_trailer<'a>(input: &'a [u8], content: &[u8]) -> Option<&'a [u8]> {
    let (trailer, rest) = input.split_first_chunk::<TRAILER_BYTES>()?;
    let mut crc = Crc::new();
    crc.update(content);
    let [a, b, c, d] = crc.sum().to_le_bytes();
    let [e, f, g, h] = crc.amount().to_le_bytes();
    (*trailer == [a, b, c, d, e, f, g, h]).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::GzBuilder;
    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_survive(bytes: Vec<u8>, times in 1usize..300) {
            let bytes = bytes.repeat(times);
            let packed = compress(&bytes);
            let mut other = Vec::new();
            GzDecoder::new(&packed[..]).read_to_end(&mut other).unwrap();
            prop_assert_eq!(&other, &bytes);
            let got = decompress(&packed, bytes.len()).unwrap();
            prop_assert_eq!(got.capacity(), bytes.len());
            prop_assert_eq!(got, bytes);
        }

        #[test]
        fn broken_bytes_never_panic_nor_pass_the_limit(
            bytes: Vec<u8>, at: prop::sample::Index, with: u8, cut: prop::sample::Index, bytes_max in 0usize..400,
        ) {
            let mut packed = compress(&bytes);
            let at = at.index(packed.len());
            packed[at] ^= with;
            packed.truncate(cut.index(packed.len() + 1));
            if let Ok(got) = decompress(&packed, bytes_max) {
                prop_assert!(got.len() <= bytes_max);
            }
            let _ = decompress(&bytes, bytes_max);
        }
    }

    #[test]
    fn every_kind_of_header_is_skipped() {
        let builder = GzBuilder::new()
            .extra("ex")
            .filename("f")
            .comment("c")
            .mtime(7);
        let mut writer = builder.write(Vec::new(), Compression::best());
        writer.write_all(b"hello").unwrap();
        let mut packed = writer.finish().unwrap();
        packed.extend(compress(b" again"));
        assert_eq!(decompress(&packed, 11).unwrap(), b"hello again");
        assert_eq!(decompress(&packed, 10), Err(Failed::TooLarge));
    }

    #[test]
    fn bomb_is_cut_at_the_limit() {
        let packed = compress(&vec![0; 64 << 20]);
        assert!(packed.len() < 1 << 20);
        assert_eq!(decompress(&packed, 4 << 20), Err(Failed::TooLarge));
        let mut lying = packed;
        let size = lying.len() - 4;
        lying[size..].copy_from_slice(&[1, 0, 0, 0]);
        assert_eq!(decompress(&lying, 4 << 20), Err(Failed::TooLarge));
    }

    #[test]
    fn wrong_checksum_and_cut_tail_are_malformed() {
        let packed = compress(b"hello");
        let mut wrong = packed.clone();
        wrong[packed.len() - 8] ^= 1;
        assert_eq!(decompress(&wrong, 99), Err(Failed::Malformed));
        for cut in 1..packed.len() {
            assert_eq!(
                decompress(&packed[..cut], 99),
                Err(Failed::Malformed),
                "{cut}"
            );
        }
    }

    #[test]
    fn empty_message_survives() {
        assert_eq!(decompress(&compress(b""), 0).unwrap(), b"");
    }
}
