use super::*;

proptest! {
    #[test]
    fn csv_rows_are_read_as_the_csv_crate_wrote_them(
        rows in (1usize..6).prop_flat_map(|columns| {
            vec(vec("[a-c\",\r\n中 ]{0,6}|[a-c\"中]{10,40}", columns), 1..6)
        }),
    ) {
        let mut writer = ::csv::WriterBuilder::new()
            .quote_style(::csv::QuoteStyle::Always)
            .terminator(::csv::Terminator::CRLF)
            .from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = csv_message(writer.into_inner().unwrap());
        let expected: Vec<Row> =
            rows.iter().map(|row| row.iter().cloned().map(Some).collect()).collect();
        prop_assert_eq!(read(&bytes, rows[0].len()).unwrap(), expected);
    }

    #[test]
    fn csv_like_bytes_that_are_taken_are_what_the_csv_crate_reads(
        csv in "[ab\",;\r\n\0中 ]{0,40}|([ab 中]{0,20}(,|\n|\r\n|\"\")){0,6}",
    ) {
        let Ok(rows) = read(&csv_message(&csv), 2) else { return Ok(()) };
        prop_assert_eq!(texts(rows), csv_crate_rows(&csv));
    }

    #[test]
    fn bare_fields_are_taken(
        rows in vec(vec("[a-z0-9 中\0\t;']{0,40}", 3), 0..6),
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
        ends_last in any::<bool>(),
    ) {
        let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        let mut csv = lines.join(line_end);
        if ends_last && !rows.is_empty() {
            csv += line_end;
        }
        let cell = |text: &String| (!text.is_empty()).then(|| text.clone());
        let expected: Vec<Row> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        prop_assert_eq!(read(&csv_message(csv), 3).unwrap(), expected);
    }
}

#[test]
fn csv_rows_follow_rfc_4180() {
    let rows = read(&csv_message("a,\"b,\"\"c\"\"\r\n\"\n1,\n\"\",x"), 2).unwrap();
    assert_eq!(rows[0], row(["a", "b,\"c\"\r\n"]));
    assert_eq!(rows[1], [Some("1".to_owned()), None]);
    assert_eq!(rows[2], row(["", "x"]));
}

#[test]
fn empty_csv_fields_are_what_the_option_says() {
    let bytes = csv_message("a,,\"\"\r\n");
    let null = read_as(&bytes, "sss", &serde_json::json!({"csv_rows_empty": "null"})).unwrap();
    assert_eq!(null[0][1..], [None, Some(String::new())]);
    let empty = read_as(&bytes, "sss", &serde_json::json!({"csv_rows_empty": "empty"})).unwrap();
    assert_eq!(empty[0][1..], [Some(String::new()), Some(String::new())]);
}

#[test]
fn a_blank_line_is_a_row_only_with_one_column() {
    assert_eq!(read(&csv_message("a\n\nb\n"), 1).unwrap().len(), 3);
    assert_eq!(read(&csv_message("a,b\r\n\r\nc,d\r\n\n"), 2).unwrap().len(), 2);
}

#[test]
fn malformed_csv_is_refused_where_it_is() {
    for (csv, row, column, got) in [
        ("a,b\nc\n", 12, None, "1 values"),
        ("a,b,c\n", 11, None, "3 values"),
        ("a,\"b\n", 11, Some(1), "\"b\n"),
        ("a,\"b\"\"\n", 11, Some(1), "\"b\"\"\n"),
        ("a,\"b\"c\n", 11, Some(1), "c\n"),
        ("a,\"b\"\"\"c\n", 11, Some(1), "c\n"),
        ("a,b\"c\n", 11, Some(1), "\"c\n"),
        ("a, \"c\"\n", 11, Some(1), "\"c\"\n"),
        ("a,b\r", 11, Some(1), "\r"),
        ("a,b\rc,d\r", 11, Some(1), "\rc,d\r"),
        ("a,b\nc,d\re,f\n", 12, Some(1), "\re,f\n"),
    ] {
        let place = place(&csv_message(csv), 2);
        let column = column.map(|column: usize| column.to_string());
        assert_eq!(place, (row.to_string(), column, got.to_owned()), "{csv:?}");
    }
}

#[test]
fn a_byte_order_mark_is_text() {
    let rows = read(&csv_message("\u{feff}a,b\n\u{feff}c,\u{feff}\n"), 2).unwrap();
    assert_eq!(rows, [row(["\u{feff}a", "b"]), row(["\u{feff}c", "\u{feff}"])]);
}

#[test]
fn bad_utf8_in_csv_names_its_cell() {
    let got = "a\u{fffd}".to_owned();
    let place = place(&csv_message(b"ok,ok\r\nok,\"a\xff\"\r\n"), 2);
    assert_eq!(place, ("12".to_owned(), Some("1".to_owned()), got));
    // 中 is e4 b8 ad: its bytes are spread over two cells.
    assert!(refusal(&csv_message(b"a\xe4\xb8,\xad\n"), 2).0.contains("UTF-8"));
}

#[test]
fn csv_cut_anywhere_is_refused_or_what_the_csv_crate_reads() {
    let csv = "a,\"b,\"\"c\"\"\r\n中\"\r\nd,e\r\n";
    let ends = (0..=csv.len()).filter(|end| csv.is_char_boundary(*end));
    let taken: Vec<&str> =
        ends.map(|end| &csv[..end]).filter(|csv| read(&csv_message(csv), 2).is_ok()).collect();
    assert_eq!(taken.len(), 9, "{taken:?}");
    for csv in taken {
        assert_eq!(texts(read(&csv_message(csv), 2).unwrap()), csv_crate_rows(csv), "{csv:?}");
    }
}

/// The rows without telling null from the empty text.
fn texts(rows: Vec<Row>) -> Vec<Vec<String>> {
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

fn csv_crate_rows(csv: &str) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
    let text = |record: ::csv::StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().map(|record| text(record.unwrap())).collect()
}
