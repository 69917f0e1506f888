//! Matches (RFC 1951 §4) in rows of a sheet, found by what is known of their markup.
//!
//! A cell is what ends the cell before and begins this one up to its column letters, which an
//! earlier row has too; row number and opening, which an earlier cell of the row has; and a value.
//! Each is one match at a distance that need not be searched for.

#![expect(
    clippy::cast_possible_truncation,
    reason = "a block is far shorter than 4 GiB, a match has 16 bits of length and distance"
)]

use super::markup::{Close, OpeningId};
use super::text_matches::TextMatches;
use super::values::ValueCache;
use crate::deflate::{MAX_MATCH, MIN_MATCH, Match, WINDOW};

/// A cell whose value follows; positions are offsets in the block.
#[derive(Clone, Copy)]
pub(super) struct OpenCell {
    pub(super) column: usize,
    pub(super) opening: OpeningId,
    /// Of the row number.
    pub(super) digits: usize,
    /// Of what follows the row number.
    pub(super) tag: usize,
    pub(super) value: usize,
}

/// A whole cell.
#[derive(Clone, Copy)]
pub(super) struct CellSpan {
    pub(super) open: OpenCell,
    /// Of what ends the cell: at least [`SLACK_BYTES`].
    pub(super) end: usize,
    pub(super) close: Close,
}

/// Bytes after a value that may be read together with it.
pub(super) const SLACK_BYTES: usize = 8;

/// Where something last stood in the block, so that a match can refer to it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

impl Place {
    #[inline]
    pub(super) fn at(position: usize) -> Self {
        // By so much more that the place that is none is beyond the window of every position.
        Self((position + WINDOW + 1) as u32)
    }

    /// How far before `position` it is, if a match may reach so far.
    #[inline]
    pub(super) fn distance_to(self, position: usize) -> Option<usize> {
        let distance = position + WINDOW + 1 - self.0 as usize;
        (distance <= WINDOW).then_some(distance)
    }
}

/// What stands before a cell: four kinds of markup that can't stand for each other.
#[derive(Clone, Copy, Default)]
enum Before {
    Row,
    Value,
    Text,
    /// The block begins.
    #[default]
    Nothing,
}

const KINDS_BEFORE: usize = 4;

/// Finds the matches of one block.
#[derive(Default)]
pub(super) struct RowMatches {
    pub(super) found: Found,
    columns: Vec<ColumnTrail>,
    /// By what stands before: the latest reference of any column.
    references: [Place; KINDS_BEFORE],
    /// By opening: the latest.
    tags: Vec<Place>,
    values: ValueCache,
    texts: TextMatches,
    before: Before,
    /// Where what stands before the next cell begins.
    gap: usize,
    /// The latest row number.
    digits: usize,
    row: Place,
    /// Where the source of a match that reaches [`Self::gap`] goes on.
    source: Option<usize>,
}

/// What was last in a column.
#[derive(Clone, Copy, Default)]
struct ColumnTrail {
    references: [Place; KINDS_BEFORE],
    value: Place,
}

/// Matches in the order of the block.
#[derive(Default)]
pub(super) struct Found {
    pub(super) matches: Vec<Match>,
    /// Where the last match ends.
    covered: usize,
}

impl Found {
    /// Adds a match of [`MIN_MATCH`] to [`MAX_MATCH`] bytes.
    #[inline]
    pub(super) fn push(&mut self, block: &[u8], start: usize, length: usize, distance: usize) {
        debug_assert_eq!(block[start - distance..][..length], block[start..][..length]);
        debug_assert!((MIN_MATCH..=MAX_MATCH).contains(&length) && distance <= WINDOW);
        let literals = (start - self.covered) as u32;
        self.matches.push(Match { literals, length: length as u16, distance: distance as u16 });
        self.covered = start + length;
    }

    /// Adds a match of at least [`MIN_MATCH`] bytes, in pieces if it is too long for one.
    #[inline]
    pub(super) fn push_long(
        &mut self,
        block: &[u8],
        mut start: usize,
        mut length: usize,
        distance: usize,
    ) {
        while length > MAX_MATCH {
            let piece =
                if length - MAX_MATCH < MIN_MATCH { length - MIN_MATCH } else { MAX_MATCH };
            self.push(block, start, piece, distance);
            (start, length) = (start + piece, length - piece);
        }
        self.push(block, start, length, distance);
    }

    /// Makes the match that ends at `start`, if one does, longer by what is equal up to `end`.
    fn extend(&mut self, block: &[u8], start: usize, end: usize) {
        if let Some(last) = self.matches.last_mut()
            && self.covered == start
        {
            let source = start - usize::from(last.distance);
            let room = MAX_MATCH - usize::from(last.length);
            let common = common_prefix(&block[source..], &block[start..end]).min(room);
            last.length += common as u16;
            self.covered += common;
        }
    }

    /// Makes the match that ends at `start` longer by all of `length` bytes, if it can be.
    #[inline]
    fn lengthen(&mut self, block: &[u8], start: usize, source: usize, length: usize) -> bool {
        let Some(last) = self.matches.last_mut() else { return false };
        let longer = usize::from(last.length) + length;
        if longer > MAX_MATCH || block[source..source + length] != block[start..start + length] {
            return false;
        }
        last.length = longer as u16;
        self.covered = start + length;
        true
    }
}

impl RowMatches {
    /// Starts a block of rows of so many columns, with so many openings.
    pub(super) fn restart(&mut self, columns: usize, openings: usize) {
        self.found.matches.clear();
        self.found.covered = 0;
        self.columns.clear();
        // The last is what ends a row and begins the next.
        self.columns.resize(columns + 1, ColumnTrail::default());
        self.references = [Place::default(); KINDS_BEFORE];
        self.tags.clear();
        self.tags.resize(openings, Place::default());
        self.values.restart(columns);
        self.texts.restart(columns);
        self.before = Before::Nothing;
        (self.gap, self.digits, self.row) = (0, 0, Place::default());
        self.source = None;
    }

    /// A row's beginning was appended, its number at `digits`.
    pub(super) fn row(&mut self, block: &[u8], digits: usize) {
        let tag_end = block.len() - ROW_TAG_END.len();
        self.markup(block, self.columns.len() - 1, digits);
        self.found.extend(block, digits, tag_end);
        self.before = Before::Row;
        self.gap = tag_end;
        self.digits = digits;
        self.row = Place::at(digits);
        self.source = None;
    }

    /// A cell was appended, with what ends it.
    #[inline]
    pub(super) fn cell(&mut self, block: &[u8], cell: &CellSpan) {
        self.markup(block, cell.open.column, cell.open.digits);
        let value = self.opening(block, cell);
        self.source = self.value(block, cell, value);
        self.before = match cell.close {
            Close::Value => Before::Value,
            Close::Text => Before::Text,
        };
        self.gap = cell.end;
        self.digits = cell.open.digits;
    }

    /// The block ends, with a row or amid one: all its matches.
    pub(super) fn finish<'a>(&'a mut self, block: &[u8]) -> &'a [Match] {
        let trail = &self.columns[self.columns.len() - 1];
        let source = trail.references[self.before as usize];
        let length = block.len() - self.gap;
        if let Some(distance) = source.distance_to(self.gap)
            && length >= MIN_MATCH
            && common_prefix(&block[self.gap - distance..], &block[self.gap..]) == length
        {
            self.found.push(block, self.gap, length, distance);
        }
        &self.found.matches
    }

    /// From the end of the value before to the row number.
    #[inline]
    fn markup(&mut self, block: &[u8], column: usize, digits: usize) {
        let before = self.before as usize;
        let start = self.gap;
        let length = digits - start;
        let here = Place::at(start);
        let above = std::mem::replace(&mut self.columns[column].references[before], here);
        let latest = std::mem::replace(&mut self.references[before], here);
        if let Some(source) = self.source
            && self.found.lengthen(block, start, source, length)
        {
            return;
        }
        // The beginning of a block comes once.
        if matches!(self.before, Before::Nothing) {
            return;
        }
        if let Some(distance) = above.distance_to(start) {
            self.found.push(block, start, length, distance);
        } else if let Some(distance) = latest.distance_to(start) {
            let common = common_prefix(&block[start - distance..], &block[start..digits]);
            if common >= MIN_MATCH {
                self.found.push(block, start, common, distance);
            }
        }
    }

    /// Row number, opening, and what follows if it does so at the source too; where that ends.
    #[inline]
    fn opening(&mut self, block: &[u8], cell: &CellSpan) -> usize {
        self.source = None;
        let latest = &mut self.tags[usize::from(cell.open.opening)];
        let latest = std::mem::replace(latest, Place::at(cell.open.tag));
        if latest > self.row
            && let Some(distance) = latest.distance_to(cell.open.tag)
        {
            return self.opening_at(block, cell, cell.open.digits, distance);
        }
        self.row_number(block, cell);
        match latest.distance_to(cell.open.tag) {
            Some(distance) => self.opening_at(block, cell, cell.open.tag, distance),
            None => cell.open.value,
        }
    }

    /// The number before the first opening of its kind in the row. Rows near each other have all
    /// digits but the last in common.
    #[inline]
    fn row_number(&mut self, block: &[u8], cell: &CellSpan) {
        let OpenCell { digits, tag, .. } = cell.open;
        self.found.extend(block, digits, tag);
        let start = self.found.covered.max(digits);
        let distance = digits - self.digits;
        if tag - start >= MIN_MATCH && self.digits > 0 && distance <= WINDOW {
            self.found.push(block, start, tag - start, distance);
        }
    }

    #[inline]
    fn opening_at(
        &mut self,
        block: &[u8],
        cell: &CellSpan,
        start: usize,
        distance: usize,
    ) -> usize {
        let markup_length = cell.open.value - start;
        let most = (cell.end - cell.open.value).min(MAX_MATCH - markup_length);
        let common = common_length(block, cell.open.value - distance, cell.open.value, most);
        let common = if common < MIN_VALUE_PREFIX { 0 } else { common };
        self.found.push(block, start, markup_length + common, distance);
        let covered = cell.open.value + common;
        self.source = (covered == cell.end).then(|| covered - distance);
        covered
    }

    /// The value from `start` on; where the source of a match to its end goes on.
    #[inline]
    fn value(&mut self, block: &[u8], cell: &CellSpan, start: usize) -> Option<usize> {
        let trail = &mut self.columns[cell.open.column];
        let above = std::mem::replace(&mut trail.value, Place::at(cell.open.value));
        let after_opening = if start == cell.end { self.source } else { None };
        let length = cell.end - cell.open.value;
        if length < MIN_VALUE {
            return after_opening;
        }
        let same = self.values.find(block, cell.open.column, cell.open.value, cell.end);
        if start == cell.end {
            return after_opening;
        }
        if let Some(distance) = same
            && cell.end - start >= MIN_MATCH
        {
            self.found.push_long(block, start, cell.end - start, distance);
            return Some(cell.end - distance);
        }
        let mut start = start;
        if start == cell.open.value
            && let Some(distance) = above.distance_to(start)
        {
            let common = common_length(block, start - distance, start, length.min(MAX_MATCH));
            if common >= MIN_PREFIX_ABOVE {
                self.found.push(block, start, common, distance);
                start += common;
                if start == cell.end {
                    return Some(start - distance);
                }
            }
        }
        if cell.close == Close::Text {
            self.texts.find(block, cell.open.column, start, cell.end, &mut self.found);
        }
        None
    }
}

/// After a row's number.
pub(super) const ROW_TAG_END: &[u8] = b"\">";
/// A prefix this short costs nothing beside the markup it follows.
const MIN_VALUE_PREFIX: usize = 2;
/// A shorter value is not worth a look.
const MIN_VALUE: usize = 4;
/// A prefix that costs a match of its own pays from here on.
const MIN_PREFIX_ABOVE: usize = 5;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// How many of the bytes at `a` and at `b` are equal, at most `most`. [`SLACK_BYTES`] may be read
/// beyond those.
#[inline]
pub(super) fn common_length(block: &[u8], a: usize, b: usize, most: usize) -> usize {
    let mut length = 0;
    while length < most {
        let difference = eight_bytes(block, a + length) ^ eight_bytes(block, b + length);
        if difference != 0 {
            return (length + difference.trailing_zeros() as usize / 8).min(most);
        }
        length += SLACK_BYTES;
    }
    most
}

/// Little-endian; beyond the block there are none.
#[inline]
pub(super) fn eight_bytes(block: &[u8], position: usize) -> u64 {
    block[position..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
