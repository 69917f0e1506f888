use super::*;

fn iso(zone_name: &str) -> DateReader {
    DateReader::new(Notation::Iso, zone(zone_name))
}

fn serial_of(date: Date) -> Option<String> {
    let (Date::Wall(moment) | Date::Instant(moment)) = date else { return None };
    let mut out = Vec::new();
    moment.has_serial().then(|| moment.write_serial(&mut out))?;
    Some(String::from_utf8(out).unwrap())
}

/// What an instant became, as text.
fn told_as(reader: &DateReader, text: &str) -> Option<String> {
    let Date::Instant(moment) = reader.read(text.as_bytes()) else { return None };
    let mut out = Vec::new();
    moment.write_text(&mut out);
    Some(String::from_utf8(out).unwrap())
}

#[test]
fn serial_numbers_are_excels() {
    for (text, serial) in [
        ("1900-03-01", "61"),
        ("1970-01-01", "25569"),
        ("2000-02-29", "36585"),
        ("2026-01-01", "46023"),
        ("9999-12-31", "2958465"),
        ("2026-01-01 00:00", "46023"),
        ("2026-01-01 12:00:00", "46023.5"),
        ("2026-01-01T06:00", "46023.25"),
        ("2026-01-01 00:00:01", "46023.0000115741"),
        ("2026-01-01 00:00:00.001", "46023.00000001157"),
        ("2026-01-01 00:00:00,5", "46023.00000578704"),
        ("2026-01-01 00:00:00.000001", "46023.000000000012"),
        ("2026-01-01 00:00:00.0000009", "46023"),
        ("2026-01-01 23:59:59.999999999", "46023.999999999988"),
        ("9999-12-31 23:59:59.999999999", "2958465.99999998843"),
    ] {
        assert_eq!(serial_of(iso("").read(text.as_bytes())).as_deref(), Some(serial), "{text}");
    }
}

#[test]
fn early_dates_are_told_from_wrong_ones() {
    for text in ["1900-02-28", "1899-12-31", "0001-01-01 10:00:00"] {
        let Date::Wall(moment) = iso("").read(text.as_bytes()) else { panic!("{text}") };
        assert!(!moment.has_serial(), "{text}");
    }
    assert_eq!(iso("").read(b"1900-02-29"), Date::Not);
}

#[test]
fn an_instant_needs_a_zone() {
    for text in ["2026-01-01T10:00:00Z", "2026-01-01 10:00:00+08:00"] {
        assert_eq!(iso("").read(text.as_bytes()), Date::Inexpressible, "{text}");
    }
}

#[test]
fn instants_are_told_by_the_zones_clocks() {
    for (name, text, wall) in [
        ("Asia/Shanghai", "2026-03-01T20:00:00Z", "2026-03-02T04:00:00"),
        ("Asia/Shanghai", "2026-03-01 20:00Z", "2026-03-02 04:00:00"),
        ("Asia/Kolkata", "2026-03-01 12:00:00.120+0100", "2026-03-01 16:30:00.120"),
        ("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08T01:59:59"),
        ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00"),
        ("America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T01:30:00"),
        ("America/New_York", "2026-11-01T06:30:00Z", "2026-11-01T01:30:00"),
        ("Europe/Berlin", "2500-07-01T00:00:00Z", "2500-07-01T02:00:00"),
        ("UTC", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59"),
        ("UTC", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("Asia/Shanghai", "1900-01-01T00:00:00Z", "1900-01-01T08:05:43"),
    ] {
        assert_eq!(told_as(&iso(name), text).as_deref(), Some(wall), "{name} {text}");
    }
}

#[test]
fn wall_clock_times_stay_whatever_the_zone() {
    for text in ["2026-03-08 02:30:00", "2026-03-08"] {
        let plain = iso("").read(text.as_bytes());
        assert!(matches!(plain, Date::Wall(_)));
        assert_eq!(iso("America/New_York").read(text.as_bytes()), plain);
    }
}

#[test]
fn instants_outside_four_digit_years_are_inexpressible() {
    let shanghai = iso("Asia/Shanghai");
    assert_eq!(shanghai.read(b"9999-12-31T23:00:00Z"), Date::Inexpressible);
    assert_eq!(iso("America/New_York").read(b"0001-01-01T00:00:00Z"), Date::Inexpressible);
    let seconds = DateReader::new(Notation::EpochSeconds, None);
    for text in ["253402300800", "999999999999999", "9999999999999999", "-62135596801"] {
        assert_eq!(seconds.read(text.as_bytes()), Date::Inexpressible, "{text}");
    }
    assert_eq!(told_as(&seconds, "253402300799").unwrap(), "9999-12-31 23:59:59");
    assert_eq!(told_as(&seconds, "-62135596800").unwrap(), "0001-01-01 00:00:00");
}

#[test]
fn times_since_the_epoch_are_told_in_the_zone_or_in_utc() {
    let utc = DateReader::new(Notation::EpochSeconds, None);
    assert_eq!(told_as(&utc, "1700000000").unwrap(), "2023-11-14 22:13:20");
    assert_eq!(told_as(&utc, "-1.5").unwrap(), "1969-12-31 23:59:58.5");
    assert_eq!(utc.read(b"2026-01-01"), Date::Not);
    let shanghai = DateReader::new(Notation::EpochMilliseconds, zone("Asia/Shanghai"));
    assert_eq!(told_as(&shanghai, "1700000000050").unwrap(), "2023-11-15 06:13:20.050");
    assert_eq!(serial_of(shanghai.read(b"1700000000000")).unwrap(), "45245.2592592593");
}

#[test]
fn zones_are_known_by_their_iana_names_only() {
    for name in ["Asia/Shanghai", "UTC", "Etc/GMT+8", "PRC"] {
        assert!(zone(name).is_some(), "{name}");
    }
    for name in ["", "Etc/Unknown", "+08:00", "Local", "Middle/Earth", "../etc/localtime"] {
        assert!(zone(name).is_none(), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "[-+0-9TZ:., ]{0,40}") {
        for notation in [Notation::Iso, Notation::EpochSeconds, Notation::EpochMilliseconds] {
            let date = DateReader::new(notation, zone("America/New_York")).read(text.as_bytes());
            serial_of(date);
        }
    }

    #[test]
    fn instants_agree_with_jiff(
        seconds in -2_000_000_000i64..32_000_000_000,
        offset_minutes in -720i32..=840,
        name in proptest::sample::select(vec!["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
    ) {
        let offset = jiff::tz::Offset::from_seconds(offset_minutes * 60).unwrap();
        let instant = Timestamp::from_second(seconds).unwrap();
        let text = instant.display_with_offset(offset).to_string();
        let wall = zone(name).unwrap().to_datetime(instant).to_string();
        proptest::prop_assert_eq!(told_as(&iso(name), &text).unwrap(), wall);
    }
}
