//! CSV files: the same however rows come, and read back by the csv crate.

use std::io::Read as _;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use rowfile::{Schema, SheetLimits};
use serde_json::{Value, json};

use super::table::{self, Table};
use super::written::{MOST_THREADS, Way, Written, write};
use crate::fixtures;

const OPTIONS: [(&str, &[&str]); 7] = [
    ("preset", &["rfc4180", "excel", "excel-zh", "excel-eu", "unix", "tsv"]),
    ("csv_delimiter", &[",", ";", "\t", "|", " ", "a", "-", "0", "，"]),
    (
        "csv_encoding",
        &["utf-8", "utf-16le", "gb18030", "windows-1252", "shift_jis", "iso-2022-jp"],
    ),
    ("csv_null", &["NULL", "-", "\\N", " "]),
    ("injection_guard", &["off", "quote", "tab", "reject"]),
    ("on_bad_value", &["text", "null", "fail"]),
    ("on_unmappable", &["replace", "fail"]),
];

/// The bytes choose options, a table, and the ways its rows come.
pub(crate) fn check(bytes: &[u8]) {
    // Choices that can't be made are no file.
    let _ = check_choices(&mut Unstructured::new(bytes));
}

fn check_choices(choices: &mut Unstructured<'_>) -> Result<()> {
    let mut options = table::options(choices, &OPTIONS)?;
    options["compression_enabled"] = json!(choices.ratio(1, 4)?);
    let table = Table::choose(choices)?;
    let spec = fixtures::spec("CSV", &table.types, &options).to_string();
    // A delimiter that null has, or that the encoding lacks.
    let Ok(schema) = Schema::parse(spec.as_bytes()) else { return Ok(()) };
    let schema = Arc::new(schema);
    let limits = SheetLimits::default();
    let one = Way { batches: &table::one_batch(&table.rows), span_bytes: usize::MAX, threads: 0 };
    let written = write(&schema, limits, one);
    let batches = table::batches(choices, &table.rows)?;
    let span_bytes = usize::from(choices.arbitrary::<u16>()?);
    let threads = choices.int_in_range(0..=MOST_THREADS)?;
    let other = Way { batches: &batches, span_bytes, threads };
    assert!(write(&schema, limits, other) == written);
    if let Ok(written) = written {
        assert_comes_back(&table, &options, &written);
    }
    Ok(())
}

/// Where nothing but quoting is done to a text, the csv crate gives it back.
fn assert_comes_back(table: &Table, options: &Value, written: &Written) {
    let word =
        |name: &str, default: &'static str| options[name].as_str().unwrap_or(default).to_owned();
    let text = inflated(written, options);
    let is_utf8 = matches!(word("csv_encoding", "utf-8").as_str(), "utf-8")
        && (word("preset", "") != "excel-zh" || options["csv_encoding"].is_string());
    if !is_utf8
        || word("preset", "") == "excel-eu"
        || word("injection_guard", "off") != "off"
        || word("on_bad_value", "text") != "text"
    {
        return;
    }
    let preset_delimiter = if word("preset", "") == "tsv" { "\t" } else { "," };
    let delimiter = options["csv_delimiter"].as_str().unwrap_or(preset_delimiter);
    let [delimiter] = *delimiter.as_bytes() else { return };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text));
    let null = word("csv_null", "");
    let mut expected: Vec<Vec<&str>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or(&null)).collect())
        .collect();
    if null.is_empty() {
        // The one null of a narrow row is a blank line, which the csv crate skips.
        let blank = |row: &fixtures::Row| matches!(row[..], [None]);
        let mut rows = table.rows.iter();
        expected.retain(|_| !rows.next().is_some_and(blank));
    }
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().collect()).collect();
    assert_eq!(rows, expected);
}

fn inflated(written: &Written, options: &Value) -> Vec<u8> {
    if options["compression_enabled"] != json!(true) {
        return written.bytes.clone();
    }
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&written.bytes[..]).read_to_end(&mut text).unwrap();
    text
}
