//! What the first rows decide before anything is written: column widths and shared texts.

use super::shared_strings::RepeatedTexts;
use super::widths::Widths;
use crate::batch::RowVisitor;
use crate::cell_text::CellText;
use crate::error::Result;
use crate::schema::{DataType, Schema};

/// Rows that are looked at.
pub(super) const SAMPLE_ROWS: usize = 200;
/// Bytes of cells that are looked at, so that wide rows don't pile up; each cell counts two more.
const SAMPLE_BYTES: usize = 1 << 20;

/// Looks at rows until it has seen enough of them. What it sees depends on rows only, never on
/// how they were cut into calls.
pub(super) struct FirstRows {
    pub(super) widths: Widths,
    pub(super) texts: RepeatedTexts,
    rows_left: usize,
    bytes_left: usize,
}

impl FirstRows {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut columns = schema.columns.iter();
        let is_needed =
            columns.any(|column| column.width.is_none() || column.data_type == DataType::String);
        Self {
            widths: Widths::new(schema),
            texts: RepeatedTexts::new(schema),
            rows_left: if is_needed { SAMPLE_ROWS } else { 0 },
            bytes_left: SAMPLE_BYTES,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.rows_left == 0
    }
}

impl RowVisitor for FirstRows {
    fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()> {
        if !self.is_complete() {
            let text = text.map(CellText::bytes).unwrap_or_default();
            self.bytes_left = self.bytes_left.saturating_sub(text.len() + 2);
            self.widths.see(column, text);
            self.texts.see(column, text);
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        self.rows_left = if self.bytes_left == 0 { 0 } else { self.rows_left.saturating_sub(1) };
        Ok(())
    }
}
