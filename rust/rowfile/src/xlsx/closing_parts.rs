//! Parts of the workbook that know all its sheets: written last.

use rust_xlsxwriter::{Workbook, XlsxError};

use super::skeleton::{FIXED_PARTS, SHARED_STRINGS, is_sheet, unpack};
use crate::error::Result;
use crate::schema::Schema;

/// One sheet of the workbook.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// 1-based last row with data; the header's when there is none.
    pub(super) last_row: u32,
}

/// Name and bytes of content types, workbook, relations and application properties for `sheets`
/// alike, and the part `shared_strings` among them.
///
/// They depend on columns only in the width of the filters, so the sheets they are taken from
/// are empty: the time this takes hardly grows with the columns.
pub(super) fn closing_parts(
    schema: &Schema,
    sheets: &[Sheet],
    shared_strings: Option<String>,
) -> Result<Vec<(String, Vec<u8>)>> {
    let workbook = empty_sheets(schema, sheets, shared_strings.is_some()).map_err(Box::new)?;
    let mut parts = Vec::new();
    for (name, text) in unpack(workbook)? {
        if name != SHARED_STRINGS && !is_sheet(&name) && !FIXED_PARTS.contains(&name.as_str()) {
            parts.push((name, text.into_bytes()));
        }
    }
    if let Some(text) = shared_strings {
        parts.push((SHARED_STRINGS.to_owned(), text.into_bytes()));
    }
    Ok(parts)
}

fn empty_sheets(
    schema: &Schema,
    sheets: &[Sheet],
    has_shared_strings: bool,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let header_row = schema.options.start_row - 1;
    let last_column = u16::try_from(schema.columns.len() - 1).unwrap_or(u16::MAX);
    for sheet in sheets {
        let worksheet = workbook.add_worksheet();
        worksheet.set_name(&sheet.name)?;
        worksheet.autofilter(header_row, 0, sheet.last_row - 1, last_column)?;
        if has_shared_strings {
            worksheet.write_string(0, 0, "any text, so that the part is listed")?;
        }
    }
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::schema;
    use crate::xlsx::shared_strings::{RepeatedTexts, SharedStrings};
    use crate::xlsx::skeleton::Skeleton;

    /// Closing parts of a workbook whose sheets have their headers, by `rust_xlsxwriter` alone.
    fn of_whole_workbook(schema: &Schema, sheets: &[Sheet]) -> Vec<(String, String)> {
        let mut workbook = Workbook::new();
        let header_row = schema.options.start_row - 1;
        for sheet in sheets {
            let worksheet = workbook.add_worksheet();
            worksheet.set_name(&sheet.name).unwrap();
            for (index, column) in (0..).zip(&schema.columns) {
                worksheet.write_string(header_row, index, &column.name).unwrap();
            }
            let last_column = u16::try_from(schema.columns.len() - 1).unwrap();
            worksheet.autofilter(header_row, 0, sheet.last_row - 1, last_column).unwrap();
        }
        let mut parts = unpack(workbook.save_to_buffer().unwrap()).unwrap();
        parts.retain(|(name, _)| !is_sheet(name) && !FIXED_PARTS.contains(&name.as_str()));
        parts.sort();
        parts
    }

    fn text_parts(
        schema: &Schema,
        sheets: &[Sheet],
        skeleton: &Skeleton,
    ) -> Vec<(String, String)> {
        let strings = SharedStrings::new(RepeatedTexts::new(schema), 0);
        let header = skeleton.header_strings.as_deref();
        let strings = strings.part(header, sheets.len() as u64, 0).unwrap();
        let parts = closing_parts(schema, sheets, strings).unwrap();
        let text = |(name, bytes)| (name, String::from_utf8(bytes).unwrap());
        let mut parts: Vec<_> = parts.into_iter().map(text).collect();
        parts.sort();
        parts
    }

    #[test]
    fn parts_are_those_of_a_workbook_with_all_headers() {
        let named = [("Sheet1", 1_048_576), ("It's (2)", 11), ("数据 (3)", 3)];
        let sheets = named.map(|(name, last_row)| Sheet { name: name.to_owned(), last_row });
        for (columns, start_row) in [("s", 1), ("sndbs", 1), ("ss", 3)] {
            let schema = schema("EXCEL", columns, &json!({"excel_start_row": start_row}));
            for count in [1, 3] {
                let skeleton = Skeleton::make(&schema, &vec![8; columns.len()]).unwrap();
                let expected = of_whole_workbook(&schema, &sheets[..count]);
                assert_eq!(text_parts(&schema, &sheets[..count], &skeleton), expected);
            }
        }
    }

    #[test]
    fn headers_without_any_text_have_no_strings_part() {
        let mut spec = crate::fixtures::spec("EXCEL", "s", &json!({}));
        spec["sheets"][0]["columns"][0]["name"] = json!("");
        let schema = Schema::parse(spec.to_string().as_bytes()).unwrap();
        let sheets = [Sheet { name: "Sheet1".to_owned(), last_row: 1 }];
        let skeleton = Skeleton::make(&schema, &[8]).unwrap();
        let parts = text_parts(&schema, &sheets, &skeleton);
        assert!(parts.iter().all(|(_, text)| !text.contains("sharedStrings")));
    }
}
