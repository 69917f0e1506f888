//! Rows of a sheet as XML (ECMA-376 Part 1 §18.3.1.73 `row`, §18.3.1.4 `c`).

use super::skeleton::ColumnStyles;
use super::text;
use crate::cell::date::{self, Date, push_decimal};
use crate::cell::number::{self, Number};
use crate::cell::{EXPECTED_BOOLEAN, EXPECTED_DATE, EXPECTED_NUMBER, boolean};
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::fidelity::{Fidelity, IssueKind};
use crate::schema::{BadValue, ControlCharacters, DataType, Schema};

/// The block of rows under way.
pub(super) struct RowXml {
    pub(super) block: Vec<u8>,
    pub(super) fidelity: Fidelity,
    columns: Vec<ColumnXml>,
    bad_value: BadValue,
    control_characters: ControlCharacters,
    /// 1-based data row of the export.
    row: u64,
    /// The row's number in its sheet, in digits.
    row_digits: Vec<u8>,
}

/// Markup of a column's cells, ready to be copied around the row number and the value.
struct ColumnXml {
    data_type: DataType,
    /// `<c r="B`
    reference: Vec<u8>,
    number: Vec<u8>,
    date: Vec<u8>,
    date_time: Vec<u8>,
    boolean: Vec<u8>,
    text: TextXml,
    kept_text: TextXml,
}

/// Markup before a text.
struct TextXml {
    trimmed: Vec<u8>,
    preserved: Vec<u8>,
}

const CLOSE_VALUE: &[u8] = b"</v></c>";
const CLOSE_TEXT: &[u8] = b"</t></is></c>";

impl RowXml {
    pub(super) fn new(schema: &Schema, styles: &[ColumnStyles]) -> Self {
        let columns = schema.columns.iter().zip(styles).enumerate();
        Self {
            block: Vec::new(),
            fidelity: Fidelity::default(),
            columns: columns
                .map(|(index, (column, styles))| ColumnXml::new(index, column.data_type, *styles))
                .collect(),
            bad_value: schema.options.bad_value,
            control_characters: schema.options.control_characters,
            row: 0,
            row_digits: Vec::new(),
        }
    }

    /// Starts data row `row` as row `sheet_row` of its sheet.
    pub(super) fn begin_row(&mut self, row: u64, sheet_row: u32) {
        self.row = row;
        self.row_digits.clear();
        push_decimal(&mut self.row_digits, u64::from(sheet_row));
        self.block.extend_from_slice(b"<row r=\"");
        self.block.extend_from_slice(&self.row_digits);
        self.block.extend_from_slice(b"\">");
    }

    pub(super) fn end_row(&mut self) {
        self.block.extend_from_slice(b"</row>");
    }

    /// Appends a cell; null is no cell.
    #[inline]
    pub(super) fn cell(&mut self, column: usize, text: Option<&[u8]>) -> Result<()> {
        let Some(text) = text else { return Ok(()) };
        match self.columns[column].data_type {
            DataType::String => self.text(column, text, false),
            DataType::Number => self.number(column, text),
            DataType::Date => self.date(column, text),
            DataType::Boolean => self.boolean(column, text),
        }
    }

    #[inline]
    fn number(&mut self, column: usize, text: &[u8]) -> Result<()> {
        match number::classify(text) {
            Number::Exact => {
                let xml = &self.columns[column];
                open(&mut self.block, &xml.reference, &self.row_digits, &xml.number);
                self.block.extend_from_slice(text);
                self.block.extend_from_slice(CLOSE_VALUE);
                Ok(())
            }
            Number::Inexact => self.kept_text(column, text),
            Number::Not => self.bad_value(column, text, EXPECTED_NUMBER),
        }
    }

    #[inline]
    fn date(&mut self, column: usize, text: &[u8]) -> Result<()> {
        match date::classify(text) {
            Date::Exact(moment) => {
                let xml = &self.columns[column];
                let markup = if moment.has_time { &xml.date_time } else { &xml.date };
                open(&mut self.block, &xml.reference, &self.row_digits, markup);
                moment.write_serial(&mut self.block);
                self.block.extend_from_slice(CLOSE_VALUE);
                Ok(())
            }
            Date::TooEarly => self.kept_text(column, text),
            Date::Not => self.bad_value(column, text, EXPECTED_DATE),
        }
    }

    fn boolean(&mut self, column: usize, text: &[u8]) -> Result<()> {
        let Some(value) = boolean::parse(text) else {
            return self.bad_value(column, text, EXPECTED_BOOLEAN);
        };
        let xml = &self.columns[column];
        open(&mut self.block, &xml.reference, &self.row_digits, &xml.boolean);
        self.block.push(b'0' + u8::from(value));
        self.block.extend_from_slice(CLOSE_VALUE);
        Ok(())
    }

    fn bad_value(&mut self, column: usize, text: &[u8], expected: &'static str) -> Result<()> {
        match self.bad_value {
            BadValue::Text => self.kept_text(column, text),
            BadValue::Null => {
                self.fidelity.count(IssueKind::Nulled, self.row, column);
                Ok(())
            }
            BadValue::Fail => Err(self.refusal(column, text, expected)),
        }
    }

    fn kept_text(&mut self, column: usize, text: &[u8]) -> Result<()> {
        self.fidelity.count(IssueKind::KeptAsText, self.row, column);
        self.text(column, text, true)
    }

    #[inline]
    fn text(&mut self, column: usize, text: &[u8], is_kept: bool) -> Result<()> {
        let fitting = text::fitting(text);
        if fitting.len() < text.len() {
            self.fidelity.count(IssueKind::Truncated, self.row, column);
        }
        let xml = &self.columns[column];
        let markup = if is_kept { &xml.kept_text } else { &xml.text };
        let markup =
            if text::needs_preserve(fitting) { &markup.preserved } else { &markup.trimmed };
        open(&mut self.block, &xml.reference, &self.row_digits, markup);
        match text::push(&mut self.block, fitting, self.control_characters) {
            Ok(false) => {}
            Ok(true) => self.fidelity.count(IssueKind::Escaped, self.row, column),
            Err(text::Forbidden) => {
                return Err(self.refusal(column, text, "text without control characters"));
            }
        }
        self.block.extend_from_slice(CLOSE_TEXT);
        Ok(())
    }

    #[cold]
    fn refusal(&self, column: usize, text: &[u8], expected: &'static str) -> Error {
        Error::Cell { row: self.row, column, expected, got: Clipped::bytes(text) }
    }
}

#[inline]
fn open(block: &mut Vec<u8>, reference: &[u8], row_digits: &[u8], markup: &[u8]) {
    block.extend_from_slice(reference);
    block.extend_from_slice(row_digits);
    block.extend_from_slice(markup);
}

impl ColumnXml {
    fn new(index: usize, data_type: DataType, styles: ColumnStyles) -> Self {
        let value = |style| attributes(style, "", "<v>");
        Self {
            data_type,
            reference: format!("<c r=\"{}", column_letters(index)).into_bytes(),
            number: value(styles.value),
            date: value(styles.value),
            date_time: value(styles.date_time),
            boolean: attributes(styles.value, " t=\"b\"", "<v>"),
            text: TextXml::new(styles.value),
            kept_text: TextXml::new(styles.kept_text),
        }
    }
}

impl TextXml {
    fn new(style: Option<u32>) -> Self {
        let inline = |element| attributes(style, " t=\"inlineStr\"", element);
        Self { trimmed: inline("<is><t>"), preserved: inline("<is><t xml:space=\"preserve\">") }
    }
}

/// What stands between the row number and the value.
fn attributes(style: Option<u32>, cell_type: &str, element: &str) -> Vec<u8> {
    let style = style.map_or(String::new(), |style| format!(" s=\"{style}\""));
    format!("\"{style}{cell_type}>{element}").into_bytes()
}

/// A, B, …, Z, AA, …, XFD.
pub(super) fn column_letters(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        letters.extend(('A'..='Z').nth((rest - 1) % 26));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_excel() {
        for (index, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
        {
            assert_eq!(column_letters(index), letters);
        }
    }
}
