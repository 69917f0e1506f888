use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use prost::Message as _;

use super::*;
use crate::fixtures::{self, RecordBatch, Row, row};
use crate::internals::{check_batch, read_batch};

const RULES: BatchRules =
    BatchRules { first_sequence: 0, batch_bytes: 64, max_message_bytes: 1 << 20 };

fn schema() -> Arc<Schema> {
    fixtures::schema("CSV", "sss", &serde_json::json!({}))
}

/// The messages of a body that comes in `pieces`, and the refusal that ends them.
fn cut<'a>(
    kind: BodyKind,
    rules: BatchRules,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Option<String>) {
    let mut body = RowBody::new(schema(), kind, rules);
    let mut messages = Vec::new();
    for piece in pieces {
        match body.push(piece) {
            Ok(more) => messages.extend(more),
            Err(refusal) => return (messages, Some(refusal.to_string())),
        }
    }
    match body.finish() {
        Ok(more) => messages.extend(more),
        Err(refusal) => return (messages, Some(refusal.to_string())),
    }
    (messages, None)
}

fn whole(kind: BodyKind, text: &str) -> Vec<Vec<u8>> {
    let (messages, refusal) = cut(kind, RULES, [text.as_bytes()]);
    assert_eq!(refusal, None);
    messages
}

fn refusal(kind: BodyKind, text: &str) -> Error {
    let mut body = RowBody::new(schema(), kind, RULES);
    match body.push(text.as_bytes()) {
        Ok(_) => body.finish().unwrap_err(),
        Err(refusal) => refusal,
    }
}

fn rows(messages: &[Vec<u8>]) -> Vec<Row> {
    let text = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
    let mut rows = Vec::new();
    for message in messages {
        check_batch(&schema(), message).unwrap();
        let batch = read_batch(&schema(), message).unwrap();
        rows.extend(
            batch
                .into_iter()
                .map(|row| row.into_iter().map(|cell| cell.map(text)).collect::<Row>()),
        );
    }
    rows
}

fn batches(messages: &[Vec<u8>]) -> Vec<RecordBatch> {
    messages.iter().map(|message| RecordBatch::decode(&message[..]).unwrap()).collect()
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let frame = |message: &Vec<u8>| {
        let mut frame = Vec::new();
        prost::encode_length_delimiter(message.len(), &mut frame).unwrap();
        frame.extend(message);
        frame
    };
    messages.iter().flat_map(frame).collect()
}

#[test]
fn batches_are_numbered_on_from_the_first() {
    let rules = BatchRules { first_sequence: 300, batch_bytes: 1, ..RULES };
    let (messages, _) = cut(BodyKind::Csv, rules, [&b"a,b,c\nd,e,f\n"[..]]);
    let numbers: Vec<_> = batches(&messages).iter().map(|batch| batch.batch_sequence).collect();
    assert_eq!(numbers, [300, 301]);
    assert_eq!(batches(&whole(BodyKind::Csv, "a,b,c\n"))[0].batch_sequence, 0);
}

#[test]
fn lines_are_joined_as_they_are() {
    let messages = whole(BodyKind::JsonLines, "\u{feff} [1.50,null,\"]\"]\r\n\n{\"B\":\"}{\"}");
    let batch = &batches(&messages)[0];
    let joined = "[[1.50,null,\"]\"],\n{\"B\":\"}{\"}]";
    assert_eq!(batch.json_rows.as_deref(), Some(joined.as_bytes()));
    let second: Row = vec![None, Some("}{".to_owned()), None];
    assert_eq!(rows(&messages)[1], second);
}

#[test]
fn a_line_that_is_not_one_value_is_refused() {
    for line in [
        "1",
        "[1,2",
        "1,2]",
        "[1,2,3],[4,5,6]",
        "[1,2,3]]",
        "[[1]],[2]",
        "[\"]\"],[2]",
        "{\"A\":1},{\"A\":2}",
    ] {
        let text = format!("[1,2,3]\n{line}\n");
        let refusal = refusal(BodyKind::JsonLines, &text);
        assert!(matches!(refusal, Error::Row { row: 2, .. }), "{line}: {refusal}");
    }
}

#[test]
fn a_string_goes_past_no_line() {
    let messages = whole(BodyKind::JsonLines, "[\"a]\n[\",2,3]\n");
    assert_eq!(messages.len(), 1);
    assert!(check_batch(&schema(), &messages[0]).is_err());
}

#[test]
fn line_breaks_in_quotes_are_text_and_blank_lines_nothing() {
    let messages = whole(BodyKind::Csv, "\u{feff}\r\n\"a\n\"\"\r\n\",b,c\r\n\nd,e,f");
    assert_eq!(rows(&messages), [row(["a\n\"\r\n", "b", "c"]), row(["d", "e", "f"])]);
}

#[test]
fn blank_lines_are_rows_of_one_column() {
    let schema = fixtures::schema("CSV", "s", &serde_json::json!({}));
    let mut body = RowBody::new(Arc::clone(&schema), BodyKind::CsvWithHeader, RULES);
    body.push(b"\n\nA\n\nx\r\n\r\n").unwrap();
    let messages = body.finish().unwrap();
    assert_eq!(check_batch(&schema, &messages[0]).unwrap(), 3);
    assert_eq!(body.rows(), 3);
}

#[test]
fn a_header_in_the_schemas_order_changes_nothing() {
    let messages = whole(BodyKind::CsvWithHeader, "A,\"B\",C\r\n1,\"2\",3\r\n");
    assert_eq!(batches(&messages)[0].csv_rows.as_deref(), Some(&b"1,\"2\",3\r\n"[..]));
}

#[test]
fn columns_are_found_by_key_or_name() {
    let spec = serde_json::json!({
        "format": "CSV",
        "sheets": [{"name": "Sheet1", "columns": [
            {"name": "Total", "data_type": "STRING", "key": "b"},
            {"name": "b", "data_type": "STRING", "key": "a"},
            {"name": "Twice", "data_type": "STRING", "key": "c"},
            {"name": "Twice", "data_type": "STRING", "key": "d"},
        ]}],
    });
    let schema = Arc::new(Schema::parse(spec.to_string().as_bytes()).unwrap());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut map = csv_header::ColumnMap::of(&schema, &names(&["d", "b", "a"])).unwrap().unwrap();
    assert_eq!(map.apply(b"1,2,3", 1).unwrap(), b"2,3,,1\n");
    let known = names(&["Total", "b", "Twice", "Twice"]);
    assert!(csv_header::ColumnMap::of(&schema, &known).unwrap().is_none());
    for unknown in [&["Twice"][..], &["B"], &["Total", "b"], &["a", "a"], &[""]] {
        let refusal = csv_header::ColumnMap::of(&schema, &names(unknown)).unwrap_err();
        assert_eq!(refusal.code(), "INVALID_METADATA", "{unknown:?}");
    }
}

#[test]
fn records_that_do_not_fit_the_header_are_named() {
    for (record, expected) in [
        ("1", "row 2 must have as many fields as the header, not '1'"),
        ("1,2,3", "row 2 must have as many fields as the header, not '3'"),
        ("\"a\"b,2", "row 2, column 2 must be followed by a comma"),
        ("1,a\"b\"", "row 2, column 0 must be followed by a comma"),
    ] {
        let text = format!("C,A\nx,y\n{record}\n");
        let refusal = refusal(BodyKind::CsvWithHeader, &text).to_string();
        assert!(refusal.starts_with(expected), "{record}: {refusal}");
    }
}

#[test]
fn what_a_body_ends_inside_of_is_told() {
    let quoted = refusal(BodyKind::Csv, "a,b,c\nd,e,\"f\n");
    assert!(matches!(quoted, Error::Row { row: 2, .. }), "{quoted}");
    let cut_line = refusal(BodyKind::JsonLines, "[1,2,3]\n[4,5");
    assert!(matches!(cut_line, Error::Row { row: 2, .. }), "{cut_line}");
    let cut_message = refusal(BodyKind::Frames, "\u{0}\u{3}ab");
    assert_eq!(
        cut_message.to_string(),
        "message 2 of the body must have a whole message, not its first 3 bytes"
    );
}

#[test]
fn what_is_too_long_is_refused_before_it_is_held() {
    let rules = BatchRules { max_message_bytes: 100, ..RULES };
    let text = "x".repeat(50);
    for kind in [BodyKind::Csv, BodyKind::CsvWithHeader, BodyKind::JsonLines] {
        let mut body = RowBody::new(schema(), kind, rules);
        body.push(text.as_bytes()).unwrap();
        let refusal = body.push(text.as_bytes()).unwrap_err();
        assert!(matches!(refusal, Error::LongRow { row: 1, limit: 68 }), "{refusal}");
    }
    let mut body = RowBody::new(schema(), BodyKind::Frames, rules);
    assert_eq!(body.push(b"\x65").unwrap_err().code(), "TOO_LARGE");
    let mut body = RowBody::new(schema(), BodyKind::Frames, rules);
    assert_eq!(body.push(b"\xff\xff\xff\xff\xff").unwrap_err().code(), "INVALID_ROW");
}

#[test]
fn messages_before_a_refusal_come_first_and_nothing_after_it() {
    let rules = BatchRules { batch_bytes: 1, ..RULES };
    let mut body = RowBody::new(schema(), BodyKind::JsonLines, rules);
    assert_eq!(body.push(b"[1,2,3]\n[4,5,6]\nx\n").unwrap().len(), 1);
    assert!(matches!(body.push(b"[]"), Err(Error::Row { row: 3, .. })));
    assert!(matches!(body.push(b"[]"), Err(Error::Closed { .. })));
    assert!(matches!(body.finish(), Err(Error::Closed { .. })));
}

#[test]
fn a_header_is_given_once_it_has_ended() {
    assert_eq!(csv_header(b"\xef\xbb\xbf\r\nA,\"B \"\"x\"\"\n\",").unwrap(), None);
    let names = csv_header(b"\xef\xbb\xbf\r\nA,\"B \"\"x\"\"\n\",\r\n1,2,3\n").unwrap().unwrap();
    assert_eq!(names, ["A", "B \"x\"\n", ""]);
    for malformed in [&b"a\"b\"\n"[..], b"\"a\" ,b\n", b"\xff,b\n", b"a\rb\n"] {
        assert_eq!(csv_header(malformed).unwrap_err().code(), "INVALID_METADATA");
    }
}

fn any_kind() -> impl Strategy<Value = BodyKind> {
    select(vec![BodyKind::Csv, BodyKind::CsvWithHeader, BodyKind::JsonLines, BodyKind::Frames])
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let cell = proptest::option::weighted(0.9, "[a\",\\[\\]{}\r\n\\\\中]{0,6}|[a-z]{30}");
    vec(vec(cell, 3), 0..12)
}

fn csv_of(rows: &[Vec<Option<&String>>]) -> String {
    let field = |cell: Option<&String>| {
        cell.map_or(String::new(), |text| format!("\"{}\"", text.replace('"', "\"\"")))
    };
    rows.iter()
        .map(|row| row.iter().copied().map(field).collect::<Vec<_>>().join(",") + "\n")
        .collect()
}

/// The pieces of `body` between `places`.
fn pieces<'a>(body: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| &body[ends[0]..ends[1]]).collect()
}

proptest! {
    #[test]
    fn a_body_gives_the_same_messages_however_it_arrives(
        kind in any_kind(),
        text in "([A-Cab,\"\r\n\\[\\]{}\\\\\0\u{5}中]|\"\"|\r\n|\\[1,2,3\\]\n|\"a\",b,c\n|C,A,B\n){0,60}",
        places in vec(any::<Index>(), 0..12),
        batch_bytes in 0usize..60,
        max_message_bytes in 33usize..200,
    ) {
        let rules = BatchRules { first_sequence: 1, batch_bytes, max_message_bytes };
        let at_once = cut(kind, rules, [text.as_bytes()]);
        let in_pieces = cut(kind, rules, pieces(text.as_bytes(), &places));
        prop_assert_eq!(&in_pieces, &at_once);
        let one_by_one = cut(kind, rules, text.as_bytes().chunks(1));
        prop_assert_eq!(one_by_one, at_once);
    }

    #[test]
    fn rows_come_back_as_they_were(table in any_rows(), batch_bytes in 0usize..200) {
        let rules = BatchRules { batch_bytes, ..RULES };
        let csv = csv_of(&table.iter().map(|row| row.iter().map(Option::as_ref).collect()).collect::<Vec<_>>());
        let json: String = table.iter().map(|row| serde_json::to_string(row).unwrap() + "\n").collect();
        for (kind, body) in [(BodyKind::Csv, csv), (BodyKind::JsonLines, json)] {
            let (messages, refusal) = cut(kind, rules, [body.as_bytes()]);
            prop_assert_eq!(refusal, None);
            prop_assert_eq!(rows(&messages), &table[..]);
            for message in &messages {
                let text_bytes = message.len() - 3;
                let is_one_row = rows(std::slice::from_ref(message)).len() == 1;
                prop_assert!(text_bytes <= batch_bytes || is_one_row);
            }
        }
    }

    #[test]
    fn named_columns_come_back_in_the_schemas_order(
        table in any_rows(),
        columns in subsequence(vec![0usize, 1, 2], 1..=3).prop_shuffle(),
    ) {
        let header = columns.iter().map(|column| ["A", "B", "C"][*column]).collect::<Vec<_>>();
        let chosen: Vec<Vec<Option<&String>>> = table
            .iter()
            .map(|row| columns.iter().map(|column| row[*column].as_ref()).collect())
            .collect();
        let body = header.join(",") + "\n" + &csv_of(&chosen);
        let expected: Vec<Row> = table
            .iter()
            .map(|row| (0..3).map(|c| row[c].clone().filter(|_| columns.contains(&c))).collect())
            .collect();
        prop_assert_eq!(rows(&whole(BodyKind::CsvWithHeader, &body)), expected);
    }

    #[test]
    fn framed_messages_come_back(
        messages in vec(vec(any::<u8>(), 0..300), 0..6),
        places in vec(any::<Index>(), 0..12),
    ) {
        let body = framed(&messages);
        let (found, refusal) = cut(BodyKind::Frames, RULES, pieces(&body, &places));
        prop_assert_eq!(refusal, None);
        prop_assert_eq!(found, messages);
    }
}
