//! Arrow columns in, `RecordBatch` messages with `csv_rows` out: what a client of a data frame
//! sends, without an object a cell.
//!
//! Buffers are those of the Arrow columnar format, "Physical Memory Layout"; everything else of
//! Arrow (schemas, dictionaries, views, chunks) is the caller's, who has a library for it. A text
//! is always quoted and a null never, which tells it from an empty text.

mod cells;
mod kind;
mod moments;
mod numbers;
#[cfg(test)]
mod tests;

use crate::batch::{self, Packing};
use crate::body::{BatchRules, ENVELOPE_BYTES};
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::text_buffer::TextBuffer;
use cells::Column;

pub use kind::ColumnKind;

/// The buffers of some rows of one column, cut to these rows but for the bits of a first byte.
#[derive(Clone, Copy, Debug)]
pub struct ColumnBuffers<'a> {
    /// The validity bitmap; `None` = no cell is null.
    pub validity: Option<&'a [u8]>,
    /// Bit of the first row in the first byte of a bitmap.
    pub first_bit: usize,
    /// The values; of a text, the bytes that the offsets count.
    pub values: &'a [u8],
    /// Of a text: one 64-bit offset more than there are rows; the first is that of the first value.
    pub offsets: &'a [u8],
}

/// A complete message without a number, and the rows in it.
pub type Batch = (Vec<u8>, u64);

/// The rows of one export, column by column. After a refusal it is of no use.
#[derive(Debug)]
pub struct ArrowRows {
    kinds: Vec<ColumnKind>,
    rules: BatchRules,
    /// Rows of the whole export so far.
    rows: u64,
    /// Rows in `text`.
    open_rows: u64,
    text: TextBuffer,
    complete: Vec<Batch>,
}

impl ArrowRows {
    /// An export before its first row.
    #[must_use]
    pub fn new(kinds: Vec<ColumnKind>, rules: BatchRules) -> Self {
        let (rows, open_rows, text, complete) = (0, 0, TextBuffer::default(), Vec::new());
        Self { kinds, rules, rows, open_rows, text, complete }
    }

    /// Takes the next `rows` rows; the batches that are complete. Batches do not depend on how
    /// many rows come at once.
    ///
    /// # Errors
    /// A value that no cell can have (`Cell`), a row longer than a message (`LongRow`), buffers
    /// that are not what the column's kind demands (`Buffers`).
    pub fn push(&mut self, rows: usize, columns: &[ColumnBuffers<'_>]) -> Result<Vec<Batch>> {
        let kinds = std::mem::take(&mut self.kinds);
        let result = self.push_columns(rows, &kinds, columns);
        self.kinds = kinds;
        result.map(|()| std::mem::take(&mut self.complete))
    }

    /// The batch under way, if it has rows.
    pub fn finish(&mut self) -> Option<Batch> {
        self.close(self.text.len(), self.open_rows);
        self.complete.pop()
    }

    fn push_columns(
        &mut self,
        rows: usize,
        kinds: &[ColumnKind],
        columns: &[ColumnBuffers<'_>],
    ) -> Result<()> {
        let columns = cells::columns(rows, kinds, columns)?;
        self.check_texts(rows, &columns)?;
        for row in 0..rows {
            let start = self.text.len();
            self.push_row(row, &columns)?;
            self.end_row(start)?;
        }
        Ok(())
    }

    #[inline]
    fn push_row(&mut self, row: usize, columns: &[Column<'_>]) -> Result<()> {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                self.text.push(b',');
            }
            if column.is_valid(row) {
                let pushed = column.push_cell(row, &mut self.text);
                pushed.map_err(|refused| Error::Cell {
                    row: self.rows + 1,
                    column: index,
                    expected: refused.expected,
                    got: Clipped::text(&refused.got),
                })?;
            }
        }
        self.text.push(b'\n');
        Ok(())
    }

    /// Counts the row that begins at `start`, and closes the batch that it has no room in.
    #[inline]
    fn end_row(&mut self, start: usize) -> Result<()> {
        let limit = self.rules.max_message_bytes.saturating_sub(ENVELOPE_BYTES);
        let length = self.text.len() - start;
        if length > limit {
            return Err(Error::LongRow { row: self.rows + 1, limit: limit as u64 });
        }
        if start > 0 && self.text.len() > self.rules.batch_bytes.min(limit) {
            self.close(start, self.open_rows);
        }
        self.rows += 1;
        self.open_rows += 1;
        Ok(())
    }

    /// Completes a batch of the first `length` bytes of text.
    fn close(&mut self, length: usize, rows: u64) {
        if length == 0 {
            return;
        }
        let (text, rest) = self.text.as_bytes().split_at(length);
        let mut message = Vec::with_capacity(length + ENVELOPE_BYTES);
        batch::push_packed(&mut message, text, Packing::Csv);
        let rest = rest.to_vec();
        self.text.clear();
        self.text.extend(&rest);
        self.open_rows -= rows;
        self.complete.push((message, rows));
    }

    /// Refuses the first cell, by rows, whose text is no UTF-8: Arrow demands it, nobody checks.
    fn check_texts(&self, rows: usize, columns: &[Column<'_>]) -> Result<()> {
        if columns.iter().all(Column::is_utf8) {
            return Ok(());
        }
        for row in 0..rows {
            for (index, column) in columns.iter().enumerate() {
                if let Some(text) = column.foreign_text(row) {
                    let (row, got) = (self.rows + 1 + row as u64, Clipped::bytes(text));
                    let expected = batch::EXPECTED_UTF8;
                    return Err(Error::Cell { row, column: index, expected, got });
                }
            }
        }
        Ok(())
    }
}
