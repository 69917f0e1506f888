use super::*;

/// What the contract says, by a decoder nobody here wrote.
fn model(bytes: &[u8], columns: usize) -> Option<Vec<Row>> {
    let batch = RecordBatch::decode(bytes).ok()?;
    batch.records.iter().map(|record| model_row(record, columns)).collect()
}

fn model_row(record: &Record, columns: usize) -> Option<Row> {
    let bit = |i: usize| record.null_bitmap.get(i / 8).is_some_and(|b| b >> (i % 8) & 1 == 1);
    let bits = record.null_bitmap.len() * 8;
    let fits = record.null_bitmap.len() <= columns.div_ceil(8) && !(columns..bits).any(bit);
    if record.values.len() != columns || !fits {
        return None;
    }
    let cells = record.values.iter().enumerate();
    Some(cells.map(|(i, value)| (!bit(i)).then(|| value.clone())).collect())
}

proptest! {
    #[test]
    fn records_are_read_as_prost_reads_them(
        rows in (1usize..20).prop_flat_map(|columns| vec(any_row(columns), 1..6)),
        sequence in any::<i64>(),
    ) {
        let bytes = message(&rows, sequence);
        prop_assert_eq!(Message::read(&bytes, 0).unwrap().sequence, sequence);
        prop_assert_eq!(read(&bytes, rows[0].len()).unwrap(), rows);
    }

    #[test]
    fn damaged_batches_are_judged_as_prost_judges_them(
        rows in vec(any_row(3), 1..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = message(&rows, 0);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let batch = RecordBatch::decode(bytes.as_slice());
        // Prost takes the last of two numbers and merges packed payloads; this crate refuses both.
        let is_stricter = batch.is_ok_and(|batch| {
            batch.batch_sequence != 0 || batch.json_rows.is_some() || batch.csv_rows.is_some()
                || batch.sheet != 0
        });
        match read(&bytes, 3) {
            Ok(rows) if !is_stricter => prop_assert_eq!(Some(rows), model(&bytes, 3)),
            Ok(_) => {}
            Err(_) => prop_assert!(is_stricter || model(&bytes, 3).is_none()),
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), columns in 1usize..20) {
        let _ = read(&bytes, columns);
        let _ = read(&json_message(&bytes), columns);
        let _ = read(&csv_message(&bytes), columns);
    }
}

#[test]
fn a_batch_without_rows_is_a_batch() {
    assert_eq!(read(&[], 3).unwrap(), Vec::<Row>::new());
    assert_eq!(read(&json_message(" [ ] "), 3).unwrap(), Vec::<Row>::new());
    assert_eq!(read(&csv_message(""), 3).unwrap(), Vec::<Row>::new());
}

#[test]
fn a_batch_cut_anywhere_is_judged_as_prost_judges_it() {
    let rows = [row(["a", "中", "c"]), vec![None, Some("x".repeat(200)), None], row(["", "", ""])];
    let bytes = message(&rows, 0);
    for end in 0..=bytes.len() {
        assert_eq!(read(&bytes[..end], 3).ok(), model(&bytes[..end], 3), "{end}");
    }
}

#[test]
fn fields_of_later_contracts_are_skipped() {
    let mut bytes = message(&[row(["a", "b"])], 0);
    // Field 15: varint, 64 bits, bytes, a group with a field inside, 32 bits.
    bytes.extend_from_slice(b"\x78\x05\x79\x00\x00\x00\x00\x00\x00\x00\x00\x7a\x02zz");
    bytes.extend_from_slice(b"\x7b\x08\x01\x12\x01x\x7c\x7d\x00\x00\x00\x00");
    assert_eq!(read(&bytes, 2).unwrap(), [row(["a", "b"])]);
}

#[test]
fn fields_of_later_contracts_inside_a_record_are_skipped() {
    let body = b"\x0a\x01a\x1a\x03\xff\xff\xff\x12\x01\x02\x0a\x01b";
    let bytes = [b"\x0a", &[u8::try_from(body.len()).unwrap()][..], body].concat();
    assert_eq!(read(&bytes, 2).unwrap(), [vec![Some("a".to_owned()), None]]);
}

#[test]
fn a_wrong_width_tells_both_widths() {
    for (values, columns) in [(1, 2), (3, 2), (1000, 2)] {
        let rows = [row(["ok", "ok"]), vec![Some(String::new()); values]];
        let (message, context) = refusal(&message(&rows, 0), columns);
        assert_eq!(message, format!("row 12 has {values} values, the export has 2 columns"));
        assert_eq!(context[0], ("row", "12".to_owned()));
    }
}

#[test]
fn bad_utf8_names_its_cell() {
    let mut bytes = message(&[row(["a", "bad", "c"])], 0);
    let at = bytes.windows(3).position(|w| w == b"bad").unwrap();
    bytes[at] = 0xff;
    let (_, context) = refusal(&bytes, 3);
    assert_eq!(context[0], ("row", "11".to_owned()));
    assert_eq!(context[1], ("column", "1".to_owned()));
    assert_eq!(context[3], ("got", "\u{fffd}ad".to_owned()));
}

#[test]
fn half_characters_in_neighbouring_cells_do_not_make_one() {
    // 中 is e4 b8 ad: its bytes are spread over two cells.
    let bytes = b"\x0a\x07\x0a\x02\xe4\xb8\x0a\x01\xad";
    assert!(read(bytes, 2).is_err());
}

#[test]
fn null_bitmaps_have_the_columns_bits_only() {
    let with = |columns: usize, bitmap: &[u8]| {
        let values = vec!["v".to_owned(); columns];
        let record = Record { values, null_bitmap: bitmap.to_vec() };
        let batch = RecordBatch { records: vec![record], ..RecordBatch::default() };
        read(&batch.encode_to_vec(), columns)
    };
    assert_eq!(with(3, &[0b101]).unwrap(), [vec![None, Some("v".to_owned()), None]]);
    assert!(with(3, &[0b1000]).is_err());
    assert!(with(3, &[1, 0]).is_err());
    assert!(with(8, &[0xff]).is_ok());
    assert!(with(8, &[0xff, 0]).is_err());
    assert!(with(9, &[0]).is_ok());
    assert!(with(9, &[0, 2]).is_err());
}

#[test]
fn mixed_payloads_are_refused() {
    let records = vec![record(&row(["a"]))];
    let json_rows = Some(b"[]".to_vec());
    let both = RecordBatch { records, json_rows: json_rows.clone(), ..RecordBatch::default() };
    assert!(refusal(&both.encode_to_vec(), 1).0.contains("either records or a packed payload"));
    let two = [json_message("[]"), csv_message("a")].concat();
    assert!(refusal(&two, 1).0.contains("one packed payload"));
    let twice = [message(&[], 1), message(&[], 2)].concat();
    assert!(refusal(&twice, 1).0.contains("one batch_sequence"));
    let other_sheet = RecordBatch { sheet: 1, ..RecordBatch::default() };
    assert!(refusal(&other_sheet.encode_to_vec(), 1).0.contains("sheet 0"));
}

#[test]
fn wrong_wire_types_are_refused() {
    for bytes in [
        &b"\x08\x01"[..],
        b"\x12\x00",
        b"\x18\x01",
        b"\x2a\x00",
        b"\x0a\x02\x08\x01",
        b"\x0a\x02\x10\x01",
        b"\x00",
        b"\x0f",
        b"\x7b\x74",
        b"\x7b",
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ] {
        assert!(read(bytes, 1).is_err(), "{bytes:?}");
        assert!(RecordBatch::decode(bytes).is_err(), "{bytes:?}");
    }
    assert!(read(&[0x7b; 200], 1).is_err());
}

#[test]
fn what_came_is_repeated_clipped() {
    let (message, context) = refusal(&json_message(format!("[[{}]]", "x".repeat(500))), 1);
    let got = &context.iter().find(|(key, _)| *key == "got").unwrap().1;
    assert_eq!(got.chars().count(), crate::CLIPPED_CHARS);
    assert!(got.ends_with('…') && message.len() < 200);
}

proptest! {
    #[test]
    fn writers_survive_bytes_that_were_never_checked(bytes in vec(any::<u8>(), 0..120)) {
        let schema = schema("EXCEL", "snd", &serde_json::json!({}));
        let context = RowContext { schema: &schema, rows_before: 0 };
        for bytes in [bytes.clone(), json_message(&bytes), csv_message(&bytes)] {
            if let Ok(message) = Message::read(&bytes, 0) {
                let _ = message.visit(context, &mut Nobody);
            }
        }
    }
}
