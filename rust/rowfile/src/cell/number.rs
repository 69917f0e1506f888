//! Decimal numbers as text: never parsed to a double, so that no digit is lost on the way.

/// A double keeps any decimal of so many significant digits (IEEE 754; Excel shows no more).
const EXACT_DIGITS: usize = 15;
/// Bounds the exponent: a longer literal may be smaller than the smallest double.
const MAX_EXACT_BYTES: usize = 255;

/// What a text is in a NUMBER column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?` with at most 15 significant digits: a spreadsheet keeps it.
    /// "-0" is one: the spreadsheet shows 0, which is equal.
    Exact,
    /// Numeric, but a spreadsheet would change it: 007, 1e5, +5, .5, an 18-digit identifier.
    Inexact,
    /// No number.
    Not,
}

/// Classifies `text`.
#[inline]
pub(crate) fn classify(text: &[u8]) -> Number {
    if is_short_exact(text) {
        return Number::Exact;
    }
    match significant_digits(text) {
        Some(digits) if digits <= EXACT_DIGITS && text.len() <= MAX_EXACT_BYTES => Number::Exact,
        Some(_) => Number::Inexact,
        None if is_literal(text, false) => Number::Inexact,
        None => Number::Not,
    }
}

/// Whether `text` is exact for sure: at most 16 bytes, looked at all together.
#[inline]
fn is_short_exact(text: &[u8]) -> bool {
    const ONES: u128 = u128::MAX / 0xff;
    let Some(bytes) = sixteen_bytes(text) else { return false };
    let is_negative = text[0] == b'-';
    let start = usize::from(is_negative);
    let from_zero = bytes ^ (ONES * u128::from(b'0'));
    // A byte's high bit stands for "no digit": nine and 0x76 is the most that leaves it clear.
    let others = (((from_zero & (ONES * 0x7f)) + ONES * 0x76) | from_zero) & (ONES * 0x80);
    let others = others & (u128::MAX >> (128 - 8 * text.len())) & !(u128::from(is_negative) << 7);
    let point = others.trailing_zeros() as usize / 8;
    let whole = if others == 0 { text.len() - start } else { point - start };
    let is_plain =
        others == 0 || (others.is_power_of_two() && text[point] == b'.' && point + 1 < text.len());
    let has_zeros_in_front = whole > 1 && text[start] == b'0';
    let digits = text.len() - start - usize::from(others != 0);
    is_plain && whole > 0 && !has_zeros_in_front && digits <= EXACT_DIGITS
}

/// The text, first byte lowest, if it has 1 to 16 bytes.
#[inline]
fn sixteen_bytes(text: &[u8]) -> Option<u128> {
    let length = text.len();
    if let (8..=16, Some(first), Some(last)) =
        (length, text.first_chunk::<8>(), text.last_chunk::<8>())
    {
        let high = u128::from(u64::from_le_bytes(*last)) << (8 * (length - 8));
        return Some(high | u128::from(u64::from_le_bytes(*first)));
    }
    if let (4..8, Some(first), Some(last)) =
        (length, text.first_chunk::<4>(), text.last_chunk::<4>())
    {
        let high = u128::from(u32::from_le_bytes(*last)) << (8 * (length - 4));
        return Some(high | u128::from(u32::from_le_bytes(*first)));
    }
    match text {
        [a] => Some(u128::from(*a)),
        [a, b] => Some(u128::from(u16::from_le_bytes([*a, *b]))),
        [a, b, c] => Some(u128::from(u32::from_le_bytes([*a, *b, *c, 0]))),
        _ => None,
    }
}

/// Whether `text` is `-?(0|[1-9][0-9]*)(\.[0-9]+)?`.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    significant_digits(text).is_some()
}

/// Significant digits of a plain number: zeros in front and zeros that end a fraction do not
/// count, zeros that end a whole number do.
#[inline]
fn significant_digits(text: &[u8]) -> Option<usize> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digit_run(unsigned);
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return None;
    }
    if whole == unsigned.len() {
        return Some(whole);
    }
    let fraction = unsigned[whole..].strip_prefix(b".")?;
    if fraction.is_empty() || digit_run(fraction) != fraction.len() {
        return None;
    }
    let kept = fraction.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    if unsigned[0] != b'0' {
        return Some(whole + kept);
    }
    let zeros = fraction[..kept].iter().take_while(|&&b| b == b'0').count();
    Some((kept - zeros).max(1))
}

#[inline]
fn digit_run(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Whether all of `text` is a number as people and programs write them:
/// `[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?`, with a comma for the point on request.
pub(crate) fn is_literal(text: &[u8], decimal_comma: bool) -> bool {
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let whole = digit_run(unsigned);
    let mut rest = &unsigned[whole..];
    let mut digits = whole;
    if let [first, after @ ..] = rest
        && (*first == b'.' || (decimal_comma && *first == b','))
    {
        let fraction = digit_run(after);
        digits += fraction;
        rest = &after[fraction..];
    }
    digits > 0 && (rest.is_empty() || is_exponent(rest))
}

fn is_exponent(text: &[u8]) -> bool {
    let [b'e' | b'E', after @ ..] = text else { return false };
    let digits = after.strip_prefix(b"-").or_else(|| after.strip_prefix(b"+")).unwrap_or(after);
    !digits.is_empty() && digit_run(digits) == digits.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_a_spreadsheet_keeps_are_exact() {
        for text in [
            "0",
            "-0",
            "7",
            "-12.50",
            "0.1",
            "123456789012345",
            "0.000000000000012345",
            "-0.0",
            "0.00000000000000000000",
            "1.500000000000000000",
            "0.0123456789012345000",
        ] {
            assert_eq!(classify(text.as_bytes()), Number::Exact, "{text}");
        }
    }

    #[test]
    fn numbers_a_spreadsheet_would_change_are_inexact() {
        for text in [
            "007",
            "1e5",
            "+5",
            ".5",
            "5.",
            "1234567890123456",
            "-00.5",
            "1E-7",
            "1000000000000000",
            "1.000000000000001",
            "123456789012345678",
            "1e400",
        ] {
            assert_eq!(classify(text.as_bytes()), Number::Inexact, "{text}");
        }
        let tiny = format!("0.{}1", "0".repeat(400));
        assert_eq!(classify(tiny.as_bytes()), Number::Inexact);
    }

    #[test]
    fn other_text_is_no_number() {
        for text in [
            "", "-", "+", ".", "NaN", "Infinity", "1,5", "1,000", "1 000", "12a", "e5", "1e",
            "1e+",
        ]
        .into_iter()
        .chain(["--1", "١", " 1", "1 ", "0x1F", "5%", "½"])
        {
            assert_eq!(classify(text.as_bytes()), Number::Not, "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_a_literal_on_request_only() {
        assert!(is_literal(b"-1,5", true));
        assert!(!is_literal(b"-1,5", false));
    }

    proptest::proptest! {
        #[test]
        fn the_look_at_all_bytes_agrees_with_the_slow_one(text in "[-0-9./:ex+\\x00\u{80}]{0,18}|-?[0-9]{1,16}(\\.[0-9]{0,5})?") {
            let text = text.as_bytes();
            let is_exact = significant_digits(text).is_some_and(|digits| digits <= EXACT_DIGITS);
            if is_short_exact(text) {
                proptest::prop_assert!(is_exact);
            } else if is_exact {
                // Zeros in front of the first digit that counts are left to the slow look.
                proptest::prop_assert!(text.len() > 15);
            }
        }

        #[test]
        fn exact_numbers_survive_a_double(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?") {
            if classify(text.as_bytes()) == Number::Exact {
                let double: f64 = text.parse().unwrap();
                let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
                let decimals = fraction.trim_end_matches('0').len();
                let back = format!("{double:.decimals$}");
                proptest::prop_assert_eq!(&text[..back.len()], back);
            }
        }
    }
}
