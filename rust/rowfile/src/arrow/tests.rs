use serde_json::json;

use super::*;
use crate::internals::{Cells, check_batch, read_batch};
use crate::schema::Schema;

const RULES: BatchRules =
    BatchRules { first_sequence: 0, batch_bytes: 1 << 18, max_message_bytes: 1 << 20 };

/// A column in the layout of Arrow.
#[derive(Default)]
struct Made {
    validity: Option<Vec<u8>>,
    values: Vec<u8>,
    offsets: Vec<u8>,
}

impl Made {
    fn words<const N: usize>(words: &[[u8; N]]) -> Self {
        Self { values: words.concat(), ..Self::default() }
    }

    fn texts(texts: &[Option<&[u8]>]) -> Self {
        let (mut values, mut offsets) = (b"before".to_vec(), 6u64.to_le_bytes().to_vec());
        for text in texts {
            values.extend_from_slice(text.unwrap_or(b"behind a null"));
            offsets.extend_from_slice(&(values.len() as u64).to_le_bytes());
        }
        let validity = Some(bits(texts.iter().map(Option::is_some), 0));
        Self { validity, values: values.split_off(6), offsets }
    }

    fn buffers(&self) -> ColumnBuffers<'_> {
        let Self { validity, values, offsets } = self;
        ColumnBuffers { validity: validity.as_deref(), first_bit: 0, values, offsets }
    }
}

fn bits(set: impl Iterator<Item = bool>, first_bit: usize) -> Vec<u8> {
    let mut bitmap = Vec::new();
    for (position, is_set) in std::iter::repeat_n(true, first_bit).chain(set).enumerate() {
        if position % 8 == 0 {
            bitmap.push(0);
        }
        bitmap[position / 8] |= u8::from(is_set) << (position % 8);
    }
    bitmap
}

fn kind(name: &str) -> ColumnKind {
    ColumnKind::named(name).unwrap()
}

fn schema(columns: usize) -> Schema {
    let columns: Vec<_> =
        (0..columns).map(|i| json!({"name": i.to_string(), "data_type": "STRING"})).collect();
    let spec = json!({"format": "CSV", "sheets": [{"name": "Sheet1", "columns": columns}]});
    Schema::parse(spec.to_string().as_bytes()).unwrap()
}

fn encode(kinds: &[&str], rows: usize, columns: &[&Made]) -> Result<Vec<Batch>> {
    let buffers: Vec<_> = columns.iter().map(|column| column.buffers()).collect();
    let mut encoder = ArrowRows::new(kinds.iter().map(|name| kind(name)).collect(), RULES);
    let mut batches = encoder.push(rows, &buffers)?;
    batches.extend(encoder.finish());
    Ok(batches)
}

fn rows_of(batches: &[Batch], columns: usize) -> Vec<Cells> {
    let schema = schema(columns);
    let mut all = Vec::new();
    for (message, rows) in batches {
        assert_eq!(check_batch(&schema, message).unwrap(), *rows);
        all.extend(read_batch(&schema, message).unwrap());
    }
    all
}

/// What one column of words becomes.
fn told<const N: usize>(name: &str, words: &[[u8; N]]) -> Result<Vec<String>> {
    let batches = encode(&[name], words.len(), &[&Made::words(words)])?;
    let texts = rows_of(&batches, 1).into_iter().map(|mut row| {
        let text = row.pop().unwrap().unwrap_or_default();
        String::from_utf8(text).unwrap()
    });
    Ok(texts.collect())
}

fn longs(name: &str, values: &[i64]) -> Result<Vec<String>> {
    told(name, &values.iter().map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

#[test]
fn numbers_are_their_digits() {
    let texts = longs("int64", &[0, -1, i64::MAX, i64::MIN]).unwrap();
    assert_eq!(texts, ["0", "-1", "9223372036854775807", "-9223372036854775808"]);
    assert_eq!(told("uint64", &[u64::MAX.to_le_bytes()]).unwrap(), ["18446744073709551615"]);
}

#[test]
fn floats_are_the_shortest_digits_that_read_back_equal_in_their_own_precision() {
    let doubles = [0.1, 1.0, -0.0, 1e15, 1e16, 1.5e-6, 1e-7, 0.1 + 0.2, 5e-324, 1.7e308];
    let words: Vec<_> = doubles.iter().map(|value: &f64| value.to_le_bytes()).collect();
    let expected = [
        "0.1",
        "1.0",
        "-0.0",
        "1000000000000000.0",
        "1e16",
        "0.0000015",
        "0.0000001",
        "0.30000000000000004",
        "5e-324",
        "1.7e308",
    ];
    assert_eq!(told("float64", &words).unwrap(), expected);
    assert_eq!(told("float32", &[0.1f32.to_le_bytes()]).unwrap(), ["0.1"]);
}

#[test]
fn what_is_no_finite_number_is_refused_by_row_and_column() {
    for (value, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")]
    {
        let error = told("float64", &[1f64.to_le_bytes(), value.to_le_bytes()]).unwrap_err();
        assert_eq!(error.code(), "INVALID_ROW");
        let expected = [("row", "2"), ("column", "0"), ("expected", "a finite number")];
        let context = error.context();
        for (index, (key, value)) in expected.into_iter().enumerate() {
            assert_eq!(context[index], (key, value.to_owned()));
        }
        assert_eq!(context[3].1, shown);
    }
}

#[test]
fn decimals_have_their_scale_and_never_an_exponent() {
    for (value, scale, expected) in [
        (110, 2, "1.10"),
        (-5, 3, "-0.005"),
        (0, 7, "0.0000000"),
        (123, 3, "0.123"),
        (-123, 0, "-123"),
        (12, -3, "12000"),
        (0, -3, "0"),
        (i128::MAX, 10, "17014118346046923173168730371.5884105727"),
    ] {
        let word = value.to_le_bytes();
        assert_eq!(told(&format!("decimal128 {scale}"), &[word]).unwrap(), [expected]);
        let digits = Made::texts(&[Some(value.to_string().as_bytes())]);
        let batches = encode(&[&format!("digits {scale}")], 1, &[&digits]).unwrap();
        assert_eq!(rows_of(&batches, 1), [[Some(expected.as_bytes().to_vec())]]);
    }
}

#[test]
fn days_and_times_are_iso_8601() {
    let days = |days: i32| told("date", &[days.to_le_bytes()]);
    assert_eq!(days(0).unwrap(), ["1970-01-01"]);
    assert_eq!(days(-719_162).unwrap(), ["0001-01-01"]);
    assert_eq!(days(2_932_896).unwrap(), ["9999-12-31"]);
    assert_eq!(days(2_932_897).unwrap_err().code(), "INVALID_ROW");
    assert_eq!(days(-719_163).unwrap_err().code(), "INVALID_ROW");
    assert_eq!(longs("time us", &[3_661_000_001]).unwrap(), ["01:01:01.000001"]);
    assert_eq!(longs("time s", &[86_399]).unwrap(), ["23:59:59"]);
    assert_eq!(longs("time s", &[86_400]).unwrap_err().code(), "INVALID_ROW");
    assert_eq!(longs("timestamp ms", &[-1]).unwrap(), ["1969-12-31T23:59:59.999"]);
    assert_eq!(longs("timestamp ns", &[1_500_000_000]).unwrap(), ["1970-01-01T00:00:01.5"]);
    assert_eq!(longs("timestamp s", &[i64::MAX]).unwrap_err().code(), "INVALID_ROW");
    assert_eq!(longs("timestamp ns UTC", &[i64::MIN]).unwrap()[0].len(), 29);
}

#[test]
fn instants_are_told_by_the_clock_of_their_zone() {
    let summer = 1_719_835_200; // 2024-07-01T12:00:00Z
    for (zone, expected) in [
        ("UTC", "2024-07-01T12:00:00Z"),
        ("Europe/Berlin", "2024-07-01T14:00:00+02:00"),
        ("America/St_Johns", "2024-07-01T09:30:00-02:30"),
        ("+05:45", "2024-07-01T17:45:00+05:45"),
        ("-00:30", "2024-07-01T11:30:00-00:30"),
    ] {
        assert_eq!(longs(&format!("timestamp-offset s {zone}"), &[summer]).unwrap(), [expected]);
        let wall = longs(&format!("timestamp s {zone}"), &[summer]).unwrap();
        assert_eq!(wall, [&expected[..19]]);
    }
    // Berlin's own mean time was 53:28 ahead, which no offset can say.
    let old = [-3_000_000_000];
    let told = longs("timestamp-offset s Europe/Berlin", &old).unwrap();
    assert_eq!(told, ["1874-12-07T18:40:00Z"]);
    assert_eq!(longs("timestamp s Europe/Berlin", &old).unwrap(), ["1874-12-07T19:33:28"]);
    let far = longs("timestamp-offset s Asia/Tokyo", &[i64::MAX]).unwrap_err();
    assert_eq!(far.code(), "INVALID_ROW");
}

#[test]
fn what_is_no_kind_is_none() {
    for name in [
        "",
        "text ",
        "int32",
        "decimal128",
        "time",
        "time h",
        "timestamp s Mars/Base",
        "timestamp s +24:00",
        "timestamp s +0100",
        "timestamp s +",
        "timestamp s UTC x",
    ] {
        assert!(ColumnKind::named(name).is_none(), "{name}");
    }
}

#[test]
fn null_is_no_empty_text() {
    let texts = Made::texts(&[None, Some(b""), Some(b"a")]);
    let batches = encode(&["text"], 3, &[&texts]).unwrap();
    let expected: [Cells; 3] = [vec![None], vec![Some(vec![])], vec![Some(b"a".to_vec())]];
    assert_eq!(rows_of(&batches, 1), expected);
    let nulls = encode(&["null", "text"], 3, &[&Made::default(), &texts]).unwrap();
    assert_eq!(rows_of(&nulls, 2)[0], [None, None]);
}

#[test]
fn text_that_is_no_utf_8_is_refused_where_it_stands() {
    let first = Made::texts(&[Some(b"a"), Some(b"b")]);
    for bad in [&b"\xff"[..], b"\xc3"] {
        // The second half of a character in the next cell makes no text of the first.
        let second = Made::texts(&[Some(bad), Some(b"\xa9")]);
        let error = encode(&["text", "text"], 2, &[&first, &second]).unwrap_err();
        assert_eq!(error.code(), "INVALID_ROW");
        assert_eq!(error.context()[..2], [("row", "1".into()), ("column", "1".into())]);
    }
    let behind_null = Made { validity: Some(vec![0b10]), ..Made::texts(&[Some(b"\xff"), None]) };
    assert_eq!(rows_of(&encode(&["text"], 2, &[&behind_null]).unwrap(), 1)[0], [None]);
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let texts = Made::texts(&[Some(b"abc"), Some(b"d")]);
    let short = Made { values: b"abc".to_vec(), ..Made::texts(&[Some(b"abc"), Some(b"d")]) };
    let mut offsets = texts.offsets.clone();
    offsets[8..16].copy_from_slice(&99u64.to_le_bytes());
    let backwards = Made { offsets, ..Made::texts(&[Some(b"abc"), Some(b"d")]) };
    let unmarked = Made { validity: Some(vec![]), ..Made::texts(&[Some(b"abc"), Some(b"d")]) };
    for (name, made) in [
        ("text", &short),
        ("text", &backwards),
        ("text", &unmarked),
        ("bool", &Made::default()),
        ("int64", &Made::words(&[[0; 8]])),
        ("text", &Made::default()),
    ] {
        let error = encode(&[name], 2, &[made]).unwrap_err();
        assert!(matches!(error, Error::Buffers { column: 0 }), "{name}: {error}");
    }
    assert!(matches!(encode(&["text"], 2, &[]), Err(Error::Buffers { column: 0 })));
}

#[test]
fn a_row_longer_than_a_message_is_refused() {
    let long = vec![b'x'; RULES.max_message_bytes];
    let error = encode(&["text"], 2, &[&Made::texts(&[Some(b"a"), Some(&long)])]).unwrap_err();
    assert!(matches!(error, Error::LongRow { row: 2, .. }), "{error}");
}

proptest::proptest! {
    #[test]
    fn texts_and_truths_come_back_and_batches_depend_on_rows_alone(
        rows in proptest::collection::vec(
            (proptest::option::of("[a\",\r\né訂😀 ]{0,40}"), proptest::option::of(proptest::bool::ANY)),
            0..60,
        ),
        first_bit in 0usize..8,
        cut in 0usize..60,
        batch_bytes in 1usize..300,
    ) {
        let cut = cut.min(rows.len());
        let rules = BatchRules { batch_bytes, ..RULES };
        let run = |parts: [&[(Option<String>, Option<bool>)]; 2]| {
            let mut encoder = ArrowRows::new(vec![kind("text"), kind("bool")], rules);
            let mut batches = Vec::new();
            for part in parts {
                let texts: Vec<_> = part.iter().map(|row| row.0.as_deref().map(str::as_bytes)).collect();
                let texts = Made::texts(&texts);
                let truths = bits(part.iter().map(|row| row.1.unwrap_or(true)), first_bit);
                let validity = bits(part.iter().map(|row| row.1.is_some()), first_bit);
                let truths = ColumnBuffers {
                    validity: Some(&validity), first_bit, values: &truths, offsets: &[],
                };
                batches.extend(encoder.push(part.len(), &[texts.buffers(), truths]).unwrap());
            }
            batches.extend(encoder.finish());
            batches
        };
        let batches = run([&rows[..cut], &rows[cut..]]);
        let expected: Vec<Cells> = rows.iter().map(|(text, truth)| vec![
            text.clone().map(String::into_bytes),
            truth.map(|truth| truth.to_string().into_bytes()),
        ]).collect();
        proptest::prop_assert_eq!(rows_of(&batches, 2), expected);
        proptest::prop_assert_eq!(run([&rows, &[]]), batches);
    }
}
