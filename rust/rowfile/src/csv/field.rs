//! One field of RFC 4180: bare or quoted.

use crate::cell_text::CellText;
use crate::lanes::{Chunk, LANES, any_of, first_lanes};
use crate::schema::CsvOptions;
use crate::text_buffer::TextBuffer;

/// Appends fields to a block of text.
#[derive(Debug)]
pub(super) struct FieldWriter {
    pub(super) block: TextBuffer,
    /// The delimiter's bytes, then zeros.
    delimiter: Chunk,
    delimiter_bytes: usize,
    line_end: &'static [u8],
    null: Vec<u8>,
    /// Bare, the empty text would be null, or its line would be blank.
    quotes_empty: bool,
}

impl FieldWriter {
    pub(super) fn new(options: &CsvOptions, columns: usize) -> Self {
        let mut delimiter = [0; LANES];
        let delimiter_bytes = options.delimiter.encode_utf8(&mut delimiter).len();
        Self {
            block: TextBuffer::default(),
            delimiter,
            delimiter_bytes,
            line_end: options.line_end.as_bytes(),
            null: options.null.clone().into_bytes(),
            quotes_empty: options.null.is_empty() || columns == 1,
        }
    }

    /// Ends a field that another one follows.
    #[inline]
    pub(super) fn delimiter(&mut self) {
        self.block.push_chunk(self.delimiter, self.delimiter_bytes);
    }

    pub(super) fn end_line(&mut self) {
        self.block.extend(self.line_end);
    }

    pub(super) fn null(&mut self) {
        self.block.extend(&self.null);
    }

    /// Appends `text` so that a reader gets exactly it back, and tells it from null.
    #[inline]
    pub(super) fn text(&mut self, text: CellText<'_>) {
        let start = self.block.len();
        if !self.bare(text) || self.looks_null(text) {
            self.block.truncate(start);
            self.quoted(text);
        }
    }

    /// Appends `text` up to a byte that asks for quotes; whether there is none.
    #[inline]
    fn bare(&mut self, text: CellText<'_>) -> bool {
        // The delimiter's first byte will do: quoting more than needed is allowed.
        let special = [b'"', b'\r', b'\n', self.delimiter[0]];
        let mut offset = 0;
        loop {
            let chunk = text.chunk_at(offset);
            let length = (text.len() - offset).min(LANES);
            self.block.push_chunk(chunk, length);
            if any_of(chunk, special) & first_lanes(length) != 0 {
                return false;
            }
            offset += LANES;
            if offset >= text.len() {
                return true;
            }
        }
    }

    #[inline]
    fn looks_null(&self, text: CellText<'_>) -> bool {
        match text.len() {
            0 => self.quotes_empty,
            length => length == self.null.len() && text.bytes() == self.null,
        }
    }

    /// Appends `text` in quotes.
    pub(super) fn quoted(&mut self, text: CellText<'_>) {
        self.block.push(b'"');
        let mut offset = 0;
        while offset < text.len() {
            let chunk = text.chunk_at(offset);
            let length = (text.len() - offset).min(LANES);
            let quotes = any_of(chunk, [b'"']) & first_lanes(length);
            if quotes == 0 {
                self.block.push_chunk(chunk, length);
                offset += length;
            } else {
                let through_quote = quotes.trailing_zeros() as usize + 1;
                self.block.push_chunk(chunk, through_quote);
                self.block.push(b'"');
                offset += through_quote;
            }
        }
        self.block.push(b'"');
    }
}
