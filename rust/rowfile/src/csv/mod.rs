//! CSV files: RFC 4180 in the dialect and charset of the options.

mod field;
pub(crate) mod guard;
mod gzip;
mod output;
mod rows;

use std::path::Path;
use std::sync::Arc;

use crate::batch::{Message, RowContext, RowVisitor};
use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::fidelity::IssueKind;
use crate::pool::EncoderPool;
use crate::schema::{Schema, Unmappable};
use crate::sink::{FileSummary, WriteProgress};
use crate::spool::Payloads;
use output::Output;
use rows::Rows;

/// A block is written as soon as it has so many bytes at the end of a row: the file's bytes
/// depend on rows only, not on the calls they came in.
const BLOCK_BYTES: usize = 128 * 1024;

/// Writes one CSV file. Memory is two blocks and the longest row; with gzip also three blocks of
/// 160 KiB for a pool of one thread, 16 at most.
pub struct CsvWriter {
    schema: Arc<Schema>,
    output: Output,
    rows: Rows,
}

impl CsvWriter {
    /// Creates the file at `path` and writes the header.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(schema: Arc<Schema>, path: &Path, pool: &EncoderPool) -> Result<Self> {
        let output = Output::create(&schema, path, pool)?;
        let rows = Rows::new(&schema);
        let mut writer = Self { schema, output, rows };
        writer.header()?;
        Ok(writer)
    }

    /// Writes the rows of a span of whole spool frames.
    ///
    /// # Errors
    /// [`Error::Cell`] as the options demand, [`Error::Io`], [`Error::Damaged`]. The file is of
    /// no use then.
    pub fn write(&mut self, frames: &[u8]) -> Result<WriteProgress> {
        let schema = Arc::clone(&self.schema);
        for payload in Payloads::new(frames) {
            let context = RowContext { schema: &schema, rows_before: self.rows.done };
            Message::read(payload?, context.rows_before)?.visit(context, self)?;
        }
        let file_bytes = self.output.file_bytes();
        Ok(WriteProgress { rows: self.rows.done, file_bytes, pending: None })
    }

    /// Ends the file; making it durable is left to the caller.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(mut self) -> Result<FileSummary> {
        self.flush()?;
        let (file_bytes, checksums) = self.output.finish()?;
        let fidelity = self.rows.fidelity.issues();
        Ok(FileSummary { rows: self.rows.done, file_bytes, checksums, fidelity })
    }

    fn header(&mut self) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        for (index, column) in schema.columns.iter().enumerate() {
            let name = column.name.as_bytes();
            self.rows.separate(index);
            // Excel takes a file that begins with these letters for another format, SYLK.
            if index == 0 && name.starts_with(b"ID") {
                self.rows.field.quoted(name.into());
            } else {
                self.rows.guarded(index, name.into(), 0)?;
            }
            self.rows.note_cell_end();
        }
        self.rows.field.end_line();
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let Rows { field, cell_ends, block_row, fidelity, unmappable, .. } = &mut self.rows;
        let columns = self.schema.columns.len();
        let mut last_cell = None;
        self.output.write(field.block.as_bytes(), |offset, character| {
            let cell = cell_ends.partition_point(|end| *end <= offset);
            let row = *block_row + (cell / columns) as u64;
            let column = cell % columns;
            if *unmappable == Unmappable::Fail {
                let got = Clipped::text(character.encode_utf8(&mut [0; 4]));
                let expected = "characters of the file's encoding";
                return Err(Error::Cell { row, column, expected, got });
            }
            if last_cell.replace(cell) != Some(cell) {
                fidelity.count(IssueKind::Unmappable, row, column);
            }
            Ok(())
        })?;
        field.block.clear();
        cell_ends.clear();
        self.rows.block_row = self.rows.done + 1;
        Ok(())
    }
}

impl RowVisitor for CsvWriter {
    #[inline]
    fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()> {
        self.rows.cell(column, text)
    }

    #[inline]
    fn end_row(&mut self) -> Result<()> {
        self.rows.field.end_line();
        self.rows.done += 1;
        if self.rows.field.block.len() >= BLOCK_BYTES { self.flush() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
