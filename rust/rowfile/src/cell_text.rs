//! The text of a cell where it stands in memory.

use std::ops::Range;

use crate::lanes::{Chunk, chunk_at};

/// A cell's text, and the bytes behind it: they may be read so that the text is read in whole
/// chunks, but mean nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellText<'a> {
    /// Begins with the text.
    memory: &'a [u8],
    length: usize,
}

impl<'a> CellText<'a> {
    /// The text at `range` of `memory`.
    #[inline]
    pub(crate) fn new(memory: &'a [u8], range: Range<usize>) -> Self {
        let memory = &memory[range.start..];
        Self { memory, length: range.len().min(memory.len()) }
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.memory[..self.length]
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.length
    }

    /// The bytes from `offset` on; those behind the text's end mean nothing.
    #[inline]
    pub(crate) fn chunk_at(self, offset: usize) -> Chunk {
        chunk_at(self.memory, offset)
    }
}

impl<'a> From<&'a [u8]> for CellText<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self { memory: text, length: text.len() }
    }
}
