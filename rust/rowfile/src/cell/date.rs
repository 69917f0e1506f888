//! ISO 8601 dates and times of day without a zone, and their serial numbers in a spreadsheet
//! (ECMA-376 Part 1 §18.17.4.1, the 1900 date system).

/// Days from 0000-03-01 (proleptic Gregorian) to the day whose serial number would be 0.
const SERIAL_ZERO: i64 = 693_899;
/// 1900-03-01: from here on all readers agree; before it Excel counts a day that never was.
const FIRST_SAFE_SERIAL: i64 = 61;
const SECONDS_A_DAY: u64 = 86_400;
const NANOSECONDS_A_SECOND: u64 = 1_000_000_000;
const NANOSECONDS_A_DAY: u64 = SECONDS_A_DAY * NANOSECONDS_A_SECOND;
const HUNDRED_BILLION: u64 = 100_000_000_000;

/// What a text is in a DATE column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Date {
    /// A moment a spreadsheet keeps.
    Exact(Moment),
    /// A date before 1900-03-01, which spreadsheets disagree about.
    TooEarly,
    /// No date, or one that is not in the calendar.
    Not,
}

/// A day and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Serial number of the day.
    day: u32,
    /// Since midnight.
    nanoseconds: u64,
    /// The text had a time of day.
    pub(crate) has_time: bool,
}

/// Reads `yyyy-mm-dd`, with ` ` or `T` and `hh:mm[:ss[.fraction of 1 to 9 digits]]` after it.
#[inline]
pub(crate) fn classify(text: &[u8]) -> Date {
    let Some((date, rest)) = text.split_first_chunk::<10>() else { return Date::Not };
    let Some(serial) = serial(date) else { return Date::Not };
    let nanoseconds = match rest {
        [] => Some(0),
        [b' ' | b'T', time @ ..] => time_of_day(time),
        _ => None,
    };
    let Some(nanoseconds) = nanoseconds else { return Date::Not };
    match u32::try_from(serial) {
        Ok(day) if serial >= FIRST_SAFE_SERIAL => {
            Date::Exact(Moment { day, nanoseconds, has_time: !rest.is_empty() })
        }
        _ => Date::TooEarly,
    }
}

#[inline]
fn serial(text: &[u8; 10]) -> Option<i64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text else { return None };
    let year = two_digits(y0, y1)? * 100 + two_digits(y2, y3)?;
    let month = two_digits(m0, m1)?;
    let day = two_digits(d0, d1)?;
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    Some(days_since_march(year, month, day) - SERIAL_ZERO)
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

#[inline]
fn days_in(year: u32, month: u32) -> u32 {
    let is_leap =
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 0000-03-01; a year that begins in March has its leap day at its end.
#[inline]
fn days_since_march(year: u32, month: u32, day: u32) -> i64 {
    let (year, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    i64::from(365 * year + leap_days + (months * 306 + 5) / 10 + day - 1)
}

#[inline]
fn time_of_day(text: &[u8]) -> Option<u64> {
    let [h0, h1, b':', m0, m1, rest @ ..] = text else { return None };
    let (hour, minute) = (two_digits(*h0, *h1)?, two_digits(*m0, *m1)?);
    let (second, rest) = match rest {
        [] => (0, rest),
        [b':', s0, s1, rest @ ..] => (two_digits(*s0, *s1)?, rest),
        _ => return None,
    };
    let nanoseconds = match rest {
        [] => 0,
        [b'.', digits @ ..] => nanoseconds(digits)?,
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(u64::from(hour * 3600 + minute * 60 + second) * 1_000_000_000 + nanoseconds)
}

fn nanoseconds(digits: &[u8]) -> Option<u64> {
    if !(1..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
    Some(padded.fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
}

impl Moment {
    /// Appends the serial number, like `45000` or `45000.5`.
    ///
    /// Ten decimals tell whole seconds apart, eleven microseconds; a double holds no more.
    #[inline]
    pub(crate) fn write_serial(self, out: &mut Vec<u8>) {
        if self.nanoseconds == 0 {
            return push_decimal(out, self.day.into());
        }
        let fraction = self.hundred_billionths();
        push_decimal(out, u64::from(self.day) + fraction / HUNDRED_BILLION);
        if !fraction.is_multiple_of(HUNDRED_BILLION) {
            push_fraction(out, fraction);
        }
    }

    /// The time of day in 10^-11 days.
    fn hundred_billionths(self) -> u64 {
        if self.nanoseconds.is_multiple_of(NANOSECONDS_A_SECOND) {
            let seconds = self.nanoseconds / NANOSECONDS_A_SECOND;
            return (seconds * (HUNDRED_BILLION / 10) + SECONDS_A_DAY / 2) / SECONDS_A_DAY * 10;
        }
        let scaled = u128::from(self.nanoseconds) * u128::from(HUNDRED_BILLION);
        let rounded = (scaled + u128::from(NANOSECONDS_A_DAY / 2)) / u128::from(NANOSECONDS_A_DAY);
        u64::try_from(rounded).unwrap_or(HUNDRED_BILLION)
    }
}

/// Appends `value` in decimal digits.
#[inline]
pub(crate) fn push_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends the point and the decimals of 10^-11 days, without zeros at the end.
fn push_fraction(out: &mut Vec<u8>, mut fraction: u64) {
    let mut text = *b".00000000000";
    for digit in text[1..].iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    let end = text.iter().rposition(|&digit| digit != b'0').unwrap_or(0);
    out.extend_from_slice(&text[..=end]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial_text(text: &str) -> Option<String> {
        let Date::Exact(moment) = classify(text.as_bytes()) else { return None };
        let mut out = Vec::new();
        moment.write_serial(&mut out);
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
            ("2026-01-01 12:00:00", "46023.5"),
            ("2026-01-01T06:00", "46023.25"),
            ("2026-01-01 00:00:01", "46023.0000115741"),
            ("2026-01-01 00:00:00.001", "46023.00000001157"),
            ("2026-01-01 23:59:59.999999999", "46024"),
        ] {
            assert_eq!(serial_text(text).as_deref(), Some(serial), "{text}");
        }
    }

    #[test]
    fn early_dates_are_told_from_wrong_ones() {
        for text in ["1900-02-28", "1899-12-31", "0001-01-01 10:00:00"] {
            assert_eq!(classify(text.as_bytes()), Date::TooEarly, "{text}");
        }
        for text in [
            "",
            "2026-02-30",
            "2025-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "0000-01-01",
            "2026-01-01 24:00:00",
            "2026-01-01 10",
            "2026-01-01T10:00:00Z",
            "2026-01-01 10:00:00+08:00",
            "2026-01-01 10:00:00.",
            "2026-01-01  10:00",
            "20260101",
            "2026/01/01",
            "2026-01-01 10:60",
            "2026-01-01 10:00:00.1234567890",
            "2026-01-011",
        ] {
            assert_eq!(classify(text.as_bytes()), Date::Not, "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_day_before() {
        let mut last = 60;
        for year in 1900..=2200 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let text = format!("{year:04}-{month:02}-{day:02}");
                    if let Date::Exact(moment) = classify(text.as_bytes()) {
                        assert_eq!(moment.day, last + 1, "{text}");
                        last = moment.day;
                    }
                }
            }
        }
    }
}
