//! The specification's JSON, as a client sent it.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSpec {
    pub(super) format: String,
    pub(super) sheets: Vec<SheetSpec>,
    #[serde(default)]
    pub(super) options: OptionsSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SheetSpec {
    pub(super) name: String,
    pub(super) columns: Vec<ColumnSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnSpec {
    pub(super) name: String,
    pub(super) data_type: String,
    #[serde(default)]
    pub(super) width: i64,
    #[serde(default)]
    pub(super) format: String,
    #[serde(default)]
    pub(super) key: String,
}

/// `FormatOptions` of the contract without the sheet's name; empty, 0 and false mean the default.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OptionsSpec {
    pub(super) csv_delimiter: String,
    pub(super) csv_encoding: String,
    pub(super) excel_start_row: i64,
    pub(super) compression_enabled: bool,
    pub(super) preset: String,
    pub(super) csv_null: String,
    pub(super) injection_guard: String,
    pub(super) on_bad_value: String,
    pub(super) on_unmappable: String,
    pub(super) on_control_character: String,
    pub(super) row_overflow: String,
    pub(super) timezone: String,
    pub(super) csv_rows_empty: String,
}
