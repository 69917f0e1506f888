use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn parse(spec: &Value) -> Result<Schema> {
    Schema::parse(spec.to_string().as_bytes())
}

/// The field an invalid specification is refused for.
fn refused_field(spec: &Value) -> String {
    let error = parse(spec).unwrap_err();
    assert_eq!(error.code(), "INVALID_METADATA");
    let context = error.context();
    assert_eq!(
        context.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
        ["field", "expected", "got"]
    );
    assert!(!context[1].1.is_empty());
    context[0].1.clone()
}

fn with_options(options: &Value) -> Value {
    fixtures::spec("CSV", "sn", options)
}

fn with_column(column: &Value) -> Value {
    json!({"format": "EXCEL", "sheets": [{"name": "S", "columns": [column]}]})
}

#[test]
fn defaults_are_the_contracts() {
    let schema = parse(&with_options(&json!({}))).unwrap();
    assert_eq!(schema.options.start_row, 1);
    assert_eq!(schema.options.csv.delimiter, ',');
    assert_eq!(schema.options.csv.line_end, "\r\n");
    assert_eq!(schema.options.csv.charset.label(), "utf-8");
    assert_eq!(schema.extension(), ".csv");
    assert_eq!(schema.content_type(), "text/csv; charset=utf-8");
    assert_eq!(schema.column_count(), 2);
}

#[test]
fn files_are_named_by_format_and_compression() {
    let gzip = parse(&with_options(&json!({"compression_enabled": true}))).unwrap();
    assert_eq!((gzip.extension(), gzip.content_type().as_str()), (".csv.gz", "application/gzip"));
    let excel = parse(&fixtures::spec("EXCEL", "s", &json!({}))).unwrap();
    assert_eq!(excel.extension(), ".xlsx");
    assert!(excel.content_type().starts_with("application/vnd.openxmlformats"));
}

#[test]
fn an_explicit_option_wins_over_its_preset() {
    let preset = parse(&with_options(&json!({"preset": "excel-eu"}))).unwrap().options.csv;
    assert_eq!((preset.delimiter, preset.decimal_comma), (';', true));
    assert_eq!(preset.charset.byte_order_mark(), b"\xef\xbb\xbf");
    let options = json!({"preset": "excel-eu", "csv_delimiter": "|", "csv_encoding": "utf-8"});
    let explicit = parse(&with_options(&options)).unwrap().options.csv;
    assert_eq!((explicit.delimiter, explicit.decimal_comma), ('|', true));
    assert_eq!(explicit.charset.byte_order_mark(), b"");
    let zh = parse(&with_options(&json!({"preset": "excel-zh"}))).unwrap();
    assert_eq!(zh.content_type(), "text/csv; charset=gb18030");
    assert_eq!(
        parse(&with_options(&json!({"preset": "tsv"}))).unwrap().options.csv.delimiter,
        '\t'
    );
    assert_eq!(
        parse(&with_options(&json!({"preset": "unix"}))).unwrap().options.csv.line_end,
        "\n"
    );
}

#[test]
fn options_that_cannot_be_carried_out_are_refused() {
    for (field, value) in [
        ("csv_delimiter", json!("ab")),
        ("csv_delimiter", json!("\"")),
        ("csv_delimiter", json!("\n")),
        ("csv_encoding", json!("klingon")),
        ("preset", json!("lotus")),
        ("csv_null", json!("a,b")),
        ("csv_null", json!("\"")),
        ("injection_guard", json!("on")),
        ("on_bad_value", json!("drop")),
        ("on_unmappable", json!("?")),
        ("on_control_character", json!("keep")),
        ("row_overflow", json!("zip")),
        ("timezone", json!("Middle/Earth")),
        ("csv_rows_empty", json!("NULL")),
        ("excel_start_row", json!(-1)),
        ("excel_start_row", json!(1_048_576)),
    ] {
        let refused = refused_field(&with_options(&json!({ field: value })));
        assert_eq!(refused, format!("options.{field}"));
    }
    let unmappable = json!({"csv_delimiter": "中", "csv_encoding": "latin1"});
    assert_eq!(refused_field(&with_options(&unmappable)), "options.csv_delimiter");
    let unmappable = json!({"csv_null": "∅", "csv_encoding": "latin1"});
    assert_eq!(refused_field(&with_options(&unmappable)), "options.csv_null");
    assert_eq!(refused_field(&with_options(&json!({"colour": "red"}))), "spec");
}

#[test]
fn formats_and_sheets_that_cannot_be_written_are_refused() {
    assert_eq!(refused_field(&fixtures::spec("PARQUET", "s", &json!({}))), "format");
    let mut two = fixtures::spec("EXCEL", "s", &json!({}));
    let sheet = two["sheets"][0].clone();
    two["sheets"].as_array_mut().unwrap().push(sheet);
    assert_eq!(refused_field(&two), "sheets");
    two["sheets"] = json!([]);
    assert_eq!(refused_field(&two), "sheets");
    two["sheets"] = json!([{"name": "a/b", "columns": []}]);
    assert_eq!(refused_field(&two), "options.excel_sheet_name");
    assert_eq!(refused_field(&json!([])), "spec");
}

#[test]
fn columns_that_cannot_be_written_are_refused() {
    assert_eq!(refused_field(&fixtures::spec("CSV", "", &json!({}))), "columns");
    let column = json!({"name": "c", "data_type": "STRING"});
    let many =
        json!({"format": "CSV", "sheets": [{"name": "S", "columns": vec![column; 16_385]}]});
    assert_eq!(refused_field(&many), "columns");
    for (field, column) in [
        ("data_type", json!({"name": "c", "data_type": "TEXT"})),
        ("width", json!({"name": "c", "data_type": "STRING", "width": -1})),
        ("width", json!({"name": "c", "data_type": "STRING", "width": 256})),
        ("format", json!({"name": "c", "data_type": "NUMBER", "format": "0.00\""})),
        ("format", json!({"name": "c", "data_type": "DATE", "format": "0.00"})),
        ("format", json!({"name": "c", "data_type": "DATE", "format": "epoch_us"})),
        ("format", json!({"name": "c", "data_type": "DATE", "format": "epoch_s 0.00"})),
        ("format", json!({"name": "c", "data_type": "NUMBER", "format": "epoch_s"})),
        ("name", json!({"name": "x".repeat(32_768), "data_type": "STRING"})),
    ] {
        assert_eq!(refused_field(&with_column(&column)), format!("columns[0].{field}"));
    }
}

#[test]
fn more_formats_than_excel_has_room_for_are_refused() {
    let column = |i: usize| json!({"name": "c", "data_type": "NUMBER", "format": "0".repeat(i)});
    let spec = |count: usize| {
        let columns: Vec<_> = (1..=count).map(column).collect();
        json!({"format": "EXCEL", "sheets": [{"name": "S", "columns": columns}]})
    };
    assert!(parse(&spec(200)).is_ok());
    assert_eq!(refused_field(&spec(201)), "columns");
}

#[test]
fn names_that_the_options_forbid_are_refused_before_any_row() {
    let named = |format: &str, name: &str, options: Value| {
        let columns =
            json!([{"name": "ok", "data_type": "STRING"}, {"name": name, "data_type": "NUMBER"}]);
        json!({"format": format, "sheets": [{"name": "S", "columns": columns}], "options": options})
    };
    for (format, name, options) in [
        ("CSV", "=1+1", json!({"injection_guard": "reject"})),
        ("CSV", "中", json!({"csv_encoding": "latin1", "on_unmappable": "fail"})),
        ("EXCEL", "a\u{1}", json!({"on_control_character": "fail"})),
    ] {
        assert_eq!(refused_field(&named(format, name, options.clone())), "columns[1].name");
        let other = if format == "CSV" { "EXCEL" } else { "CSV" };
        assert!(parse(&named(other, name, options)).is_ok());
        assert!(parse(&named(format, name, json!({}))).is_ok());
    }
}

#[test]
fn keys_name_one_column_each() {
    let columns = |keys: [&str; 2]| {
        let column = |key| json!({"name": "n", "data_type": "STRING", "key": key});
        json!({"format": "CSV", "sheets": [{"name": "S", "columns": keys.map(column)}]})
    };
    let schema = parse(&columns(["a", "b"])).unwrap();
    assert_eq!((schema.column_of_key(b"b"), schema.column_of_key(b"n")), (Some(1), None));
    assert_eq!(refused_field(&columns(["a", "a"])), "columns[1].key");
    assert_eq!(parse(&columns(["", ""])).unwrap().column_of_key(b"n"), None);
    assert_eq!(parse(&columns(["", "a"])).unwrap().column_of_key(b"n"), Some(0));
}
