//! A day and a time of day, as a spreadsheet's serial number and as text.

use super::calendar;

pub(super) const SECONDS_A_DAY: i64 = 86_400;
const SECONDS_A_DAY_UNSIGNED: u64 = SECONDS_A_DAY.unsigned_abs();
const NANOSECOND_DIGITS: u8 = 9;
/// Decimals of a serial number's fraction.
const FRACTION_DIGITS: usize = 12;
/// 1900-03-01: from here on all readers agree; before it Excel counts a day that never was.
const FIRST_SAFE_SERIAL: i64 = 61;
/// 2079-06-06: from here on a double no longer tells microseconds apart.
const FIRST_COARSE_SERIAL: i64 = 65_536;

/// Decimals of a second, with as many digits as they came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Decimals {
    nanoseconds: u32,
    count: u8,
}

impl Decimals {
    /// Reads 1 to 9 digits; also gives what stands after them.
    pub(super) fn parse(text: &[u8]) -> Option<(Self, &[u8])> {
        let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
        let count = u8::try_from(length).ok().filter(|n| (1..=NANOSECOND_DIGITS).contains(n))?;
        let (digits, rest) = text.split_at(length);
        let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        let nanoseconds = value * 10u32.pow((NANOSECOND_DIGITS - count).into());
        Some((Self { nanoseconds, count }, rest))
    }

    /// Whole seconds and decimals of `units` and these decimals of a unit, of which a second has
    /// 10^`unit_decimals`; `None` if that is finer than nanoseconds.
    pub(super) fn below(self, units: i64, unit_decimals: u8) -> Option<(i64, Self)> {
        let count = Some(self.count + unit_decimals).filter(|n| *n <= NANOSECOND_DIGITS)?;
        let units_a_second = 10i64.pow(unit_decimals.into());
        let unit_nanoseconds = 10u32.pow((NANOSECOND_DIGITS - unit_decimals).into());
        let rest = u32::try_from(units.rem_euclid(units_a_second)).ok()?;
        let finer = self.nanoseconds / 10u32.pow(unit_decimals.into());
        let nanoseconds = rest * unit_nanoseconds + finer;
        Some((units.div_euclid(units_a_second), Self { nanoseconds, count }))
    }

    /// What is missing to the next second; `None` if that is all of it.
    pub(super) fn complement(self) -> Option<Self> {
        let nanoseconds = 1_000_000_000 - self.nanoseconds;
        (self.nanoseconds > 0).then_some(Self { nanoseconds, ..self })
    }

    #[cfg(test)]
    pub(super) fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    #[cfg(test)]
    pub(super) fn count(self) -> u8 {
        self.count
    }
}

/// A day, and a time of day if there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Serial number of the day.
    pub(super) day: i64,
    pub(super) second_of_day: u32,
    pub(super) decimals: Decimals,
    /// What stands between date and time; `None` for a date alone.
    pub(super) separator: Option<u8>,
}

impl Moment {
    /// A date alone.
    pub(super) fn midnight(day: i64) -> Self {
        Self { day, second_of_day: 0, decimals: Decimals::default(), separator: None }
    }

    /// Whether the value had a time of day.
    #[inline]
    pub(crate) fn has_time(self) -> bool {
        self.separator.is_some()
    }

    /// Whether all spreadsheets count this day alike.
    #[inline]
    pub(crate) fn has_serial(self) -> bool {
        self.day >= FIRST_SAFE_SERIAL
    }

    /// Appends the serial number, like `45000` or `45000.5`, of a moment that has one.
    ///
    /// Whole seconds and milliseconds are exact to the reader. Finer times are to the microsecond
    /// as long as a double has room for it, then to the millisecond, and never a day later.
    #[inline]
    pub(crate) fn write_serial(self, out: &mut Vec<u8>) {
        push_decimal(out, self.day.unsigned_abs());
        if self.second_of_day > 0 || self.decimals.nanoseconds > 0 {
            push_fraction(out, self.trillionths());
        }
    }

    /// The time of day in 10^-12 days: no more decimals than tell it from its neighbours.
    fn trillionths(self) -> u64 {
        let seconds = u64::from(self.second_of_day);
        let nanoseconds = u64::from(self.decimals.nanoseconds);
        if nanoseconds == 0 {
            return days(seconds, 10_000_000_000) * 100;
        }
        if nanoseconds.is_multiple_of(1_000_000) || self.day >= FIRST_COARSE_SERIAL {
            return days(seconds * 1_000 + nanoseconds / 1_000_000, 100_000_000) * 10;
        }
        days(seconds * 1_000_000 + nanoseconds / 1_000, 1_000_000)
    }

    /// Appends `yyyy-mm-dd`, and the time as `hh:mm:ss` with the decimals that came.
    pub(crate) fn write_text(self, out: &mut Vec<u8>) {
        let (year, month, day) = calendar::civil(self.day);
        push_padded(out, year, 4);
        out.push(b'-');
        push_padded(out, month, 2);
        out.push(b'-');
        push_padded(out, day, 2);
        let Some(separator) = self.separator else { return };
        out.push(separator);
        let second = u64::from(self.second_of_day);
        push_padded(out, second / 3600, 2);
        out.push(b':');
        push_padded(out, second / 60 % 60, 2);
        out.push(b':');
        push_padded(out, second % 60, 2);
        let Decimals { nanoseconds, count } = self.decimals;
        if count > 0 {
            out.push(b'.');
            let digits = nanoseconds / 10u32.pow((NANOSECOND_DIGITS - count).into());
            push_padded(out, digits.into(), count.into());
        }
    }
}

/// `time` in seconds, or parts of them, as days, in parts `scale` times as fine; rounded.
fn days(time: u64, scale: u64) -> u64 {
    (time * scale + SECONDS_A_DAY_UNSIGNED / 2) / SECONDS_A_DAY_UNSIGNED
}

/// Appends `value` in decimal digits.
#[inline]
fn push_decimal(out: &mut Vec<u8>, mut value: u64) {
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

/// Appends `value` in at least `width` digits.
fn push_padded(out: &mut Vec<u8>, value: u64, width: u32) {
    let mut power = 10u64.pow(width - 1);
    while power > 0 {
        out.push(b'0' + (value / power % 10) as u8);
        power /= 10;
    }
}

/// Appends the point and the decimals of 10^-12 days, without zeros at the end.
fn push_fraction(out: &mut Vec<u8>, mut fraction: u64) {
    let mut text = [b'0'; FRACTION_DIGITS + 1];
    text[0] = b'.';
    for digit in text[1..].iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    if let Some(end) = text.iter().rposition(|digit| (b'1'..=b'9').contains(digit)) {
        out.extend_from_slice(&text[..=end]);
    }
}
