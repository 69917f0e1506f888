//! Bodies of a JSON array or object a line.
//!
//! Lines are joined, not parsed: what they hold is judged in the log. Looked at here is what
//! joining would hide, a line that is not one value.

use super::batches::Batches;
use super::record_ends::{Lines, Records};
use crate::batch::Packing;
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::lanes::{any_of, position};

const EXPECTED_VALUE: &str = "one JSON array or object in its line";

#[derive(Debug, Default)]
pub(super) struct JsonLines {
    lines: Records<Lines>,
}

impl JsonLines {
    pub(super) fn push(&mut self, bytes: &[u8], batches: &mut Batches) -> Result<()> {
        self.lines.push(bytes, batches, take)
    }

    pub(super) fn finish(&mut self, batches: &mut Batches) -> Result<()> {
        self.lines.finish(batches, take)?;
        batches.close(Packing::Json);
        Ok(())
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.lines.open_bytes()
    }
}

#[inline]
fn take(line: &[u8], batches: &mut Batches) -> Result<()> {
    let row = trimmed(line);
    if row.is_empty() {
        return Ok(());
    }
    if !is_one_value(row) {
        let got = Clipped::bytes(row);
        return Err(Error::Row { row: batches.rows() + 1, expected: EXPECTED_VALUE, got });
    }
    batches.add(row, Packing::Json)
}

/// A line without the blanks of JSON (RFC 8259 §2) around it.
#[inline]
fn trimmed(line: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(is_text).unwrap_or(line.len());
    let end = line.iter().rposition(is_text).map_or(start, |last| last + 1);
    &line[start..end]
}

/// Whether an array or object starts with `row` and ends with it.
#[inline]
fn is_one_value(row: &[u8]) -> bool {
    let ([b'[', inner @ .., b']'] | [b'{', inner @ .., b'}']) = row else { return false };
    // Most rows have no bracket in between, not even in a string.
    memchr::memchr2(b']', b'}', inner).is_none() || stays_open(inner)
}

/// Whether no bracket of `inner` closes what was opened before it; brackets in strings are text.
fn stays_open(inner: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut from = 0;
    while let Some(place) = position(inner, from, |chunk| any_of(chunk, *b"\"[]{}")) {
        from = place + 1;
        match inner[place] {
            b'"' => match string_end(inner, from) {
                Some(end) => from = end,
                None => return false,
            },
            b'[' | b'{' => depth += 1,
            _ if depth == 0 => return false,
            _ => depth -= 1,
        }
    }
    depth == 0
}

/// Behind the quote that closes the string whose text starts at `from`.
fn string_end(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let place = position(text, from, |chunk| any_of(chunk, *b"\"\\"))?;
        if text[place] == b'"' {
            return Some(place + 1);
        }
        from = place + 2;
    }
}
