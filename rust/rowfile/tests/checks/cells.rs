//! What a text means in a column of numbers or dates, beside what plain rules say.

use std::sync::LazyLock;

use rowfile::Schema;
use rowfile::internals::{self, DateCells};
use serde_json::json;

use crate::fixtures;

/// Excel counts 1900 as a leap year: serial numbers are the same in all readers from here on.
const FIRST_SERIAL: f64 = 61.0;
/// The day after 9999-12-31.
const END_OF_SERIALS: f64 = 2_958_466.0;

/// ISO 8601, seconds and milliseconds since 1970; told nowhere, and where clocks are changed.
static DATES: LazyLock<Vec<DateCells>> = LazyLock::new(|| {
    let zones = ["", "UTC", "America/New_York", "Australia/Lord_Howe"];
    let notations = ["", "epoch_s", "epoch_ms"];
    let of = |zone: &&str| {
        let mut spec = fixtures::spec("CSV", "ddd", &json!({"timezone": zone}));
        for (column, notation) in notations.into_iter().enumerate() {
            spec["sheets"][0]["columns"][column]["format"] = json!(notation);
        }
        let schema = Schema::parse(spec.to_string().as_bytes()).unwrap();
        [0, 1, 2].map(|column| DateCells::of(&schema, column))
    };
    zones.iter().flat_map(of).collect()
});

/// The bytes are a cell's text.
pub(crate) fn check(text: &[u8]) {
    if internals::is_exact_number(text) {
        assert_number_is_exact(std::str::from_utf8(text).unwrap());
    }
    for dates in DATES.iter() {
        let (mut wall, mut serial) = (Vec::new(), Vec::new());
        if dates.read(text, &mut wall, &mut serial) {
            assert_is_date(std::str::from_utf8(&wall).unwrap(), &serial);
        } else {
            assert!(wall.is_empty() && serial.is_empty());
        }
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, and a double gives its digits back.
fn assert_number_is_exact(text: &str) {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    assert!(is_digits(whole) && is_digits(fraction), "{text}");
    assert!(whole == "0" || !whole.starts_with('0'), "{text}");
    let double: f64 = text.parse().unwrap();
    let back = format!("{:.*}", fraction.len(), double.abs());
    let (same_whole, same_fraction) = back.split_once('.').unwrap_or((&back, "0"));
    assert_eq!((same_whole, same_fraction), (whole, fraction), "{text}");
    assert_eq!(double.is_sign_negative(), text.starts_with('-'), "{text}");
}

/// What was told of a date is that date again, and its serial number is one of a spreadsheet's.
fn assert_is_date(wall: &str, serial: &[u8]) {
    let (mut wall_again, mut serial_again) = (Vec::new(), Vec::new());
    assert!(DATES[0].read(wall.as_bytes(), &mut wall_again, &mut serial_again), "{wall}");
    assert_eq!((&wall_again[..], &serial_again[..]), (wall.as_bytes(), serial), "{wall}");
    if !serial.is_empty() {
        let serial = std::str::from_utf8(serial).unwrap();
        let value: f64 = serial.parse().unwrap();
        assert!((FIRST_SERIAL..END_OF_SERIALS).contains(&value), "{wall}: {serial}");
        let fraction = serial.split_once('.').map_or("1", |(_, fraction)| fraction);
        assert!(fraction.len() <= 12 && !fraction.ends_with('0'), "{wall}: {serial}");
    }
}
