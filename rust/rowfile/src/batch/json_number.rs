//! Numbers of JSON (RFC 8259 §6), kept as text.

use crate::cell::number::{Number, classify};
use crate::lanes::{Chunk, between, chunk_at};
use crate::text_buffer::TextBuffer;

/// Bounds the zeros an exponent may ask for; doubles have no more.
const MAX_EXPONENT: i64 = 300;
/// What is longer has too many digits left when the point was moved that far: an exact number has
/// at most 255 bytes.
const MAX_MANTISSA_BYTES: usize = 600;

/// Bytes of the number at the start of `text`, and where its exponent starts if it has one.
#[inline]
pub(super) fn scan(text: &[u8]) -> Option<(usize, Option<usize>)> {
    match scan_short(chunk_at(text, 0)) {
        Some(length) => Some((length, None)),
        None => scan_any(text),
    }
}

/// Bytes of a number without exponent that ends inside the chunk.
#[inline]
fn scan_short(chunk: Chunk) -> Option<usize> {
    let digits = between(chunk, b'0', b'9');
    let digit_run = |from: usize| (digits >> from).trailing_ones() as usize;
    let start = usize::from(chunk[0] == b'-');
    let whole = digit_run(start);
    if whole == 0 || (whole > 1 && chunk[start] == b'0') {
        return None;
    }
    let mut end = start + whole;
    if *chunk.get(end)? == b'.' {
        let fraction = digit_run(end + 1);
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    (!matches!(chunk.get(end)?, b'e' | b'E')).then_some(end)
}

fn scan_any(text: &[u8]) -> Option<(usize, Option<usize>)> {
    let mut end = usize::from(text.first() == Some(&b'-'));
    let whole = digit_run(&text[end..]);
    if whole == 0 || (whole > 1 && text[end] == b'0') {
        return None;
    }
    end += whole;
    if text.get(end) == Some(&b'.') {
        let fraction = digit_run(&text[end + 1..]);
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    if !matches!(text.get(end), Some(b'e' | b'E')) {
        return Some((end, None));
    }
    let exponent = end;
    end += 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
    let digits = digit_run(&text[end..]);
    (digits > 0).then_some((end + digits, Some(exponent)))
}

/// Writes `mantissa` × 10^`exponent` without an exponent to `out`, when a spreadsheet keeps the
/// digits that result (at most 15); else leaves `out` empty.
pub(crate) fn write_plain(mantissa: &[u8], exponent: &[u8], out: &mut TextBuffer) {
    out.clear();
    let Some(exponent) = small_exponent(exponent) else { return };
    let unsigned = mantissa.strip_prefix(b"-").unwrap_or(mantissa);
    if unsigned.len() > MAX_MANTISSA_BYTES {
        return;
    }
    let mut digits = [0; MAX_MANTISSA_BYTES];
    let mut count = 0;
    for &digit in unsigned.iter().filter(|b| b.is_ascii_digit()) {
        digits[count] = digit;
        count += 1;
    }
    out.extend(&mantissa[..mantissa.len() - unsigned.len()]);
    let whole = i64::try_from(digit_run(unsigned)).unwrap_or(i64::MAX);
    place_point(&digits[..count], whole.saturating_add(exponent), out);
    if classify(out.as_bytes()) != Number::Exact {
        out.clear();
    }
}

fn small_exponent(text: &[u8]) -> Option<i64> {
    let value: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (value.abs() <= MAX_EXPONENT).then_some(value)
}

/// Digits with the decimal point after the first `point` of them, which may lie outside.
fn place_point(digits: &[u8], point: i64, out: &mut TextBuffer) {
    let Ok(point) = usize::try_from(point) else {
        out.extend(b"0.");
        push_zeros(out, usize::try_from(point.unsigned_abs()).unwrap_or(0));
        return out.extend(digits);
    };
    let (whole, fraction) = digits.split_at(point.min(digits.len()));
    let zeros = whole.iter().take_while(|&&digit| digit == b'0').count();
    if zeros < whole.len() {
        out.extend(&whole[zeros..]);
        push_zeros(out, point - whole.len());
    } else {
        out.push(b'0');
    }
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend(fraction);
    }
}

fn push_zeros(out: &mut TextBuffer, count: usize) {
    for _ in 0..count {
        out.push(b'0');
    }
}

fn digit_run(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let (length, exponent) = scan(text.as_bytes()).unwrap();
        assert_eq!(length, text.len());
        let exponent = exponent.unwrap();
        let mut out = TextBuffer::default();
        write_plain(&text.as_bytes()[..exponent], &text.as_bytes()[exponent + 1..], &mut out);
        String::from_utf8(out.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn exponents_are_written_out_when_no_digit_is_lost() {
        for (text, expected) in [
            ("1e5", "100000"),
            ("1.5E+3", "1500"),
            ("1.0e3", "1000"),
            ("1.25e-3", "0.00125"),
            ("12.5e-1", "1.25"),
            ("0.5e3", "500"),
            ("0.05e1", "0.5"),
            ("-2e-7", "-0.0000002"),
            ("0e9", "0"),
            ("-0.0e2", "-0"),
            ("1e14", "100000000000000"),
            ("123e0", "123"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn exponents_stay_when_digits_would_be_made_up() {
        for text in ["1e15", "1e999", "1e-999", "1.234567890123456e2", "1e99999999999999999999"] {
            assert_eq!(plain(text), "", "{text}");
        }
    }

    #[test]
    fn what_json_does_not_call_a_number_is_none() {
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "NaN", "-a"] {
            assert_eq!(scan(text.as_bytes()), None, "{text}");
        }
        assert_eq!(scan(b"12,"), Some((2, None)));
    }
}
