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
    match significant_digits(text) {
        Some(digits) if digits <= EXACT_DIGITS && text.len() <= MAX_EXACT_BYTES => Number::Exact,
        Some(_) => Number::Inexact,
        None if is_literal(text, false) => Number::Inexact,
        None => Number::Not,
    }
}

/// Whether `text` is `-?(0|[1-9][0-9]*)(\.[0-9]+)?`.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    significant_digits(text).is_some()
}

/// Significant digits of a plain number; zeros in front do not count, zeros at the end do.
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
    if unsigned[0] != b'0' {
        return Some(whole + fraction.len());
    }
    let zeros = fraction.iter().take_while(|&&b| b == b'0').count();
    Some((fraction.len() - zeros).max(1))
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
        for text in
            ["0", "-0", "7", "-12.50", "0.1", "123456789012345", "0.000000000000012345", "-0.0"]
        {
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
            "1.000000000000000",
            "123456789012345678",
        ] {
            assert_eq!(classify(text.as_bytes()), Number::Inexact, "{text}");
        }
        let tiny = format!("0.{}1", "0".repeat(400));
        assert_eq!(classify(tiny.as_bytes()), Number::Inexact);
    }

    #[test]
    fn other_text_is_no_number() {
        for text in
            ["", "-", "+", ".", "NaN", "1,5", "1 000", "12a", "e5", "1e", "1e+", "--1", "١"]
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
        fn exact_numbers_survive_a_double(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?") {
            if classify(text.as_bytes()) == Number::Exact {
                let double: f64 = text.parse().unwrap();
                let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                proptest::prop_assert_eq!(format!("{double:.decimals$}"), text);
            }
        }
    }
}
