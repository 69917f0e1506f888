//! ISO 8601 dates and times: `yyyy-mm-dd`, with `T` or a blank and
//! `hh:mm[:ss[(.|,)fraction of 1 to 9 digits]][Z | (+|-)hh[[:]mm]]` after it.

use super::calendar;
use super::moment::{Decimals, Moment};

/// Reads `text`: what the clock shows, and its offset in seconds east of UTC if it has one.
/// `None` if it is no date, or one that is in no calendar.
#[inline]
pub(super) fn parse(text: &[u8]) -> Option<(Moment, Option<i32>)> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *date else { return None };
    let year = two_digits(y0, y1)? * 100 + two_digits(y2, y3)?;
    let day = calendar::serial(year, two_digits(m0, m1)?, two_digits(d0, d1)?)?;
    match rest {
        [] => Some((Moment::midnight(day), None)),
        [separator @ (b' ' | b'T'), time @ ..] => {
            let (second_of_day, decimals, offset) = time_of_day(time)?;
            Some((Moment { day, second_of_day, decimals, separator: Some(*separator) }, offset))
        }
        _ => None,
    }
}

#[inline]
fn time_of_day(text: &[u8]) -> Option<(u32, Decimals, Option<i32>)> {
    let [h0, h1, b':', m0, m1, rest @ ..] = text else { return None };
    let (hour, minute) = (two_digits(*h0, *h1)?, two_digits(*m0, *m1)?);
    let (second, decimals, rest) = match rest {
        [b':', s0, s1, b'.' | b',', after @ ..] => {
            let (decimals, rest) = Decimals::parse(after)?;
            (two_digits(*s0, *s1)?, decimals, rest)
        }
        [b':', s0, s1, rest @ ..] => (two_digits(*s0, *s1)?, Decimals::default(), rest),
        _ => (0, Decimals::default(), rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = if rest.is_empty() { None } else { Some(offset_seconds(rest)?) };
    Some((hour * 3600 + minute * 60 + second, decimals, offset))
}

fn offset_seconds(text: &[u8]) -> Option<i32> {
    let (is_west, digits) = match text {
        b"Z" => return Some(0),
        [sign @ (b'+' | b'-'), digits @ ..] => (*sign == b'-', digits),
        _ => return None,
    };
    let (hours, minutes) = match *digits {
        [h0, h1] => (two_digits(h0, h1)?, 0),
        [h0, h1, m0, m1] | [h0, h1, b':', m0, m1] => (two_digits(h0, h1)?, two_digits(m0, m1)?),
        _ => return None,
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(if is_west { -seconds } else { seconds })
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_an_offset_is_read() {
        let offset = |text: &str| parse(text.as_bytes()).unwrap().1;
        for (text, seconds) in [
            ("2026-01-01T10:00", None),
            ("2026-01-01T10:00Z", Some(0)),
            ("2026-01-01 10:00:00Z", Some(0)),
            ("2026-01-01T10:00:00.5+08:00", Some(8 * 3600)),
            ("2026-01-01T10:00:00+0530", Some(5 * 3600 + 1800)),
            ("2026-01-01T10:00:00-03", Some(-3 * 3600)),
            ("2026-01-01T10:00:00-00:30", Some(-1800)),
        ] {
            assert_eq!(offset(text), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_in_no_calendar_or_no_notation_is_refused() {
        for text in [
            "",
            "2026-02-30",
            "2025-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "0000-01-01",
            "10000-01-01",
            "2026-01-01 24:00:00",
            "2026-01-01 10:00:60",
            "2026-01-01 10",
            "2026-01-01 10:00.5",
            "2026-01-01 10:00:00.",
            "2026-01-01 10:00:00.Z",
            "2026-01-01  10:00",
            "2026-01-01Z",
            "2026-01-01t10:00",
            "2026-01-01T10:00z",
            "2026-01-01T10:00 Z",
            "2026-01-01T10:00+8",
            "2026-01-01T10:00+24:00",
            "2026-01-01T10:00+08:60",
            "2026-01-01T10:00+08:0",
            "20260101",
            "2026/01/01",
            "2026-01-01 10:60",
            "2026-01-01 10:00:00.1234567890",
            "2026-01-011",
            " 2026-01-01",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
