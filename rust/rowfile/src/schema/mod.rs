//! What a file is to hold and how: columns, types, and every option resolved to a decision.

mod column;
mod header;
mod number_format;
mod options;
mod sheet_name;
mod spec;

use std::collections::HashMap;

use crate::cell::date::DateReader;
use crate::error::{Error, Result};

pub(crate) use column::{Column, DataType};
pub(crate) use options::{
    BadValue, ControlCharacters, CsvOptions, Guard, Options, RowOverflow, Unmappable,
};
pub(crate) use sheet_name::numbered_sheet_name;

/// File formats that have a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Office Open XML workbook (ECMA-376).
    Excel,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// A validated specification; every value in it can be carried out.
#[derive(Clone, Debug)]
pub struct Schema {
    /// File format.
    pub format: Format,
    /// Name of the first sheet; keeps Excel's rules.
    pub(crate) sheet_name: String,
    /// 1 to 16,384 columns.
    pub(crate) columns: Vec<Column>,
    /// Decisions about the file.
    pub(crate) options: Options,
    /// Columns by the key of their values in JSON object rows.
    columns_by_key: HashMap<Box<[u8]>, usize>,
}

impl Schema {
    /// Parses and validates the JSON specification.
    ///
    /// # Errors
    /// [`Error::Metadata`] names the first field that can't be carried out.
    pub fn parse(spec_json: &[u8]) -> Result<Self> {
        let spec: spec::FileSpec = serde_json::from_slice(spec_json)
            .map_err(|error| Error::metadata("spec", "a file specification", error))?;
        let format = format(&spec.format)?;
        let [sheet] = spec.sheets.as_slice() else {
            return Err(Error::metadata("sheets", "exactly one sheet", spec.sheets.len()));
        };
        sheet_name::check(&sheet.name)?;
        let columns = column::resolve(&sheet.columns)?;
        let options = Options::resolve(&spec.options)?;
        header::check(format, &columns, &options)?;
        let columns_by_key = column::by_key(&columns)?;
        Ok(Self { format, sheet_name: sheet.name.clone(), columns, options, columns_by_key })
    }

    /// The column whose values stand under `key` in JSON object rows.
    pub(crate) fn column_of_key(&self, key: &[u8]) -> Option<usize> {
        self.columns_by_key.get(key).copied()
    }

    /// What reads the dates of each column.
    pub(crate) fn date_readers(&self) -> Vec<DateReader> {
        let zone = &self.options.zone;
        let reader = |column: &Column| DateReader::new(column.date_notation, zone.clone());
        self.columns.iter().map(reader).collect()
    }

    /// How many columns the file has.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// File name extension with its dot.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.format {
            Format::Excel => ".xlsx",
            Format::Csv if self.options.compressed => ".csv.gz",
            Format::Csv => ".csv",
        }
    }

    /// Media type of the file.
    #[must_use]
    pub fn content_type(&self) -> String {
        match self.format {
            Format::Excel => {
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet".to_owned()
            }
            Format::Csv if self.options.compressed => "application/gzip".to_owned(),
            Format::Csv => format!("text/csv; charset={}", self.options.csv.charset.label()),
        }
    }
}

fn format(word: &str) -> Result<Format> {
    match word {
        "EXCEL" => Ok(Format::Excel),
        "CSV" => Ok(Format::Csv),
        other => Err(Error::metadata("format", "EXCEL or CSV", other)),
    }
}

#[cfg(test)]
mod tests;
