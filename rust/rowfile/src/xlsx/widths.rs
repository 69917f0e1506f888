//! Column widths from the first rows: decided once, before the first row is written.

use crate::batch::RowVisitor;
use crate::error::Result;
use crate::schema::{DataType, Schema};

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 200;
/// Bytes of cells that are looked at, so that wide rows don't pile up; each cell counts two more.
const SAMPLE_BYTES: usize = 1 << 20;
const MIN_WIDTH: usize = 8;
const MAX_WIDTH: usize = 60;
/// Room for the filter's arrow and the cell's margins.
const HEADER_PADDING: usize = 3;
const CELL_PADDING: usize = 1;

/// Looks at rows until it has seen enough of them. What it sees depends on rows only, never on
/// how they were cut into calls.
pub(super) struct WidthSample {
    widths: Vec<usize>,
    /// Explicit widths win.
    explicit: Vec<Option<u8>>,
    rows_left: usize,
    bytes_left: usize,
}

impl WidthSample {
    pub(super) fn new(schema: &Schema) -> Self {
        let columns = &schema.columns;
        let explicit: Vec<Option<u8>> = columns.iter().map(|column| column.width).collect();
        let is_needed = explicit.iter().any(Option::is_none);
        let header =
            columns.iter().map(|column| display_width(column.name.as_bytes()) + HEADER_PADDING);
        let least = columns.iter().map(|column| match column.data_type {
            DataType::Date => "yyyy-mm-dd".len() + CELL_PADDING,
            _ => MIN_WIDTH,
        });
        let widths = header.zip(least).map(|(header, least)| header.max(least)).collect();
        let rows_left = if is_needed { SAMPLE_ROWS } else { 0 };
        Self { widths, explicit, rows_left, bytes_left: SAMPLE_BYTES }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.rows_left == 0
    }

    /// Characters a column.
    pub(super) fn widths(&self) -> Vec<u8> {
        let clamped = |width: &usize| u8::try_from((*width).min(MAX_WIDTH)).unwrap_or(u8::MAX);
        let widths = self.widths.iter().zip(&self.explicit);
        widths.map(|(width, explicit)| explicit.unwrap_or_else(|| clamped(width))).collect()
    }
}

impl RowVisitor for WidthSample {
    fn cell(&mut self, column: usize, text: Option<&[u8]>) -> Result<()> {
        if self.is_complete() {
            return Ok(());
        }
        let text = text.unwrap_or_default();
        self.bytes_left = self.bytes_left.saturating_sub(text.len() + 2);
        let width = display_width(text) + CELL_PADDING;
        self.widths[column] = self.widths[column].max(width);
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        self.rows_left = if self.bytes_left == 0 { 0 } else { self.rows_left.saturating_sub(1) };
        Ok(())
    }
}

/// Columns of a fixed-width screen that the first line of `text` takes, up to the widest that
/// matters: characters of three and four bytes (CJK, emoji) take two.
fn display_width(text: &[u8]) -> usize {
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let bytes = &line[..line.len().min(MAX_WIDTH * 4)];
    let width = |b: &u8| match b {
        0x80..0xc0 => 0,
        0xe0.. => 2,
        _ => 1,
    };
    bytes.iter().map(width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(display_width("abc".as_bytes()), 3);
        assert_eq!(display_width("中文é".as_bytes()), 5);
        assert_eq!(display_width("one\nlonger line".as_bytes()), 3);
    }
}
