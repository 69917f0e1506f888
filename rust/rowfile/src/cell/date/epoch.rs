//! Time since 1970-01-01T00:00:00Z as a decimal number: `[-]digits[.fraction]`.

use super::moment::Decimals;

/// More digits than any year before 10000 needs, and few enough for an `i64`.
const MAX_DIGITS: usize = 15;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    /// Whole seconds since the epoch, rounded down.
    pub(super) seconds: i64,
    pub(super) decimals: Decimals,
}

/// What a text is in a column of times since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epoch {
    At(Instant),
    /// Further away than any year a date is written in.
    TooFar,
    Not,
}

/// Reads `text` in units of which a second has 10^`unit_decimals`, 0 or 3.
pub(super) fn parse(text: &[u8], unit_decimals: u8) -> Epoch {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let length = unsigned.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = unsigned.split_at(length);
    let fraction = match rest {
        [] => Some((Decimals::default(), rest)),
        [b'.', fraction @ ..] => Decimals::parse(fraction),
        _ => None,
    };
    let Some((fraction, [])) = fraction else { return Epoch::Not };
    if digits.is_empty() {
        return Epoch::Not;
    }
    if digits.len() > MAX_DIGITS {
        return Epoch::TooFar;
    }
    let units = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    let Some((seconds, decimals)) = fraction.below(units, unit_decimals) else {
        return Epoch::Not;
    };
    let instant = Instant { seconds, decimals };
    Epoch::At(if unsigned.len() < text.len() { instant.negated() } else { instant })
}

impl Instant {
    fn negated(self) -> Self {
        match self.decimals.complement() {
            None => Self { seconds: -self.seconds, ..self },
            Some(decimals) => Self { seconds: -self.seconds - 1, decimals },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, unit_decimals: u8) -> Option<(i64, u32, u8)> {
        match parse(text.as_bytes(), unit_decimals) {
            Epoch::At(Instant { seconds, decimals }) => {
                Some((seconds, decimals.nanoseconds(), decimals.count()))
            }
            _ => None,
        }
    }

    #[test]
    fn seconds_and_milliseconds_are_read() {
        assert_eq!(read("0", 0), Some((0, 0, 0)));
        assert_eq!(read("1700000000", 0), Some((1_700_000_000, 0, 0)));
        assert_eq!(read("1700000000.25", 0), Some((1_700_000_000, 250_000_000, 2)));
        assert_eq!(read("1700000000123", 3), Some((1_700_000_000, 123_000_000, 3)));
        assert_eq!(read("1700000000123.5", 3), Some((1_700_000_000, 123_500_000, 4)));
        assert_eq!(read("-1", 0), Some((-1, 0, 0)));
        assert_eq!(read("-0.25", 0), Some((-1, 750_000_000, 2)));
        assert_eq!(read("-1500", 3), Some((-2, 500_000_000, 3)));
        assert_eq!(read("-2000", 3), Some((-2, 0, 3)));
    }

    #[test]
    fn other_text_is_none() {
        for text in ["", "-", "+1", "1e9", "1.", ".5", "1,5", " 1", "1_0", "0x1", "1.0000000001"] {
            assert_eq!(parse(text.as_bytes(), 0), Epoch::Not, "{text}");
        }
        assert_eq!(parse(b"1.0000001", 3), Epoch::Not);
        assert_eq!(parse(b"1700000000000000000", 0), Epoch::TooFar);
    }
}
