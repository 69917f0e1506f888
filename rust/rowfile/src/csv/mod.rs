//! CSV files: RFC 4180 in the dialect and charset of the options.

mod field;
mod guard;
mod output;

use std::path::Path;
use std::sync::Arc;

use crate::batch::{Message, RowContext, RowVisitor};
use crate::cell::{EXPECTED_BOOLEAN, EXPECTED_DATE, EXPECTED_NUMBER, boolean, date, number};
use crate::error::{Clipped, Error, Result};
use crate::fidelity::{Fidelity, IssueKind};
use crate::schema::{BadValue, CsvOptions, DataType, Guard, Schema, Unmappable};
use crate::sink::{FileSummary, WriteProgress};
use crate::spool::Payloads;
use field::FieldWriter;
use output::Output;

/// A block is written as soon as it has so many bytes at the end of a row: the file's bytes
/// depend on rows only, not on the calls they came in.
const BLOCK_BYTES: usize = 64 * 1024;

/// Writes one CSV file. Memory is two blocks and the longest row.
pub struct CsvWriter {
    schema: Arc<Schema>,
    output: Output,
    rows: Rows,
}

impl CsvWriter {
    /// Creates the file at `path` and writes the header.
    ///
    /// # Errors
    /// [`Error::Io`]; what the options forbid in a cell, for the header's names (as row 0).
    pub fn create(schema: Arc<Schema>, path: &Path) -> Result<Self> {
        let output = Output::create(&schema, path)?;
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
        Ok(WriteProgress { rows: self.rows.done, file_bytes: self.output.file_bytes() })
    }

    /// Ends the file and makes it durable.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(mut self) -> Result<FileSummary> {
        self.flush()?;
        let (file_bytes, sha256) = self.output.finish()?;
        let fidelity = self.rows.fidelity.issues();
        Ok(FileSummary { rows: self.rows.done, file_bytes, sha256, fidelity })
    }

    fn header(&mut self) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        for (index, column) in schema.columns.iter().enumerate() {
            self.rows.separate(index);
            self.rows.guarded(index, column.name.as_bytes(), 0)?;
            self.rows.note_cell_end();
        }
        self.rows.field.block.extend_from_slice(self.rows.line_end);
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let Rows { field, cell_ends, block_row, fidelity, unmappable, columns, .. } =
            &mut self.rows;
        let mut last_cell = None;
        self.output.write(&field.block, |offset, character| {
            let cell = cell_ends.partition_point(|end| *end <= offset);
            let row = *block_row + (cell / columns.len()) as u64;
            let column = cell % columns.len();
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
    fn cell(&mut self, column: usize, text: Option<&[u8]>) -> Result<()> {
        self.rows.cell(column, text)
    }

    #[inline]
    fn end_row(&mut self) -> Result<()> {
        self.rows.field.block.extend_from_slice(self.rows.line_end);
        self.rows.done += 1;
        if self.rows.field.block.len() >= BLOCK_BYTES { self.flush() } else { Ok(()) }
    }
}

/// What is done to the texts of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// Nothing but quoting.
    Plain,
    /// Formulas are looked for.
    Guarded,
    /// The type is checked.
    Typed(DataType),
}

/// The block of text under way.
struct Rows {
    field: FieldWriter,
    line_end: &'static [u8],
    columns: Vec<Treatment>,
    guard: Guard,
    bad_value: BadValue,
    unmappable: Unmappable,
    decimal_comma: bool,
    /// Data rows that are complete.
    done: u64,
    /// Data row the block begins with; 0 = the header.
    block_row: u64,
    /// Where each cell of the block ends, to tell where an unmappable character stands; only
    /// kept for charsets that lack some.
    cell_ends: Vec<usize>,
    notes_cell_ends: bool,
    fidelity: Fidelity,
    scratch: Vec<u8>,
}

impl Rows {
    fn new(schema: &Schema) -> Self {
        let options = &schema.options.csv;
        let bad_value = schema.options.bad_value;
        let treat = |data_type| treatment(data_type, options, bad_value);
        Self {
            field: FieldWriter::new(options, schema.columns.len()),
            line_end: options.line_end.as_bytes(),
            columns: schema.columns.iter().map(|column| treat(column.data_type)).collect(),
            guard: options.guard,
            bad_value,
            unmappable: options.unmappable,
            decimal_comma: options.decimal_comma,
            done: 0,
            block_row: 0,
            cell_ends: Vec::new(),
            notes_cell_ends: options.charset.is_legacy(),
            fidelity: Fidelity::default(),
            scratch: Vec::new(),
        }
    }

    #[inline]
    fn cell(&mut self, column: usize, text: Option<&[u8]>) -> Result<()> {
        self.separate(column);
        match (text, self.columns[column]) {
            (None, _) => self.field.null(),
            (Some(text), Treatment::Plain) => self.field.text(text),
            (Some(text), Treatment::Guarded) => self.guarded(column, text, self.done + 1)?,
            (Some(text), Treatment::Typed(data_type)) => self.typed(column, text, data_type)?,
        }
        self.note_cell_end();
        Ok(())
    }

    #[inline]
    fn separate(&mut self, column: usize) {
        if column > 0 {
            self.field.delimiter();
        }
    }

    #[inline]
    fn note_cell_end(&mut self) {
        if self.notes_cell_ends {
            self.cell_ends.push(self.field.block.len());
        }
    }

    fn guarded(&mut self, column: usize, text: &[u8], row: u64) -> Result<()> {
        if self.guard == Guard::Off || !guard::is_formula(text, self.decimal_comma) {
            self.field.text(text);
            return Ok(());
        }
        let prefix = match self.guard {
            Guard::Reject => {
                let expected = "text that no spreadsheet runs as a formula";
                return Err(Error::Cell { row, column, expected, got: Clipped::bytes(text) });
            }
            Guard::Tab => b'\t',
            Guard::Quote | Guard::Off => b'\'',
        };
        self.scratch.clear();
        self.scratch.push(prefix);
        self.scratch.extend_from_slice(text);
        self.field.text(&self.scratch);
        self.fidelity.count(IssueKind::Neutralised, row, column);
        Ok(())
    }

    fn typed(&mut self, column: usize, text: &[u8], data_type: DataType) -> Result<()> {
        let (is_good, expected) = match data_type {
            DataType::String => (true, ""),
            DataType::Number => (number::classify(text) != number::Number::Not, EXPECTED_NUMBER),
            DataType::Date => (date::classify(text) != date::Date::Not, EXPECTED_DATE),
            DataType::Boolean => (boolean::parse(text).is_some(), EXPECTED_BOOLEAN),
        };
        let row = self.done + 1;
        match self.bad_value {
            _ if is_good => self.good(text, data_type),
            BadValue::Text => self.field.text(text),
            BadValue::Null => {
                self.field.null();
                self.fidelity.count(IssueKind::Nulled, row, column);
            }
            BadValue::Fail => {
                return Err(Error::Cell { row, column, expected, got: Clipped::bytes(text) });
            }
        }
        Ok(())
    }

    fn good(&mut self, text: &[u8], data_type: DataType) {
        if data_type != DataType::Number || !self.decimal_comma {
            return self.field.text(text);
        }
        self.scratch.clear();
        self.scratch.extend(text.iter().map(|&b| if b == b'.' { b',' } else { b }));
        self.field.text(&self.scratch);
    }
}

fn treatment(data_type: DataType, options: &CsvOptions, bad_value: BadValue) -> Treatment {
    match data_type {
        DataType::String if options.guard == Guard::Off => Treatment::Plain,
        DataType::String => Treatment::Guarded,
        DataType::Number if options.decimal_comma => Treatment::Typed(data_type),
        _ if bad_value == BadValue::Text => Treatment::Plain,
        _ => Treatment::Typed(data_type),
    }
}

#[cfg(test)]
mod tests;
