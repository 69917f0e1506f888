//! A row that comes as a JSON object: its cells in any order.

use super::{RowContext, RowVisitor};
use crate::cell_text::CellText;
use crate::error::Result;
use crate::schema::Schema;
use crate::text_buffer::TextBuffer;

/// The cells of an object, put in column order.
pub(super) struct ObjectRow {
    /// Text of all cells, one after the other.
    text: TextBuffer,
    cells: Vec<ObjectCell>,
    /// Columns in the order of an earlier object's keys: most have the same.
    key_order: Vec<usize>,
    keys_seen: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ObjectCell {
    Missing,
    Null,
    Text { start: usize, end: usize },
}

impl ObjectRow {
    pub(super) fn new(context: RowContext<'_>) -> Self {
        let columns = context.schema.columns.len();
        Self {
            text: TextBuffer::default(),
            cells: vec![ObjectCell::Missing; columns],
            key_order: Vec::with_capacity(columns),
            keys_seen: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.fill(ObjectCell::Missing);
        self.keys_seen = 0;
    }

    /// The column of the object's next key; `None` when no column has it or it came before.
    pub(super) fn next_column(&mut self, schema: &Schema, key: &[u8]) -> Option<usize> {
        let usual = self.key_order.get(self.keys_seen).copied();
        let is_usual = |column: &usize| schema.columns[*column].key.as_bytes() == key;
        let column = usual.filter(is_usual).or_else(|| schema.column_of_key(key))?;
        if self.cells[column] != ObjectCell::Missing {
            return None;
        }
        if usual != Some(column) {
            self.key_order.truncate(self.keys_seen);
            self.key_order.push(column);
        }
        self.keys_seen += 1;
        Some(column)
    }

    pub(super) fn set(&mut self, column: usize, text: Option<CellText<'_>>) {
        let start = self.text.len();
        self.cells[column] = match text {
            None => ObjectCell::Null,
            Some(text) => {
                self.text.extend(text.bytes());
                ObjectCell::Text { start, end: self.text.len() }
            }
        };
    }

    pub(super) fn show<V: RowVisitor>(&self, visitor: &mut V) -> Result<()> {
        for (column, cell) in self.cells.iter().enumerate() {
            let text = match *cell {
                ObjectCell::Missing | ObjectCell::Null => None,
                ObjectCell::Text { start, end } => Some(self.text.cell_at(start..end)),
            };
            visitor.cell(column, text)?;
        }
        visitor.end_row()
    }
}
