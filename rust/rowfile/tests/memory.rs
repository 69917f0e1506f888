//! The heap that an export takes, by a counting allocator. One test: nothing else may allocate.

#![expect(clippy::unwrap_used, reason = "tests fail by it")]

#[expect(dead_code, reason = "the unit tests use more of it")]
#[path = "../src/fixtures.rs"]
mod fixtures;

use std::sync::Arc;

use fixtures::{Row, csv_message, json_message, message, row};
use peak_alloc::PeakAlloc;
use rowfile::{
    CsvWriter, EncoderPool, FileChecksums, FileDigest, Schema, SheetLimits, SpoolLog, XlsxWriter,
    internals,
};
use serde_json::json;
use tempfile::TempDir;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// An XLSX file while rows are written.
const XLSX_BYTES: usize = 2 << 20;
/// More at its start and its end, when the workbook's fixed parts are made.
const FIXED_PARTS_BYTES: usize = 512 << 10;
const FIXED_PARTS_BYTES_A_COLUMN: usize = 4 << 10;
/// A CSV file, but for a row that is longer than a block.
const CSV_BYTES: usize = 1 << 20;
const CSV_BYTES_A_COLUMN: usize = 256;
/// The span with the row that settles column widths is held back; its copy is in a buffer that grows.
const HELD_BACK_BYTES: usize = 3 * SPAN_BYTES;
const SPAN_BYTES: usize = 1 << 20;
const HOSTILE_BYTES: usize = 4 << 20;
/// What a message of many cells or levels costs, whatever its length.
const PARSER_BYTES: usize = 64 << 10;

#[test]
fn exports_and_parsers_take_bounded_memory() {
    for shape in shapes() {
        assert_bounded("EXCEL", &shape);
        assert_bounded("CSV", &shape);
    }
    for (name, message) in hostile_messages() {
        let schema = fixtures::schema("CSV", "sss", &json!({}));
        let taken = peak_bytes(|| assert!(internals::check_batch(&schema, &message).is_err()));
        assert!(taken <= PARSER_BYTES, "{name}: {taken} bytes");
    }
    for (name, message) in long_texts() {
        let schema = fixtures::schema("CSV", "s", &json!({}));
        let taken = peak_bytes(|| assert!(internals::check_batch(&schema, &message).is_ok()));
        // Two copies, each in a buffer that has just grown to twice its size.
        assert!(taken <= 4 * HOSTILE_BYTES, "{name}: {taken} bytes");
    }
}

/// The most bytes that `work` had allocated at a time.
fn peak_bytes(work: impl FnOnce()) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    work();
    HEAP.peak_usage() - before
}

/// A span of rows, written many times.
struct Shape {
    name: &'static str,
    types: String,
    span_rows: u64,
    spans: u64,
    row: fn(u64) -> Row,
}

fn shapes() -> [Shape; 5] {
    [
        Shape {
            name: "a million rows",
            types: "nsn".to_owned(),
            span_rows: 20_000,
            // Debug builds are too slow for more than a tenth of it.
            spans: if cfg!(debug_assertions) { 5 } else { 50 },
            row: |i| row([&i.to_string(), &format!("user {}", mixed(i)), "12.50"]),
        },
        Shape {
            name: "2,000 columns",
            types: "ns".repeat(1_000),
            span_rows: 80,
            spans: 4,
            row: |i| {
                (0..2_000).map(|column| Some((mixed(i ^ column) >> 50).to_string())).collect()
            },
        },
        Shape {
            name: "2,000 columns of nulls",
            types: "ns".repeat(1_000),
            span_rows: 200,
            spans: 8,
            row: |_| vec![None; 2_000],
        },
        Shape {
            name: "texts as long as a cell's may be",
            types: "ns".to_owned(),
            span_rows: 30,
            spans: 6,
            row: |i| row([&i.to_string(), &format!("<{}>&", mixed(i)).repeat(1_400)]),
        },
        Shape {
            name: "rows of a megabyte",
            types: "s".repeat(300),
            span_rows: 1,
            spans: 6,
            row: |i| vec![Some(mixed(i).to_string().repeat(170)); 300],
        },
    ]
}

/// Numbers without order.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

fn assert_bounded(format: &str, shape: &Shape) {
    for compressed in [false, true] {
        let options = json!({"compression_enabled": compressed});
        let schema = fixtures::schema(format, &shape.types, &options);
        let rows: Vec<Row> = (0..shape.span_rows).map(shape.row).collect();
        let span = fixtures::frames(&schema, &[message(&rows, 0)]);
        drop(rows);
        assert!(span.len() < SPAN_BYTES, "{}: {} bytes", shape.name, span.len());
        match format {
            "EXCEL" => assert_xlsx_bounded(&schema, &span, shape),
            _ => assert_csv_bounded(&schema, &span, shape),
        }
    }
}

fn assert_xlsx_bounded(schema: &Arc<Schema>, span: &[u8], shape: &Shape) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let fixed_parts = FIXED_PARTS_BYTES + FIXED_PARTS_BYTES_A_COLUMN * shape.types.len();
    let limits = SheetLimits::default();
    let before = HEAP.current_usage();
    let assert_peak = |stage: &str, most: usize| {
        let taken = HEAP.peak_usage() - before;
        println!("XLSX, {}, {stage}: {taken} bytes", shape.name);
        assert!(taken <= most, "{}, {stage}: {taken} bytes", shape.name);
        HEAP.reset_peak_usage();
    };
    HEAP.reset_peak_usage();
    let mut writer =
        XlsxWriter::create(Arc::clone(schema), &path, limits, &EncoderPool::default()).unwrap();
    let mut written = 1;
    while writer.write(span).unwrap().file_bytes == 0 {
        written += 1;
    }
    assert_peak("start", XLSX_BYTES + HELD_BACK_BYTES + fixed_parts);
    for _ in written..shape.spans {
        writer.write(span).unwrap();
    }
    assert_peak("rows", XLSX_BYTES);
    writer.finish().unwrap();
    assert_peak("end", XLSX_BYTES + fixed_parts);
}

fn assert_csv_bounded(schema: &Arc<Schema>, span: &[u8], shape: &Shape) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let taken = peak_bytes(|| {
        let mut writer =
            CsvWriter::create(Arc::clone(schema), &path, &EncoderPool::default()).unwrap();
        for _ in 0..shape.spans {
            writer.write(span).unwrap();
        }
        writer.finish().unwrap();
    });
    println!("CSV, {}: {taken} bytes", shape.name);
    let longest_row = span.len() / usize::try_from(shape.span_rows).unwrap();
    // The row in a block that has grown, and compressed.
    let most = CSV_BYTES + CSV_BYTES_A_COLUMN * shape.types.len() + 3 * longest_row;
    assert!(taken <= most, "{}: {taken} bytes", shape.name);
}

/// Messages that claim far more than an export of three columns has.
fn hostile_messages() -> Vec<(&'static str, Vec<u8>)> {
    let many = |piece: &str| piece.repeat(HOSTILE_BYTES / piece.len());
    let values = many("\n\0").into_bytes();
    let mut record = b"\n\x80\x80\x80\x02".to_vec();
    record.extend_from_slice(&values);
    vec![
        ("a record of two million values", record),
        ("two million records without values", values),
        ("groups in groups", vec![0x7b; HOSTILE_BYTES]),
        ("arrays in arrays", json_message(many("["))),
        ("objects in objects", json_message(many("[{\"A\":"))),
        ("a JSON row of two million cells", json_message(format!("[[{}1]]", many("1,")))),
        ("a key as long as the message", json_message(format!("[{{\"{}", many("key")))),
        ("a CSV row of four million fields", csv_message(many(","))),
        ("a CSV field that never ends", csv_message(format!("\"{}", many("text ")))),
        ("a JSON string that never ends", json_message(format!("[[\"{}", many("text ")))),
    ]
}

/// One cell that is the whole message and can't be shown where it stands.
fn long_texts() -> Vec<(&'static str, Vec<u8>)> {
    let many = |piece: &str| piece.repeat(HOSTILE_BYTES / piece.len());
    vec![
        ("escapes", json_message(format!("[[\"{}\"]]", many("\\n")))),
        ("an object's text", json_message(format!("[{{\"A\":\"{}\"}}]", many("text")))),
        ("digits with an exponent", json_message(format!("[[{}e5]]", many("123")))),
        ("doubled quotes", csv_message(format!("\"{}\"", many("\"\"")))),
    ]
}
