//! Numbers as the digits that the service takes them by.

use super::cells::Refused;
use crate::batch::write_plain;
use crate::text_buffer::TextBuffer;

const FINITE: &str = "a finite number";

#[inline]
pub(super) fn push_integer(value: impl itoa::Integer, out: &mut TextBuffer) {
    out.extend(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the shortest digits that read back equal in the value's own precision.
#[inline]
pub(super) fn push_float(
    value: impl zmij::Float + Into<f64> + Copy,
    out: &mut TextBuffer,
) -> Result<(), Refused> {
    let double: f64 = value.into();
    if !double.is_finite() {
        return Err(Refused { expected: FINITE, got: double.to_string() });
    }
    let mut digits = zmij::Buffer::new();
    let text = digits.format_finite(value).as_bytes();
    match memchr::memchr(b'e', text) {
        None => out.extend(text),
        Some(exponent) => push_power(text, exponent, out),
    }
    Ok(())
}

/// Appends a number with an exponent as the service writes one that comes as JSON: plain where
/// a spreadsheet keeps the digits, else as `1.5e300`.
#[cold]
fn push_power(text: &[u8], exponent: usize, out: &mut TextBuffer) {
    let (mantissa, power) = (&text[..exponent], &text[exponent + 1..]);
    let power = power.strip_prefix(b"+").unwrap_or(power);
    let mut plain = TextBuffer::default();
    write_plain(mantissa, power, &mut plain);
    if plain.len() > 0 {
        return out.extend(plain.as_bytes());
    }
    out.extend(mantissa);
    out.push(b'e');
    out.extend(power);
}

#[inline]
pub(super) fn push_decimal(value: i128, scale: i32, out: &mut TextBuffer) {
    // Divisions of 128 bits are slow, and seldom needed.
    match i64::try_from(value) {
        Ok(value) => push_scaled(itoa::Buffer::new().format(value).as_bytes(), scale, out),
        Err(_) => push_scaled(itoa::Buffer::new().format(value).as_bytes(), scale, out),
    }
}

/// Appends an integer in units of 10^-`scale`, never with an exponent.
#[inline]
pub(super) fn push_scaled(integer: &[u8], scale: i32, out: &mut TextBuffer) {
    let digits = integer.strip_prefix(b"-").unwrap_or(integer);
    if digits.len() < integer.len() {
        out.push(b'-');
    }
    let Ok(decimals) = usize::try_from(scale) else {
        out.extend(digits);
        let zeros = if digits == b"0" { 0 } else { scale.unsigned_abs() };
        return (0..zeros).for_each(|_| out.push(b'0'));
    };
    if let Some(point) = digits.len().checked_sub(decimals).filter(|point| *point > 0) {
        out.extend(&digits[..point]);
        if decimals > 0 {
            out.push(b'.');
            out.extend(&digits[point..]);
        }
    } else {
        out.extend(b"0.");
        (digits.len()..decimals).for_each(|_| out.push(b'0'));
        out.extend(digits);
    }
}
