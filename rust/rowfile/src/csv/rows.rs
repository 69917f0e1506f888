//! Cells become a block of CSV text, as their columns' types and the options say.

use super::field::FieldWriter;
use super::guard;
use crate::cell::{EXPECTED_BOOLEAN, EXPECTED_DATE, EXPECTED_NUMBER, boolean, date, number};
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::fidelity::{Fidelity, IssueKind};
use crate::schema::{BadValue, CsvOptions, DataType, Guard, Schema, Unmappable};

/// The block of text under way.
pub(super) struct Rows {
    pub(super) field: FieldWriter,
    pub(super) line_end: &'static [u8],
    columns: Vec<Treatment>,
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
    pub(super) fn cell(&mut self, column: usize, text: Option<&[u8]>) -> Result<()> {
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

    pub(super) fn guarded(&mut self, column: usize, text: &[u8], row: u64) -> Result<()> {
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

fn treatment(data_type: DataType, options: &CsvOptions, bad_value: BadValue) -> Treatment {
    match data_type {
        DataType::String if options.guard == Guard::Off => Treatment::Plain,
        DataType::String => Treatment::Guarded,
        DataType::Number if options.decimal_comma => Treatment::Typed(data_type),
        _ if bad_value == BadValue::Text => Treatment::Plain,
        _ => Treatment::Typed(data_type),
    }
}
