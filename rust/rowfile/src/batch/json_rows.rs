//! `json_rows`: one JSON array (RFC 8259) of rows, each an array of cells in column order or an
//! object of cells by column key.
//!
//! Numbers keep their text. In an object a missing key is null and an unknown one is refused:
//! a value must not disappear silently.

use super::json_object::ObjectRow;
use super::json_text::{self, JsonText};
use super::{RowContext, RowVisitor, json_number};
use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::text_buffer::TextBuffer;

const EXPECTED_ROWS: &str = "a JSON array of rows";
const EXPECTED_ROW: &str = "a JSON array or object";
const EXPECTED_END: &str = "nothing after the array of rows";
const EXPECTED_CELL: &str = "a JSON string, number, true, false or null";
const EXPECTED_STRING: &str = "a well-formed JSON string";
const EXPECTED_COLON: &str = "separated from its key by a colon";
const EXPECTED_COMMA: &str = "followed by a comma or the end of its row";

/// Shows every row to `visitor`; the rows there were.
pub(super) fn visit<V: RowVisitor>(
    bytes: &[u8],
    context: RowContext<'_>,
    visitor: &mut V,
) -> Result<u64> {
    let mut reader = JsonReader::new(bytes, context);
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
            _ => return Err(reader.refuse(EXPECTED_ROW)),
        }
        reader.rows += 1;
        is_open = reader.goes_on(b']').ok_or_else(|| reader.refuse(EXPECTED_ROWS))?;
    }
    match reader.peek() {
        None => Ok(reader.rows),
        Some(_) => Err(reader.refuse(EXPECTED_END)),
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
    scratch: TextBuffer,
    context: RowContext<'a>,
    rows: u64,
}

impl<'a> JsonReader<'a> {
    fn new(bytes: &'a [u8], context: RowContext<'a>) -> Self {
        Self { bytes, position: 0, scratch: TextBuffer::default(), context, rows: 0 }
    }

    fn array_row<V: RowVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        let columns = self.context.schema.columns.len();
        self.position += 1;
        let mut count = 0;
        let mut is_open = !self.take(b']');
        while is_open {
            let cell = self.cell(count)?;
            if count < columns {
                visitor.cell(count, self.text(&cell))?;
            }
            is_open = self.goes_on(b']').ok_or_else(|| self.refuse_cell(count, EXPECTED_COMMA))?;
            count += 1;
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
            if !self.take(b':') {
                return Err(self.refuse_cell(column, EXPECTED_COLON));
            }
            let cell = self.cell(column)?;
            object.set(column, self.text(&cell));
            is_open =
                self.goes_on(b'}').ok_or_else(|| self.refuse_cell(column, EXPECTED_COMMA))?;
        }
        object.show(visitor)
    }

    fn key(&mut self, object: &mut ObjectRow) -> Result<usize> {
        let is_string = self.peek() == Some(b'"');
        let start = self.position;
        let key = is_string.then(|| json_text::read(self.bytes, start, &mut self.scratch));
        let (key, end) = match key.flatten() {
            Some(JsonText::Input { close }) => (&self.bytes[start + 1..close], close + 1),
            Some(JsonText::Unescaped { end }) => (self.scratch.as_bytes(), end),
            None => return Err(self.refuse("a JSON string as key")),
        };
        let Some(column) = object.next_column(self.context.schema, key) else {
            return Err(Error::Key { row: self.row(), key: Clipped::bytes(key) });
        };
        self.position = end;
        Ok(column)
    }

    #[inline]
    fn cell(&mut self, column: usize) -> Result<JsonCell> {
        let first = self.peek();
        let start = self.position;
        let (cell, end) = match first {
            Some(b'"') => match json_text::read(self.bytes, start, &mut self.scratch) {
                Some(JsonText::Input { close }) => {
                    (JsonCell::Input { start: start + 1, end: close }, close + 1)
                }
                Some(JsonText::Unescaped { end }) => (JsonCell::Scratch, end),
                None => return Err(self.refuse_cell(column, EXPECTED_STRING)),
            },
            Some(b'-' | b'0'..=b'9') => match json_number::scan(&self.bytes[start..]) {
                Some((length, exponent)) => (self.number(start, length, exponent), start + length),
                None => return Err(self.refuse_cell(column, EXPECTED_CELL)),
            },
            _ => self.word(start).ok_or_else(|| self.refuse_cell(column, EXPECTED_CELL))?,
        };
        self.position = end;
        Ok(cell)
    }

    /// The literal at `start`, and its end.
    #[inline]
    fn word(&self, start: usize) -> Option<(JsonCell, usize)> {
        let rest = &self.bytes[start..];
        if rest.starts_with(b"null") {
            return Some((JsonCell::Null, start + 4));
        }
        let length = match rest {
            [b't', b'r', b'u', b'e', ..] => 4,
            [b'f', b'a', b'l', b's', b'e', ..] => 5,
            _ => return None,
        };
        let end = start + length;
        Some((JsonCell::Input { start, end }, end))
    }

    fn number(&mut self, start: usize, length: usize, exponent: Option<usize>) -> JsonCell {
        let literal = JsonCell::Input { start, end: start + length };
        let Some(exponent) = exponent else { return literal };
        let text = &self.bytes[start..start + length];
        json_number::write_plain(&text[..exponent], &text[exponent + 1..], &mut self.scratch);
        if self.scratch.len() == 0 { literal } else { JsonCell::Scratch }
    }

    #[inline]
    fn text(&self, cell: &JsonCell) -> Option<CellText<'_>> {
        match *cell {
            JsonCell::Null => None,
            JsonCell::Input { start, end } => Some(CellText::new(self.bytes, start..end)),
            JsonCell::Scratch => Some(self.scratch.as_cell()),
        }
    }

    /// After an item: steps over a comma and goes on, or over `close` and does not; `None` when
    /// there is neither.
    #[inline]
    fn goes_on(&mut self, close: u8) -> Option<bool> {
        let next = self.peek()?;
        let goes_on = match next {
            b',' => true,
            _ if next == close => false,
            _ => return None,
        };
        self.position += 1;
        Some(goes_on)
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.take(byte) { Ok(()) } else { Err(self.refuse(expected)) }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.position += usize::from(is_next);
        is_next
    }

    /// The next byte that is not blank; it is not stepped over.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.position) {
            self.position += 1;
        }
        self.bytes.get(self.position).copied()
    }

    fn row(&self) -> u64 {
        self.context.rows_before + self.rows + 1
    }

    #[cold]
    fn refuse(&self, expected: &'static str) -> Error {
        Error::Row { row: self.row(), expected, got: self.rest() }
    }

    #[cold]
    fn refuse_cell(&self, column: usize, expected: &'static str) -> Error {
        Error::Cell { row: self.row(), column, expected, got: self.rest() }
    }

    fn rest(&self) -> Clipped {
        Clipped::bytes(&self.bytes[self.position..])
    }
}
