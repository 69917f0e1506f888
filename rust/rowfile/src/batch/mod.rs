//! `RecordBatch` messages (rowferry.v1): checked at the door, walked when written.
//!
//! The walk is written by hand because no decoder that builds values keeps up with it.

mod csv_rows;
mod json_number;
mod json_object;
mod json_rows;
mod json_text;
mod records;
mod wire;

use std::ops::Range;

use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::schema::Schema;
use wire::{Fields, Value};

pub(crate) use csv_rows::{EXPECTED_CLOSED, EXPECTED_SEPARATOR};
pub(crate) use json_number::write_plain;

/// The longest message taken; doors have smaller limits of their own.
pub(crate) const MAX_MESSAGE_BYTES: usize = 256 << 20;

const RECORDS: u32 = 1;
const BATCH_SEQUENCE: u32 = 2;
const JSON_ROWS: u32 = 3;
const CSV_ROWS: u32 = 4;
const SHEET: u32 = 5;

pub(crate) const EXPECTED_UTF8: &str = "valid UTF-8";

/// How the rows of a batch are packed into one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// One JSON array of rows.
    Json,
    /// RFC 4180 records without a header.
    Csv,
}

/// Appends a message that holds nothing but `rows`.
pub(crate) fn push_packed(message: &mut Vec<u8>, rows: &[u8], packing: Packing) {
    let field = match packing {
        Packing::Json => JSON_ROWS,
        Packing::Csv => CSV_ROWS,
    };
    message.reserve_exact(wire::MAX_DELIMITED_HEADER_BYTES + rows.len());
    wire::push_delimited(message, field, rows);
}

/// Appends the number of a batch to a message without one.
pub(crate) fn push_sequence(message: &mut Vec<u8>, sequence: u64) {
    wire::push_varint_field(message, BATCH_SEQUENCE, sequence);
}

/// Sees cells of a batch in order. `None` is null; text is UTF-8 in a checked batch.
pub(crate) trait RowVisitor {
    /// The cell of the 0-based `column` of the row under way.
    fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()>;
    /// `count` cells from the 0-based `column` on are null.
    #[inline]
    fn nulls(&mut self, column: usize, count: usize) -> Result<()> {
        (column..column + count).try_for_each(|column| self.cell(column, None))
    }
    /// All cells of the row were seen.
    fn end_row(&mut self) -> Result<()>;
}

/// Where rows are counted and judged: the shape they must have and the rows before them.
#[derive(Clone, Copy)]
pub(crate) struct RowContext<'a> {
    pub(crate) schema: &'a Schema,
    /// Data rows of the export before the batch.
    pub(crate) rows_before: u64,
}

/// The fields of one message; borrows from it.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
    body: Body<'a>,
    /// 0 when absent.
    pub(crate) sequence: i64,
    /// Where `batch_sequence` stands, with its tag.
    sequence_span: Range<usize>,
}

#[derive(Debug)]
enum Body<'a> {
    Records,
    Json(&'a [u8]),
    Csv(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Reads the top-level fields; rows are not looked at yet.
    pub(crate) fn read(bytes: &'a [u8], rows_before: u64) -> Result<Self> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(Error::TooLarge { what: "a batch", limit: MAX_MESSAGE_BYTES as u64 });
        }
        let refuse = |expected, got: &str| Error::Batch {
            row: rows_before,
            expected,
            got: Clipped::text(got),
        };
        let mut message = Self { bytes, body: Body::Records, sequence: 0, sequence_span: 0..0 };
        let mut has_records = false;
        let mut fields = Fields::new(bytes);
        loop {
            let start = fields.position();
            let field = fields.next().map_err(|fault| refuse(fault.expected(), "other bytes"))?;
            let Some(field) = field else { break };
            match (field.number, field.value) {
                (RECORDS, Value::Bytes(_)) => has_records = true,
                (BATCH_SEQUENCE, Value::Varint(value)) => {
                    if !message.sequence_span.is_empty() {
                        return Err(refuse("one batch_sequence", "two"));
                    }
                    message.sequence = value.cast_signed();
                    message.sequence_span = start..fields.position();
                }
                (JSON_ROWS | CSV_ROWS, Value::Bytes(rows)) => {
                    if !matches!(message.body, Body::Records) {
                        return Err(refuse("one packed payload", "two"));
                    }
                    let is_json = field.number == JSON_ROWS;
                    message.body = if is_json { Body::Json(rows) } else { Body::Csv(rows) };
                }
                (SHEET, Value::Varint(0)) => {}
                (SHEET, Value::Varint(_)) => return Err(refuse("sheet 0", "another sheet")),
                (RECORDS..=SHEET, _) => return Err(refuse(wire::FIELD_TYPES, "another type")),
                _ => {}
            }
        }
        if has_records && !matches!(message.body, Body::Records) {
            return Err(refuse("either records or a packed payload", "both"));
        }
        Ok(message)
    }

    /// The message around `batch_sequence`: what is stored and what duplicates are told by.
    pub(crate) fn without_sequence(&self) -> [&'a [u8]; 2] {
        let Range { start, end } = self.sequence_span;
        if start == end {
            return [self.bytes, &[]];
        }
        [&self.bytes[..start], &self.bytes[end..]]
    }

    /// Checks every row; the rows there are.
    pub(crate) fn check(&self, context: RowContext<'_>) -> Result<u64> {
        let packed = match self.body {
            Body::Records => return records::visit::<_, true>(self.bytes, context, &mut Nobody),
            Body::Json(rows) | Body::Csv(rows) => rows,
        };
        if simdutf8::basic::from_utf8(packed).is_ok() {
            return self.visit(context, &mut Nobody);
        }
        self.visit(context, &mut Utf8Check { row: context.rows_before + 1 })?;
        let got = Clipped::text("other bytes");
        Err(Error::Batch { row: context.rows_before, expected: EXPECTED_UTF8, got })
    }

    /// Shows every row to `visitor`; the rows there were. UTF-8 is not checked again.
    pub(crate) fn visit<V: RowVisitor>(
        &self,
        context: RowContext<'_>,
        visitor: &mut V,
    ) -> Result<u64> {
        match self.body {
            Body::Records => records::visit::<_, false>(self.bytes, context, visitor),
            Body::Json(rows) => json_rows::visit(rows, context, visitor),
            Body::Csv(rows) => csv_rows::visit(rows, context, visitor),
        }
    }
}

/// For a check: the walk alone finds what is wrong.
struct Nobody;

impl RowVisitor for Nobody {
    #[inline]
    fn cell(&mut self, _column: usize, _text: Option<CellText<'_>>) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn end_row(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Finds the cell that is not UTF-8 in a payload that is not.
struct Utf8Check {
    row: u64,
}

impl RowVisitor for Utf8Check {
    fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()> {
        let text = text.map(CellText::bytes).unwrap_or_default();
        if simdutf8::basic::from_utf8(text).is_ok() {
            return Ok(());
        }
        let got = Clipped::bytes(text);
        Err(Error::Cell { row: self.row, column, expected: EXPECTED_UTF8, got })
    }

    fn end_row(&mut self) -> Result<()> {
        self.row += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
