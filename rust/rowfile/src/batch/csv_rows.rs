//! `csv_rows`: RFC 4180 with a comma, UTF-8, without a header, a whole number of records.
//!
//! LF alone ends a record too. A blank line is a row only with one column, else it is nothing.
//! A byte order mark is text of the first cell: what rows are must not depend on where their
//! batches begin.

use super::{RowContext, RowVisitor};
use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::lanes::{LANES, any_of, chunk_at, position};
use crate::text_buffer::TextBuffer;

pub(crate) const EXPECTED_CLOSED: &str = "closed by a quote";
pub(crate) const EXPECTED_SEPARATOR: &str = "followed by a comma or a line break (RFC 4180)";

/// Shows every record to `visitor`; the rows there were.
pub(super) fn visit<V: RowVisitor>(
    bytes: &[u8],
    context: RowContext<'_>,
    visitor: &mut V,
) -> Result<u64> {
    let columns = context.schema.columns.len();
    let empty_is_null = context.schema.options.csv_rows_empty_is_null;
    let mut reader = CsvReader {
        bytes,
        position: 0,
        row: context.rows_before + 1,
        unquoted: TextBuffer::default(),
    };
    while reader.position < bytes.len() {
        if columns > 1 && reader.skip_blank_line() {
            continue;
        }
        let mut count = 0;
        loop {
            let field = reader.field(count)?;
            if count < columns {
                let is_null = empty_is_null && field.text.len() == 0 && !field.is_quoted;
                visitor.cell(count, (!is_null).then_some(field.text))?;
            }
            count += 1;
            if field.ends_record {
                break;
            }
        }
        if count != columns {
            return Err(Error::RowWidth { row: reader.row, expected: columns, got: count });
        }
        visitor.end_row()?;
        reader.row += 1;
    }
    Ok(reader.row - context.rows_before - 1)
}

struct CsvReader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The row under way, from 1.
    row: u64,
    /// The text of a quoted field that had doubled quotes.
    unquoted: TextBuffer,
}

struct Field<'a> {
    text: CellText<'a>,
    is_quoted: bool,
    ends_record: bool,
}

impl CsvReader<'_> {
    #[inline]
    fn field(&mut self, column: usize) -> Result<Field<'_>> {
        let start = self.position;
        if self.bytes.get(start) == Some(&b'"') {
            return self.quoted(column);
        }
        let end = position(self.bytes, start, |chunk| any_of(chunk, *b",\n\r\""));
        let end = end.unwrap_or(self.bytes.len());
        let ends_record = self.separator(column, end)?;
        Ok(Field { text: CellText::new(self.bytes, start..end), is_quoted: false, ends_record })
    }

    #[inline]
    fn quoted(&mut self, column: usize) -> Result<Field<'_>> {
        let start = self.position + 1;
        let quote = position(self.bytes, start, |chunk| any_of(chunk, [b'"']));
        let Some(close) = quote else {
            return Err(self.malformed(column, EXPECTED_CLOSED, self.position));
        };
        if self.bytes.get(close + 1) == Some(&b'"') {
            return self.unquote(column);
        }
        let ends_record = self.separator(column, close + 1)?;
        Ok(Field { text: CellText::new(self.bytes, start..close), is_quoted: true, ends_record })
    }

    /// A quoted field that has doubled quotes.
    fn unquote(&mut self, column: usize) -> Result<Field<'_>> {
        self.unquoted.clear();
        let mut offset = self.position + 1;
        while offset < self.bytes.len() {
            let chunk = chunk_at(self.bytes, offset);
            let quotes = any_of(chunk, [b'"']);
            if quotes == 0 {
                self.unquoted.push_chunk(chunk, LANES);
                offset += LANES;
                continue;
            }
            let length = quotes.trailing_zeros() as usize;
            let quote = offset + length;
            if self.bytes.get(quote + 1) != Some(&b'"') {
                self.unquoted.push_chunk(chunk, length);
                let ends_record = self.separator(column, quote + 1)?;
                return Ok(Field { text: self.unquoted.as_cell(), is_quoted: true, ends_record });
            }
            self.unquoted.push_chunk(chunk, length + 1);
            offset = quote + 2;
        }
        Err(self.malformed(column, EXPECTED_CLOSED, self.position))
    }

    /// Steps over what follows the field that ends at `end`; whether the record ends here.
    #[inline]
    fn separator(&mut self, column: usize, end: usize) -> Result<bool> {
        let (length, ends_record) = match self.bytes[end..] {
            [b',', ..] => (1, false),
            [b'\n', ..] => (1, true),
            [b'\r', b'\n', ..] => (2, true),
            [] => (0, true),
            _ => return Err(self.malformed(column, EXPECTED_SEPARATOR, end)),
        };
        self.position = end + length;
        Ok(ends_record)
    }

    #[inline]
    fn skip_blank_line(&mut self) -> bool {
        let length = match self.bytes[self.position..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return false,
        };
        self.position += length;
        true
    }

    #[cold]
    fn malformed(&self, column: usize, expected: &'static str, from: usize) -> Error {
        let got = Clipped::bytes(&self.bytes[from..]);
        Error::Cell { row: self.row, column, expected, got }
    }
}
