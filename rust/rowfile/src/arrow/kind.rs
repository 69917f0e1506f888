//! What the values of a column are.

use jiff::tz::{Offset, TimeZone};

use crate::cell::date::zone;

/// Decimals of a second in a unit of time: 0, 3, 6 or 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit(u8);

impl Unit {
    pub(super) fn a_second(self) -> i64 {
        10i64.pow(self.0.into())
    }

    pub(super) fn nanoseconds(self) -> i64 {
        10i64.pow(u32::from(9 - self.0))
    }

    fn named(word: &str) -> Option<Self> {
        Some(Self(match word {
            "s" => 0,
            "ms" => 3,
            "us" => 6,
            "ns" => 9,
            _ => return None,
        }))
    }
}

/// What the values of a column are, and how they lie in its buffers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ColumnKind {
    /// Every cell is null; there are no buffers.
    Null,
    /// A bit a value.
    Boolean,
    /// 64 bits, signed.
    Int64,
    /// 64 bits, unsigned.
    UInt64,
    /// 32 bits.
    Float32,
    /// 64 bits.
    Float64,
    /// An integer of 128 bits, in units of 10^-`scale`.
    Decimal128 {
        /// Decimals; zeros in front of the point if negative.
        scale: i32,
    },
    /// An integer in digits, laid out as texts are, in units of 10^-`scale`.
    DecimalDigits {
        /// Decimals; zeros in front of the point if negative.
        scale: i32,
    },
    /// Bytes between 64-bit offsets.
    Text,
    /// Days since 1970, 32 bits.
    Date,
    /// Units since midnight, 64 bits.
    Time(Unit),
    /// Units since 1970 by the clock on the wall, 64 bits.
    WallTimestamp(Unit),
    /// Units since 1970 in UTC, 64 bits.
    ZonedTimestamp {
        /// What is counted.
        unit: Unit,
        /// Whose clock tells the time.
        zone: TimeZone,
        /// Whether the distance to UTC is told too.
        with_offset: bool,
    },
}

impl ColumnKind {
    /// The kind of a name: `null`, `bool`, `int64`, `uint64`, `float32`, `float64`, `text`,
    /// `date`; `decimal128 SCALE`, `digits SCALE`; `time UNIT`, `timestamp UNIT`,
    /// `timestamp UNIT ZONE`, `timestamp-offset UNIT ZONE` with UNIT `s`, `ms`, `us` or `ns` and
    /// ZONE an IANA name or `+hh:mm`. `None` for every other.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split(' ').collect();
        Some(match words[..] {
            ["null"] => Self::Null,
            ["bool"] => Self::Boolean,
            ["int64"] => Self::Int64,
            ["uint64"] => Self::UInt64,
            ["float32"] => Self::Float32,
            ["float64"] => Self::Float64,
            ["text"] => Self::Text,
            ["date"] => Self::Date,
            ["decimal128", scale] => Self::Decimal128 { scale: scale.parse().ok()? },
            ["digits", scale] => Self::DecimalDigits { scale: scale.parse().ok()? },
            ["time", unit] => Self::Time(Unit::named(unit)?),
            ["timestamp", unit] => Self::WallTimestamp(Unit::named(unit)?),
            ["timestamp", unit, name] => Self::zoned(unit, name, false)?,
            ["timestamp-offset", unit, name] => Self::zoned(unit, name, true)?,
            _ => return None,
        })
    }

    fn zoned(unit: &str, name: &str, with_offset: bool) -> Option<Self> {
        let zone = fixed(name).or_else(|| zone(name))?;
        Some(Self::ZonedTimestamp { unit: Unit::named(unit)?, zone, with_offset })
    }
}

/// The zone of `+hh:mm`, the other form that Arrow has for a time zone (Schema.fbs, `Timestamp`).
fn fixed(name: &str) -> Option<TimeZone> {
    let (sign, clock) = match name.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_clock = (0..24).contains(&hours) && (0..60).contains(&minutes);
    let seconds = sign * (hours * 60 + minutes) * 60;
    Offset::from_seconds(seconds).ok().filter(|_| is_clock).map(TimeZone::fixed)
}
