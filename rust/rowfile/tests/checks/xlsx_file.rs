//! XLSX files: the same however rows come, sheets the same however they are compressed, and read
//! back by calamine.

use std::io::{Cursor, Read as _};

use arbitrary::{Result, Unstructured};
use calamine::{Data, Reader as _, Xlsx};
use rowfile::SheetLimits;
use serde_json::json;

use super::table::{self, Table};
use super::written::{MOST_THREADS, Way, Written, write};
use crate::fixtures;

const OPTIONS: [(&str, &[&str]); 3] = [
    ("on_bad_value", &["text", "null", "fail"]),
    ("on_control_character", &["escape", "strip", "fail"]),
    ("row_overflow", &["sheet", "fail"]),
];

/// The bytes choose options, a table, the limits of a sheet, and the ways rows come.
pub(crate) fn check(bytes: &[u8]) {
    // Choices that can't be made are no file.
    let _ = check_choices(&mut Unstructured::new(bytes));
}

fn check_choices(choices: &mut Unstructured<'_>) -> Result<()> {
    let mut options = table::options(choices, &OPTIONS)?;
    let start_row = *choices.choose(&[1, 1, 1, 2, 100, 1_048_000])?;
    options["excel_start_row"] = json!(start_row);
    let table = Table::choose(choices)?;
    let limits = limits(choices, start_row)?;
    let batches = table::batches(choices, &table.rows)?;
    let span_bytes = usize::from(choices.arbitrary::<u16>()?);
    let one = Way { batches: &table::one_batch(&table.rows), span_bytes: usize::MAX, threads: 0 };
    let threads = choices.int_in_range(0..=MOST_THREADS)?;
    let other = Way { batches: &batches, span_bytes, threads };
    let is_small_cut = choices.arbitrary::<bool>()?;
    let [quick, small] = [false, true].map(|small| {
        options["compression_enabled"] = json!(small);
        let schema = fixtures::schema("EXCEL", &table.types, &options);
        let written = write(&schema, limits, one);
        if small == is_small_cut {
            assert!(write(&schema, limits, other) == written);
        }
        written
    });
    match (quick, small) {
        (Ok(quick), Ok(small)) => {
            assert_eq!(quick.summary.fidelity, small.summary.fidelity);
            assert!(parts(&quick) == parts(&small));
            assert_comes_back(&table, &quick);
        }
        (quick, small) => assert_eq!(quick.err(), small.err()),
    }
    Ok(())
}

/// Sheets that are full after a few rows or a few kilobytes, or never.
fn limits(choices: &mut Unstructured<'_>, start_row: u32) -> Result<SheetLimits> {
    let mut limits = SheetLimits::default();
    match choices.int_in_range(0..=5)? {
        0 => limits.xml_bytes = choices.int_in_range(20_000..=100_000)?,
        1 => limits.rows = start_row + choices.int_in_range(200..=500)?,
        _ => {}
    }
    Ok(limits)
}

/// Names and content of everything in the package.
fn parts(written: &Written) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(&written.bytes)).unwrap();
    let count = archive.len();
    let part = |index| {
        let mut part = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        (part.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(part).collect()
}

fn assert_comes_back(table: &Table, written: &Written) {
    let parts = parts(written);
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(&written.bytes[..])).unwrap();
    let mut rows = table.rows.iter();
    for (index, name) in book.sheet_names().iter().enumerate() {
        let range = book.worksheet_range(name).unwrap();
        let (header_row, _) = range.start().unwrap();
        let part = format!("xl/worksheets/sheet{}.xml", index + 1);
        let (_, xml) = parts.iter().find(|(name, _)| *name == part).unwrap();
        let sheet_rows = memchr::memmem::find_iter(xml, "<row r=").count();
        for (row, offset) in rows.by_ref().zip(1..).take(sheet_rows - 1) {
            for ((cell, letter), column) in row.iter().zip(table.types.chars()).zip(0..) {
                let back = range.get_value((header_row + offset, column));
                assert_cell_comes_back(letter, cell.as_deref(), back.unwrap_or(&Data::Empty));
            }
        }
    }
    assert_eq!(rows.next(), None);
}

/// Types judge values by rules of their own; what they leave as a number or text is what came.
fn assert_cell_comes_back(letter: char, cell: Option<&str>, back: &Data) {
    match (cell, back) {
        (None, back) => assert_eq!(*back, Data::Empty),
        (Some(text), Data::Empty) => assert!(letter != 's' || text.trim().is_empty(), "{text:?}"),
        (Some(text), Data::Float(number)) => {
            assert_eq!(letter, 'n');
            assert_eq!(text.parse(), Ok(*number));
        }
        (Some(text), Data::String(back)) if is_plain(text) => {
            // Calamine trims blanks when it reads, whatever xml:space says.
            assert_eq!(back.trim(), text.trim());
        }
        _ => {}
    }
}

/// Nothing of it is escaped as `_xHHHH_`, which calamine leaves as it is, and nothing is cut.
fn is_plain(text: &str) -> bool {
    let is_escaped = |c: char| c.is_control() || matches!(c, '_' | '\u{fffe}' | '\u{ffff}');
    !text.contains(is_escaped) && text.encode_utf16().count() <= 32_767
}
