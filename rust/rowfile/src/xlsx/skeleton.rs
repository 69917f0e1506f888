//! What stands before and around the rows, made by `rust_xlsxwriter`.
//!
//! A workbook with a header row only is written to memory and taken apart: styles and theme are
//! used as they are, the sheet is split where the rows go.

use std::io::{Cursor, Read};

use rust_xlsxwriter::{
    DocProperties, Format, FormatAlign, IgnoreError, Workbook, Worksheet, XlsxError,
};
use zip::ZipArchive;

use super::text;
use crate::error::{Error, Result};
use crate::schema::{DataType, Schema};

const DATE_FORMAT: &str = "yyyy-mm-dd";
const DATE_TIME_FORMAT: &str = "yyyy-mm-dd hh:mm:ss";
/// Keeps digits as text when a reader edits the cell.
const TEXT_FORMAT: &str = "@";
const AUTHOR: &str = "Rowferry";
/// A header further down is not frozen: the frozen rows would fill the screen.
const MAX_FROZEN_ROWS: u32 = 20;
const LAST_ROW: u32 = 1_048_575;

const SHEET_FOLDER: &str = "xl/worksheets/";
pub(super) const SHARED_STRINGS: &str = "xl/sharedStrings.xml";
/// Parts that are the same for any number of sheets. They stand before the sheets, and the
/// relations first, so that `file` knows the type.
pub(super) const FIXED_PARTS: [&str; 4] =
    ["_rels/.rels", "docProps/core.xml", "xl/theme/theme1.xml", "xl/styles.xml"];

/// Style numbers (`s`) of a column's cells; `None` = General.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnStyles {
    /// Values of the column's type; of dates, those without a time.
    pub(super) value: Option<u32>,
    /// Dates with a time.
    pub(super) date_time: Option<u32>,
    /// Values kept as text.
    pub(super) kept_text: Option<u32>,
}

/// The taken-apart workbook.
#[derive(Default)]
pub(super) struct Skeleton {
    /// Name and bytes; not the sheets.
    pub(super) fixed_parts: Vec<(String, Vec<u8>)>,
    /// The part with the texts of one header; None if all are empty.
    pub(super) header_strings: Option<String>,
    /// Of a sheet: up to and with the header row, and from `</sheetData>` on.
    pub(super) sheet_head: String,
    pub(super) sheet_tail: String,
    pub(super) styles: Vec<ColumnStyles>,
}

impl Skeleton {
    /// For sheets with `widths` in characters a column.
    pub(super) fn make(schema: &Schema, widths: &[u8]) -> Result<Self> {
        let formats = Formats::of(schema);
        let workbook = header_only(schema, widths, &formats).map_err(Box::new)?;
        let mut skeleton = Self::default();
        for (name, text) in unpack(workbook)? {
            skeleton.take_part(name, text, &formats)?;
        }
        let place = |name: &str| FIXED_PARTS.iter().position(|fixed| *fixed == name);
        skeleton.fixed_parts.sort_by_key(|(name, _)| place(name));
        Ok(skeleton)
    }

    fn take_part(&mut self, name: String, text: String, formats: &Formats) -> Result<()> {
        if is_sheet(&name) {
            self.split_sheet(&text, formats)?;
        } else if name == SHARED_STRINGS {
            self.header_strings = Some(text);
        } else if FIXED_PARTS.contains(&name.as_str()) {
            let text = if name == "docProps/core.xml" { without_times(&text) } else { text };
            self.fixed_parts.push((name, text.into_bytes()));
        }
        Ok(())
    }

    fn split_sheet(&mut self, text: &str, formats: &Formats) -> Result<()> {
        let lacks = |what| move || Error::WorkbookLayout { what };
        let (before_rows, rows) = text.split_once("<sheetData>").ok_or_else(lacks("rows"))?;
        let (header, rest) = rows.split_once("</row>").ok_or_else(lacks("a header row"))?;
        let (style_row, after) = rest.split_once("</sheetData>").ok_or_else(lacks("an end"))?;
        let before_rows = without_element(before_rows, "<dimension ", "/>");
        self.sheet_head = format!("{before_rows}<sheetData>{header}</row>");
        self.sheet_tail = format!("</sheetData>{after}");
        self.styles = formats.styles(style_row)?;
        Ok(())
    }
}

/// The looks in use, each once, and which columns use them.
struct Formats {
    distinct: Vec<Look>,
    columns: Vec<ColumnFormats>,
}

/// How a cell is shown.
#[derive(PartialEq, Eq)]
struct Look {
    display_format: String,
    /// Text in a column of numbers or dates stands where they do.
    is_right_aligned: bool,
}

/// Indices into the distinct looks.
struct ColumnFormats {
    value: Option<usize>,
    date_time: Option<usize>,
    kept_text: Option<usize>,
}

impl Formats {
    fn of(schema: &Schema) -> Self {
        let mut formats = Self { distinct: Vec::new(), columns: Vec::new() };
        for column in &schema.columns {
            let own = column.number_format.as_str();
            let (date, date_time) = match (own, column.data_type) {
                ("", DataType::Date) => (DATE_FORMAT, DATE_TIME_FORMAT),
                _ => (own, own),
            };
            let kept_text = if column.data_type == DataType::String { own } else { TEXT_FORMAT };
            let is_right = matches!(column.data_type, DataType::Number | DataType::Date);
            let columns = ColumnFormats {
                value: formats.index(date, false),
                date_time: formats.index(date_time, false),
                kept_text: formats.index(kept_text, is_right),
            };
            formats.columns.push(columns);
        }
        formats
    }

    fn index(&mut self, format: &str, is_right_aligned: bool) -> Option<usize> {
        if format.is_empty() || format.eq_ignore_ascii_case("general") {
            return None;
        }
        let look = Look { display_format: format.to_owned(), is_right_aligned };
        let known = self.distinct.iter().position(|distinct| *distinct == look);
        Some(known.unwrap_or_else(|| {
            self.distinct.push(look);
            self.distinct.len() - 1
        }))
    }

    /// One blank cell a look in the row below the header: the style numbers are read from it.
    fn write(&self, sheet: &mut Worksheet, row: u32) -> Result<(), XlsxError> {
        for (column, look) in (0..).zip(&self.distinct) {
            let format = Format::new().set_num_format(&look.display_format);
            let format =
                if look.is_right_aligned { format.set_align(FormatAlign::Right) } else { format };
            sheet.write_blank(row, column, &format)?;
        }
        Ok(())
    }

    fn styles(&self, style_row: &str) -> Result<Vec<ColumnStyles>> {
        let numbers: Vec<u32> = style_row
            .split(" s=\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"')?.0.parse().ok())
            .collect();
        if numbers.len() != self.distinct.len() {
            return Err(Error::WorkbookLayout { what: "a style for each format" });
        }
        let number = |index: Option<usize>| index.map(|index| numbers[index]);
        let style = |column: &ColumnFormats| ColumnStyles {
            value: number(column.value),
            date_time: number(column.date_time),
            kept_text: number(column.kept_text),
        };
        Ok(self.columns.iter().map(style).collect())
    }
}

fn header_only(schema: &Schema, widths: &[u8], formats: &Formats) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    workbook.set_properties(&DocProperties::new().set_author(AUTHOR));
    let header_row = schema.options.start_row - 1;
    let last_column = u16::try_from(schema.columns.len() - 1).unwrap_or(u16::MAX);
    let bold = Format::new().set_bold();
    let worksheet = workbook.add_worksheet();
    for (index, (column, width)) in (0..).zip(schema.columns.iter().zip(widths)) {
        worksheet.set_column_width(index, f64::from(*width))?;
        let name = text::allowed(&column.name, schema.options.control_characters);
        worksheet.write_string_with_format(header_row, index, name, &bold)?;
    }
    formats.write(worksheet, header_row + 1)?;
    if schema.options.start_row <= MAX_FROZEN_ROWS {
        worksheet.set_freeze_panes(header_row + 1, 0)?;
    }
    worksheet.autofilter(header_row, 0, header_row, last_column)?;
    // Digits that are kept as text are meant so: no warning triangle on each.
    let ignored = IgnoreError::NumberStoredAsText;
    worksheet.ignore_error_range(header_row, 0, LAST_ROW, last_column, ignored)?;
    workbook.save_to_buffer()
}

/// Names and texts of a package's parts.
pub(super) fn unpack(package: Vec<u8>) -> Result<Vec<(String, String)>> {
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(Box::new)?;
    let mut parts = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(Box::new)?;
        let name = part.name().map_err(Box::new)?.into_owned();
        let mut text = String::new();
        part.read_to_string(&mut text).map_err(Error::io("reading the workbook's parts"))?;
        parts.push((name, text));
    }
    Ok(parts)
}

pub(super) fn is_sheet(part: &str) -> bool {
    part.starts_with(SHEET_FOLDER)
}

/// ECMA-376 Part 2 §8: both times are optional. Equal rows must give equal bytes.
fn without_times(core: &str) -> String {
    let core = without_element(core, "<dcterms:created", "</dcterms:created>");
    without_element(&core, "<dcterms:modified", "</dcterms:modified>")
}

fn without_element(text: &str, open: &str, close: &str) -> String {
    match text.split_once(open) {
        Some((before, rest)) => match rest.split_once(close) {
            Some((_, after)) => format!("{before}{after}"),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}
