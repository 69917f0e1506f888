//! Columns: header text, type, width, display format, key.

use std::collections::{HashMap, HashSet};

use super::number_format;
use super::spec::ColumnSpec;
use crate::cell::date::Notation;
use crate::error::{Error, Result};

/// Excel: columns A to XFD.
const MAX_COLUMNS: usize = 16_384;
/// Excel: the widest column, in characters.
const MAX_WIDTH: i64 = 255;
/// Excel: the longest text of a cell, in UTF-16 units. A header is never cut silently.
const MAX_NAME_UNITS: usize = 32_767;

/// Excel: between 200 and 250 display formats of one's own, depending on its language.
const MAX_FORMATS: usize = 200;

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataType {
    /// Text, written as it came.
    String,
    /// Decimal number.
    Number,
    /// Date, or date and time of day.
    Date,
    /// Truth value.
    Boolean,
}

/// One column of the file.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Header text.
    pub(crate) name: String,
    /// Type of the values.
    pub(crate) data_type: DataType,
    /// Width in characters; `None` = from the first rows.
    pub(crate) width: Option<u8>,
    /// Excel display format; empty = the type's default.
    pub(crate) number_format: String,
    /// What the values of a DATE column are.
    pub(crate) date_notation: Notation,
    /// Key of this column's value in a JSON object row.
    pub(crate) key: String,
}

impl Column {
    fn has_own_key(&self) -> bool {
        self.key != self.name
    }
}

pub(super) fn resolve(specs: &[ColumnSpec]) -> Result<Vec<Column>> {
    if specs.is_empty() || specs.len() > MAX_COLUMNS {
        return Err(Error::metadata("columns", "1 to 16384 columns", specs.len()));
    }
    let formats: HashSet<&str> = specs.iter().map(|spec| spec.format.as_str()).collect();
    if formats.len() > MAX_FORMATS {
        return Err(Error::metadata("columns", "at most 200 different formats", formats.len()));
    }
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| column(&format!("columns[{index}]"), spec))
        .collect()
}

fn column(path: &str, spec: &ColumnSpec) -> Result<Column> {
    if spec.name.encode_utf16().count() > MAX_NAME_UNITS {
        let field = format!("{path}.name");
        return Err(Error::metadata(&field, "at most 32767 UTF-16 units", &spec.name));
    }
    let data_type = data_type(path, &spec.data_type)?;
    let width = width(path, spec.width)?;
    let (date_notation, display_format) = match data_type {
        DataType::Date => date_notation(&spec.format),
        _ => (Notation::Iso, spec.format.as_str()),
    };
    number_format::check(&format!("{path}.format"), display_format, data_type)?;
    let key = if spec.key.is_empty() { &spec.name } else { &spec.key };
    Ok(Column {
        name: spec.name.clone(),
        data_type,
        width,
        number_format: display_format.to_owned(),
        date_notation,
        key: key.clone(),
    })
}

fn data_type(path: &str, word: &str) -> Result<DataType> {
    match word {
        "STRING" => Ok(DataType::String),
        "NUMBER" => Ok(DataType::Number),
        "DATE" => Ok(DataType::Date),
        "BOOLEAN" => Ok(DataType::Boolean),
        other => {
            let field = format!("{path}.data_type");
            Err(Error::metadata(&field, "STRING, NUMBER, DATE or BOOLEAN", other))
        }
    }
}

/// Splits a DATE column's format, `[epoch_s / epoch_ms] [" " pattern]`, into what the values are
/// and how they are shown.
fn date_notation(format: &str) -> (Notation, &str) {
    let (word, pattern) = format.split_once(' ').unwrap_or((format, ""));
    match word {
        "epoch_s" => (Notation::EpochSeconds, pattern),
        "epoch_ms" => (Notation::EpochMilliseconds, pattern),
        _ => (Notation::Iso, format),
    }
}

fn width(path: &str, characters: i64) -> Result<Option<u8>> {
    match u8::try_from(characters) {
        Ok(0) => Ok(None),
        Ok(width) => Ok(Some(width)),
        Err(_) => {
            let expected = format!("0 to {MAX_WIDTH} characters");
            Err(Error::metadata(&format!("{path}.width"), &expected, characters))
        }
    }
}

/// Columns by key. Keys that were given must tell columns apart; equal names alone are allowed, as
/// files have them, but name no column then.
pub(super) fn by_key(columns: &[Column]) -> Result<HashMap<Box<[u8]>, usize>> {
    let mut found: HashMap<Box<[u8]>, usize> = HashMap::with_capacity(columns.len());
    let mut ambiguous = HashSet::new();
    for (index, column) in columns.iter().enumerate() {
        let Some(other) = found.insert(Box::from(column.key.as_bytes()), index) else { continue };
        if column.has_own_key() || columns[other].has_own_key() {
            let field = format!("columns[{index}].key");
            return Err(Error::metadata(&field, "a key of one column only", &column.key));
        }
        ambiguous.insert(column.key.as_bytes());
    }
    found.retain(|key, _| !ambiguous.contains(key.as_ref()));
    Ok(found)
}
