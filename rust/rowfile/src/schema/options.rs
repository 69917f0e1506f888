//! Options as decisions: a preset resolves first, an explicit option wins over it.

use jiff::tz::TimeZone;

use super::spec::OptionsSpec;
use crate::cell::date;
use crate::charset::Charset;
use crate::error::{Error, Result};

/// The last row a header may stand in, so that one data row fits (Excel: 1,048,576 rows).
const MAX_START_ROW: u32 = 1_048_575;

/// Everything about the file that is not its columns.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// 1-based row of the header.
    pub(crate) start_row: u32,
    /// CSV: gzip. Excel: smaller and slower.
    pub(crate) compressed: bool,
    /// A value that is not of its column's type.
    pub(crate) bad_value: BadValue,
    /// Characters XML 1.0 forbids.
    pub(crate) control_characters: ControlCharacters,
    /// Past the last row of a sheet.
    pub(crate) row_overflow: RowOverflow,
    /// Whether an empty unquoted field of `csv_rows` is null.
    pub(crate) csv_rows_empty_is_null: bool,
    /// Whose clocks instants are told by.
    pub(crate) zone: Option<TimeZone>,
    /// What only CSV has.
    pub(crate) csv: CsvOptions,
}

/// How CSV is written.
#[derive(Clone, Debug)]
pub(crate) struct CsvOptions {
    /// Between fields.
    pub(crate) delimiter: char,
    /// After each record.
    pub(crate) line_end: &'static str,
    /// Bytes of the characters.
    pub(crate) charset: Charset,
    /// Numbers with a comma in place of the point.
    pub(crate) decimal_comma: bool,
    /// Text of null.
    pub(crate) null: String,
    /// Against formulas in text.
    pub(crate) guard: Guard,
    /// A character the charset lacks.
    pub(crate) unmappable: Unmappable,
}

/// What becomes of a value that is not of its column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadValue {
    /// Stays, as text.
    Text,
    /// Becomes null.
    Null,
    /// Fails the export.
    Fail,
}

/// What becomes of characters XML 1.0 forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlCharacters {
    /// Written as `_xHHHH_` (ECMA-376 Part 1 §22.9.2.19).
    Escape,
    /// Left out.
    Strip,
    /// Fail the export.
    Fail,
}

/// What happens past the last row of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOverflow {
    /// The next sheet.
    Sheet,
    /// The export fails.
    Fail,
}

/// What happens to text that a spreadsheet would run as a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing.
    Off,
    /// An apostrophe goes in front.
    Quote,
    /// A tab goes in front.
    Tab,
    /// The export fails.
    Reject,
}

/// What becomes of a character the charset lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmappable {
    /// A question mark stands in for it.
    Replace,
    /// The export fails.
    Fail,
}

impl Options {
    pub(super) fn resolve(spec: &OptionsSpec) -> Result<Self> {
        Ok(Self {
            start_row: start_row(spec.excel_start_row)?,
            compressed: spec.compression_enabled,
            bad_value: choose(
                "options.on_bad_value",
                &spec.on_bad_value,
                &[("text", BadValue::Text), ("null", BadValue::Null), ("fail", BadValue::Fail)],
            )?,
            control_characters: choose(
                "options.on_control_character",
                &spec.on_control_character,
                &[
                    ("escape", ControlCharacters::Escape),
                    ("strip", ControlCharacters::Strip),
                    ("fail", ControlCharacters::Fail),
                ],
            )?,
            row_overflow: choose(
                "options.row_overflow",
                &spec.row_overflow,
                &[("sheet", RowOverflow::Sheet), ("fail", RowOverflow::Fail)],
            )?,
            csv_rows_empty_is_null: choose(
                "options.csv_rows_empty",
                &spec.csv_rows_empty,
                &[("null", true), ("empty", false)],
            )?,
            zone: zone(&spec.timezone)?,
            csv: CsvOptions::resolve(spec)?,
        })
    }
}

impl CsvOptions {
    fn resolve(spec: &OptionsSpec) -> Result<Self> {
        let preset = preset(&spec.preset)?;
        let delimiter = match spec.csv_delimiter.as_str() {
            "" => preset.delimiter,
            text => delimiter(text)?,
        };
        let label =
            if spec.csv_encoding.is_empty() { preset.encoding } else { &spec.csv_encoding };
        let charset = Charset::for_label(label).ok_or_else(|| {
            Error::metadata("options.csv_encoding", "a WHATWG encoding label or utf-8-bom", label)
        })?;
        if charset.lacks(delimiter.encode_utf8(&mut [0; 4])) {
            let expected = "a character of the file's encoding";
            return Err(Error::metadata("options.csv_delimiter", expected, delimiter));
        }
        check_null(&spec.csv_null, delimiter, charset)?;
        Ok(Self {
            delimiter,
            line_end: preset.line_end,
            charset,
            decimal_comma: preset.decimal_comma,
            null: spec.csv_null.clone(),
            guard: choose(
                "options.injection_guard",
                &spec.injection_guard,
                &[
                    ("off", Guard::Off),
                    ("quote", Guard::Quote),
                    ("tab", Guard::Tab),
                    ("reject", Guard::Reject),
                ],
            )?,
            unmappable: choose(
                "options.on_unmappable",
                &spec.on_unmappable,
                &[("replace", Unmappable::Replace), ("fail", Unmappable::Fail)],
            )?,
        })
    }
}

/// What a preset settles: what the programs it is named after open without questions.
#[derive(Clone, Copy)]
struct Preset {
    delimiter: char,
    line_end: &'static str,
    encoding: &'static str,
    decimal_comma: bool,
}

fn preset(word: &str) -> Result<Preset> {
    let rfc4180 =
        Preset { delimiter: ',', line_end: "\r\n", encoding: "utf-8", decimal_comma: false };
    choose(
        "options.preset",
        word,
        &[
            ("rfc4180", rfc4180),
            ("excel", Preset { encoding: "utf-8-bom", ..rfc4180 }),
            ("excel-zh", Preset { encoding: "gb18030", ..rfc4180 }),
            (
                "excel-eu",
                Preset { delimiter: ';', encoding: "utf-8-bom", decimal_comma: true, ..rfc4180 },
            ),
            ("unix", Preset { line_end: "\n", ..rfc4180 }),
            ("tsv", Preset { delimiter: '\t', ..rfc4180 }),
        ],
    )
}

/// The value a word names; the first of `choices` is the default, for the empty word.
fn choose<T: Copy>(field: &str, word: &str, choices: &[(&str, T)]) -> Result<T> {
    let chosen = match word {
        "" => choices.first(),
        word => choices.iter().find(|(name, _)| *name == word),
    };
    chosen.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        Error::metadata(field, &format!("one of {}", names.join(", ")), word)
    })
}

fn delimiter(text: &str) -> Result<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !matches!(c, '\r' | '\n' | '"') => Ok(c),
        _ => {
            let expected = "one character, neither a quote nor a line break";
            Err(Error::metadata("options.csv_delimiter", expected, text))
        }
    }
}

fn check_null(null: &str, delimiter: char, charset: Charset) -> Result<()> {
    let refuse = |expected| Err(Error::metadata("options.csv_null", expected, null));
    if null.contains([delimiter, '\r', '\n', '"']) {
        return refuse("free of the delimiter, quotes and line breaks");
    }
    if charset.lacks(null) {
        return refuse("characters of the file's encoding");
    }
    Ok(())
}

fn zone(name: &str) -> Result<Option<TimeZone>> {
    if name.is_empty() {
        return Ok(None);
    }
    let refuse = || Error::metadata("options.timezone", "the IANA name of a time zone", name);
    date::zone(name).ok_or_else(refuse).map(Some)
}

fn start_row(row: i64) -> Result<u32> {
    let row_or_default = if row == 0 { 1 } else { row };
    u32::try_from(row_or_default).ok().filter(|row| (1..=MAX_START_ROW).contains(row)).ok_or_else(
        || Error::metadata("options.excel_start_row", "1 to 1048575, or 0 for the default", row),
    )
}
