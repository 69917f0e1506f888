//! Days and times as ISO 8601.

use jiff::tz::TimeZone;

use super::cells::Refused;
use super::kind::Unit;
use crate::cell::date::{FIRST_DAY, LAST_DAY, UNIX_EPOCH, civil, offset_at};
use crate::lanes::LANES;
use crate::text_buffer::TextBuffer;

const SECONDS_A_DAY: i64 = 86_400;
const NANOSECOND_DIGITS: usize = 9;
const YEARS: &str = "a day in the years 1 to 9999";
const TIME_OF_DAY: &str = "a time of day";

/// Appends the day so many days after 1970-01-01.
#[inline]
pub(super) fn push_date(days: i32, out: &mut TextBuffer) -> Result<(), Refused> {
    push_day(days.into(), out)
}

/// Appends the time so many units after midnight.
#[inline]
pub(super) fn push_time(value: i64, unit: Unit, out: &mut TextBuffer) -> Result<(), Refused> {
    let seconds = value.div_euclid(unit.a_second());
    if !(0..SECONDS_A_DAY).contains(&seconds) {
        return Err(Refused { expected: TIME_OF_DAY, got: value.to_string() });
    }
    push_clock(seconds, out);
    push_fraction(value, unit, out);
    Ok(())
}

/// Appends the moment so many units after 1970 by the same clock.
#[inline]
pub(super) fn push_wall(value: i64, unit: Unit, out: &mut TextBuffer) -> Result<(), Refused> {
    let seconds = value.div_euclid(unit.a_second());
    push_day(seconds.div_euclid(SECONDS_A_DAY), out)?;
    out.push(b'T');
    push_clock(seconds.rem_euclid(SECONDS_A_DAY), out);
    push_fraction(value, unit, out);
    Ok(())
}

/// Appends the instant so many units after 1970 as the clocks of `zone` show it.
#[inline]
pub(super) fn push_zoned(
    value: i64,
    unit: Unit,
    zone: &TimeZone,
    with_offset: bool,
    out: &mut TextBuffer,
) -> Result<(), Refused> {
    let mut offset = offset_at(zone, value.div_euclid(unit.a_second()));
    if with_offset && offset % 60 != 0 {
        offset = 0; // a local mean time of old, which no offset can say
    }
    let told = value.checked_add(offset * unit.a_second());
    push_wall(told.unwrap_or(i64::MAX), unit, out)?;
    if with_offset {
        push_offset(offset, out);
    }
    Ok(())
}

#[inline]
fn push_day(days: i64, out: &mut TextBuffer) -> Result<(), Refused> {
    let serial = days.saturating_add(UNIX_EPOCH);
    if !(FIRST_DAY..=LAST_DAY).contains(&serial) {
        return Err(Refused { expected: YEARS, got: format!("{days} days from 1970") });
    }
    let (year, month, day) = civil(serial);
    let mut text = [b'-'; LANES];
    text[0..2].copy_from_slice(&two_digits(year / 100));
    text[2..4].copy_from_slice(&two_digits(year % 100));
    text[5..7].copy_from_slice(&two_digits(month));
    text[8..10].copy_from_slice(&two_digits(day));
    out.push_chunk(text, 10);
    Ok(())
}

#[inline]
fn push_clock(second_of_day: i64, out: &mut TextBuffer) {
    let seconds = second_of_day.unsigned_abs();
    let mut text = [b':'; LANES];
    text[0..2].copy_from_slice(&two_digits(seconds / 3600));
    text[3..5].copy_from_slice(&two_digits(seconds / 60 % 60));
    text[6..8].copy_from_slice(&two_digits(seconds % 60));
    out.push_chunk(text, 8);
}

/// Appends the decimals of a second that `value` has, without zeros at the end.
#[inline]
fn push_fraction(value: i64, unit: Unit, out: &mut TextBuffer) {
    let mut rest = (value.rem_euclid(unit.a_second()) * unit.nanoseconds()).unsigned_abs();
    if rest == 0 {
        return;
    }
    let mut text = [b'0'; LANES];
    text[0] = b'.';
    let mut length = 1;
    for place in (1..=NANOSECOND_DIGITS).rev() {
        let digit = (rest % 10) as u8;
        rest /= 10;
        text[place] = b'0' + digit;
        if digit > 0 && length == 1 {
            length = place + 1;
        }
    }
    out.push_chunk(text, length);
}

/// Appends the distance to UTC, whole minutes: ISO 8601 has no other.
fn push_offset(seconds: i64, out: &mut TextBuffer) {
    let minutes = seconds.div_euclid(60);
    if minutes == 0 {
        return out.push(b'Z');
    }
    let mut text = [b':'; LANES];
    text[0] = if minutes < 0 { b'-' } else { b'+' };
    text[1..3].copy_from_slice(&two_digits(minutes.unsigned_abs() / 60));
    text[4..6].copy_from_slice(&two_digits(minutes.unsigned_abs() % 60));
    out.push_chunk(text, 6);
}

#[inline]
fn two_digits(value: u64) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}
