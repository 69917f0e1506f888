//! `json_rows`: one JSON array (RFC 8259) of rows, each an array of cells in column order or an
//! object of cells by column key.
//!
//! Numbers keep their text. In an object a missing key is null and an unknown one is refused:
//! a value must not disappear silently.

use super::json_object::ObjectRow;
use super::{RowContext, RowVisitor, json_number, json_text};
use crate::clipped::Clipped;
use crate::error::{Error, Result};

const EXPECTED_ROWS: &str = "a JSON array of rows";
const EXPECTED_CELL: &str = "a JSON string, number, true, false or null";
const EXPECTED_STRING: &str = "a well-formed JSON string";
const EXPECTED_KEY: &str = "the key of a column, once";

/// Shows every row to `visitor`; the rows there were.
pub(super) fn visit<V: RowVisitor>(
    bytes: &[u8],
    context: RowContext<'_>,
    visitor: &mut V,
) -> Result<u64> {
    let mut reader = JsonReader { bytes, position: 0, scratch: Vec::new(), context, rows: 0 };
    let mut object = None;
    reader.expect(b'[', EXPECTED_ROWS)?;
    let mut is_open = !reader.take(b']');
    while is_open {
        match reader.peek() {
            Some(b'[') => reader.array_row(visitor)?,
            Some(b'{') => {
                let object = object.get_or_insert_with(|| ObjectRow::new(context));
                reader.object_row(object, visitor)?;
            }
            _ => return Err(reader.refuse("a JSON array or object")),
        }
        reader.rows += 1;
        is_open = reader.goes_on(b']', EXPECTED_ROWS)?;
    }
    match reader.peek() {
        None => Ok(reader.rows),
        Some(_) => Err(reader.refuse("nothing after the array of rows")),
    }
}

/// One cell, without its text copied.
enum JsonCell {
    Null,
    /// Bytes of the input.
    Input {
        start: usize,
        end: usize,
    },
    /// All of the scratch buffer.
    Scratch,
}

struct JsonReader<'a> {
    bytes: &'a [u8],
    position: usize,
    scratch: Vec<u8>,
    context: RowContext<'a>,
    rows: u64,
}

impl JsonReader<'_> {
    fn array_row<V: RowVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        let columns = self.context.schema.columns.len();
        self.position += 1;
        let mut count = 0;
        let mut is_open = !self.take(b']');
        while is_open {
            let cell = self.cell(count)?;
            if count < columns {
                let text = match cell {
                    JsonCell::Null => None,
                    JsonCell::Input { start, end } => Some(&self.bytes[start..end]),
                    JsonCell::Scratch => Some(self.scratch.as_slice()),
                };
                visitor.cell(count, text)?;
            }
            count += 1;
            is_open = self.goes_on(b']', "a comma or ] after a cell")?;
        }
        if count != columns {
            return Err(Error::RowWidth { row: self.row(), expected: columns, got: count });
        }
        visitor.end_row()
    }

    fn object_row<V: RowVisitor>(
        &mut self,
        object: &mut ObjectRow,
        visitor: &mut V,
    ) -> Result<()> {
        object.clear();
        self.position += 1;
        let mut is_open = !self.take(b'}');
        while is_open {
            let column = self.key(object)?;
            self.expect(b':', "a colon after a key")?;
            match self.cell(column)? {
                JsonCell::Null => object.set(column, None),
                JsonCell::Input { start, end } => {
                    object.set(column, Some(&self.bytes[start..end]));
                }
                JsonCell::Scratch => object.set(column, Some(&self.scratch)),
            }
            is_open = self.goes_on(b'}', "a comma or } after a value")?;
        }
        object.show(visitor)
    }

    fn key(&mut self, object: &ObjectRow) -> Result<usize> {
        let start = self.skip_blanks();
        let found = match self.bytes.get(start) {
            Some(b'"') => json_text::read(&self.bytes[start..], &mut self.scratch),
            _ => None,
        };
        let Some((key, length)) = found else { return Err(self.refuse("a JSON string as key")) };
        let column = self.context.schema.column_of_key(key).filter(|&column| object.lacks(column));
        let Some(column) = column else { return Err(self.refuse(EXPECTED_KEY)) };
        self.position = start + length;
        Ok(column)
    }

    fn cell(&mut self, column: usize) -> Result<JsonCell> {
        let start = self.skip_blanks();
        let row = self.row();
        let rest = &self.bytes[start..];
        let refuse = |expected| {
            let got = Clipped::bytes(rest);
            Err(Error::Cell { row, column, expected, got })
        };
        let (cell, length) = match rest.first() {
            Some(b'"') => match json_text::read(rest, &mut self.scratch) {
                Some((text, length)) if text.len() + 2 == length => {
                    (JsonCell::Input { start: start + 1, end: start + length - 1 }, length)
                }
                Some((_, length)) => (JsonCell::Scratch, length),
                None => return refuse(EXPECTED_STRING),
            },
            Some(b'-' | b'0'..=b'9') => match json_number::scan(rest) {
                Some((length, exponent)) => (self.number(start, length, exponent), length),
                None => return refuse(EXPECTED_CELL),
            },
            _ => match ["true", "false", "null"]
                .iter()
                .find(|word| rest.starts_with(word.as_bytes()))
            {
                Some(&"null") => (JsonCell::Null, 4),
                Some(word) => (JsonCell::Input { start, end: start + word.len() }, word.len()),
                None => return refuse(EXPECTED_CELL),
            },
        };
        self.position = start + length;
        Ok(cell)
    }

    fn number(&mut self, start: usize, length: usize, exponent: Option<usize>) -> JsonCell {
        let literal = JsonCell::Input { start, end: start + length };
        let Some(exponent) = exponent else { return literal };
        let text = &self.bytes[start..start + length];
        json_number::write_plain(&text[..exponent], &text[exponent + 1..], &mut self.scratch);
        if self.scratch.is_empty() { literal } else { JsonCell::Scratch }
    }

    /// After an item: steps over a comma and goes on, or over `close` and does not.
    fn goes_on(&mut self, close: u8, expected: &'static str) -> Result<bool> {
        if self.take(b',') {
            return Ok(true);
        }
        self.expect(close, expected)?;
        Ok(false)
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.take(byte) { Ok(()) } else { Err(self.refuse(expected)) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.position += usize::from(is_next);
        is_next
    }

    fn peek(&mut self) -> Option<u8> {
        let start = self.skip_blanks();
        self.bytes.get(start).copied()
    }

    fn skip_blanks(&mut self) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.position) {
            self.position += 1;
        }
        self.position
    }

    fn row(&self) -> u64 {
        self.context.rows_before + self.rows + 1
    }

    #[cold]
    fn refuse(&self, expected: &'static str) -> Error {
        let got = Clipped::bytes(&self.bytes[self.position..]);
        Error::Row { row: self.row(), expected, got }
    }
}
