use std::io::Read;

use calamine::{Data, DataType as _, Reader, Xlsx, open_workbook};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::fidelity::{Issue, IssueKind};
use crate::fixtures::{Row, checksums_of, frames, message, row, schema, spec};

struct Written {
    _folder: TempDir,
    path: std::path::PathBuf,
    summary: FileSummary,
}

impl Written {
    fn part(&self, name: &str) -> String {
        let file = std::fs::File::open(&self.path).unwrap();
        let mut text = String::new();
        let mut archive = zip::ZipArchive::new(file).unwrap();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn sheet(&self) -> String {
        self.part("xl/worksheets/sheet1.xml")
    }

    /// Cells of a sheet as calamine reads them.
    fn cells(&self, sheet: &str) -> Vec<Vec<Data>> {
        let mut book: Xlsx<_> = open_workbook(&self.path).unwrap();
        book.worksheet_range(sheet).unwrap().rows().map(<[Data]>::to_vec).collect()
    }
}

fn try_write(schema: &Arc<Schema>, limits: SheetLimits, rows: &[Row]) -> Result<Written> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file.xlsx");
    let pool = EncoderPool::default();
    let mut writer = XlsxWriter::create(Arc::clone(schema), &path, limits, &pool)?;
    let progress = writer.write(&frames(schema, &[message(rows, 0)]))?;
    assert_eq!(progress.rows, rows.len() as u64);
    let summary = writer.finish()?;
    assert_eq!(summary.rows, rows.len() as u64);
    assert_eq!(summary.file_bytes, std::fs::metadata(&path).unwrap().len());
    Ok(Written { _folder: folder, path, summary })
}

fn write(types: &str, options: &Value, rows: &[Row]) -> Written {
    try_write(&schema("EXCEL", types, options), SheetLimits::default(), rows).unwrap()
}

fn issue(kind: IssueKind, cells: u64, first_row: u64, first_column: usize) -> Issue {
    Issue { kind, cells, first_row, first_column }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn text_comes_back_through_calamine(
        rows in vec(vec("[a-z<>&\"'_\n\t中😀 ]{0,20}[a-z]", 2), 1..6),
    ) {
        let rows: Vec<Row> =
            rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
        let cells = write("ss", &json!({}), &rows).cells("Sheet1");
        for (row, back) in rows.iter().zip(&cells[1..]) {
            for (cell, back) in row.iter().zip(back) {
                // Calamine trims blanks when it reads, whatever xml:space says.
                let back = back.to_string();
                prop_assert_eq!(cell.as_ref().unwrap().trim(), back.trim());
            }
        }
    }
}

#[test]
fn cells_have_their_columns_types() {
    let rows = [row(["007", "12.50", "2026-01-01", "TRUE"]), vec![None; 4]];
    let written = write("sndb", &json!({}), &rows);
    let cells = written.cells("Sheet1");
    assert_eq!(cells[0][3], Data::String("D".into()));
    assert_eq!(cells[1][0], Data::String("007".into()));
    assert_eq!(cells[1][1], Data::Float(12.5));
    assert_eq!(cells[1][2].to_string(), "46023");
    assert!(cells[1][2].is_datetime());
    assert_eq!(cells[1][3], Data::Bool(true));
    assert!(written.summary.fidelity.is_empty());
    assert!(written.sheet().contains("<row r=\"3\"></row></sheetData>"));
}

#[test]
fn cells_are_marked_up_in_the_conventional_order() {
    let sheet = write("sn", &json!({}), &[row([" a", "1.50"])]).sheet();
    let expected = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> a</t>\
                    </is></c><c r=\"B2\"><v>1.50</v></c></row>";
    assert!(sheet.contains(expected), "{sheet}");
}

#[test]
fn values_a_spreadsheet_would_change_are_text() {
    let rows = [
        row(["123456789012345678", "1899-12-31"]),
        row(["007", "2026-02-30"]),
        row(["1e5", "2026-01-01T10:00:00Z"]),
    ];
    let written = write("nd", &json!({}), &rows);
    for (row, back) in rows.iter().zip(&written.cells("Sheet1")[1..]) {
        let back: Vec<_> = back.iter().map(|cell| Some(cell.to_string())).collect();
        assert_eq!(row, &back);
    }
    assert_eq!(written.summary.fidelity, [issue(IssueKind::KeptAsText, 6, 1, 0)]);
    let sheet = written.sheet();
    assert!(sheet.contains("<ignoredError sqref=\"A1:B1048576\" numberStoredAsText=\"1\"/>"));
}

#[test]
fn instants_are_told_by_the_clocks_of_the_zone() {
    let rows = [row(["2026-01-01T02:00:00Z", "1767232800"]), row(["2026-01-01 10:00", "x"])];
    let mut spec = spec("EXCEL", "dd", &json!({"timezone": "Asia/Shanghai"}));
    spec["sheets"][0]["columns"][1]["format"] = json!("epoch_s");
    let schema = Arc::new(Schema::parse(spec.to_string().as_bytes()).unwrap());
    let written = try_write(&schema, SheetLimits::default(), &rows).unwrap();
    let cells = written.cells("Sheet1");
    for cell in [&cells[1][0], &cells[1][1], &cells[2][0]] {
        assert!(cell.is_datetime());
        assert_eq!(cell.to_string(), "46023.4166666667");
    }
    assert_eq!(written.summary.fidelity, [issue(IssueKind::KeptAsText, 1, 2, 1)]);
}

#[test]
fn bad_values_follow_the_policy() {
    let rows = [row(["1", "2026-01-01", "1"]), row(["x", "nope", "maybe"])];
    let nulled = write("ndb", &json!({"on_bad_value": "null"}), &rows);
    assert_eq!(nulled.summary.fidelity, [issue(IssueKind::Nulled, 3, 2, 0)]);
    assert!(nulled.sheet().contains("<row r=\"3\"></row>"));
    for types in ["nss", "sds", "ssb"] {
        let schema = schema("EXCEL", types, &json!({"on_bad_value": "fail"}));
        let error = try_write(&schema, SheetLimits::default(), &rows).err().unwrap();
        assert_eq!((error.code(), error.context()[0].1.as_str()), ("INVALID_ROW", "2"));
    }
    // Numeric but not to be had in a double: kept under every policy.
    let id = [row(["123456789012345678"])];
    let kept = write("n", &json!({"on_bad_value": "fail"}), &id);
    assert_eq!(kept.summary.fidelity, [issue(IssueKind::KeptAsText, 1, 1, 0)]);
}

#[test]
fn forbidden_characters_and_long_texts_are_counted() {
    let rows = [row(["a\u{1}b", &"中".repeat(40_000)])];
    let written = write("ss", &json!({}), &rows);
    assert!(written.sheet().contains("<t>a_x0001_b</t>"));
    assert_eq!(written.cells("Sheet1")[1][1].to_string().chars().count(), 32_767);
    let expected = [issue(IssueKind::Escaped, 1, 1, 0), issue(IssueKind::Truncated, 1, 1, 1)];
    assert_eq!(written.summary.fidelity, expected);
    let strip = write("ss", &json!({"on_control_character": "strip"}), &rows);
    assert!(strip.sheet().contains("<t>ab</t>"));
    let fail = schema("EXCEL", "ss", &json!({"on_control_character": "fail"}));
    let error = try_write(&fail, SheetLimits::default(), &rows).err().unwrap();
    assert_eq!(error.context()[1], ("column", "0".to_owned()));
}

#[test]
fn header_texts_follow_the_policy_and_are_counted_as_row_0() {
    let named = |policy: &str| {
        let mut spec = spec("EXCEL", "ss", &json!({"on_control_character": policy}));
        spec["sheets"][0]["columns"][1]["name"] = json!("a\u{1}b\u{fffe}_x0041_");
        let schema = Arc::new(Schema::parse(spec.to_string().as_bytes()).unwrap());
        try_write(&schema, SheetLimits::default(), &[row(["x", "\u{1}"])]).unwrap()
    };
    for (policy, expected) in
        [("escape", "<t>a_x0001_b_xFFFE__x005F_x0041_</t>"), ("strip", "<t>ab_x005F_x0041_</t>")]
    {
        let written = named(policy);
        assert!(written.part("xl/sharedStrings.xml").contains(expected), "{policy}");
        assert_eq!(written.summary.fidelity, [issue(IssueKind::Escaped, 2, 0, 1)]);
    }
}

#[test]
fn text_in_columns_of_numbers_and_dates_is_right_aligned() {
    let rows = [row(["007", "007", "1800-01-01", "maybe"])];
    let written = write("sndb", &json!({}), &rows);
    let aligned = "applyNumberFormat=\"1\" applyAlignment=\"1\"><alignment horizontal=\"right\"/>";
    assert_eq!(written.part("xl/styles.xml").matches(aligned).count(), 1);
    let sheet = written.sheet();
    let style = |cell: &str| {
        let (_, rest) = sheet.split_once(&format!("<c r=\"{cell}\"")).unwrap();
        rest.split_once(" t=").unwrap().0.to_owned()
    };
    assert_eq!(style("B2"), style("C2"));
    assert_eq!(style("A2"), "");
    assert_ne!(style("B2"), style("D2"));
}

#[test]
fn formats_become_styles() {
    let mut spec = spec("EXCEL", "nds", &json!({}));
    spec["sheets"][0]["columns"][0]["format"] = json!("#,##0.00");
    spec["sheets"][0]["columns"][1]["format"] = json!("dd.mm.yyyy");
    spec["sheets"][0]["columns"][2]["format"] = json!("@");
    let schema = Arc::new(Schema::parse(spec.to_string().as_bytes()).unwrap());
    let rows = [row(["1", "2026-01-01 10:00:00", "x"])];
    let written = try_write(&schema, SheetLimits::default(), &rows).unwrap();
    let styles = written.part("xl/styles.xml");
    assert!(styles.contains("formatCode=\"dd.mm.yyyy\""));
    let sheet = written.sheet();
    for cell in ["<c r=\"A2\" s=\"", "<c r=\"B2\" s=\"", "<c r=\"C2\" s=\""] {
        assert!(sheet.contains(cell), "{sheet}");
    }
    assert!(written.cells("Sheet1")[1][1].is_datetime());
}

#[test]
fn texts_of_a_column_of_few_stand_once_in_the_workbook() {
    let states = ["open", " paid ", "北京 <&>"];
    let rows: Vec<Row> =
        (1..=500).map(|i| row([&format!("order {i}"), states[i % 3], "late"])).collect();
    let mut rows_with_new_text = rows.clone();
    rows_with_new_text.push(row(["order 501", "a new one", "late"]));
    let limits = SheetLimits { rows: 401, ..SheetLimits::default() };
    let schema = schema("EXCEL", "sss", &json!({}));
    let written = try_write(&schema, limits, &rows_with_new_text).unwrap();
    let strings = written.part("xl/sharedStrings.xml");
    // Three headers a sheet, two cells a row but for one.
    assert!(strings.contains("count=\"1007\" uniqueCount=\"7\""), "{strings}");
    assert!(strings.contains("<si><t xml:space=\"preserve\"> paid </t></si>"), "{strings}");
    assert!(written.sheet().contains("<c r=\"B2\" t=\"s\"><v>"));
    let texts = |sheet: &str| -> Vec<Vec<String>> {
        let cells = written.cells(sheet);
        cells[1..].iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    };
    let read = [texts("Sheet1"), texts("Sheet1 (2)")].concat();
    // Calamine trims blanks.
    let expected: Vec<Vec<String>> = rows_with_new_text
        .iter()
        .map(|row| row.iter().flatten().map(|text| text.trim().to_owned()).collect())
        .collect();
    let trimmed: Vec<Vec<String>> =
        read.iter().map(|row| row.iter().map(|text| text.trim().to_owned()).collect()).collect();
    assert_eq!(trimmed, expected);
}

#[test]
fn a_full_sheet_is_followed_by_another() {
    let rows: Vec<Row> = (1..=25).map(|i| row([&i.to_string()])).collect();
    let limits = SheetLimits { rows: 11, ..SheetLimits::default() };
    let written = try_write(&schema("EXCEL", "n", &json!({})), limits, &rows).unwrap();
    let book: Xlsx<_> = open_workbook(&written.path).unwrap();
    assert_eq!(book.sheet_names(), ["Sheet1", "Sheet1 (2)", "Sheet1 (3)"]);
    let counts: Vec<_> = book.sheet_names().iter().map(|name| written.cells(name).len()).collect();
    assert_eq!(counts, [11, 11, 6]);
    assert_eq!(written.cells("Sheet1 (3)")[0][0], Data::String("A".into()));
    assert_eq!(written.cells("Sheet1 (3)")[5][0], Data::Float(25.0));
    assert!(written.part("xl/worksheets/sheet3.xml").contains("<autoFilter ref=\"A1:A6\"/>"));
    assert!(!written.part("xl/worksheets/sheet2.xml").contains("tabSelected"));
    let names = written.part("xl/workbook.xml");
    assert!(names.contains("'Sheet1 (3)'!$A$1:$A$6"), "{names}");
    assert_eq!(written.part("[Content_Types].xml").matches("/xl/worksheets/").count(), 3);
}

#[test]
fn a_sheet_of_much_xml_is_followed_by_another() {
    // Blocks that may be under way don't count yet: each sheet has at least seventeen.
    let rows: Vec<Row> = (1..=6_000).map(|_| row([&"x".repeat(1000)])).collect();
    let limits = SheetLimits { xml_bytes: 20_000, ..SheetLimits::default() };
    let written = try_write(&schema("EXCEL", "s", &json!({})), limits, &rows).unwrap();
    let book: Xlsx<_> = open_workbook(&written.path).unwrap();
    assert_eq!(book.sheet_names().len(), 4);
}

#[test]
fn a_full_sheet_fails_when_asked_to() {
    let rows = vec![row(["1"]); 11];
    let limits = SheetLimits { rows: 11, ..SheetLimits::default() };
    let schema = schema("EXCEL", "n", &json!({"row_overflow": "fail"}));
    let error = try_write(&schema, limits, &rows).err().unwrap();
    assert_eq!((error.code(), error.context()[0].1.as_str()), ("ROW_LIMIT", "10"));
    assert!(try_write(&schema, limits, &rows[..10]).is_ok());
}

#[test]
fn a_file_too_large_for_zip_fails() {
    let rows: Vec<Row> = vec![row([&"x".repeat(30_000)]); 20];
    let limits = SheetLimits { file_bytes: 8_000, ..SheetLimits::default() };
    let error = try_write(&schema("EXCEL", "s", &json!({})), limits, &rows).err().unwrap();
    assert_eq!(error.code(), "TOO_LARGE");
}

#[test]
fn the_header_stands_where_asked() {
    let written = write("sn", &json!({"excel_start_row": 5}), &[row(["a", "1"])]);
    let sheet = written.sheet();
    assert!(sheet.contains("<c r=\"A6\" t=\"inlineStr\">"), "{sheet}");
    assert!(sheet.contains("<autoFilter ref=\"A5:B6\"/>") && sheet.contains("ySplit=\"5\""));
    let far = write("sn", &json!({"excel_start_row": 1_048_575}), &[row(["a", "1"])]);
    assert!(!far.sheet().contains("<pane ") && far.sheet().contains("<c r=\"B1048576\">"));
}

#[test]
fn widths_come_from_the_first_rows_unless_given() {
    let mut spec = spec("EXCEL", "sss", &json!({}));
    spec["sheets"][0]["columns"][1]["width"] = json!(33);
    let schema = Arc::new(Schema::parse(spec.to_string().as_bytes()).unwrap());
    let mut rows = vec![row(["中文中文中文中文中文", "x", "x"]); 200];
    rows.push(row(["x", "x", &"too late".repeat(10)]));
    let sheet = try_write(&schema, SheetLimits::default(), &rows).unwrap().sheet();
    for width in [
        "min=\"1\" max=\"1\" width=\"21.7",
        "min=\"2\" max=\"2\" width=\"33.7",
        "min=\"3\" max=\"3\" width=\"8.7",
    ] {
        assert!(sheet.contains(width), "{sheet}");
    }
}

#[test]
fn sheets_are_the_same_however_they_are_compressed() {
    // Several blocks, two sheets, cells that end a block amid a row.
    let long = "a&\u{1}<中".repeat(7_000);
    let rows: Vec<Row> = (0..3_000)
        .map(|i| {
            let text = if i % 500 == 499 { long.clone() } else { format!("text {i}") };
            let number = (i % 3 > 0).then(|| (i * i).to_string());
            vec![number, Some(text), Some("2026-01-01".to_owned()), Some("same".to_owned())]
        })
        .collect();
    let limits = SheetLimits { rows: 2_000, ..SheetLimits::default() };
    let sheets = ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"];
    let [quick, small] = [false, true].map(|small| {
        let schema = schema("EXCEL", "nsds", &json!({"compression_enabled": small}));
        let written = try_write(&schema, limits, &rows).unwrap();
        sheets.map(|sheet| written.part(sheet))
    });
    assert!(quick == small);
    assert!(quick[0].ends_with("</worksheet>") && quick[1].contains("text 2998"));
}

#[test]
fn equal_rows_make_equal_bytes_however_they_come_and_whoever_encodes_them() {
    let folder = TempDir::new().unwrap();
    let rows: Vec<Row> =
        (0..20_000).map(|i| row([&format!("row {}", i * i), &i.to_string()])).collect();
    // The second sheet begins when blocks that are surely written have so much XML.
    let limits = SheetLimits { rows: 15_000, xml_bytes: 200_000, ..SheetLimits::default() };
    for is_small in [false, true] {
        let schema = schema("EXCEL", "sn", &json!({"compression_enabled": is_small}));
        let mut hashes = Vec::new();
        for (threads, batch_rows) in [(0, 20_000), (0, 7), (1, 150), (4, 20_000), (30, 3_000)] {
            let pool = EncoderPool::start(threads).unwrap();
            let path = folder.path().join("f");
            let mut writer =
                XlsxWriter::create(Arc::clone(&schema), &path, limits, &pool).unwrap();
            for batch in rows.chunks(batch_rows) {
                writer.write(&frames(&schema, &[message(batch, 0)])).unwrap();
            }
            writer.finish().unwrap();
            hashes.push(checksums_of(&path));
        }
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    }
}

#[test]
fn the_first_refused_cell_is_told_whoever_finds_one_first() {
    let folder = TempDir::new().unwrap();
    let schema = schema("EXCEL", "n", &json!({"on_bad_value": "fail"}));
    let rows: Vec<Row> = (1..=50_000)
        .map(|i| row([&if i >= 30_000 { format!("bad {i}") } else { i.to_string() }]))
        .collect();
    for threads in [0, 1, 4] {
        let pool = EncoderPool::start(threads).unwrap();
        let path = folder.path().join("f");
        let limits = SheetLimits::default();
        let mut writer = XlsxWriter::create(Arc::clone(&schema), &path, limits, &pool).unwrap();
        let error = writer.write(&frames(&schema, &[message(&rows, 0)])).unwrap_err();
        assert!(matches!(error, Error::Cell { row: 30_000, column: 0, .. }), "{error:?}");
    }
}

#[test]
fn a_file_without_rows_has_its_header() {
    for types in ["s", "sn"] {
        let written = write(types, &json!({"compression_enabled": true}), &[]);
        assert_eq!(written.cells("Sheet1").len(), 1);
        assert!(written.sheet().contains("<autoFilter ref=\"A1"));
    }
}

#[test]
fn the_file_has_no_clock_time_and_is_known_by_its_first_part() {
    let written = write("s", &json!({}), &[row(["a"])]);
    assert!(!written.part("docProps/core.xml").contains("dcterms:W3CDTF"));
    let bytes = std::fs::read(&written.path).unwrap();
    assert_eq!(&bytes[30..41], b"_rels/.rels");
    // Sizes stand in every local header: flag 3 (data descriptor) is never set.
    let sheet = bytes.windows(24).position(|w| w == b"xl/worksheets/sheet1.xml").unwrap();
    let header = &bytes[sheet - 30..sheet];
    assert_eq!(header[6], 0);
    assert_ne!(header[18..22], [0; 4]);
}

#[test]
fn a_failed_writer_stays_failed() {
    let folder = TempDir::new().unwrap();
    let schema = schema("EXCEL", "n", &json!({"on_bad_value": "fail"}));
    let limits = SheetLimits::default();
    let pool = EncoderPool::default();
    let path = folder.path().join("f");
    let mut writer = XlsxWriter::create(Arc::clone(&schema), &path, limits, &pool).unwrap();
    let bad = frames(&schema, &[message(&vec![row(["x"]); 10_000], 0)]);
    assert_eq!(writer.write(&bad).unwrap_err().code(), "INVALID_ROW");
    assert_eq!(writer.write(&bad).unwrap_err().code(), "INTERNAL");
    assert_eq!(writer.finish().unwrap_err().code(), "INTERNAL");
    let mut full = XlsxWriter::create(schema, Path::new("/dev/full"), limits, &pool).unwrap();
    let good = vec![message(&vec![row(["1"]); 300], 0)];
    let frames = frames(&full.schema.clone(), &good);
    assert_eq!(full.write(&frames).unwrap_err().code(), "DISK_FULL");
}

#[test]
fn bytes_in_the_file_stay_but_for_the_sizes_of_the_sheet_under_way() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file.xlsx");
    let schema = schema("EXCEL", "s", &json!({}));
    let limits = SheetLimits { rows: 10_000, ..SheetLimits::default() };
    let pool = EncoderPool::default();
    let mut writer = XlsxWriter::create(Arc::clone(&schema), &path, limits, &pool).unwrap();
    let rows: Vec<Row> = (0..25_000).map(|i| row([&format!("row {i}")])).collect();
    let mut seen = Vec::new();
    for batch in rows.chunks(2_500) {
        let progress = writer.write(&frames(&schema, &[message(batch, 0)])).unwrap();
        seen.push((std::fs::read(&path).unwrap(), progress));
    }
    writer.finish().unwrap();
    let finished = std::fs::read(&path).unwrap();
    let mut patched = Vec::new();
    for (bytes, progress) in seen {
        let pending = progress.pending.unwrap();
        let [start, end] = [pending.start, pending.end].map(|at| usize::try_from(at).unwrap());
        assert_eq!(bytes.len() as u64, progress.file_bytes);
        assert!(bytes[..start] == finished[..start]);
        assert!(bytes[start..end] != finished[start..end]);
        assert!(bytes[end..] == finished[end..bytes.len()]);
        patched.push(start);
    }
    patched.dedup();
    assert_eq!(patched.len(), 3, "sheets");
}
