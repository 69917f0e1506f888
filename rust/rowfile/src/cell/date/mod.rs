//! Dates: what a text says, in which zone it is told, and whether a spreadsheet keeps it.

mod calendar;
mod epoch;
mod iso;
mod moment;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use epoch::{Epoch, Instant};
use moment::SECONDS_A_DAY;

pub(crate) use calendar::{UNIX_EPOCH, civil};
pub(crate) use moment::Moment;

/// 0001-01-01 and 9999-12-31: years are written with four digits.
pub(crate) const FIRST_DAY: i64 = -693_593;
pub(crate) const LAST_DAY: i64 = 2_958_465;

/// What the values of a DATE column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Notation {
    /// ISO 8601.
    #[default]
    Iso,
    /// Seconds since 1970 in UTC.
    EpochSeconds,
    /// Milliseconds since 1970 in UTC.
    EpochMilliseconds,
}

/// What a text is in a DATE column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Date {
    /// A wall-clock time, or a date alone.
    Wall(Moment),
    /// A point in time, as the clocks of the file's zone show it.
    Instant(Moment),
    /// A date that can't be had as a day and a time of day: an instant that no zone was given
    /// for, or one in a year of five digits.
    Inexpressible,
    /// No date, or one that is not in the calendar.
    Not,
}

/// Reads the values of one DATE column.
#[derive(Clone, Debug)]
pub(crate) struct DateReader {
    notation: Notation,
    zone: Option<TimeZone>,
}

/// The zone of an IANA name, from the database in the program: the same on every machine.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown())
}

impl DateReader {
    /// Instants are told in `zone`; without one, times since the epoch are told in UTC and ISO
    /// 8601 times with an offset not at all.
    pub(crate) fn new(notation: Notation, zone: Option<TimeZone>) -> Self {
        Self { notation, zone }
    }

    /// Whether some values are not written as they come.
    pub(crate) fn rewrites(&self) -> bool {
        self.notation != Notation::Iso || self.zone.is_some()
    }

    /// What the column takes, for errors.
    pub(crate) fn expected(&self) -> &'static str {
        match self.notation {
            Notation::Iso => "an ISO 8601 date, or date and time",
            Notation::EpochSeconds => "seconds since 1970",
            Notation::EpochMilliseconds => "milliseconds since 1970",
        }
    }

    /// Reads `text`.
    #[inline]
    pub(crate) fn read(&self, text: &[u8]) -> Date {
        match self.notation {
            Notation::Iso => self.iso(text),
            Notation::EpochSeconds => self.epoch(text, 0),
            Notation::EpochMilliseconds => self.epoch(text, 3),
        }
    }

    #[inline]
    fn iso(&self, text: &[u8]) -> Date {
        match (iso::parse(text), &self.zone) {
            (None, _) => Date::Not,
            (Some((moment, None)), _) => Date::Wall(moment),
            (Some((_, Some(_))), None) => Date::Inexpressible,
            (Some((moment, Some(offset))), Some(zone)) => {
                let seconds = (moment.day - calendar::UNIX_EPOCH) * SECONDS_A_DAY
                    + i64::from(moment.second_of_day)
                    - i64::from(offset);
                told(seconds + offset_at(zone, seconds), moment)
            }
        }
    }

    fn epoch(&self, text: &[u8], unit_decimals: u8) -> Date {
        match epoch::parse(text, unit_decimals) {
            Epoch::At(Instant { seconds, decimals }) => {
                let offset = self.zone.as_ref().map_or(0, |zone| offset_at(zone, seconds));
                let shape = Moment { decimals, separator: Some(b' '), ..Moment::midnight(0) };
                told(seconds + offset, shape)
            }
            Epoch::TooFar => Date::Inexpressible,
            Epoch::Not => Date::Not,
        }
    }
}

/// The moment `seconds` after 1970-01-01 by the same clock, with the decimals of `shape`.
fn told(seconds: i64, shape: Moment) -> Date {
    let day = seconds.div_euclid(SECONDS_A_DAY) + calendar::UNIX_EPOCH;
    let Ok(second_of_day) = u32::try_from(seconds.rem_euclid(SECONDS_A_DAY)) else {
        return Date::Inexpressible;
    };
    if (FIRST_DAY..=LAST_DAY).contains(&day) {
        Date::Instant(Moment { day, second_of_day, ..shape })
    } else {
        Date::Inexpressible
    }
}

/// Seconds that the clocks of `zone` are ahead of UTC, `seconds` after 1970.
pub(crate) fn offset_at(zone: &TimeZone, seconds: i64) -> i64 {
    // The database ends some hours before the year 9999 does; no clock is changed in them.
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let instant = Timestamp::from_second(seconds.clamp(first, last));
    instant.map_or(0, |instant| zone.to_offset(instant).seconds().into())
}

#[cfg(test)]
mod tests;
