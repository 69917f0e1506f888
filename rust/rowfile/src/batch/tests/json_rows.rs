use super::*;

proptest! {
    #[test]
    fn json_rows_are_read_as_serde_wrote_them(
        rows in (1usize..6).prop_flat_map(|columns| vec(any_row(columns), 1..6)),
    ) {
        let json = serde_json::to_string_pretty(&rows).unwrap();
        prop_assert_eq!(read(&json_message(json), rows[0].len()).unwrap(), rows);
    }

    #[test]
    fn cells_are_read_from_any_spelling(
        rows in (1usize..6).prop_flat_map(|columns| vec(vec(spelled_cell(), columns), 0..5)),
        blank in "[ \t\r\n]{0,2}",
    ) {
        let columns = rows.first().map_or(1, Vec::len);
        let between = format!("{blank},{blank}");
        let spelled = |row: &Vec<(String, _)>| {
            let cells: Vec<&str> = row.iter().map(|(spelling, _)| spelling.as_str()).collect();
            format!("[{blank}{}{blank}]", cells.join(&between))
        };
        let spelled: Vec<String> = rows.iter().map(spelled).collect();
        let json = format!("{blank}[{blank}{}{blank}]{blank}", spelled.join(&between));
        let expected: Vec<Row> = rows
            .into_iter()
            .map(|row| row.into_iter().map(|(_, cell)| cell).collect())
            .collect();
        prop_assert_eq!(read(&json_message(&json), columns).unwrap(), expected, "{}", json);
    }

    #[test]
    fn json_like_bytes_are_judged_as_serde_judges_them(
        cells in "[\\[\\]\",:{}a1.eE+\\-\\\\ntrue ]{0,24}|[0-9.eE+\\-]{1,20}|\"[a\\\\\"u0d8/]{0,20}\"",
    ) {
        let json = format!("[[{cells}]]");
        let rows = read(&json_message(&json), 1).ok();
        let value: serde_json::Result<serde_json::Value> = serde_json::from_str(&json);
        let is_exponent = cells.contains(['e', 'E']);
        match (rows, value) {
            // 1e999 is JSON; serde has no room for it.
            (Some(_), Err(_)) => prop_assert!(is_exponent, "{json}"),
            (None, Ok(value)) => prop_assert!(!has_one_scalar_a_row(&value), "{json}"),
            (Some(rows), Ok(value)) => {
                prop_assert!(has_one_scalar_a_row(&value));
                if let Some(text) = value[0][0].as_str() {
                    prop_assert_eq!(rows[0][0].as_deref(), Some(text));
                }
            }
            (None, Err(_)) => {}
        }
    }

    #[test]
    fn objects_are_rows_whatever_their_keys_order(
        rows in vec(Just(vec!["A", "B", "C"]).prop_shuffle(), 1..6),
        present in vec(any::<bool>(), 18),
    ) {
        let mut expected = Vec::new();
        let mut objects = Vec::new();
        for (keys, present) in rows.iter().zip(present.chunks(3)) {
            let keys: Vec<&str> =
                keys.iter().zip(present).filter(|(_, present)| **present).map(|(key, _)| *key).collect();
            let members: Vec<String> = keys.iter().map(|key| format!(r#""{key}":"{key}!""#)).collect();
            objects.push(format!("{{{}}}", members.join(",")));
            let cell = |key: &str| keys.contains(&key).then(|| format!("{key}!"));
            expected.push(["A", "B", "C"].map(cell).to_vec());
        }
        let json = format!("[{}]", objects.join(","));
        prop_assert_eq!(read(&json_message(json), 3).unwrap(), expected);
    }
}

/// A cell as JSON may spell it, and what it is.
fn spelled_cell() -> impl Strategy<Value = (String, Option<String>)> {
    let literal = |text: String| (text.clone(), Some(text));
    prop_oneof![
        Just(("null".to_owned(), None)),
        Just(literal("true".to_owned())),
        Just(literal("false".to_owned())),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?".prop_map(literal),
        vec(spelled_character(), 0..40).prop_map(|characters| {
            let (spellings, text): (Vec<String>, Vec<char>) = characters.into_iter().unzip();
            (format!("\"{}\"", spellings.concat()), Some(text.into_iter().collect()))
        }),
    ]
}

/// A character as it is, if it may be, or escaped.
fn spelled_character() -> impl Strategy<Value = (String, char)> {
    let any = prop_oneof![5 => prop::char::range('a', 'z'), 1 => any::<char>()];
    (any, prop::bool::weighted(0.1)).prop_map(|(character, is_escaped)| {
        let mut units = [0; 2];
        let escape = |unit: &u16| format!("\\u{unit:04X}");
        let spelling = match character {
            '"' | '\\' => format!("\\{character}"),
            '/' if is_escaped => "\\/".to_owned(),
            '\0'..' ' => escape(&u16::try_from(u32::from(character)).unwrap()),
            _ if is_escaped => character.encode_utf16(&mut units).iter().map(escape).collect(),
            _ => character.to_string(),
        };
        (spelling, character)
    })
}

fn has_one_scalar_a_row(value: &serde_json::Value) -> bool {
    let is_row = |row: &serde_json::Value| {
        row.as_array()
            .is_some_and(|row| row.len() == 1 && !row[0].is_array() && !row[0].is_object())
    };
    value.as_array().is_some_and(|rows| rows.iter().all(is_row))
}

#[test]
fn json_literals_keep_their_text() {
    let json = r#"[["007",12.50,1e3,1.0e-2],[true,false,null,123456789012345678901],
        ["",-0,1e30,"\u0041\n"]]"#;
    let rows = read(&json_message(json), 4).unwrap();
    assert_eq!(rows[0], row(["007", "12.50", "1000", "0.010"]));
    assert_eq!(rows[1][..2], row(["true", "false"]));
    assert_eq!(rows[1][2..], [None, Some("123456789012345678901".to_owned())]);
    assert_eq!(rows[2], row(["", "-0", "1e30", "A\n"]));
}

#[test]
fn malformed_json_is_refused_where_it_is() {
    for (json, row, column, got) in [
        ("", 11, None, ""),
        ("{}", 11, None, "{}"),
        ("\u{feff}[[1]]", 11, None, "\u{feff}[[1]]"),
        ("[[1]", 12, None, ""),
        ("[[1]] x", 12, None, "x"),
        ("[[1],]", 12, None, "]"),
        ("[[1],[[1]]]", 12, Some(0), "[1]]]"),
        ("[[1],[{}]]", 12, Some(0), "{}]]"),
        ("[[1,]]", 11, Some(1), "]]"),
        ("[[1 2]]", 11, Some(0), "2]]"),
        ("[[1}]", 11, Some(0), "}]"),
        ("[[01]]", 11, Some(0), "01]]"),
        ("[[nul]]", 11, Some(0), "nul]]"),
        ("[[True]]", 11, Some(0), "True]]"),
        ("[[NaN]]", 11, Some(0), "NaN]]"),
        (r#"[["\ud800"]]"#, 11, Some(0), r#""\ud800"]]"#),
        ("[[\"a\0b\"]]", 11, Some(0), "\"a\0b\"]]"),
        ("[[1],[2,3]]", 12, None, "2 values"),
        ("[1]", 11, None, "1]"),
        ("[[]]", 11, None, "0 values"),
        ("[[\"a]]", 11, Some(0), "\"a]]"),
        ("[[\"a\"", 11, Some(0), ""),
        (r#"[{"A" 1}]"#, 11, Some(0), "1}]"),
        (r#"[{"A":1 "B":2}]"#, 11, Some(0), "\"B\":2}]"),
    ] {
        let place = place(&json_message(json), 1);
        let column = column.map(|column: usize| column.to_string());
        assert_eq!(place, (row.to_string(), column, got.to_owned()), "{json}");
    }
}

#[test]
fn json_cut_anywhere_is_refused() {
    let json = r#"[["a\u4e2d",1.5e3,null],{"A":"\ud83d\ude00","B":true,"C":-0.1}] "#;
    assert_eq!(read(&json_message(json), 3).unwrap().len(), 2);
    for end in 0..json.len() - 1 {
        assert!(read(&json_message(&json[..end]), 3).is_err(), "{}", &json[..end]);
    }
}

#[test]
fn bad_utf8_in_json_names_its_cell() {
    let json = b"[[\"ok\",\"\xe4\xb8\"],[\"a\xffb\",1]]";
    let got = "\u{fffd}".to_owned();
    assert_eq!(place(&json_message(json), 2), ("11".to_owned(), Some("1".to_owned()), got));
    assert!(refusal(&json_message(b"[[1]]\xff"), 1).0.contains("nothing after"));
}

#[test]
fn nesting_and_length_cost_nothing() {
    assert!(read(&json_message("[".repeat(1 << 20)), 1).is_err());
    assert!(read(&json_message("{\"A\":".repeat(1 << 18)), 1).is_err());
    let digits = "9".repeat(1 << 20);
    let json = format!("[[{digits},{digits}.{digits}e5,\"\\u0000{digits}\"]]");
    let rows = read(&json_message(json), 3).unwrap();
    assert_eq!(rows[0][0].as_deref(), Some(digits.as_str()));
    assert_eq!(rows[0][1], Some(format!("{digits}.{digits}e5")));
    assert_eq!(rows[0][2], Some(format!("\0{digits}")));
}

#[test]
fn json_objects_are_rows_by_column_key() {
    let json = r#"[{"B":"b","A":1},{"A":"\u0041"},["x",null],{"A":null,"B":""},{}]"#;
    let rows = read(&json_message(json), 2).unwrap();
    assert_eq!(rows[0], row(["1", "b"]));
    assert_eq!(rows[1], [Some("A".to_owned()), None]);
    assert_eq!(rows[2], [Some("x".to_owned()), None]);
    assert_eq!(rows[3], [None, Some(String::new())]);
    assert_eq!(rows[4], [None, None]);
}

#[test]
fn a_key_that_names_no_column_or_one_again_is_told() {
    for (json, key) in [(r#"[[1],{"\u005a":1}]"#, "Z"), (r#"[[1],{"A":1,"A":2}]"#, "A")] {
        let refusal = read(&json_message(json), 1).unwrap_err();
        assert!(matches!(&refusal, Error::Key { row: 12, .. }), "{refusal}");
        assert_eq!(refusal.code(), "INVALID_ROW");
        assert!(refusal.context().contains(&("key", key.to_owned())));
    }
}

#[test]
fn json_objects_with_strange_keys_are_refused() {
    for json in [
        r#"[{"C":1}]"#,
        r#"[{"A":1,"A":2}]"#,
        "[{A:1}]",
        r#"[{"A" 1}]"#,
        r#"[{"A":1,}]"#,
        r#"[{"A":[1]}]"#,
        r#"[{"A":1"#,
    ] {
        assert!(read(&json_message(json), 2).is_err(), "{json}");
    }
}
