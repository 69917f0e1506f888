//! Texts that stand once in the workbook (ECMA-376 Part 1 §18.4): those which columns of few
//! different texts have in the first rows. The table is fixed before the rows are written, so it
//! is small, any thread reads it, and which cells refer to it depends on rows only.

#![expect(clippy::cast_possible_truncation, reason = "there are a few thousand texts")]

use std::collections::HashSet;

use super::first_rows::SAMPLE_ROWS;
use super::markup::Digits;
use super::text;
use crate::error::{Error, Result};
use crate::schema::{ControlCharacters, DataType, Schema};

/// Fewer texts tell nothing about a column.
const MIN_TEXTS: usize = 32;
/// A column shares its texts when each comes so many times, on average.
const MIN_REPETITIONS: usize = 4;
/// A column with more in the first rows can't have each so often.
const MAX_COLUMN_STRINGS: usize = SAMPLE_ROWS / MIN_REPETITIONS;
/// Longer texts hardly repeat, and cost a column its place in the table.
const MAX_TEXT_BYTES: usize = 256;
/// The most texts of a workbook, and less than 1 MB of them.
const MAX_STRINGS: usize = 4096;

/// The texts of each column in the first rows.
pub(super) struct RepeatedTexts {
    columns: Vec<Option<ColumnTexts>>,
}

#[derive(Clone, Default)]
struct ColumnTexts {
    count: usize,
    /// In the order they came.
    distinct: Vec<Box<[u8]>>,
}

impl RepeatedTexts {
    pub(super) fn new(schema: &Schema) -> Self {
        let is_text = |data_type| data_type == DataType::String;
        let texts = |data_type| is_text(data_type).then(ColumnTexts::default);
        Self { columns: schema.columns.iter().map(|column| texts(column.data_type)).collect() }
    }

    pub(super) fn see(&mut self, column: usize, text: &[u8]) {
        let Some(texts) = &mut self.columns[column] else { return };
        // A text that needs a closer look is counted cell by cell, where it stands.
        let is_fit = text.len() <= MAX_TEXT_BYTES && text::is_writable(text);
        if !is_fit || texts.distinct.len() > MAX_COLUMN_STRINGS {
            self.columns[column] = None;
        } else if !text.is_empty() {
            texts.see(text);
        }
    }

    /// The columns that share their texts, and these texts.
    fn shared(self) -> (Vec<bool>, Vec<Box<[u8]>>) {
        let mut is_shared = vec![false; self.columns.len()];
        let (mut strings, mut known) = (Vec::new(), HashSet::new());
        for (texts, is_shared) in self.columns.into_iter().zip(&mut is_shared) {
            let texts = texts.filter(ColumnTexts::repeats);
            let Some(ColumnTexts { distinct, .. }) = texts else { continue };
            let new = distinct.into_iter().filter(|text| !known.contains(text));
            let new: Vec<Box<[u8]>> = new.collect();
            if strings.len() + new.len() <= MAX_STRINGS {
                known.extend(new.iter().cloned());
                strings.extend(new);
                *is_shared = true;
            }
        }
        (is_shared, strings)
    }
}

impl ColumnTexts {
    fn see(&mut self, text: &[u8]) {
        self.count += 1;
        // So few are searched as quickly as a table would be.
        if !self.distinct.iter().any(|known| **known == *text) {
            self.distinct.push(text.into());
        }
    }

    fn repeats(&self) -> bool {
        self.count >= MIN_TEXTS && self.distinct.len() * MIN_REPETITIONS <= self.count
    }
}

/// Texts and their numbers in the workbook's table.
pub(super) struct SharedStrings {
    columns: Vec<bool>,
    /// Numbers of texts, at places told by their bytes; a power of two of them, mostly free.
    slots: Vec<Option<u16>>,
    strings: Vec<(Box<[u8]>, Digits)>,
}

impl SharedStrings {
    /// `before` texts stand in the table already: those of the header.
    pub(super) fn new(texts: RepeatedTexts, before: u32) -> Self {
        let (columns, strings) = texts.shared();
        let slot_count = (strings.len() * 4).next_power_of_two();
        let mut table = Self { columns, slots: vec![None; slot_count], strings: Vec::new() };
        for (number, text) in (0..).zip(strings) {
            let free = table.places(&text).find(|place| table.slots[*place].is_none());
            if let Some(place) = free {
                table.slots[place] = Some(number);
            }
            table.strings.push((text, Digits::of(before + u32::from(number))));
        }
        table
    }

    /// The number of a text of `column` in the table, if it is there.
    #[inline]
    pub(super) fn find(&self, column: usize, text: &[u8]) -> Option<Digits> {
        if self.columns[column] { self.lookup(text) } else { None }
    }

    fn lookup(&self, text: &[u8]) -> Option<Digits> {
        for place in self.places(text) {
            let (found, digits) = &self.strings[usize::from(self.slots[place]?)];
            if **found == *text {
                return Some(*digits);
            }
        }
        None
    }

    fn places(&self, text: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        let first = (hash(text) >> 40) as usize;
        (0..=mask).map(move |step| (first + step) & mask)
    }

    /// The part's texts in their order, ready to stand behind those of the header.
    fn items(&self) -> Result<String> {
        let mut items = Vec::new();
        for (text, _) in &self.strings {
            let space = if text::needs_preserve(text) { " xml:space=\"preserve\"" } else { "" };
            items.extend_from_slice(format!("<si><t{space}>").as_bytes());
            // The texts are all writable, so the policy is never asked.
            let _ = text::push(&mut items, (&**text).into(), ControlCharacters::Escape);
            items.extend_from_slice(b"</t></si>");
        }
        String::from_utf8(items).map_err(|_| Error::Damaged { what: "the text's UTF-8" })
    }

    /// The part of a workbook: the texts of `header`, the part of one sheet without rows, with
    /// these behind them. Each of `sheets` refers to its header's, cells below to these
    /// `references` times in all. None without any text.
    pub(super) fn part(
        &self,
        header: Option<&str>,
        sheets: u64,
        references: u64,
    ) -> Result<Option<String>> {
        if header.is_none() && self.strings.is_empty() {
            return Ok(None);
        }
        let header_items = header.map_or(Ok(""), items_of)?;
        let unique = header.map_or(0, count_of) as usize + self.strings.len();
        let references = header.map_or(Ok(0), references_of)? * sheets + references;
        Ok(Some(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
             count=\"{references}\" uniqueCount=\"{unique}\">{header_items}{}</sst>",
            self.items()?
        )))
    }
}

/// Different texts of a strings part.
pub(super) fn count_of(part: &str) -> u32 {
    part.matches("<si>").count() as u32
}

/// ECMA-376 Part 1 §18.4.9: `count` is how often cells refer to a text.
fn references_of(part: &str) -> Result<u64> {
    let after = part.split_once(" count=\"").map(|(_, after)| after);
    let digits = after.and_then(|after| after.split_once('"')).map(|(digits, _)| digits);
    let lacks_count = Error::WorkbookLayout { what: "a count of strings" };
    digits.and_then(|digits| digits.parse().ok()).ok_or(lacks_count)
}

fn items_of(part: &str) -> Result<&str> {
    let lacks_items = Error::WorkbookLayout { what: "texts of the header" };
    let end = part.rfind("</sst>");
    part.find("<si>").zip(end).and_then(|(start, end)| part.get(start..end)).ok_or(lacks_items)
}

/// By the text's ends and its length.
#[inline]
fn hash(text: &[u8]) -> u64 {
    // 2^64 divided by the golden ratio.
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let ends = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(23)
        }
        _ => text.iter().fold(0, |ends, byte| ends << 8 | u64::from(*byte)),
    };
    (ends ^ text.len() as u64).wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::schema;

    fn seen(types: &str, rows: &[Vec<String>]) -> RepeatedTexts {
        let mut texts = RepeatedTexts::new(&schema("EXCEL", types, &serde_json::json!({})));
        for row in rows {
            for (column, text) in row.iter().enumerate() {
                texts.see(column, text.as_bytes());
            }
        }
        texts
    }

    fn rows(count: usize, row: impl Fn(usize) -> Vec<String>) -> Vec<Vec<String>> {
        (0..count).map(row).collect()
    }

    #[test]
    fn columns_of_few_texts_share_them() {
        let rows = rows(200, |i| {
            let few = ["open", "closed", "北京"][i % 3].to_owned();
            vec![few.clone(), i.to_string(), (i % 10).to_string(), few]
        });
        let table = SharedStrings::new(seen("ssns", &rows), 4);
        assert_eq!(table.columns, [true, false, false, true]);
        let number = |column, text: &str| {
            table.find(column, text.as_bytes()).map(|digits| {
                let mut out = Vec::new();
                digits.append_to(&mut out);
                String::from_utf8(out).unwrap()
            })
        };
        assert_eq!(number(0, "open").as_deref(), Some("4"));
        assert_eq!(number(3, "北京").as_deref(), Some("6"));
        assert_eq!([number(0, "other"), number(0, ""), number(1, "open")], [None, None, None]);
    }

    #[test]
    fn many_long_or_unclean_texts_are_not_shared() {
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        let rows = rows(200, |i| {
            let unclean = if i == 100 { "a\u{1}" } else { "a" };
            vec![(i % 51).to_string(), long.clone(), unclean.to_owned()]
        });
        assert_eq!(SharedStrings::new(seen("sss", &rows), 0).columns, [false; 3]);
        let few = &rows[..MIN_TEXTS - 1];
        assert_eq!(SharedStrings::new(seen("sss", few), 0).columns, [false; 3]);
    }

    #[test]
    fn the_table_is_bounded() {
        let types = "s".repeat(300);
        let rows = rows(200, |i| {
            (0..300).map(|column| format!("column {column} text {}", i % 50)).collect()
        });
        let table = SharedStrings::new(seen(&types, &rows), 0);
        assert_eq!(table.strings.len(), MAX_STRINGS / 50 * 50);
        assert_eq!(table.columns.iter().filter(|is_shared| **is_shared).count(), 81);
        for (text, _) in &table.strings {
            assert!(table.find(0, text).is_some());
        }
    }
}
