//! Inner parts of the crate for its own benches, fuzz targets and tests (feature `internals`).
//!
//! Nothing else may rely on it: it changes with what it shows.

use crate::batch::{Message, RowContext, RowVisitor};
use crate::cell::date::{Date, DateReader};
use crate::cell::number::{self, Number};
use crate::cell_text::CellText;
use crate::deflate;
use crate::error::Result;
use crate::schema::Schema;

/// A row as a writer sees it: null, or the bytes of a text.
pub type Cells = Vec<Option<Vec<u8>>>;

/// Judges a `RecordBatch` message as the log does; its rows.
///
/// # Errors
/// What is wrong with the message.
pub fn check_batch(schema: &Schema, message: &[u8]) -> Result<u64> {
    let context = RowContext { schema, rows_before: 0 };
    Message::read(message, 0)?.check(context)
}

/// Walks a message as a writer does, without writing: its rows and the bytes of their texts.
///
/// # Errors
/// As [`check_batch`], but UTF-8 is not looked at.
pub fn walk_batch(schema: &Schema, message: &[u8]) -> Result<(u64, u64)> {
    let mut text_bytes = TextBytes(0);
    let rows = visit(schema, message, &mut text_bytes)?;
    Ok((rows, text_bytes.0))
}

/// The rows of a message, as [`walk_batch`] sees them.
///
/// # Errors
/// As [`walk_batch`].
pub fn read_batch(schema: &Schema, message: &[u8]) -> Result<Vec<Cells>> {
    let mut table = Table { done: Vec::new(), open: Vec::new() };
    visit(schema, message, &mut table)?;
    Ok(table.done)
}

fn visit(schema: &Schema, message: &[u8], visitor: &mut impl RowVisitor) -> Result<u64> {
    Message::read(message, 0)?.visit(RowContext { schema, rows_before: 0 }, visitor)
}

struct TextBytes(u64);

impl RowVisitor for TextBytes {
    #[inline]
    fn cell(&mut self, _column: usize, text: Option<CellText<'_>>) -> Result<()> {
        self.0 += text.map_or(0, CellText::len) as u64;
        Ok(())
    }

    #[inline]
    fn end_row(&mut self) -> Result<()> {
        Ok(())
    }
}

struct Table {
    done: Vec<Cells>,
    open: Cells,
}

impl RowVisitor for Table {
    fn cell(&mut self, _column: usize, text: Option<CellText<'_>>) -> Result<()> {
        self.open.push(text.map(|text| text.bytes().to_vec()));
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        self.done.push(std::mem::take(&mut self.open));
        Ok(())
    }
}

/// A repetition in a block: after `literals` bytes, `length` (3 to 258) bytes that also stand
/// `distance` (1 to 32,768, never before the block) bytes earlier.
#[derive(Clone, Copy, Debug)]
pub struct Repetition {
    /// Bytes since the last repetition.
    pub literals: u32,
    /// Bytes repeated.
    pub length: u16,
    /// How far back.
    pub distance: u16,
}

/// Encodes blocks into sections of a deflate stream.
#[derive(Default)]
pub struct BlockEncoder {
    matches: Vec<deflate::Match>,
    deflated: Vec<u8>,
}

impl BlockEncoder {
    /// Keeps `repetitions` for [`Self::encode`].
    pub fn set_repetitions(&mut self, repetitions: &[Repetition]) {
        let of = |&Repetition { literals, length, distance }: &Repetition| deflate::Match {
            literals,
            length,
            distance,
        };
        self.matches = repetitions.iter().map(of).collect();
    }

    /// The section of `block`, in which the repetitions must stand, and the block's CRC-32.
    pub fn encode(&mut self, block: &[u8]) -> (&[u8], u32) {
        let section = deflate::encode(block, &self.matches, &mut self.deflated);
        (section.deflated, section.crc)
    }
}

/// The most bytes a section of so many bytes has.
#[must_use]
pub fn max_deflated_bytes(block_bytes: usize) -> usize {
    deflate::max_deflated_bytes(block_bytes)
}

/// Whether a NUMBER cell of this text becomes a number in a spreadsheet.
#[must_use]
pub fn is_exact_number(text: &[u8]) -> bool {
    number::classify(text) == Number::Exact
}

/// Reads the values of a DATE column.
pub struct DateCells(DateReader);

impl DateCells {
    /// Those of the 0-based `column`.
    #[must_use]
    pub fn of(schema: &Schema, column: usize) -> Self {
        Self(schema.date_readers().swap_remove(column))
    }

    /// Whether `text` is a day, or a day and a time: as ISO 8601 appended to `wall`, and as a
    /// spreadsheet's serial number appended to `serial`, if all spreadsheets agree on it.
    pub fn read(&self, text: &[u8], wall: &mut Vec<u8>, serial: &mut Vec<u8>) -> bool {
        let (Date::Wall(moment) | Date::Instant(moment)) = self.0.read(text) else {
            return false;
        };
        moment.write_text(wall);
        if moment.has_serial() {
            moment.write_serial(serial);
        }
        true
    }
}
