//! Byte offsets to lines and columns.

use crate::origin::{Origin, SourceName};

/// Knows where the lines of a text start.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    source: &'a SourceName,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str, source: &'a SourceName) -> Self {
        let after_breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(i, _)| i + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after_breaks).collect(),
            source,
        }
    }

    /// The place of a byte offset; an offset outside the text or inside a character is moved back.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        self.source
            .at(line, self.text[start..offset].chars().count() + 1)
    }
}
