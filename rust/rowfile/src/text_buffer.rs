//! Text under construction, most of it in short pieces.

use std::ops::Range;

use crate::cell_text::CellText;
use crate::lanes::{Chunk, LANES};

/// Bytes that are appended to in whole chunks, the end of which the next ones overwrite: no call
/// and no branch on the length for a short piece.
#[derive(Debug, Default)]
pub(crate) struct TextBuffer {
    /// The text, and room behind it.
    bytes: Vec<u8>,
    length: usize,
}

impl TextBuffer {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// All of it as the text of a cell.
    pub(crate) fn as_cell(&self) -> CellText<'_> {
        self.cell_at(0..self.length)
    }

    /// A part of it as the text of a cell.
    pub(crate) fn cell_at(&self, range: Range<usize>) -> CellText<'_> {
        CellText::new(&self.bytes, range)
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes back what was appended since it had `length` bytes.
    #[inline]
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Appends the first `length` bytes of `chunk`.
    #[inline]
    pub(crate) fn push_chunk(&mut self, chunk: Chunk, length: usize) {
        let room = self.bytes.get_mut(self.length..);
        match room.and_then(<[u8]>::first_chunk_mut) {
            Some(room) => *room = chunk,
            None => self.grow(&chunk),
        }
        self.length += length.min(LANES);
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.length) {
            Some(room) => *room = byte,
            None => self.grow(&[byte]),
        }
        self.length += 1;
    }

    /// Appends a text of any length.
    pub(crate) fn extend(&mut self, text: &[u8]) {
        match self.bytes.get_mut(self.length..self.length + text.len()) {
            Some(room) => room.copy_from_slice(text),
            None => self.grow(text),
        }
        self.length += text.len();
    }

    /// Makes room for half as much again, and puts `text` where it belongs.
    #[cold]
    fn grow(&mut self, text: &[u8]) {
        let length = self.length + text.len();
        self.bytes.truncate(self.length);
        self.bytes.reserve_exact(text.len() + length / 2 + LANES);
        self.bytes.extend_from_slice(text);
        self.bytes.resize(self.bytes.capacity(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn pieces_of_every_length_are_appended_whole(
            pieces in proptest::collection::vec((0usize..4, 0usize..60), 0..20),
        ) {
            let text: Vec<u8> = (0..60).collect();
            let (mut buffer, mut expected) = (TextBuffer::default(), Vec::new());
            for (kind, length) in pieces {
                match kind {
                    0 => {
                        buffer.push(text[length]);
                        expected.push(text[length]);
                    }
                    1 => {
                        let length = length % (LANES + 1);
                        buffer.push_chunk(*text.first_chunk().unwrap(), length);
                        expected.extend_from_slice(&text[..length]);
                    }
                    2 => {
                        buffer.extend(&text[..length]);
                        expected.extend_from_slice(&text[..length]);
                    }
                    _ => {
                        buffer.truncate(length);
                        expected.truncate(length);
                    }
                }
                proptest::prop_assert_eq!(buffer.as_bytes(), &expected[..]);
                proptest::prop_assert_eq!(buffer.len(), expected.len());
            }
        }
    }
}
