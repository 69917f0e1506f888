//! Cells of columns as the text that they are in `csv_rows`.

use jiff::tz::TimeZone;

use super::kind::Unit;
use super::{ColumnBuffers, ColumnKind, moments, numbers};
use crate::error::{Error, Result};
use crate::lanes::{LANES, any_of, chunk_at, first_lanes};
use crate::text_buffer::TextBuffer;

/// A value that no cell can have.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) expected: &'static str,
    pub(super) got: String,
}

/// Some rows of a column, its buffers checked against their number.
#[derive(Debug)]
pub(super) struct Column<'a> {
    validity: Option<&'a [u8]>,
    first_bit: usize,
    cells: Cells<'a>,
}

#[derive(Debug)]
enum Cells<'a> {
    Null,
    Boolean(&'a [u8]),
    Int64(&'a [[u8; 8]]),
    UInt64(&'a [[u8; 8]]),
    Float32(&'a [[u8; 4]]),
    Float64(&'a [[u8; 8]]),
    Decimal128(&'a [[u8; 16]], i32),
    DecimalDigits(Texts<'a>, i32),
    Text(Texts<'a>),
    Date(&'a [[u8; 4]]),
    Time(&'a [[u8; 8]], Unit),
    WallTimestamp(&'a [[u8; 8]], Unit),
    ZonedTimestamp(&'a [[u8; 8]], Unit, &'a TimeZone, bool),
}

#[derive(Clone, Copy, Debug)]
struct Texts<'a> {
    /// Counted from `first`.
    offsets: &'a [[u8; 8]],
    first: u64,
    bytes: &'a [u8],
}

/// The columns of `rows` rows; refuses buffers that are too short for them.
pub(super) fn columns<'a>(
    rows: usize,
    kinds: &'a [ColumnKind],
    buffers: &[ColumnBuffers<'a>],
) -> Result<Vec<Column<'a>>> {
    if kinds.len() != buffers.len() {
        return Err(Error::Buffers { column: buffers.len() });
    }
    let columns = kinds.iter().zip(buffers).enumerate().map(|(index, (kind, buffers))| {
        Column::new(rows, kind, *buffers).ok_or(Error::Buffers { column: index })
    });
    columns.collect()
}

impl<'a> Column<'a> {
    fn new(rows: usize, kind: &'a ColumnKind, buffers: ColumnBuffers<'a>) -> Option<Self> {
        let ColumnBuffers { validity, first_bit, values, .. } = buffers;
        let has_bits = |bitmap: &[u8]| bitmap.len() * 8 >= first_bit + rows;
        if !validity.is_none_or(has_bits) {
            return None;
        }
        let cells = match kind {
            ColumnKind::Null => Cells::Null,
            ColumnKind::Boolean => Cells::Boolean(Some(values).filter(|bits| has_bits(bits))?),
            ColumnKind::Int64 => Cells::Int64(words(values, rows)?),
            ColumnKind::UInt64 => Cells::UInt64(words(values, rows)?),
            ColumnKind::Float32 => Cells::Float32(words(values, rows)?),
            ColumnKind::Float64 => Cells::Float64(words(values, rows)?),
            ColumnKind::Decimal128 { scale } => Cells::Decimal128(words(values, rows)?, *scale),
            ColumnKind::DecimalDigits { scale } => {
                Cells::DecimalDigits(Texts::new(rows, buffers)?, *scale)
            }
            ColumnKind::Text => Cells::Text(Texts::new(rows, buffers)?),
            ColumnKind::Date => Cells::Date(words(values, rows)?),
            ColumnKind::Time(unit) => Cells::Time(words(values, rows)?, *unit),
            ColumnKind::WallTimestamp(unit) => Cells::WallTimestamp(words(values, rows)?, *unit),
            ColumnKind::ZonedTimestamp { unit, zone, with_offset } => {
                Cells::ZonedTimestamp(words(values, rows)?, *unit, zone, *with_offset)
            }
        };
        Some(Self { validity, first_bit, cells })
    }

    #[inline]
    pub(super) fn is_valid(&self, row: usize) -> bool {
        match (self.validity, &self.cells) {
            (_, Cells::Null) => false,
            (None, _) => true,
            (Some(bitmap), _) => self.bit(bitmap, row),
        }
    }

    #[inline]
    fn bit(&self, bitmap: &[u8], row: usize) -> bool {
        let position = self.first_bit + row;
        bitmap[position / 8] >> (position % 8) & 1 == 1
    }

    /// Whether all texts of the rows are UTF-8, those of nulls among them.
    pub(super) fn is_utf8(&self) -> bool {
        match &self.cells {
            Cells::Text(texts) => texts.is_utf8(),
            _ => true,
        }
    }

    /// The text of a row, if it is no UTF-8 and no null.
    pub(super) fn foreign_text(&self, row: usize) -> Option<&'a [u8]> {
        let Cells::Text(texts) = &self.cells else { return None };
        let is_foreign = |text: &&[u8]| simdutf8::basic::from_utf8(text).is_err();
        self.is_valid(row).then(|| texts.at(row)).filter(is_foreign)
    }

    /// Appends the cell of a row, which is not null.
    #[inline]
    pub(super) fn push_cell(&self, row: usize, out: &mut TextBuffer) -> Result<(), Refused> {
        match &self.cells {
            Cells::Null => {}
            Cells::Boolean(bits) => {
                out.extend(if self.bit(bits, row) { b"true" } else { b"false" });
            }
            Cells::Int64(words) => numbers::push_integer(i64::from_le_bytes(words[row]), out),
            Cells::UInt64(words) => numbers::push_integer(u64::from_le_bytes(words[row]), out),
            Cells::Float32(words) => numbers::push_float(f32::from_le_bytes(words[row]), out)?,
            Cells::Float64(words) => numbers::push_float(f64::from_le_bytes(words[row]), out)?,
            Cells::Decimal128(words, scale) => {
                numbers::push_decimal(i128::from_le_bytes(words[row]), *scale, out);
            }
            Cells::DecimalDigits(texts, scale) => numbers::push_scaled(texts.at(row), *scale, out),
            Cells::Text(texts) => texts.push_quoted(row, out),
            Cells::Date(words) => moments::push_date(i32::from_le_bytes(words[row]), out)?,
            Cells::Time(words, unit) => {
                moments::push_time(i64::from_le_bytes(words[row]), *unit, out)?;
            }
            Cells::WallTimestamp(words, unit) => {
                moments::push_wall(i64::from_le_bytes(words[row]), *unit, out)?;
            }
            Cells::ZonedTimestamp(words, unit, zone, with_offset) => {
                let value = i64::from_le_bytes(words[row]);
                moments::push_zoned(value, *unit, zone, *with_offset, out)?;
            }
        }
        Ok(())
    }
}

/// The first `count` words of a buffer of little-endian values.
fn words<const BYTES: usize>(buffer: &[u8], count: usize) -> Option<&[[u8; BYTES]]> {
    buffer.as_chunks().0.get(..count)
}

impl<'a> Texts<'a> {
    /// The texts of `rows` rows; `None` unless each offset lies in the values and none before
    /// its predecessor.
    fn new(rows: usize, buffers: ColumnBuffers<'a>) -> Option<Self> {
        let offsets: &[[u8; 8]] = words(buffers.offsets, rows + 1)?;
        let first = u64::from_le_bytes(*offsets.first()?);
        let is_in_order = offsets.is_sorted_by_key(|word| u64::from_le_bytes(*word));
        let length = u64::from_le_bytes(*offsets.last()?).checked_sub(first)?;
        let fits = is_in_order && length <= buffers.values.len() as u64;
        fits.then_some(Self { offsets, first, bytes: buffers.values })
    }

    #[inline]
    fn offset(self, index: usize) -> usize {
        // Checked to be at most the length of the values.
        usize::try_from(u64::from_le_bytes(self.offsets[index]) - self.first).unwrap_or(usize::MAX)
    }

    #[inline]
    fn at(self, row: usize) -> &'a [u8] {
        &self.bytes[self.offset(row)..self.offset(row + 1)]
    }

    fn is_utf8(self) -> bool {
        let rows = self.offsets.len() - 1;
        // A text that begins inside a character is none, nor is the one before it.
        simdutf8::basic::from_utf8(&self.bytes[..self.offset(rows)]).is_ok_and(|all| {
            all.is_ascii() || (0..=rows).all(|row| all.is_char_boundary(self.offset(row)))
        })
    }

    /// Appends a text in quotes, its own doubled (RFC 4180 §2.5-2.7).
    #[inline]
    fn push_quoted(self, row: usize, out: &mut TextBuffer) {
        let (mut start, end) = (self.offset(row), self.offset(row + 1));
        out.push(b'"');
        while start < end {
            let chunk = chunk_at(self.bytes, start);
            let length = (end - start).min(LANES);
            let quotes = any_of(chunk, [b'"']) & first_lanes(length);
            if quotes == 0 {
                out.push_chunk(chunk, length);
                start += length;
            } else {
                let length = quotes.trailing_zeros() as usize + 1;
                out.push_chunk(chunk, length);
                out.push(b'"');
                start += length;
            }
        }
        out.push(b'"');
    }
}
