//! Cells become a block of CSV text, as their columns' types and the options say.

use super::field::FieldWriter;
use super::guard;
use crate::cell::date::{Date, DateReader};
use crate::cell::{EXPECTED_BOOLEAN, EXPECTED_NUMBER, boolean, number};
use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::fidelity::{Fidelity, IssueKind};
use crate::schema::{BadValue, CsvOptions, DataType, Guard, Schema, Unmappable};

/// The block of text under way.
pub(super) struct Rows {
    pub(super) field: FieldWriter,
    columns: Vec<Treatment>,
    dates: Vec<DateReader>,
    guard: Guard,
    bad_value: BadValue,
    pub(super) unmappable: Unmappable,
    decimal_comma: bool,
    /// Data rows that are complete.
    pub(super) done: u64,
    /// Data row the block begins with; 0 = the header.
    pub(super) block_row: u64,
    /// Where each cell of the block ends, to tell where an unmappable character stands; only
    /// kept for charsets that lack some.
    pub(super) cell_ends: Vec<usize>,
    notes_cell_ends: bool,
    pub(super) fidelity: Fidelity,
    scratch: Vec<u8>,
}

impl Rows {
    pub(super) fn new(schema: &Schema) -> Self {
        let options = &schema.options.csv;
        let bad_value = schema.options.bad_value;
        let dates = schema.date_readers();
        let columns = schema.columns.iter().zip(&dates);
        let columns = columns
            .map(|(column, dates)| treatment(column.data_type, dates, options, bad_value))
            .collect();
        Self {
            field: FieldWriter::new(options, schema.columns.len()),
            columns,
            dates,
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
    pub(super) fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()> {
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
    pub(super) fn separate(&mut self, column: usize) {
        if column > 0 {
            self.field.delimiter();
        }
    }

    #[inline]
    pub(super) fn note_cell_end(&mut self) {
        if self.notes_cell_ends {
            self.cell_ends.push(self.field.block.len());
        }
    }

    pub(super) fn guarded(&mut self, column: usize, text: CellText<'_>, row: u64) -> Result<()> {
        if self.guard == Guard::Off || !guard::is_formula(text.bytes(), self.decimal_comma) {
            self.field.text(text);
            return Ok(());
        }
        let prefix = match self.guard {
            Guard::Reject => {
                let expected = "text that no spreadsheet runs as a formula";
                let got = Clipped::bytes(text.bytes());
                return Err(Error::Cell { row, column, expected, got });
            }
            Guard::Tab => b'\t',
            Guard::Quote | Guard::Off => b'\'',
        };
        self.scratch.clear();
        self.scratch.push(prefix);
        self.scratch.extend_from_slice(text.bytes());
        self.field.text(self.scratch.as_slice().into());
        self.fidelity.count(IssueKind::Neutralised, row, column);
        Ok(())
    }

    fn typed(&mut self, column: usize, text: CellText<'_>, data_type: DataType) -> Result<()> {
        match data_type {
            DataType::Date => return self.date(column, text),
            DataType::Number if number::classify(text.bytes()) == number::Number::Not => {
                return self.bad_value(column, text, EXPECTED_NUMBER);
            }
            DataType::Boolean if boolean::parse(text.bytes()).is_none() => {
                return self.bad_value(column, text, EXPECTED_BOOLEAN);
            }
            DataType::Number if self.decimal_comma => self.number_with_comma(text),
            DataType::Number | DataType::Boolean | DataType::String => self.field.text(text),
        }
        Ok(())
    }

    fn date(&mut self, column: usize, text: CellText<'_>) -> Result<()> {
        let reader = &self.dates[column];
        match reader.read(text.bytes()) {
            Date::Not => return self.bad_value(column, text, reader.expected()),
            Date::Instant(moment) => {
                self.scratch.clear();
                moment.write_text(&mut self.scratch);
                self.field.text(self.scratch.as_slice().into());
                return Ok(());
            }
            Date::Inexpressible if reader.rewrites() => {
                self.fidelity.count(IssueKind::KeptAsText, self.done + 1, column);
            }
            Date::Wall(_) | Date::Inexpressible => {}
        }
        self.field.text(text);
        Ok(())
    }

    fn bad_value(
        &mut self,
        column: usize,
        text: CellText<'_>,
        expected: &'static str,
    ) -> Result<()> {
        let row = self.done + 1;
        match self.bad_value {
            BadValue::Text => self.field.text(text),
            BadValue::Null => {
                self.field.null();
                self.fidelity.count(IssueKind::Nulled, row, column);
            }
            BadValue::Fail => {
                return Err(Error::Cell {
                    row,
                    column,
                    expected,
                    got: Clipped::bytes(text.bytes()),
                });
            }
        }
        Ok(())
    }

    fn number_with_comma(&mut self, text: CellText<'_>) {
        self.scratch.clear();
        self.scratch.extend(text.bytes().iter().map(|&b| if b == b'.' { b',' } else { b }));
        self.field.text(self.scratch.as_slice().into());
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

fn treatment(
    data_type: DataType,
    dates: &DateReader,
    options: &CsvOptions,
    bad_value: BadValue,
) -> Treatment {
    match data_type {
        DataType::String if options.guard == Guard::Off => Treatment::Plain,
        DataType::String => Treatment::Guarded,
        DataType::Number if options.decimal_comma => Treatment::Typed(data_type),
        DataType::Date if dates.rewrites() => Treatment::Typed(data_type),
        _ if bad_value == BadValue::Text => Treatment::Plain,
        _ => Treatment::Typed(data_type),
    }
}
