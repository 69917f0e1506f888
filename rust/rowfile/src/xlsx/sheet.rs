//! Rows of a sheet as XML (ECMA-376 Part 1 §18.3.1.73 `row`, §18.3.1.4 `c`).

use super::markup::{self, Close, ColumnMarkup, Digits, OpeningId, Openings};
use super::matches::{CellSpan, OpenCell, ROW_TAG_END, RowMatches};
use super::shared_strings::SharedStrings;
use super::skeleton::ColumnStyles;
use super::text;
use crate::cell::date::{Date, DateReader};
use crate::cell::number::{self, Number};
use crate::cell::{EXPECTED_BOOLEAN, EXPECTED_NUMBER, boolean};
use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::deflate::Match;
use crate::error::{Error, Result};
use crate::fidelity::{Fidelity, IssueKind};
use crate::schema::{BadValue, ControlCharacters, DataType, Schema};

/// How cells of a sheet are written; one for all its blocks.
pub(super) struct SheetMarkup {
    pub(super) columns: Vec<ColumnMarkup>,
    dates: Vec<DateReader>,
    openings: Openings,
    bad_value: BadValue,
    control_characters: ControlCharacters,
    /// A thorough compressor looks for repetitions on its own.
    finds_matches: bool,
    pub(super) strings: SharedStrings,
}

impl SheetMarkup {
    pub(super) fn new(schema: &Schema, styles: &[ColumnStyles], strings: SharedStrings) -> Self {
        let types = schema.columns.iter().map(|column| column.data_type);
        let (columns, openings) = markup::of_columns(types.zip(styles.iter().copied()));
        Self {
            columns,
            dates: schema.date_readers(),
            openings,
            bad_value: schema.options.bad_value,
            control_characters: schema.options.control_characters,
            finds_matches: !schema.options.compressed,
            strings,
        }
    }
}

/// Memory of a block under way, used again for blocks of any sheet.
#[derive(Default)]
pub(crate) struct BlockScratch {
    block: Vec<u8>,
    matches: Option<Box<RowMatches>>,
}

/// One block of rows as XML.
pub(super) struct RowXml<'a> {
    block: &'a mut Vec<u8>,
    matches: Option<&'a mut RowMatches>,
    pub(super) fidelity: Fidelity,
    /// Cells that refer to a shared text.
    pub(super) shared_texts: u64,
    strings: &'a SharedStrings,
    columns: &'a [ColumnMarkup],
    dates: &'a [DateReader],
    openings: &'a Openings,
    bad_value: BadValue,
    control_characters: ControlCharacters,
    /// 1-based data row of the export.
    row: u64,
    /// The row's number in its sheet.
    row_digits: Digits,
    /// More came than the cell under way holds.
    is_cut: bool,
}

impl<'a> RowXml<'a> {
    /// Starts a block, which knows nothing of those before.
    pub(super) fn new(markup: &'a SheetMarkup, scratch: &'a mut BlockScratch) -> Self {
        let SheetMarkup { columns, dates, openings, .. } = markup;
        scratch.block.clear();
        let matches = markup.finds_matches.then(|| {
            let matches = scratch.matches.get_or_insert_default();
            matches.restart(columns.len(), openings.count());
            &mut **matches
        });
        Self {
            block: &mut scratch.block,
            matches,
            fidelity: Fidelity::default(),
            shared_texts: 0,
            strings: &markup.strings,
            columns,
            dates,
            openings,
            bad_value: markup.bad_value,
            control_characters: markup.control_characters,
            row: 0,
            row_digits: Digits::of(0),
            is_cut: false,
        }
    }

    /// Ends the block: its bytes, and the matches in them unless others look for them.
    pub(super) fn finish(self) -> (&'a [u8], Option<&'a [Match]>) {
        let block = &self.block[..];
        (block, self.matches.map(|matches| matches.finish(block)))
    }

    /// Goes on with data row `row`, begun in the block before.
    pub(super) fn resume_row(&mut self, row: u64, sheet_row: u32) {
        self.row = row;
        self.row_digits = Digits::of(sheet_row);
    }

    /// Starts data row `row` as row `sheet_row` of its sheet.
    pub(super) fn begin_row(&mut self, row: u64, sheet_row: u32) {
        self.resume_row(row, sheet_row);
        self.block.extend_from_slice(b"<row r=\"");
        let digits = self.block.len();
        self.row_digits.append_to(self.block);
        self.block.extend_from_slice(ROW_TAG_END);
        if let Some(matches) = &mut self.matches {
            matches.row(self.block, digits);
        }
    }

    pub(super) fn end_row(&mut self) {
        self.block.extend_from_slice(b"</row>");
    }

    /// Appends a cell of at most the longest text; it `is_cut` when more came.
    #[inline]
    pub(super) fn cell(&mut self, column: usize, text: CellText<'_>, is_cut: bool) -> Result<()> {
        self.is_cut = is_cut;
        match self.columns[column].data_type {
            DataType::String => match self.strings.find(column, text.bytes()) {
                Some(number) => {
                    self.shared_text(column, &number);
                    Ok(())
                }
                None => self.text(column, text, false),
            },
            DataType::Number => self.number(column, text),
            DataType::Date => self.date(column, text),
            DataType::Boolean => self.boolean(column, text),
        }
    }

    #[inline]
    fn number(&mut self, column: usize, text: CellText<'_>) -> Result<()> {
        match number::classify(text.bytes()) {
            Number::Exact => {
                let span = self.open(column, self.columns[column].value);
                text::append(self.block, text);
                self.close(span, Close::Value);
                Ok(())
            }
            Number::Inexact => self.kept_text(column, text),
            Number::Not => self.bad_value(column, text, EXPECTED_NUMBER),
        }
    }

    #[inline]
    fn date(&mut self, column: usize, text: CellText<'_>) -> Result<()> {
        let reader = &self.dates[column];
        match reader.read(text.bytes()) {
            Date::Wall(moment) | Date::Instant(moment) if moment.has_serial() => {
                let markup = &self.columns[column];
                let opening = if moment.has_time() { markup.date_time } else { markup.value };
                let span = self.open(column, opening);
                moment.write_serial(self.block);
                self.close(span, Close::Value);
                Ok(())
            }
            Date::Wall(_) | Date::Instant(_) | Date::Inexpressible => self.kept_text(column, text),
            Date::Not => self.bad_value(column, text, reader.expected()),
        }
    }

    fn boolean(&mut self, column: usize, text: CellText<'_>) -> Result<()> {
        let Some(value) = boolean::parse(text.bytes()) else {
            return self.bad_value(column, text, EXPECTED_BOOLEAN);
        };
        let span = self.open(column, self.columns[column].boolean);
        self.block.push(b'0' + u8::from(value));
        self.close(span, Close::Value);
        Ok(())
    }

    fn bad_value(
        &mut self,
        column: usize,
        text: CellText<'_>,
        expected: &'static str,
    ) -> Result<()> {
        match self.bad_value {
            BadValue::Text => self.kept_text(column, text),
            BadValue::Null => {
                self.fidelity.count(IssueKind::Nulled, self.row, column);
                Ok(())
            }
            BadValue::Fail => Err(self.refusal(column, text, expected)),
        }
    }

    fn kept_text(&mut self, column: usize, text: CellText<'_>) -> Result<()> {
        self.fidelity.count(IssueKind::KeptAsText, self.row, column);
        self.text(column, text, true)
    }

    #[inline]
    fn text(&mut self, column: usize, text: CellText<'_>, is_kept: bool) -> Result<()> {
        if self.is_cut {
            self.fidelity.count(IssueKind::Truncated, self.row, column);
        }
        let markup = &self.columns[column];
        let openings = if is_kept { markup.kept_text } else { markup.text };
        let is_preserved = text::needs_preserve(text.bytes());
        let opening = if is_preserved { openings.preserved } else { openings.trimmed };
        let span = self.open(column, opening);
        match text::push(self.block, text, self.control_characters) {
            Ok(false) => {}
            Ok(true) => self.fidelity.count(IssueKind::Escaped, self.row, column),
            Err(text::Forbidden) => {
                return Err(self.refusal(column, text, "text without control characters"));
            }
        }
        self.close(span, Close::Text);
        Ok(())
    }

    fn shared_text(&mut self, column: usize, number: &Digits) {
        self.shared_texts += 1;
        let span = self.open(column, self.columns[column].shared_text);
        number.append_to(self.block);
        self.close(span, Close::Value);
    }

    /// Appends what is before a value.
    #[inline]
    fn open(&mut self, column: usize, opening: OpeningId) -> OpenCell {
        let block = &mut *self.block;
        self.columns[column].reference.append_to(block);
        let digits = block.len();
        self.row_digits.append_to(block);
        let tag = block.len();
        self.openings.append(opening, block);
        OpenCell { column, opening, digits, tag, value: block.len() }
    }

    /// Appends what is after a value.
    #[inline]
    fn close(&mut self, open: OpenCell, close: Close) {
        let end = self.block.len();
        close.append_to(self.block);
        if let Some(matches) = &mut self.matches {
            matches.cell(self.block, &CellSpan { open, end, close });
        }
    }

    #[cold]
    fn refusal(&self, column: usize, text: CellText<'_>, expected: &'static str) -> Error {
        Error::Cell { row: self.row, column, expected, got: Clipped::bytes(text.bytes()) }
    }
}
