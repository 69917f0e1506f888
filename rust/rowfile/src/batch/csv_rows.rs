//! `csv_rows`: RFC 4180 with a comma, UTF-8, without a header, a whole number of records.
//!
//! LF alone ends a record too. A blank line is a row only with one column, else it is nothing.

use memchr::memchr;

use super::{RowContext, RowVisitor};
use crate::clipped::Clipped;
use crate::error::{Error, Result};

/// Shows every record to `visitor`; the rows there were.
pub(super) fn visit<V: RowVisitor>(
    bytes: &[u8],
    context: RowContext<'_>,
    visitor: &mut V,
) -> Result<u64> {
    let mut reader = CsvReader { bytes, position: 0, unquoted: Vec::new() };
    let columns = context.schema.columns.len();
    let mut rows = 0;
    while reader.position < bytes.len() {
        if columns > 1 && reader.skip_blank_line() {
            continue;
        }
        let row = context.rows_before + rows + 1;
        let mut count = 0;
        loop {
            let (field, is_quoted, ends_record) = reader.field(row, count)?;
            if count < columns {
                let is_null = field.is_empty()
                    && !is_quoted
                    && context.schema.options.csv_rows_empty_is_null;
                visitor.cell(count, (!is_null).then_some(field))?;
            }
            count += 1;
            if ends_record {
                break;
            }
        }
        if count != columns {
            return Err(Error::RowWidth { row, expected: columns, got: count });
        }
        visitor.end_row()?;
        rows += 1;
    }
    Ok(rows)
}

struct CsvReader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The text of a quoted field that had doubled quotes.
    unquoted: Vec<u8>,
}

impl CsvReader<'_> {
    /// The next field, whether it was quoted, and whether its record ends with it.
    fn field(&mut self, row: u64, column: usize) -> Result<(&[u8], bool, bool)> {
        if self.bytes.get(self.position) == Some(&b'"') {
            return self.quoted(row, column);
        }
        let start = self.position;
        let rest = &self.bytes[start..];
        let special = |b: &u8| matches!(b, b',' | b'\n' | b'\r' | b'"');
        let length = rest.iter().position(special).unwrap_or(rest.len());
        self.position += length;
        let ends_record = self.separator(row, column)?;
        Ok((&rest[..length], false, ends_record))
    }

    fn quoted(&mut self, row: u64, column: usize) -> Result<(&[u8], bool, bool)> {
        self.unquoted.clear();
        let open = self.position;
        let mut start = open + 1;
        loop {
            let Some(length) = memchr(b'"', &self.bytes[start..]) else {
                return Err(malformed(row, column, "closed by a quote", &self.bytes[open..]));
            };
            let close = start + length;
            if self.bytes.get(close + 1) != Some(&b'"') {
                self.position = close + 1;
                let ends_record = self.separator(row, column)?;
                if self.unquoted.is_empty() {
                    return Ok((&self.bytes[start..close], true, ends_record));
                }
                self.unquoted.extend_from_slice(&self.bytes[start..close]);
                return Ok((&self.unquoted, true, ends_record));
            }
            self.unquoted.extend_from_slice(&self.bytes[start..=close]);
            start = close + 2;
        }
    }

    /// Steps over what follows a field; whether the record ends here.
    fn separator(&mut self, row: u64, column: usize) -> Result<bool> {
        let rest = &self.bytes[self.position..];
        let (length, ends_record) = match rest {
            [] => (0, true),
            [b',', ..] => (1, false),
            [b'\n', ..] => (1, true),
            [b'\r', b'\n', ..] => (2, true),
            _ => {
                let expected = "followed by a comma or a line break (RFC 4180)";
                return Err(malformed(row, column, expected, rest));
            }
        };
        self.position += length;
        Ok(ends_record)
    }

    fn skip_blank_line(&mut self) -> bool {
        let length = match &self.bytes[self.position..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return false,
        };
        self.position += length;
        true
    }
}

#[cold]
fn malformed(row: u64, column: usize, expected: &'static str, rest: &[u8]) -> Error {
    Error::Cell { row, column, expected, got: Clipped::bytes(rest) }
}
