//! Days of the proleptic Gregorian calendar by their serial numbers in a spreadsheet
//! (ECMA-376 Part 1 §18.17.4.1, the 1900 date system).

/// Days from 0000-03-01 to the day whose serial number would be 0.
const SERIAL_ZERO: i64 = 693_899;
/// 1970-01-01.
pub(crate) const UNIX_EPOCH: i64 = 25_569;
/// Days in 400 years.
const DAYS_AN_ERA: i64 = 146_097;

/// Serial number of a day in the years 1 to 9999; `None` for a day that no calendar has.
#[inline]
pub(super) fn serial(year: u32, month: u32, day: u32) -> Option<i64> {
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    // A year that begins in March has its leap day at its end.
    let (year, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leap_days + (months * 306 + 5) / 10 + day - 1;
    Some(i64::from(days) - SERIAL_ZERO)
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

/// Year, month and day of a serial number in the years 1 to 9999.
pub(crate) fn civil(serial: i64) -> (u64, u64, u64) {
    let days = serial + SERIAL_ZERO;
    let era = days.div_euclid(DAYS_AN_ERA);
    let day_of_era = days.rem_euclid(DAYS_AN_ERA);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let (year, month) = if months < 10 { (0, months + 3) } else { (1, months - 9) };
    let year = era * 400 + year_of_era + year;
    (year.unsigned_abs(), month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_follows_the_day_before() {
        let mut last = serial(1, 1, 1).unwrap() - 1;
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(serial) = serial(year, month, day) else { continue };
                    assert_eq!(serial, last + 1, "{year}-{month}-{day}");
                    assert_eq!(civil(serial), (year.into(), month.into(), day.into()));
                    last = serial;
                }
            }
        }
        assert_eq!(serial(1970, 1, 1), Some(UNIX_EPOCH));
    }
}
