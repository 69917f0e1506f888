//! The record of a CSV body that names its columns, and what follows from it for the others.

use std::collections::HashMap;
use std::ops::Range;

use super::record_ends::{QuotedLines, RecordEnds};
use crate::batch::{EXPECTED_CLOSED, EXPECTED_SEPARATOR};
use crate::clipped::Clipped;
use crate::error::{Error, Result};
use crate::lanes::{any_of, position};
use crate::schema::Schema;

const FIELD: &str = "header";
const EXPECTED_RECORD: &str = "a CSV record (RFC 4180) in UTF-8";
const EXPECTED_NAME: &str = "names or keys of the export's columns, each once";
const EXPECTED_FIELDS: &str = "as many fields as the header";

/// The fields of the first record of a CSV body that is not blank; `None` when `head`, the body's
/// first bytes, does not hold all of it yet. A byte order mark is no part of it.
///
/// # Errors
/// [`Error::Metadata`] when the record is not well-formed.
pub fn csv_header(head: &[u8]) -> Result<Option<Vec<String>>> {
    let mut ends = QuotedLines::default();
    let mut start = if head.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    while let Some(end) = ends.next(head, start) {
        if !line(&head[start..end]).is_empty() {
            return names(&head[start..end]).map(Some);
        }
        start = end;
    }
    Ok(None)
}

/// The fields of a record, unquoted.
pub(super) fn names(record: &[u8]) -> Result<Vec<String>> {
    let text = line(record);
    let malformed = |got: &[u8]| Error::metadata(FIELD, EXPECTED_RECORD, Clipped::bytes(got));
    let mut names = Vec::new();
    let mut start = 0;
    loop {
        let end = field_end(text, start).map_err(|fault| malformed(&text[fault.place..]))?;
        let field = &text[start..end];
        let name = std::str::from_utf8(field).map_err(|_| malformed(field))?;
        let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        names.push(quoted.map_or_else(|| name.to_owned(), |name| name.replace("\"\"", "\"")));
        if end == text.len() {
            return Ok(names);
        }
        start = end + 1;
    }
}

/// Where the cells of the schema's columns stand in a record of the body.
#[derive(Debug)]
pub(super) struct ColumnMap {
    /// The schema's column of each field.
    targets: Vec<usize>,
    /// The field of each of the schema's columns; the others are empty.
    sources: Vec<Option<usize>>,
    fields: Vec<Range<usize>>,
    mapped: Vec<u8>,
}

impl ColumnMap {
    /// Finds the columns that `names` name by key or by name; `None` when they are the schema's
    /// in its order.
    pub(super) fn of(schema: &Schema, names: &[String]) -> Result<Option<Self>> {
        let columns = &schema.columns;
        let is_named = |(column, name): (&crate::schema::Column, &String)| {
            column.name == *name || column.key == *name
        };
        if columns.len() == names.len() && columns.iter().zip(names).all(is_named) {
            return Ok(None);
        }
        let mut columns_by_name: HashMap<&str, Option<usize>> = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            let is_known = columns_by_name.contains_key(column.name.as_str());
            columns_by_name.insert(&column.name, (!is_known).then_some(index));
        }
        let mut sources = vec![None; columns.len()];
        let mut targets = Vec::with_capacity(names.len());
        for (field, name) in names.iter().enumerate() {
            let by_name = || columns_by_name.get(name.as_str()).copied().flatten();
            let column = schema.column_of_key(name.as_bytes()).or_else(by_name);
            let free = column.filter(|&column| sources[column].is_none());
            let Some(column) = free else {
                return Err(Error::metadata(FIELD, EXPECTED_NAME, name));
            };
            sources[column] = Some(field);
            targets.push(column);
        }
        Ok(Some(Self { targets, sources, fields: Vec::new(), mapped: Vec::new() }))
    }

    pub(super) fn field_count(&self) -> usize {
        self.targets.len()
    }

    /// The record with the schema's columns in their order: fields as they came, quotes included.
    pub(super) fn apply(&mut self, record: &[u8], row: u64) -> Result<&[u8]> {
        let text = line(record);
        self.find_fields(text, row)?;
        self.mapped.clear();
        for source in &self.sources {
            if let Some(field) = source.and_then(|source| self.fields.get(source)) {
                self.mapped.extend_from_slice(&text[field.clone()]);
            }
            self.mapped.push(b',');
        }
        self.mapped.pop();
        self.mapped.push(b'\n');
        Ok(&self.mapped)
    }

    fn find_fields(&mut self, text: &[u8], row: u64) -> Result<()> {
        self.fields.clear();
        let mut count = 0;
        let mut start = 0;
        loop {
            let end = field_end(text, start).map_err(|fault| {
                let column = self.targets.get(count).copied().unwrap_or(count);
                let got = Clipped::bytes(&text[fault.place..]);
                Error::Cell { row, column, expected: fault.expected, got }
            })?;
            if count < self.targets.len() {
                self.fields.push(start..end);
            }
            count += 1;
            if end == text.len() {
                break;
            }
            start = end + 1;
        }
        if count != self.targets.len() {
            let got = Clipped::text(&count.to_string());
            return Err(Error::Row { row, expected: EXPECTED_FIELDS, got });
        }
        Ok(())
    }
}

/// What a field is not, and where.
struct Fault {
    place: usize,
    expected: &'static str,
}

/// Where the field at `start` ends: at a comma, or at the end of `text`.
#[inline]
fn field_end(text: &[u8], start: usize) -> Result<usize, Fault> {
    let end = if text.get(start) == Some(&b'"') {
        quoted_end(text, start)?
    } else {
        let end = position(text, start, |chunk| any_of(chunk, *b",\n\r\""));
        end.unwrap_or(text.len())
    };
    match text.get(end) {
        None | Some(b',') => Ok(end),
        Some(_) => Err(Fault { place: end, expected: EXPECTED_SEPARATOR }),
    }
}

/// Behind the quote that closes the field whose opening quote is at `start`.
fn quoted_end(text: &[u8], start: usize) -> Result<usize, Fault> {
    let mut from = start + 1;
    loop {
        let quote = position(text, from, |chunk| any_of(chunk, [b'"']));
        let quote = quote.ok_or(Fault { place: start, expected: EXPECTED_CLOSED })?;
        if text.get(quote + 1) != Some(&b'"') {
            return Ok(quote + 1);
        }
        from = quote + 2;
    }
}

/// A record without its line break.
fn line(record: &[u8]) -> &[u8] {
    let text = record.strip_suffix(b"\n").unwrap_or(record);
    text.strip_suffix(b"\r").unwrap_or(text)
}
