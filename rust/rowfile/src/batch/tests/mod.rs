use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::fixtures::{
    Record, RecordBatch, Row, csv_message, json_message, message, record, row, schema,
};

mod csv_rows;
mod json_rows;
mod records;

/// Keeps what it is shown.
#[derive(Default)]
struct Collector {
    rows: Vec<Row>,
    open: Row,
}

impl RowVisitor for Collector {
    fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()> {
        assert_eq!(column, self.open.len());
        self.open.push(text.map(|text| std::str::from_utf8(text.bytes()).unwrap().to_owned()));
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        self.rows.push(std::mem::take(&mut self.open));
        Ok(())
    }
}

/// Checks and shows a batch of an export with as many STRING columns.
fn read(bytes: &[u8], columns: usize) -> Result<Vec<Row>> {
    read_as(bytes, &"s".repeat(columns), &serde_json::json!({}))
}

fn read_as(bytes: &[u8], types: &str, options: &serde_json::Value) -> Result<Vec<Row>> {
    let schema = schema("CSV", types, options);
    let context = RowContext { schema: &schema, rows_before: 10 };
    let message = Message::read(bytes, context.rows_before)?;
    let checked = message.check(context)?;
    let stored = message.without_sequence().concat();
    let mut collector = Collector::default();
    let shown = Message::read(&stored, 10)?.visit(context, &mut collector)?;
    assert_eq!((checked, shown), (collector.rows.len() as u64, checked));
    Ok(collector.rows)
}

fn refusal(bytes: &[u8], columns: usize) -> (String, Vec<(&'static str, String)>) {
    let error = read(bytes, columns).unwrap_err();
    assert_eq!(error.code(), "INVALID_ROW", "{error}");
    (error.to_string(), error.context())
}

/// The refusal's context without its words: row, column if there is one, and what came.
fn place(bytes: &[u8], columns: usize) -> (String, Option<String>, String) {
    let (_, context) = refusal(bytes, columns);
    let value =
        |name| context.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    assert!(value("expected").is_some_and(|expected| !expected.is_empty()));
    (value("row").unwrap(), value("column"), value("got").unwrap())
}

fn any_row(columns: usize) -> impl Strategy<Value = Row> {
    vec(proptest::option::weighted(0.8, "\\PC{0,12}|[a-z]{120,140}|中{60}"), columns)
}
