//! `repeated Record records`: values in column order and a bitmap of nulls.

use super::wire::{FIELD_TYPES, Fault, Fields, Value};
use super::{RECORDS, RowContext, RowVisitor};
use crate::clipped::Clipped;
use crate::error::{Error, Result};

const VALUES: u32 = 1;
const NULL_BITMAP: u32 = 2;
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
    let mut record = Record { values: Vec::with_capacity(columns), count: 0, null_bitmap: &[] };
    let mut fields = Fields::new(message);
    loop {
        let row = context.rows_before + rows + 1;
        let field = fields.next().map_err(|fault| refusal(row, Refusal::Wire(fault)))?;
        let Some(field) = field else { return Ok(rows) };
        if let (RECORDS, Value::Bytes(bytes)) = (field.number, field.value) {
            record.read::<CHECK_UTF8>(bytes, columns).map_err(|what| refusal(row, what))?;
            if record.count != columns {
                return Err(Error::RowWidth { row, expected: columns, got: record.count });
            }
            record.show(visitor)?;
            rows += 1;
        }
    }
}

struct Record<'a> {
    /// At most as many as there are columns: a hostile record must not cost memory.
    values: Vec<&'a [u8]>,
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
    #[inline]
    fn read<const CHECK_UTF8: bool>(
        &mut self,
        bytes: &'a [u8],
        columns: usize,
    ) -> Result<(), Refusal<'a>> {
        self.values.clear();
        self.count = 0;
        self.null_bitmap = &[];
        let mut position = 0;
        // Tags and lengths of short values are ASCII, so a run of them is valid UTF-8 exactly
        // when each value is: one call validates them all.
        let mut run_start = 0;
        while position < bytes.len() {
            if let [VALUES_TAG, length @ 0..0x80, rest @ ..] = &bytes[position..] {
                let length = usize::from(*length);
                let value = rest.get(..length).ok_or(Refusal::Wire(Fault::Truncated))?;
                self.push(value, columns);
                position += 2 + length;
                continue;
            }
            let mut fields = Fields::from(bytes, position);
            let field = fields.next().map_err(Refusal::Wire)?;
            let Some(field) = field else { break };
            let run = &bytes[run_start..position];
            match (field.number, field.value) {
                (VALUES, Value::Bytes(value)) => {
                    self.push(value, columns);
                    self.check_utf8::<CHECK_UTF8>(value)?;
                }
                (NULL_BITMAP, Value::Bytes(bitmap)) => self.null_bitmap = bitmap,
                (VALUES | NULL_BITMAP, _) => return Err(Refusal::FieldType),
                _ => {}
            }
            self.check_utf8::<CHECK_UTF8>(run)?;
            position = fields.position();
            run_start = position;
        }
        self.check_utf8::<CHECK_UTF8>(&bytes[run_start..])?;
        if self.null_bitmap.is_empty() || bitmap_fits(self.null_bitmap, columns) {
            Ok(())
        } else {
            Err(Refusal::Bitmap)
        }
    }

    #[inline]
    fn push(&mut self, value: &'a [u8], columns: usize) {
        self.count += 1;
        if self.values.len() < columns {
            self.values.push(value);
        }
    }

    #[inline]
    fn check_utf8<const CHECK_UTF8: bool>(&self, bytes: &'a [u8]) -> Result<(), Refusal<'a>> {
        if !CHECK_UTF8 || simdutf8::basic::from_utf8(bytes).is_ok() {
            return Ok(());
        }
        let bad = self.values.iter().position(|value| std::str::from_utf8(value).is_err());
        let column = bad.unwrap_or(self.values.len());
        Err(Refusal::Utf8 { column, value: bad.map_or(bytes, |column| self.values[column]) })
    }

    #[inline]
    fn show<V: RowVisitor>(&self, visitor: &mut V) -> Result<()> {
        if self.null_bitmap.is_empty() {
            for (column, value) in self.values.iter().enumerate() {
                visitor.cell(column, Some(value))?;
            }
        } else {
            for (column, value) in self.values.iter().enumerate() {
                let byte = self.null_bitmap.get(column / 8).copied().unwrap_or(0);
                let is_null = byte >> (column % 8) & 1 == 1;
                visitor.cell(column, (!is_null).then_some(*value))?;
            }
        }
        visitor.end_row()
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
            return Error::Cell { row, column, expected: "valid UTF-8", got };
        }
    };
    Error::Row { row, expected, got: Clipped::text(got) }
}
