//! A row that comes as a JSON object: its cells in any order.

use super::{RowContext, RowVisitor};
use crate::error::Result;

/// The cells of an object, put in column order.
pub(super) struct ObjectRow {
    /// Text of all cells, one after the other.
    text: Vec<u8>,
    cells: Vec<ObjectCell>,
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
        Self { text: Vec::new(), cells: vec![ObjectCell::Missing; columns] }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.fill(ObjectCell::Missing);
    }

    pub(super) fn lacks(&self, column: usize) -> bool {
        self.cells[column] == ObjectCell::Missing
    }

    pub(super) fn set(&mut self, column: usize, text: Option<&[u8]>) {
        let start = self.text.len();
        self.cells[column] = match text {
            None => ObjectCell::Null,
            Some(text) => {
                self.text.extend_from_slice(text);
                ObjectCell::Text { start, end: self.text.len() }
            }
        };
    }

    pub(super) fn show<V: RowVisitor>(&self, visitor: &mut V) -> Result<()> {
        for (column, cell) in self.cells.iter().enumerate() {
            let text = match *cell {
                ObjectCell::Missing | ObjectCell::Null => None,
                ObjectCell::Text { start, end } => Some(&self.text[start..end]),
            };
            visitor.cell(column, text)?;
        }
        visitor.end_row()
    }
}
