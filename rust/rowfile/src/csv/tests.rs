use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::fidelity::Issue;
use crate::fixtures::{Row, checksums_of, frames, message, row, schema};

struct Written {
    bytes: Vec<u8>,
    summary: FileSummary,
}

fn try_write(types: &str, options: &Value, rows: &[Row]) -> Result<Written> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let schema = schema("CSV", types, options);
    let mut writer = CsvWriter::create(Arc::clone(&schema), &path, &EncoderPool::default())?;
    let progress = writer.write(&frames(&schema, &[message(rows, 0)]))?;
    assert_eq!(progress.rows, rows.len() as u64);
    let summary = writer.finish()?;
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(summary.file_bytes, bytes.len() as u64);
    assert_eq!(summary.checksums, Some(checksums_of(&path)));
    Ok(Written { bytes, summary })
}

fn text(types: &str, options: &Value, rows: &[Row]) -> String {
    String::from_utf8(try_write(types, options, rows).unwrap().bytes).unwrap()
}

fn issue(kind: IssueKind, cells: u64, first_row: u64, first_column: usize) -> Issue {
    Issue { kind, cells, first_row, first_column }
}

proptest! {
    #[test]
    fn rows_come_back_through_the_csv_crate(
        rows in vec(vec("[a\",;\r\n 中]{0,20}", 3), 0..8),
        delimiter in prop::sample::select(vec![",", ";", "\t", "|"]),
    ) {
        let rows: Vec<Row> =
            rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
        let bytes = text("sss", &json!({"csv_delimiter": delimiter}), &rows);
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(delimiter.as_bytes()[0])
            .from_reader(bytes.as_bytes());
        let back: Vec<Row> = reader
            .records()
            .map(|record| record.unwrap().iter().map(|cell| Some(cell.to_owned())).collect())
            .collect();
        prop_assert_eq!(back, rows);
    }
}

#[test]
fn a_file_is_rfc_4180() {
    let rows = [row(["1", "a \"b\", c\r\n"]), row(["", " x "])];
    assert_eq!(text("ns", &json!({}), &rows), "A,B\r\n1,\"a \"\"b\"\", c\r\n\"\r\n\"\", x \r\n");
}

#[test]
fn a_file_does_not_begin_as_sylk_does() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let columns = ["ID", "ID"].map(|name| json!({"name": name, "data_type": "STRING"}));
    let spec = json!({"format": "CSV", "sheets": [{"name": "S", "columns": columns}]});
    let schema = Arc::new(Schema::parse(spec.to_string().as_bytes()).unwrap());
    CsvWriter::create(schema, &path, &EncoderPool::default()).unwrap().finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"\"ID\",ID\r\n");
}

#[test]
fn null_is_told_from_the_empty_text() {
    let rows = [vec![None, Some(String::new())]];
    assert_eq!(text("ss", &json!({}), &rows), "A,B\r\n,\"\"\r\n");
    let rows = [vec![None, Some(String::new())], row(["NULL", "null"])];
    let expected = "A,B\r\nNULL,\r\n\"NULL\",null\r\n";
    assert_eq!(text("ss", &json!({"csv_null": "NULL"}), &rows), expected);
    let single = [vec![Some(String::new())], vec![None]];
    assert_eq!(text("s", &json!({"csv_null": "\\N"}), &single), "A\r\n\"\"\r\n\\N\r\n");
}

#[test]
fn presets_write_their_dialects() {
    let rows = [row(["1.5", "中;x"])];
    assert_eq!(text("ns", &json!({"preset": "excel"}), &rows), "\u{feff}A,B\r\n1.5,中;x\r\n");
    let eu = text("ns", &json!({"preset": "excel-eu"}), &rows);
    assert_eq!(eu, "\u{feff}A;B\r\n1,5;\"中;x\"\r\n");
    assert_eq!(text("ns", &json!({"preset": "unix"}), &rows), "A,B\n1.5,中;x\n");
    assert_eq!(text("ns", &json!({"preset": "tsv"}), &rows), "A\tB\r\n1.5\t中;x\r\n");
    let zh = try_write("ns", &json!({"preset": "excel-zh"}), &rows).unwrap();
    assert_eq!(zh.bytes, b"A,B\r\n1.5,\xd6\xd0;x\r\n");
    let comma = json!({"preset": "excel-eu", "csv_delimiter": ","});
    assert_eq!(text("ns", &comma, &rows), "\u{feff}A,B\r\n\"1,5\",中;x\r\n");
    let wide = json!({"csv_delimiter": "；"});
    assert_eq!(text("ss", &wide, &[row(["a；b", "c"])]), "A；B\r\n\"a；b\"；c\r\n");
}

#[test]
fn utf_16_has_its_byte_order_mark() {
    let rows = [row(["中😀"])];
    let little = try_write("s", &json!({"csv_encoding": "utf-16le"}), &rows).unwrap().bytes;
    let units: Vec<u16> =
        little.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    assert_eq!(String::from_utf16(&units).unwrap(), "\u{feff}A\r\n中😀\r\n");
    let big = try_write("s", &json!({"csv_encoding": "utf-16be"}), &rows).unwrap().bytes;
    assert_eq!(&big[..4], b"\xfe\xff\0A");
}

#[test]
fn unmappable_characters_are_counted_by_cell() {
    let mut rows = vec![row(["ok", "ok"]); 20_000];
    rows.push(row(["a", "中文"]));
    rows.push(row(["中", "é"]));
    let options = json!({"csv_encoding": "windows-1252"});
    let written = try_write("ss", &options, &rows).unwrap();
    assert!(written.bytes.ends_with(b"a,??\r\n?,\xe9\r\n"));
    assert_eq!(written.summary.fidelity, [issue(IssueKind::Unmappable, 2, 20_001, 1)]);
    let fail = json!({"csv_encoding": "windows-1252", "on_unmappable": "fail"});
    let error = try_write("ss", &fail, &rows).err().unwrap();
    assert_eq!(error.code(), "INVALID_ROW");
    assert_eq!(error.context()[..2], [("row", "20001".to_owned()), ("column", "1".to_owned())]);
}

#[test]
fn the_injection_guard_spares_numbers_and_other_types() {
    let rows = [row(["=1+1", "=1+1"]), row(["-5", "-5"]), row(["@x,y", "x"])];
    let quote = try_write("sn", &json!({"injection_guard": "quote"}), &rows).unwrap();
    assert_eq!(quote.bytes, b"A,B\r\n'=1+1,=1+1\r\n-5,-5\r\n\"'@x,y\",x\r\n");
    assert_eq!(quote.summary.fidelity, [issue(IssueKind::Neutralised, 2, 1, 0)]);
    let tab = text("sn", &json!({"injection_guard": "tab"}), &rows[..1]);
    assert_eq!(tab, "A,B\r\n\t=1+1,=1+1\r\n");
    let reject = try_write("sn", &json!({"injection_guard": "reject"}), &rows[2..]).err().unwrap();
    assert_eq!(reject.context()[3], ("got", "@x,y".to_owned()));
}

#[test]
fn bad_values_follow_the_policy() {
    let rows = [
        row(["1e5", "2026-01-01", "yes"]),
        row(["x", "2026-02-30", "maybe"]),
        row(["123456789012345678", "1800-01-01", "0"]),
    ];
    let kept = text("ndb", &json!({}), &rows);
    assert!(kept.contains("x,2026-02-30,maybe"));
    let nulled = try_write("ndb", &json!({"on_bad_value": "null"}), &rows).unwrap();
    let expected = "A,B,C\r\n1e5,2026-01-01,yes\r\n,,\r\n123456789012345678,1800-01-01,0\r\n";
    assert_eq!(nulled.bytes, expected.as_bytes());
    assert_eq!(nulled.summary.fidelity, [issue(IssueKind::Nulled, 3, 2, 0)]);
    for (column, types) in ["nss", "sds", "ssb"].into_iter().enumerate() {
        let error = try_write(types, &json!({"on_bad_value": "fail"}), &rows).err().unwrap();
        assert_eq!(error.context()[0], ("row", "2".to_owned()));
        assert_eq!(error.context()[1], ("column", column.to_string()));
    }
}

#[test]
fn instants_are_written_by_the_clocks_of_the_zone() {
    let rows = [
        row(["2026-03-01T20:00:00Z"]),
        row(["2026-03-01T20:00:00"]),
        row(["9999-12-31T23:00:00Z"]),
        row(["nope"]),
    ];
    let plain = "A\r\n2026-03-01T20:00:00Z\r\n2026-03-01T20:00:00\r\n";
    assert!(text("d", &json!({}), &rows).starts_with(plain));
    let told = try_write("d", &json!({"timezone": "Asia/Shanghai"}), &rows).unwrap();
    let expected = "A\r\n2026-03-02T04:00:00\r\n2026-03-01T20:00:00\r\n\
                    9999-12-31T23:00:00Z\r\nnope\r\n";
    assert_eq!(String::from_utf8(told.bytes).unwrap(), expected);
    assert_eq!(told.summary.fidelity, [issue(IssueKind::KeptAsText, 1, 3, 0)]);
}

#[test]
fn gzip_has_no_clock_time() {
    let rows = vec![row(["some text", "1"]); 50_000];
    let options = json!({"compression_enabled": true});
    let first = try_write("sn", &options, &rows).unwrap();
    assert_eq!(first.bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut plain = String::new();
    flate2::read::GzDecoder::new(first.bytes.as_slice()).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, text("sn", &json!({}), &rows));
    assert_eq!(
        first.summary.checksums,
        try_write("sn", &options, &rows).unwrap().summary.checksums
    );
}

#[test]
fn equal_rows_make_equal_bytes_however_they_come() {
    let folder = TempDir::new().unwrap();
    let schema = schema("CSV", "s", &json!({"compression_enabled": true}));
    let rows: Vec<Row> = (0..30_000).map(|i| row([&format!("row {i}")])).collect();
    let mut checksums = Vec::new();
    for batch_rows in [1, 7_000, 30_000] {
        let path = folder.path().join("f");
        let pool = EncoderPool::default();
        let mut writer = CsvWriter::create(Arc::clone(&schema), &path, &pool).unwrap();
        for batch in rows.chunks(batch_rows) {
            writer.write(&frames(&schema, &[message(batch, 0)])).unwrap();
        }
        checksums.push(writer.finish().unwrap().checksums);
    }
    assert_eq!(checksums[0], checksums[1]);
    assert_eq!(checksums[1], checksums[2]);
}

#[test]
fn a_full_disk_is_told() {
    let schema = schema("CSV", "s", &json!({}));
    let pool = EncoderPool::default();
    let error = CsvWriter::create(schema, Path::new("/dev/full"), &pool).err().unwrap();
    assert_eq!(error.code(), "DISK_FULL");
}
