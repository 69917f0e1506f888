//! `repeated Record records`: values in column order and a bitmap of nulls.

use std::ops::Range;

use super::wire::{FIELD_TYPES, Fault, Fields, Value};
use super::{EXPECTED_UTF8, RECORDS, RowContext, RowVisitor};
use crate::cell_text::CellText;
use crate::clipped::Clipped;
use crate::error::{Error, Result};

const VALUES: u32 = 1;
const NULL_BITMAP: u32 = 2;
/// Columns whose nulls are looked at together.
const NULL_GROUP: usize = 64;
/// Tag byte of `values`: field 1, length-delimited.
const VALUES_TAG: u8 = 0x0a;

/// Shows every record of the message to `visitor`; the rows there were.
pub(super) fn visit<V: RowVisitor, const CHECK_UTF8: bool>(
    message: &[u8],
    context: RowContext<'_>,
    visitor: &mut V,
) -> Result<u64> {
    let columns = context.schema.columns.len();
    let mut rows = 0;
    let mut record = Record::new(message, columns);
    let mut fields = Fields::new(message);
    loop {
        let row = context.rows_before + rows + 1;
        let field = fields.next().map_err(|fault| refusal(row, Refusal::Wire(fault)))?;
        let Some(field) = field else { return Ok(rows) };
        if let (RECORDS, Value::Bytes(bytes)) = (field.number, field.value) {
            let end = fields.position();
            let span = end - bytes.len()..end;
            record.read::<CHECK_UTF8>(span).map_err(|what| refusal(row, what))?;
            if record.count != columns {
                return Err(Error::RowWidth { row, expected: columns, got: record.count });
            }
            record.show(visitor)?;
            rows += 1;
        }
    }
}

struct Record<'a> {
    message: &'a [u8],
    /// Where the values stand in the message, a place a column: a hostile record must not cost
    /// memory.
    values: Vec<Range<usize>>,
    /// Values the record really has.
    count: usize,
    null_bitmap: &'a [u8],
}

#[derive(Clone, Copy)]
enum Refusal<'a> {
    Wire(Fault),
    FieldType,
    Utf8 { column: usize, value: &'a [u8] },
    Bitmap,
}

impl<'a> Record<'a> {
    fn new(message: &'a [u8], columns: usize) -> Self {
        Self { message, values: vec![0..0; columns], count: 0, null_bitmap: &[] }
    }

    /// Reads the record at `span` of the message.
    #[inline]
    fn read<const CHECK_UTF8: bool>(&mut self, span: Range<usize>) -> Result<(), Refusal<'a>> {
        self.count = 0;
        self.null_bitmap = &[];
        let bytes = &self.message[..span.end];
        let mut position = span.start;
        // Tags and lengths of short values are ASCII, so a run of them is valid UTF-8 exactly
        // when each value is: one call validates them all.
        let mut run_start = position;
        while position < bytes.len() {
            if let [VALUES_TAG, length @ 0..0x80, ..] = bytes[position..] {
                let start = position + 2;
                position = start + usize::from(length);
                self.push(start..position);
                continue;
            }
            let run = &bytes[run_start..position];
            let mut fields = Fields::from(bytes, position);
            let field = fields.next().map_err(Refusal::Wire)?;
            let Some(field) = field else { break };
            position = fields.position();
            match (field.number, field.value) {
                (VALUES, Value::Bytes(value)) => {
                    self.push(position - value.len()..position);
                    self.check_utf8::<CHECK_UTF8>(value)?;
                }
                (NULL_BITMAP, Value::Bytes(bitmap)) => self.null_bitmap = bitmap,
                (VALUES | NULL_BITMAP, _) => return Err(Refusal::FieldType),
                _ => {}
            }
            self.check_utf8::<CHECK_UTF8>(run)?;
            run_start = position;
        }
        // Only the last value can end behind the record.
        let run = bytes.get(run_start..position).ok_or(Refusal::Wire(Fault::Truncated))?;
        self.check_utf8::<CHECK_UTF8>(run)?;
        if self.null_bitmap.is_empty() || bitmap_fits(self.null_bitmap, self.values.len()) {
            Ok(())
        } else {
            Err(Refusal::Bitmap)
        }
    }

    #[inline]
    fn push(&mut self, value: Range<usize>) {
        if let Some(place) = self.values.get_mut(self.count) {
            *place = value;
        }
        self.count += 1;
    }

    #[inline]
    fn check_utf8<const CHECK_UTF8: bool>(&self, bytes: &'a [u8]) -> Result<(), Refusal<'a>> {
        if !CHECK_UTF8 || simdutf8::basic::from_utf8(bytes).is_ok() {
            return Ok(());
        }
        Err(self.bad_utf8(bytes))
    }

    #[cold]
    fn bad_utf8(&self, bytes: &'a [u8]) -> Refusal<'a> {
        let values = self.values.iter().take(self.count);
        let mut values = values.map(|span| &self.message[span.clone()]).enumerate();
        let bad = values.find(|(_, value)| std::str::from_utf8(value).is_err());
        let (column, value) = bad.unwrap_or((self.count, bytes));
        Refusal::Utf8 { column, value }
    }

    #[inline]
    fn show<V: RowVisitor>(&self, visitor: &mut V) -> Result<()> {
        let text = |value: &Range<usize>| CellText::new(self.message, value.clone());
        if self.null_bitmap.is_empty() {
            for (column, value) in self.values.iter().enumerate() {
                visitor.cell(column, Some(text(value)))?;
            }
            return visitor.end_row();
        }
        let groups = self.values.chunks(NULL_GROUP).zip((0..).step_by(NULL_GROUP));
        for (values, first_column) in groups {
            let nulls = self.nulls_from(first_column);
            let mut at = 0;
            while let Some(value) = values.get(at) {
                let run = (nulls >> at).trailing_ones() as usize;
                if run == 0 {
                    visitor.cell(first_column + at, Some(text(value)))?;
                    at += 1;
                } else {
                    visitor.nulls(first_column + at, run.min(values.len() - at))?;
                    at += run;
                }
            }
        }
        visitor.end_row()
    }

    /// A bit for each null among [`NULL_GROUP`] columns, the lowest for `first_column`.
    fn nulls_from(&self, first_column: usize) -> u64 {
        let bytes = self.null_bitmap.get(first_column / 8..).unwrap_or_default();
        let mut group = [0; NULL_GROUP / 8];
        for (to, from) in group.iter_mut().zip(bytes) {
            *to = *from;
        }
        u64::from_le_bytes(group)
    }
}

/// No byte and no bit beyond the columns.
fn bitmap_fits(bitmap: &[u8], columns: usize) -> bool {
    let full_bytes = columns / 8;
    match bitmap.get(full_bytes..) {
        None | Some([]) => true,
        Some([last]) => !columns.is_multiple_of(8) && u32::from(*last) >> (columns % 8) == 0,
        Some(_) => false,
    }
}

#[cold]
fn refusal(row: u64, what: Refusal<'_>) -> Error {
    let (expected, got) = match what {
        Refusal::Wire(fault) => (fault.expected(), "other bytes"),
        Refusal::FieldType => (FIELD_TYPES, "another type"),
        Refusal::Bitmap => ("a null_bitmap of its columns' bits", "more bits"),
        Refusal::Utf8 { column, value } => {
            let got = Clipped::bytes(value);
            return Error::Cell { row, column, expected: EXPECTED_UTF8, got };
        }
    };
    Error::Row { row, expected, got: Clipped::text(got) }
}
