//! Column names under the options that fail an export: told before any row is taken.

use super::{Column, ControlCharacters, Format, Guard, Options, Unmappable};
use crate::csv::guard::is_formula;
use crate::error::{Error, Result};
use crate::xlsx::text::is_writable;

pub(super) fn check(format: Format, columns: &[Column], options: &Options) -> Result<()> {
    for (index, column) in columns.iter().enumerate() {
        let expected = match format {
            Format::Excel => excel_wants(&column.name, options),
            Format::Csv => csv_wants(&column.name, options),
        };
        if let Some(expected) = expected {
            return Err(Error::metadata(
                &format!("columns[{index}].name"),
                expected,
                &column.name,
            ));
        }
    }
    Ok(())
}

fn excel_wants(name: &str, options: &Options) -> Option<&'static str> {
    let fails = options.control_characters == ControlCharacters::Fail;
    (fails && !is_writable(name.as_bytes())).then_some("text without control characters")
}

fn csv_wants(name: &str, options: &Options) -> Option<&'static str> {
    let csv = &options.csv;
    if csv.unmappable == Unmappable::Fail && csv.charset.lacks(name) {
        return Some("characters of the file's encoding");
    }
    let is_rejected = csv.guard == Guard::Reject && is_formula(name.as_bytes(), csv.decimal_comma);
    is_rejected.then_some("text that no spreadsheet runs as a formula")
}
