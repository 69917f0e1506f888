//! What tests are made of: specifications, messages, frames.

use std::path::Path;
use std::sync::Arc;

use prost::Message as _;

// Named at the crate's root, so that tests and benches outside of the crate can include this file.
use crate::{FileChecksums, FileDigest, Schema, SpoolLog};

/// `Record` as another decoder knows it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Record {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) null_bitmap: Vec<u8>,
}

/// `RecordBatch` as another decoder knows it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RecordBatch {
    #[prost(message, repeated, tag = "1")]
    pub(crate) records: Vec<Record>,
    #[prost(int64, tag = "2")]
    pub(crate) batch_sequence: i64,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(crate) json_rows: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(crate) csv_rows: Option<Vec<u8>>,
    #[prost(int32, tag = "5")]
    pub(crate) sheet: i32,
}

pub(crate) type Row = Vec<Option<String>>;

/// A row of texts, for short tests.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Row {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

pub(crate) fn record(row: &Row) -> Record {
    let mut null_bitmap = vec![0; row.len().div_ceil(8)];
    for (column, cell) in row.iter().enumerate() {
        null_bitmap[column / 8] |= u8::from(cell.is_none()) << (column % 8);
    }
    if row.iter().all(Option::is_some) {
        null_bitmap.clear();
    }
    Record {
        values: row.iter().map(|cell| cell.clone().unwrap_or_default()).collect(),
        null_bitmap,
    }
}

/// Bytes of a batch of records.
pub(crate) fn message(rows: &[Row], batch_sequence: i64) -> Vec<u8> {
    let records = rows.iter().map(record).collect();
    RecordBatch { records, batch_sequence, ..RecordBatch::default() }.encode_to_vec()
}

pub(crate) fn json_message(json: impl AsRef<[u8]>) -> Vec<u8> {
    let json_rows = Some(json.as_ref().to_vec());
    RecordBatch { json_rows, ..RecordBatch::default() }.encode_to_vec()
}

pub(crate) fn csv_message(csv: impl AsRef<[u8]>) -> Vec<u8> {
    let csv_rows = Some(csv.as_ref().to_vec());
    RecordBatch { csv_rows, ..RecordBatch::default() }.encode_to_vec()
}

/// A specification with one column a type letter (`s`, `n`, `d`, `b`), named A, B, ….
pub(crate) fn spec(format: &str, types: &str, options: &serde_json::Value) -> serde_json::Value {
    let columns: Vec<_> = types
        .chars()
        .zip('A'..)
        .map(|(letter, name)| {
            let data_type = match letter {
                'n' => "NUMBER",
                'd' => "DATE",
                'b' => "BOOLEAN",
                _ => "STRING",
            };
            serde_json::json!({"name": name, "data_type": data_type})
        })
        .collect();
    serde_json::json!({
        "format": format,
        "sheets": [{"name": "Sheet1", "columns": columns}],
        "options": options,
    })
}

pub(crate) fn schema(format: &str, types: &str, options: &serde_json::Value) -> Arc<Schema> {
    let spec = spec(format, types, options).to_string();
    Arc::new(Schema::parse(spec.as_bytes()).unwrap())
}

/// The frames of one log with `messages`.
pub(crate) fn frames(schema: &Arc<Schema>, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut log = SpoolLog::create(Arc::clone(schema), None).unwrap();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let accepted = log.append(&slices);
    assert!(accepted.refused.is_none(), "{:?}", accepted.refused);
    log.reader().read(usize::MAX).unwrap().to_vec()
}

pub(crate) fn checksums_of(path: &Path) -> FileChecksums {
    let mut digest = FileDigest::open(path).unwrap();
    assert!(digest.advance(u64::MAX).unwrap());
    digest.finish()
}
