//! Tables chosen by bytes, and the many ways their rows may come.

use arbitrary::{Result, Unstructured};
use prost::Message as _;
use serde_json::Value;

use crate::fixtures::{self, RecordBatch, Row};

/// Texts that somewhere mean something: to a quoting rule, a parser, a compressor, a spreadsheet.
const PIECES: [&str; 48] = [
    "",
    " ",
    "a",
    "word ",
    "\"",
    "\"\"",
    ",",
    ";",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "'",
    "=1+1",
    "-5",
    "+x",
    "@",
    "＝1",
    "中文",
    "é",
    "😀",
    "\u{1}",
    "\u{0}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{feff}",
    "\u{85}",
    "_x0041_",
    "_x005F_",
    "<",
    "&amp;",
    "]]>",
    "</v></c><c r=\"",
    "</t></is></c></row><row r=\"",
    "0",
    "007",
    "-0",
    "1e5",
    "12.50",
    "123456789012345",
    "1234567890123456",
    "2026-02-28",
    "2026-02-30",
    "1900-02-28",
    "2026-01-01T10:00:00.123",
    "true",
    "No",
    "NULL",
];
const MAX_ROWS: usize = 1_500;
/// Some blocks of a file.
const MAX_TEXT_BYTES: usize = 300_000;

/// Rows with the columns' types, a letter each (`s`, `n`, `d`, `b`).
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) types: String,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    pub(crate) fn choose(choices: &mut Unstructured<'_>) -> Result<Self> {
        let few = choices.int_in_range(1..=6)?;
        let letters: Vec<&str> = (0..few)
            .map(|_| choices.choose(&["s", "n", "d", "b"]).copied())
            .collect::<Result<_>>()?;
        let times = *choices.choose(&[1, 1, 1, 1, 7, 30])?;
        let types = letters.concat().repeat(times);
        let mut table = Self { types, rows: Vec::new() };
        table.choose_rows(choices)?;
        Ok(table)
    }

    fn choose_rows(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let mut room = MAX_TEXT_BYTES;
        while !choices.is_empty() && choices.ratio(15, 16)? {
            let row = self.choose_row(choices)?;
            let row_bytes: usize =
                row.iter().flatten().map(String::len).sum::<usize>() + 8 * row.len();
            let times = if choices.ratio(1, 8)? { choices.int_in_range(1..=400)? } else { 1 };
            let times = times.min(room / row_bytes).min(MAX_ROWS - self.rows.len());
            self.rows.extend(std::iter::repeat_n(row, times));
            room -= times * row_bytes;
        }
        Ok(())
    }

    /// Chosen cells, or those of a row before; a table of many columns repeats what was chosen.
    fn choose_row(&self, choices: &mut Unstructured<'_>) -> Result<Row> {
        let mut row = match self.rows.last() {
            Some(row) if choices.ratio(1, 4)? => row.clone(),
            _ => vec![None; self.types.len()],
        };
        for _ in 0..row.len().min(8) {
            let column = choices.choose_index(row.len())?;
            row[column] = cell(choices)?;
        }
        Ok(row)
    }
}

fn cell(choices: &mut Unstructured<'_>) -> Result<Option<String>> {
    Ok(Some(match choices.int_in_range(0..=9)? {
        0 => return Ok(None),
        1..=3 => piece(choices)?.to_owned(),
        4 => [piece(choices)?, piece(choices)?, piece(choices)?].concat(),
        5 => piece(choices)?.repeat(choices.int_in_range(0..=300)?),
        6 if choices.ratio(1, 16)? => piece(choices)?.repeat(choices.int_in_range(0..=40_000)?),
        6 | 7 => choices.arbitrary::<i32>()?.to_string(),
        8 => format!("{}.{}", choices.arbitrary::<i16>()?, choices.arbitrary::<u16>()?),
        _ => choices.arbitrary::<&str>()?.to_owned(),
    }))
}

fn piece(choices: &mut Unstructured<'_>) -> Result<&'static str> {
    choices.choose(&PIECES).copied()
}

/// The batches of a table's rows, cut and encoded as chosen.
pub(crate) fn batches(choices: &mut Unstructured<'_>, rows: &[Row]) -> Result<Vec<Vec<u8>>> {
    let mut batches = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        // Without choices left: batches of 16 records.
        let most = [16, 1, 7, 150, 1000, 10_000][choices.arbitrary::<usize>()? % 6];
        let (batch, others) = rest.split_at(most.min(rest.len()));
        let message = match choices.arbitrary::<u8>()? % 3 {
            0 => fixtures::message(batch, 0),
            1 => fixtures::json_message(serde_json::to_string(batch).unwrap()),
            _ => fixtures::csv_message(csv_rows(batch)),
        };
        batches.push(message);
        rest = others;
    }
    Ok(batches)
}

/// Rows as `csv_rows`: null is empty, an empty text is quoted.
fn csv_rows(rows: &[Row]) -> String {
    let field = |cell: &Option<String>| {
        cell.as_ref().map_or(String::new(), |text| format!("\"{}\"", text.replace('"', "\"\"")))
    };
    let record = |row: &Row| row.iter().map(field).collect::<Vec<_>>().join(",") + "\n";
    let mut text: String = rows.iter().map(record).collect();
    // A row of a single null is a blank line; of several columns it has its commas.
    if text.is_empty() {
        text.push('\n');
    }
    text
}

/// All rows in one batch of records.
pub(crate) fn one_batch(rows: &[Row]) -> Vec<Vec<u8>> {
    let records = rows.iter().map(fixtures::record).collect();
    vec![RecordBatch { records, ..RecordBatch::default() }.encode_to_vec()]
}

/// A word of each list, or none.
pub(crate) fn options(
    choices: &mut Unstructured<'_>,
    lists: &[(&'static str, &[&'static str])],
) -> Result<Value> {
    let mut options = serde_json::Map::new();
    for (name, words) in lists {
        if choices.ratio(1, 2)? {
            options.insert((*name).to_owned(), Value::from(*choices.choose(words)?));
        }
    }
    Ok(Value::Object(options))
}
