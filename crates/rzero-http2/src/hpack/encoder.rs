//! Fields to blocks.

use super::encoder_table::EncoderTable;
use super::literal::write_text;
use super::static_table::{self, Match};
use super::{TABLE_BYTES_MAX, field_bytes, integer};

/// The pattern of a literal that is added to the table (RFC 7541 section 6.2.1).
const ADD: u8 = 0x40;

/// What the Huffman code has to save in a field that is not added, in bytes. A timeout would be two
/// bytes shorter and cost both ends more time than the rest of its block; a field that is added is
/// sent once.
const SAVED_BYTES_MIN: usize = 4;

/// What an [`Encoder`] does with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// Remember it: for fields that come again on the same connection. RFC 7541 section 6.2.1.
    Add,
    /// Send it as it is: for values that hardly come twice, which would push others out of the
    /// table. RFC 7541 section 6.2.2.
    Plain,
    /// Send it as it is and forbid every hop to remember it: for secrets. RFC 7541 section 6.2.3.
    Never,
}

impl Indexing {
    /// What suits a field of this name in gRPC: names whose values are the same call after call are
    /// remembered, credentials never, anything else is sent as it is.
    ///
    /// ```
    /// use rzero_http2::hpack::Indexing;
    ///
    /// assert_eq!(Indexing::for_name(b"content-type"), Indexing::Add);
    /// assert_eq!(Indexing::for_name(b"authorization"), Indexing::Never);
    /// assert_eq!(Indexing::for_name(b"grpc-timeout"), Indexing::Plain);
    /// ```
    #[must_use]
    pub fn for_name(name: &[u8]) -> Self {
        match name {
            b":authority"
            | b":method"
            | b":path"
            | b":scheme"
            | b":status"
            | b"content-type"
            | b"grpc-accept-encoding"
            | b"grpc-encoding"
            | b"grpc-status"
            | b"te"
            | b"user-agent" => Self::Add,
            b"authorization" | b"cookie" | b"proxy-authorization" | b"set-cookie" => Self::Never,
            _ => Self::Plain,
        }
    }
}

/// Compresses header blocks.
///
/// One encoder serves one direction of one connection; its blocks have to be sent in the order in
/// which they were written. It holds its table and nothing else: at most 20 KiB, when the caller has
/// filled it.
#[derive(Debug, Clone)]
pub struct Encoder {
    table: EncoderTable,
    /// Limits set since the last block, which the next one has to tell the peer.
    update: Option<SizeUpdate>,
}

/// RFC 7541 section 4.2: the smallest size in between has to be told too, because the peer evicts
/// by it.
#[derive(Debug, Clone, Copy)]
struct SizeUpdate {
    smallest: usize,
    last: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder with the protocol's initial table size.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            table: EncoderTable::new(),
            update: None,
        }
    }

    /// Follows the peer's SETTINGS_HEADER_TABLE_SIZE, in bytes; at most [`TABLE_BYTES_MAX`] are
    /// used. The next block begins with the update that this calls for.
    pub fn set_table_bytes_max(&mut self, bytes_max: usize) {
        let last = bytes_max.min(TABLE_BYTES_MAX);
        let Some(update) = &mut self.update else {
            if last != self.table.bytes_max() {
                self.update = Some(SizeUpdate {
                    smallest: last,
                    last,
                });
            }
            return;
        };
        update.smallest = update.smallest.min(last);
        update.last = last;
    }

    /// The size of the table's entries, in bytes as RFC 7541 section 4.1 counts them.
    #[must_use]
    pub const fn table_bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Begins a block at the end of `out`. It is complete when the returned value is dropped.
    pub fn block<'a>(&'a mut self, out: &'a mut Vec<u8>) -> BlockEncoder<'a> {
        self.write_update(out);
        BlockEncoder {
            table: Some(&mut self.table),
            out,
        }
    }

    /// Begins a block at the end of `out` that is sent some time later: it neither uses the table
    /// nor changes it, so that it may stand anywhere among the other blocks. What
    /// [`write_update`](Self::write_update) appends has to stand before it.
    pub fn detached_block(out: &mut Vec<u8>) -> BlockEncoder<'_> {
        BlockEncoder { table: None, out }
    }

    /// Appends the update of the table's size that the peer waits for, if it does: what a block
    /// has to begin with. [`block`](Self::block) does so by itself.
    pub fn write_update(&mut self, out: &mut Vec<u8>) {
        if let Some(SizeUpdate { smallest, last }) = self.update.take() {
            if smallest < last {
                self.write_size_update(out, smallest);
            }
            self.write_size_update(out, last);
        }
    }

    fn write_size_update(&mut self, out: &mut Vec<u8>, bytes: usize) {
        self.table.set_bytes_max(bytes);
        integer::encode(out, 0x20, 5, bytes);
    }
}

/// Appends fields to one block.
#[derive(Debug)]
pub struct BlockEncoder<'a> {
    /// `None`: the table is neither used nor changed.
    table: Option<&'a mut EncoderTable>,
    out: &'a mut Vec<u8>,
}

impl BlockEncoder<'_> {
    /// Appends a field. The name has to be in lower case already (RFC 9113 section 8.2.1).
    pub fn field(&mut self, name: &[u8], value: &[u8], indexing: Indexing) -> &mut Self {
        match indexing {
            Indexing::Add => self.remembered(name, value),
            Indexing::Plain => match static_table::find(name, value) {
                Some(Match::Field(index)) => integer::encode(self.out, 0x80, 7, index),
                found => self.literal(0x00, 4, found, name, value),
            },
            Indexing::Never => {
                let found = static_table::find(name, value);
                self.literal(0x10, 4, found, name, value);
            }
        }
        self
    }

    /// Appends fields that come again and again: the same ones for each use of one `run` on one
    /// encoder. Their bytes are kept and copied as long as the table does not change, which costs a
    /// tenth of encoding them.
    ///
    /// Runs are numbered from 0; an encoder keeps about 32 bytes for each number up to the highest.
    ///
    /// ```
    /// use rzero_http2::hpack::{Encoder, Indexing};
    ///
    /// let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    /// for _ in 0..3 {
    ///     out.clear();
    ///     encoder.block(&mut out).run(0, |block| {
    ///         block.field(b"te", b"trailers", Indexing::Add);
    ///     });
    /// }
    /// assert_eq!(out, [0x80 | 62]);
    /// ```
    pub fn run(&mut self, run: u8, fields: impl FnOnce(&mut BlockEncoder<'_>)) -> &mut Self {
        let run = usize::from(run);
        let Some(table) = &mut self.table else {
            fields(self);
            return self;
        };
        if let Some(bytes) = table.run(run) {
            self.out.extend_from_slice(bytes);
            return self;
        }
        let (start, version) = (self.out.len(), table.version());
        fields(&mut BlockEncoder {
            table: Some(table),
            out: self.out,
        });
        // Where fields were added, the next use will find them.
        if table.version() == version {
            table.set_run(run, &self.out[start..]);
        }
        self
    }

    fn remembered(&mut self, name: &[u8], value: &[u8]) {
        let Some(table) = &mut self.table else {
            return match static_table::find(name, value) {
                Some(Match::Field(index)) => integer::encode(self.out, 0x80, 7, index),
                found => self.literal(0x00, 4, found, name, value),
            };
        };
        let found = match table.find(name, value) {
            Some(Match::Field(index)) => return integer::encode(self.out, 0x80, 7, index),
            found => found,
        };
        if field_bytes(name, value) > table.bytes_max() {
            // Inserting it would only empty the table.
            return self.literal(0x00, 4, found, name, value);
        }
        table.insert(name, value);
        self.literal(ADD, 6, found, name, value);
    }

    fn literal(
        &mut self,
        pattern: u8,
        prefix_bits: u8,
        found: Option<Match>,
        name: &[u8],
        value: &[u8],
    ) {
        let saved_bytes_min = if pattern == ADD { 1 } else { SAVED_BYTES_MIN };
        match found {
            Some(Match::Field(index) | Match::Name(index)) => {
                integer::encode(self.out, pattern, prefix_bits, index);
            }
            None => {
                integer::encode(self.out, pattern, prefix_bits, 0);
                write_text(self.out, name, saved_bytes_min);
            }
        }
        write_text(self.out, value, saved_bytes_min);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(encoder: &mut Encoder, fields: &[(&[u8], &[u8], Indexing)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut block = encoder.block(&mut out);
        for (name, value, indexing) in fields {
            block.field(name, value, *indexing);
        }
        out
    }

    #[test]
    fn smallest_and_last_table_size_are_told() {
        let mut encoder = Encoder::new();
        for bytes in [100, 0, 4096] {
            encoder.set_table_bytes_max(bytes);
        }
        assert_eq!(block(&mut encoder, &[]), [0x20, 0x3f, 0xe1, 0x1f]);
        assert_eq!(block(&mut encoder, &[]), []);
    }

    #[test]
    fn unchanged_table_size_is_not_told() {
        let mut encoder = Encoder::new();
        encoder.set_table_bytes_max(TABLE_BYTES_MAX);
        encoder.set_table_bytes_max(1 << 20);
        assert_eq!(block(&mut encoder, &[]), []);
    }

    #[test]
    fn second_sight_of_a_stable_field_is_one_byte() {
        let mut encoder = Encoder::new();
        let field = [(&b"te"[..], &b"trailers"[..], Indexing::Add)];
        assert!(block(&mut encoder, &field).len() > 8);
        assert_eq!(block(&mut encoder, &field), [0x80 | 62]);
    }

    #[test]
    fn secret_is_never_indexed_even_where_the_static_table_has_it() {
        let mut encoder = Encoder::new();
        let got = block(&mut encoder, &[(b"authorization", b"", Indexing::Never)]);
        assert_eq!(got, [0x1f, 23 - 15, 0]);
        assert_eq!(encoder.table_bytes(), 0);
    }

    #[test]
    fn runs_follow_the_table() {
        let (mut encoder, mut plain) = (Encoder::new(), Encoder::new());
        for step in 0..200_u8 {
            let (mut out, mut want) = (Vec::new(), Vec::new());
            if step % 50 == 9 {
                encoder.set_table_bytes_max(usize::from(step));
                plain.set_table_bytes_max(usize::from(step));
            }
            let own = [b'v', step / 5]; // pushes others out of the table
            let mut block = encoder.block(&mut out);
            for run in [0, 3] {
                block.run(run, |block| {
                    block.field(b"te", b"trailers", Indexing::Add);
                    block.field(b"run", &[run], Indexing::Add);
                });
            }
            block.field(b"own", &own, Indexing::Add);
            let mut block = plain.block(&mut want);
            for run in [0, 3] {
                block.field(b"te", b"trailers", Indexing::Add);
                block.field(b"run", &[run], Indexing::Add);
            }
            block.field(b"own", &own, Indexing::Add);
            assert_eq!(out, want, "step {step}");
        }
    }

    #[test]
    fn field_larger_than_the_table_spares_the_table() {
        let mut encoder = Encoder::new();
        block(&mut encoder, &[(b"a", b"b", Indexing::Add)]);
        block(&mut encoder, &[(b"c", &[0; 5000], Indexing::Add)]);
        assert_eq!(encoder.table_bytes(), 34);
    }
}
