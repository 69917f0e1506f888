//! Batches of any bytes: judged without a panic, and read as decoders nobody here wrote read them.

use prost::Message as _;
use rowfile::internals::{self, Cells};
use rowfile::{Error, Result, Schema};
use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};

use crate::fixtures::{self, Record, RecordBatch};

/// The widths a batch is read with: its bytes don't tell.
const COLUMNS: [usize; 4] = [1, 2, 3, 9];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What the core refuses where prost takes the last of several fields, or merges them.
const STRICTER: [&str; 4] =
    ["one batch_sequence", "one packed payload", "either records or a packed payload", "sheet 0"];

/// The bytes are a whole `RecordBatch`.
pub(crate) fn records(bytes: &[u8]) {
    let batch = RecordBatch::decode(bytes).ok();
    for columns in COLUMNS {
        let rows = match read(bytes, columns) {
            Err(Error::Batch { expected, .. }) if STRICTER.contains(&expected) => continue,
            rows => rows.ok(),
        };
        let is_packed =
            |batch: &RecordBatch| batch.json_rows.is_some() || batch.csv_rows.is_some();
        if !batch.as_ref().is_some_and(is_packed) {
            assert_eq!(rows, batch.as_ref().and_then(|batch| model(batch, columns)));
        }
    }
}

fn model(batch: &RecordBatch, columns: usize) -> Option<Vec<Cells>> {
    batch.records.iter().map(|record| model_row(record, columns)).collect()
}

fn model_row(record: &Record, columns: usize) -> Option<Cells> {
    let bits = record.null_bitmap.len() * 8;
    let bit = |i: usize| i < bits && record.null_bitmap[i / 8] >> (i % 8) & 1 == 1;
    let fits = record.null_bitmap.len() <= columns.div_ceil(8) && !(columns..bits).any(bit);
    if record.values.len() != columns || !fits {
        return None;
    }
    let cells = record.values.iter().enumerate();
    Some(cells.map(|(i, value)| (!bit(i)).then(|| value.clone().into_bytes())).collect())
}

/// The bytes are the value of `json_rows`.
pub(crate) fn json_rows(bytes: &[u8]) {
    let message = fixtures::json_message(bytes);
    let model: Option<Vec<Vec<JsonCell>>> = serde_json::from_slice(bytes).ok();
    for columns in COLUMNS {
        let rows = read(&message, columns);
        if rows.is_ok() {
            assert!(serde_json::from_slice::<IgnoredAny>(bytes).is_ok());
        }
        if let Some(model) = &model
            && model.iter().all(|row| row.len() == columns)
        {
            let rows = rows.unwrap();
            assert_eq!(rows.len(), model.len());
            for (cell, model) in rows.iter().flatten().zip(model.iter().flatten()) {
                model.assert_is(cell.as_deref());
            }
        }
    }
}

/// A cell as serde sees it. A number's text is lost to it.
enum JsonCell {
    Null,
    Text(String),
    Number,
}

impl JsonCell {
    fn assert_is(&self, cell: Option<&[u8]>) {
        match self {
            Self::Null => assert_eq!(cell, None),
            Self::Text(text) => assert_eq!(cell, Some(text.as_bytes())),
            Self::Number => {
                let text = std::str::from_utf8(cell.unwrap()).unwrap();
                assert!(text.parse::<f64>().is_ok(), "{text}");
            }
        }
    }
}

impl<'de> Deserialize<'de> for JsonCell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonCellVisitor)
    }
}

struct JsonCellVisitor;

impl Visitor<'_> for JsonCellVisitor {
    type Value = JsonCell;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a cell")
    }

    fn visit_unit<E>(self) -> Result<JsonCell, E> {
        Ok(JsonCell::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonCell, E> {
        Ok(JsonCell::Text(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonCell, E> {
        Ok(JsonCell::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<JsonCell, E> {
        Ok(JsonCell::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<JsonCell, E> {
        Ok(JsonCell::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<JsonCell, E> {
        Ok(JsonCell::Number)
    }
}

/// The bytes are the value of `csv_rows`.
pub(crate) fn csv_rows(bytes: &[u8]) {
    let message = fixtures::csv_message(bytes);
    // The csv crate leaves out a byte order mark, here it is text of the first cell.
    let is_marked = bytes.starts_with(BYTE_ORDER_MARK);
    let bytes = [if is_marked { BYTE_ORDER_MARK } else { &[] }, bytes].concat();
    for columns in COLUMNS {
        let Ok(mut rows) = read(&message, columns) else { continue };
        if columns == 1 {
            // A blank line is a row here and nothing to the csv crate.
            rows.retain(|row| row[0].is_some());
        }
        // The csv crate takes what RFC 4180 does not have, so it decides in one direction only.
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        let model: Vec<csv::ByteRecord> = reader.byte_records().map(|row| row.unwrap()).collect();
        assert_eq!(rows.len(), model.len());
        for (row, model) in rows.iter().zip(&model) {
            let row: Vec<&[u8]> =
                row.iter().map(|cell| cell.as_deref().unwrap_or_default()).collect();
            assert_eq!(row, model.iter().collect::<Vec<_>>());
        }
    }
}

/// The rows of a message that the log would take.
fn read(message: &[u8], columns: usize) -> Result<Vec<Cells>> {
    let schema: &Schema = &fixtures::schema("CSV", &"s".repeat(columns), &serde_json::json!({}));
    // A writer may be shown bytes that were damaged after the check: they must not hurt.
    let walked = internals::walk_batch(schema, message);
    let rows = internals::check_batch(schema, message)?;
    assert_eq!(walked.unwrap().0, rows);
    let table = internals::read_batch(schema, message)?;
    assert_eq!(table.len() as u64, rows);
    for row in &table {
        assert_eq!(row.len(), columns);
        for text in row.iter().flatten() {
            assert!(std::str::from_utf8(text).is_ok());
        }
    }
    Ok(table)
}
