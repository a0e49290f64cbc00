//! Blocks to fields.

use std::mem;

use super::dynamic_table::DynamicTable;
use super::error::DecodeError;
use super::literal::{Literal, Name, Text};
use super::{TABLE_BYTES_MAX, field_bytes, integer, static_table};

/// What a decoder keeps allocated between blocks, so that an idle connection stays small.
const KEPT_BYTES_MAX: usize = 1024;

/// A block carries at most two size updates (RFC 7541 section 4.2).
const SIZE_UPDATES_MAX: usize = 2;

/// The bounds of a [`Decoder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecoderConfig {
    /// The largest header list, in bytes as RFC 7541 section 4.1 counts them: names, values and 32
    /// for each field. Default 16 KiB.
    pub list_bytes_max: usize,
    /// The longest encoded block, in bytes over all its fragments. Default 16 KiB: an encoder that
    /// never makes a string longer by coding it stays below its list's size.
    pub block_bytes_max: usize,
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self {
            list_bytes_max: 16 * 1024,
            block_bytes_max: 16 * 1024,
        }
    }
}

/// One field of a block. The texts live until the callback returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, as sent: nothing here refuses upper case or an unknown pseudo field.
    pub name: &'a [u8],
    /// The value, as sent.
    pub value: &'a [u8],
    /// Whether the sender forbids to index the field, here and at every later hop (RFC 7541
    /// section 7.1.3).
    pub never_indexed: bool,
}

/// Whether more of a block follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockPart {
    /// A CONTINUATION frame will carry on.
    More,
    /// The block ends here.
    Last,
}

/// Expands header blocks and calls back for each field.
///
/// One decoder serves one direction of one connection, and sees every block in order.
///
/// Memory, counting that a growing buffer doubles: at most twice
/// [`block_bytes_max`](DecoderConfig::block_bytes_max) for an unfinished field, 3.2 times that for
/// its text, and 20 KiB for a table that the peer has filled; between blocks at most 2 KiB beside
/// the table. Nothing is allocated before the bytes for it have arrived.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: DecoderConfig,
    table: DynamicTable,
    /// What the peer may set the table to.
    table_bytes_max: usize,
    /// The smallest limit since the last block, when it was below the table's size: the next block
    /// has to begin with an update to no more than this.
    update_due: Option<usize>,
    block: Block,
    /// The head of a field whose rest has not arrived.
    unfinished: Vec<u8>,
    /// Texts of the current field that do not stand in the block as they are.
    scratch: Vec<u8>,
    failed: Option<DecodeError>,
}

/// The block that is being decoded.
#[derive(Debug, Clone, Default)]
struct Block {
    encoded_bytes: usize,
    list_bytes: usize,
    fields: usize,
    size_updates: usize,
}

impl Decoder {
    /// A decoder with the protocol's initial table size.
    #[must_use]
    pub const fn new(config: DecoderConfig) -> Self {
        Self {
            config,
            table: DynamicTable::new(),
            table_bytes_max: TABLE_BYTES_MAX,
            update_due: None,
            block: Block {
                encoded_bytes: 0,
                list_bytes: 0,
                fields: 0,
                size_updates: 0,
            },
            unfinished: Vec::new(),
            scratch: Vec::new(),
            failed: None,
        }
    }

    /// Sets what the peer may make of the table, in bytes; at most [`TABLE_BYTES_MAX`].
    ///
    /// To be called between blocks, when the peer acknowledges a SETTINGS_HEADER_TABLE_SIZE. A
    /// limit below the table's size obliges the next block to begin with a size update.
    pub fn set_table_bytes_max(&mut self, bytes_max: usize) {
        self.table_bytes_max = bytes_max.min(TABLE_BYTES_MAX);
        if self.table_bytes_max < self.table.bytes_max() {
            let due = self.update_due.unwrap_or(self.table_bytes_max);
            self.update_due = Some(due.min(self.table_bytes_max));
        }
    }

    /// The size of the table's entries, in bytes as RFC 7541 section 4.1 counts them.
    #[must_use]
    pub const fn table_bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Decodes a block, or the next fragment of one, and hands out the fields that it completes.
    ///
    /// Fields come in order, up to [`list_bytes_max`](DecoderConfig::list_bytes_max). Whatever the
    /// cuts between fragments, fields and errors are the same.
    ///
    /// # Errors
    ///
    /// Any [`DecodeError`]. All but [`DecodeError::ListTooLarge`] are final: later calls give the
    /// same error.
    pub fn decode(
        &mut self,
        fragment: &[u8],
        part: BlockPart,
        mut on_field: impl FnMut(Field<'_>),
    ) -> Result<(), DecodeError> {
        self.decode_trusting(fragment, part, |field, _| {
            on_field(field);
            false
        })
    }

    /// Like [`decode`](Self::decode). The callback hears whether the texts of a field are known to
    /// be well-formed, as those of the static table are, and says whether they are: an entry of the
    /// dynamic table need not be looked at each time.
    pub(crate) fn decode_trusting(
        &mut self,
        fragment: &[u8],
        part: BlockPart,
        mut on_field: impl FnMut(Field<'_>, bool) -> bool,
    ) -> Result<(), DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.fragment(fragment, part, &mut on_field);
        if let Err(error) = result
            && error.is_fatal()
        {
            self.failed = Some(error);
            self.release();
        }
        result
    }

    fn fragment(
        &mut self,
        fragment: &[u8],
        part: BlockPart,
        on_field: &mut impl FnMut(Field<'_>, bool) -> bool,
    ) -> Result<(), DecodeError> {
        let room = self.config.block_bytes_max - self.block.encoded_bytes;
        let accepted = &fragment[..fragment.len().min(room)];
        self.block.encoded_bytes += accepted.len();

        if self.unfinished.is_empty() {
            let used = self.fields(accepted, on_field)?;
            self.unfinished.extend_from_slice(&accepted[used..]);
        } else {
            let mut buf = mem::take(&mut self.unfinished);
            buf.extend_from_slice(accepted);
            let used = self.fields(&buf, on_field)?;
            buf.drain(..used);
            self.unfinished = buf;
        }
        if accepted.len() < fragment.len() {
            let bytes_max = self.config.block_bytes_max;
            return Err(DecodeError::BlockTooLarge { bytes_max });
        }
        match part {
            BlockPart::More => Ok(()),
            BlockPart::Last => self.end_block(),
        }
    }

    fn end_block(&mut self) -> Result<(), DecodeError> {
        if !self.unfinished.is_empty() {
            return Err(DecodeError::Truncated);
        }
        self.release();
        let block = mem::take(&mut self.block);
        let bytes_max = self.config.list_bytes_max;
        if block.list_bytes > bytes_max {
            return Err(DecodeError::ListTooLarge { bytes_max });
        }
        Ok(())
    }

    /// Gives back what a large block took.
    fn release(&mut self) {
        for buf in [&mut self.unfinished, &mut self.scratch] {
            buf.clear();
            buf.shrink_to(KEPT_BYTES_MAX);
        }
    }

    /// Decodes the representations that `buf` has whole; returns the bytes they took.
    fn fields(
        &mut self,
        buf: &[u8],
        on_field: &mut impl FnMut(Field<'_>, bool) -> bool,
    ) -> Result<usize, DecodeError> {
        let mut used = 0;
        while let Some(first) = buf.get(used) {
            let rest = &buf[used..];
            // RFC 7541 section 6: the leading bits tell the representations apart.
            let taken = match first {
                0x80.. => self.indexed(rest, on_field)?,
                0x40.. => self.literal(rest, Stored::Add, on_field)?,
                0x20.. => self.size_update(rest)?,
                0x10.. => self.literal(rest, Stored::Never, on_field)?,
                _ => self.literal(rest, Stored::No, on_field)?,
            };
            let Some(taken) = taken else { break };
            used += taken;
        }
        Ok(used)
    }

    /// RFC 7541 section 6.1.
    fn indexed(
        &mut self,
        buf: &[u8],
        on_field: &mut impl FnMut(Field<'_>, bool) -> bool,
    ) -> Result<Option<usize>, DecodeError> {
        let Some((index, used)) = integer::decode(buf, 7)? else {
            return Ok(None);
        };
        self.begin_field()?;
        let (name, value, is_trusted) = lookup(&self.table, index)?;
        let field = Field {
            name,
            value,
            never_indexed: false,
        };
        if self.block.admits(&field, self.config.list_bytes_max) {
            on_field(field, is_trusted);
        }
        Ok(Some(used))
    }

    /// RFC 7541 section 6.2.
    fn literal(
        &mut self,
        buf: &[u8],
        stored: Stored,
        on_field: &mut impl FnMut(Field<'_>, bool) -> bool,
    ) -> Result<Option<usize>, DecodeError> {
        let prefix_bits = if stored == Stored::Add { 6 } else { 4 };
        let parsed = Literal::parse(buf, prefix_bits, self.config.block_bytes_max)?;
        let Some((literal, used)) = parsed else {
            return Ok(None);
        };
        self.begin_field()?;
        self.scratch.clear();
        let name = self.name(literal.name)?;
        let name_end = self.scratch.len();
        let value = literal.value.plain(&mut self.scratch)?;
        let field = Field {
            name: name.unwrap_or(&self.scratch[..name_end]),
            value: value.unwrap_or(&self.scratch[name_end..]),
            never_indexed: stored == Stored::Never,
        };
        let is_trusted =
            self.block.admits(&field, self.config.list_bytes_max) && on_field(field, false);
        if stored == Stored::Add {
            self.table.insert(field.name, field.value, is_trusted);
        }
        Ok(Some(used))
    }

    /// The name, or `None` when it lies in `scratch`. A name of the dynamic table goes there too:
    /// the insert may evict the entry that the name is from (RFC 7541 section 4.4).
    fn name<'a>(&mut self, name: Name<'a>) -> Result<Option<&'a [u8]>, DecodeError> {
        match name {
            Name::Text(text) => Text::plain(text, &mut self.scratch),
            Name::Index(index) => {
                if let Some((name, _)) = static_table::get(index) {
                    return Ok(Some(name));
                }
                let (name, _, _) = lookup(&self.table, index)?;
                self.scratch.extend_from_slice(name);
                Ok(None)
            }
        }
    }

    /// RFC 7541 section 6.3.
    fn size_update(&mut self, buf: &[u8]) -> Result<Option<usize>, DecodeError> {
        let Some((bytes, used)) = integer::decode(buf, 5)? else {
            return Ok(None);
        };
        if self.block.fields > 0 || self.block.size_updates == SIZE_UPDATES_MAX {
            return Err(DecodeError::SizeUpdateMisplaced);
        }
        if bytes > self.table_bytes_max {
            let bytes_max = self.table_bytes_max;
            return Err(DecodeError::SizeUpdateTooLarge { bytes, bytes_max });
        }
        self.block.size_updates += 1;
        self.table.set_bytes_max(bytes);
        if self.update_due.is_some_and(|due| bytes <= due) {
            self.update_due = None;
        }
        Ok(Some(used))
    }

    fn begin_field(&mut self) -> Result<(), DecodeError> {
        if self.update_due.is_some() {
            return Err(DecodeError::SizeUpdateMissing);
        }
        self.block.fields += 1;
        Ok(())
    }
}

impl Block {
    /// Counts the field; whether the list is within its limit.
    fn admits(&mut self, field: &Field<'_>, list_bytes_max: usize) -> bool {
        let bytes = field_bytes(field.name, field.value);
        self.list_bytes = self.list_bytes.saturating_add(bytes);
        self.list_bytes <= list_bytes_max
    }
}

/// What a literal asks of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Add,
    No,
    Never,
}

/// The field at `index` of both tables (RFC 7541 section 2.3.3), and whether it is trusted.
fn lookup(table: &DynamicTable, index: usize) -> Result<(&[u8], &[u8], bool), DecodeError> {
    let found = match index.checked_sub(static_table::LEN + 1) {
        None => static_table::get(index).map(|(name, value)| (name, value, true)),
        Some(age) => table.get_trusted(age),
    };
    found.ok_or(DecodeError::UnknownIndex { index })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<usize, DecodeError> {
        let mut fields = 0;
        decoder.decode(block, BlockPart::Last, |_| fields += 1)?;
        Ok(fields)
    }

    #[test]
    fn large_block_leaves_little_allocated() {
        let mut decoder = Decoder::new(DecoderConfig::default());
        let mut block = vec![0x00, 0x01, b'a', 0x7f, 0xa1, 0x3e]; // a value of 8096 bytes
        block.resize(block.len() + 8096, b'x');
        for byte in &block[..block.len() - 1] {
            decoder
                .decode(&[*byte], BlockPart::More, |_| panic!("unfinished"))
                .unwrap();
        }
        assert_eq!(decode(&mut decoder, b"x"), Ok(1));
        assert!(decoder.unfinished.capacity() <= KEPT_BYTES_MAX);
        assert!(decoder.scratch.capacity() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn claimed_lengths_allocate_nothing() {
        let mut decoder = Decoder::new(DecoderConfig::default());
        let claim = [0x00, 0x7f, 0x81, 0x7f]; // a name of 16,384 bytes
        decoder
            .decode(&claim, BlockPart::More, |_| panic!("unfinished"))
            .unwrap();
        assert!(decoder.unfinished.capacity() <= 64);
    }
}
