//! Where records of a body end, however it arrives.

use super::batches::Batches;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::lanes::{LANES, any_of, chunk_at};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Finds ends of records in the pieces of a body, one piece after the other.
pub(super) trait RecordEnds {
    /// The first position at or after `from` where a record has ended, behind its line break.
    fn next(&mut self, bytes: &[u8], from: usize) -> Option<usize>;

    /// What is missing where the body ends; `None` = a record may end there.
    fn missing(&self) -> Option<&'static str>;
}

/// Every line is a record.
#[derive(Debug, Default)]
pub(super) struct Lines;

impl RecordEnds for Lines {
    fn next(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        memchr::memchr(b'\n', &bytes[from..]).map(|length| from + length + 1)
    }

    fn missing(&self) -> Option<&'static str> {
        None
    }
}

/// Line breaks between quotes end no record (RFC 4180 §2.6); a doubled quote closes and opens.
#[derive(Debug, Default)]
pub(super) struct QuotedLines {
    is_quoted: bool,
}

impl RecordEnds for QuotedLines {
    #[inline]
    fn next(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut offset = from;
        while offset < bytes.len() {
            let chunk = chunk_at(bytes, offset);
            let quoted = quoted_lanes(any_of(chunk, [b'"']), self.is_quoted);
            let ends = any_of(chunk, [b'\n']) & !quoted;
            if ends != 0 {
                self.is_quoted = false;
                return Some(offset + ends.trailing_zeros() as usize + 1);
            }
            self.is_quoted = quoted >> (LANES - 1) & 1 == 1;
            offset += LANES;
        }
        None
    }

    fn missing(&self) -> Option<&'static str> {
        self.is_quoted.then_some("its last quoted field closed by a quote")
    }
}

/// The lanes behind an odd number of `quotes`, the lane of an opening quote included.
#[inline]
fn quoted_lanes(quotes: u32, is_quoted: bool) -> u32 {
    let inside = [1, 2, 4, 8].into_iter().fold(quotes, |lanes, shift| lanes ^ lanes << shift);
    if is_quoted { !inside } else { inside }
}

/// Cuts a body into records; keeps what has come of the last one.
#[derive(Debug, Default)]
pub(super) struct Records<E> {
    ends: E,
    open: Vec<u8>,
    /// A record was cut: a byte order mark is text from then on.
    has_begun: bool,
}

impl<E: RecordEnds> Records<E> {
    /// Shows `each` the records that end in `bytes`, with their line breaks.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        batches: &mut Batches,
        mut each: impl FnMut(&[u8], &mut Batches) -> Result<()>,
    ) -> Result<()> {
        let mut start = 0;
        while let Some(end) = self.ends.next(bytes, start) {
            if self.open.is_empty() {
                self.show(&bytes[start..end], batches, &mut each)?;
            } else {
                let mut record = std::mem::take(&mut self.open);
                record.extend_from_slice(&bytes[start..end]);
                self.show(&record, batches, &mut each)?;
                record.clear();
                self.open = record;
            }
            start = end;
        }
        let open_bytes = self.open.len() + bytes.len() - start;
        batches.check_row_bytes(open_bytes)?;
        self.open.extend_from_slice(&bytes[start..]);
        Ok(())
    }

    /// Shows `each` the record that the body ends with, if it has no line break.
    pub(super) fn finish(
        &mut self,
        batches: &mut Batches,
        mut each: impl FnMut(&[u8], &mut Batches) -> Result<()>,
    ) -> Result<()> {
        let record = std::mem::take(&mut self.open);
        if let Some(expected) = self.ends.missing() {
            let got = Clipped::bytes(&record);
            return Err(Error::Row { row: batches.rows() + 1, expected, got });
        }
        self.show(&record, batches, &mut each)
    }

    #[inline]
    fn show(
        &mut self,
        record: &[u8],
        batches: &mut Batches,
        each: &mut impl FnMut(&[u8], &mut Batches) -> Result<()>,
    ) -> Result<()> {
        batches.check_row_bytes(record.len())?;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let mark = if is_first { BYTE_ORDER_MARK } else { &[] };
        each(record.strip_prefix(mark).unwrap_or(record), batches)
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn records_end_where_quotes_are_even(body in "[a\"\n]{0,80}", cut in 0usize..80) {
            let body = body.as_bytes();
            let mut quotes = 0;
            let mut expected = Vec::new();
            for (place, byte) in body.iter().enumerate() {
                quotes += usize::from(*byte == b'"');
                if *byte == b'\n' && quotes % 2 == 0 {
                    expected.push(place + 1);
                }
            }
            let cut = cut.min(body.len());
            let mut ends = QuotedLines::default();
            let mut found = Vec::new();
            for (before, piece) in [(0, &body[..cut]), (cut, &body[cut..])] {
                let mut from = 0;
                while let Some(end) = ends.next(piece, from) {
                    found.push(before + end);
                    from = end;
                }
            }
            proptest::prop_assert_eq!(found, expected);
            proptest::prop_assert_eq!(ends.missing().is_some(), quotes % 2 == 1);
        }
    }
}
