//! Text of a cell as XML 1.0 character data.

use std::borrow::Cow;

use crate::cell_text::CellText;
use crate::lanes::{self, Chunk, LANES, first_lanes};
use crate::schema::ControlCharacters;

/// Excel: the longest text of a cell, in UTF-16 units.
const MAX_UNITS: usize = 32_767;

/// The part of `text` that fits a cell; a character is never cut in two.
#[inline]
pub(super) fn fitting(text: CellText<'_>) -> CellText<'_> {
    // No character has more UTF-16 units than bytes.
    if text.len() <= MAX_UNITS { text } else { cut(text.bytes()).into() }
}

fn cut(text: &[u8]) -> &[u8] {
    let mut units = 0;
    for (offset, &byte) in text.iter().enumerate() {
        units += match byte {
            0x80..0xc0 => 0,
            0xf0.. => 2,
            _ => 1,
        };
        if units > MAX_UNITS {
            return &text[..offset];
        }
    }
    text
}

/// Whether readers would trim `text` unless told not to (XML 1.0 §2.10).
///
/// Characters XML forbids count as blanks: they may be left out, and what is next to them a blank.
#[inline]
pub(super) fn needs_preserve(text: &[u8]) -> bool {
    matches!(
        text,
        [0..=b' ', ..]
            | [.., 0..=b' ']
            | [0xef, 0xbf, 0xbe | 0xbf, ..]
            | [.., 0xef, 0xbf, 0xbe | 0xbf]
    )
}

/// A character that XML 1.0 forbids.
pub(super) struct Forbidden;

/// Appends `text`; whether characters that XML forbids were escaped or left out.
///
/// CR is written as a reference, or an XML reader would make it LF (XML 1.0 §2.11). Text that
/// looks like an escape is protected, as a spreadsheet would read it as one.
#[inline]
pub(super) fn push(
    out: &mut Vec<u8>,
    text: CellText<'_>,
    policy: ControlCharacters,
) -> Result<bool, Forbidden> {
    let start = out.len();
    if append_while(out, text, |chunk, length| suspects(chunk) & first_lanes(length) == 0) {
        return Ok(false);
    }
    out.truncate(start);
    push_escaped(out, text.bytes(), policy)
}

/// Whether XML 1.0 has all characters of `text`.
pub(crate) fn is_writable(text: &[u8]) -> bool {
    is_clean(text) || push(&mut Vec::new(), text.into(), ControlCharacters::Fail).is_ok()
}

/// `text` without what a policy leaves out, for who escapes the rest.
pub(super) fn allowed(text: &str, policy: ControlCharacters) -> Cow<'_, str> {
    if policy != ControlCharacters::Strip || is_writable(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let is_allowed = |c: &char| is_writable(c.encode_utf8(&mut [0; 4]).as_bytes());
    text.chars().filter(is_allowed).collect()
}

/// Whether no byte of `text` needs a closer look.
#[inline]
fn is_clean(text: &[u8]) -> bool {
    lanes::position(text, 0, suspects).is_none()
}

/// Where a chunk has bytes that need a closer look, as bits: those of [`suspicion`].
#[inline]
fn suspects(chunk: Chunk) -> u32 {
    lanes::between(chunk, 0, 0x1f) | lanes::any_of(chunk, [b'&', b'<', b'>', b'_', 0xef])
}

/// Appends a text that is short more often than not: whole chunks, the last one cut.
#[inline]
pub(super) fn append(out: &mut Vec<u8>, text: CellText<'_>) {
    append_while(out, text, |_, _| true);
}

/// Appends chunks of `text` as long as `goes_on` with each and its length; whether all were.
#[inline]
fn append_while(
    out: &mut Vec<u8>,
    text: CellText<'_>,
    goes_on: impl Fn(Chunk, usize) -> bool,
) -> bool {
    let mut offset = 0;
    loop {
        let chunk = text.chunk_at(offset);
        let length = (text.len() - offset).min(LANES);
        let end = out.len() + length;
        out.extend_from_slice(&chunk);
        out.truncate(end);
        if !goes_on(chunk, length) {
            return false;
        }
        offset += LANES;
        if offset >= text.len() {
            return true;
        }
    }
}

#[inline]
const fn suspicion(b: u8) -> u8 {
    // 0xef leads U+FFFE and U+FFFF; `_` leads an escape; `<` and `>` differ in a bit.
    (b < 0x20) as u8
        | (b == b'&') as u8
        | (b | 2 == b'>') as u8
        | (b == b'_') as u8
        | (b == 0xef) as u8
}

/// [`suspicion`] of every byte.
static SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        table[byte as usize] = suspicion(byte) != 0;
        byte -= 1;
    }
    table[0] = suspicion(0) != 0;
    table
};

fn push_escaped(
    out: &mut Vec<u8>,
    text: &[u8],
    policy: ControlCharacters,
) -> Result<bool, Forbidden> {
    let mut found = false;
    let mut start = 0;
    let mut position = 0;
    while let Some(clean) = text[position..].iter().position(|&b| SUSPECT[usize::from(b)]) {
        position += clean;
        let Some((length, replacement)) = replacement(&text[position..]) else {
            position += 1;
            continue;
        };
        append(out, CellText::new(text, start..position));
        match replacement {
            Replacement::Markup(markup) => out.extend_from_slice(markup),
            Replacement::Forbidden(unit) => {
                found = true;
                match policy {
                    ControlCharacters::Escape => push_escape(out, unit),
                    ControlCharacters::Strip => {}
                    ControlCharacters::Fail => return Err(Forbidden),
                }
            }
        }
        position += length;
        start = position;
    }
    out.extend_from_slice(&text[start..]);
    Ok(found)
}

enum Replacement {
    Markup(&'static [u8]),
    /// The UTF-16 unit XML 1.0 §2.2 forbids.
    Forbidden(u16),
}

/// What the start of `text` is replaced by, and how many of its bytes are.
fn replacement(text: &[u8]) -> Option<(usize, Replacement)> {
    let markup = |bytes| Some((1, Replacement::Markup(bytes)));
    match text {
        [b'&', ..] => markup(b"&amp;"),
        [b'<', ..] => markup(b"&lt;"),
        [b'>', ..] => markup(b"&gt;"),
        [b'\r', ..] => markup(b"&#13;"),
        [b'_', b'x' | b'X', digits @ ..] if is_escape_rest(digits) => markup(b"_x005F_"),
        [b'\t' | b'\n', ..] => None,
        [control @ 0..0x20, ..] => Some((1, Replacement::Forbidden(u16::from(*control)))),
        [0xef, 0xbf, 0xbe, ..] => Some((3, Replacement::Forbidden(0xfffe))),
        [0xef, 0xbf, 0xbf, ..] => Some((3, Replacement::Forbidden(0xffff))),
        _ => None,
    }
}

/// Four hex digits and an underscore.
fn is_escape_rest(text: &[u8]) -> bool {
    text.len() >= 5 && text[..4].iter().all(u8::is_ascii_hexdigit) && text[4] == b'_'
}

/// ECMA-376 Part 1 §22.9.2.19 (`ST_Xstring`).
fn push_escape(out: &mut Vec<u8>, unit: u16) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(b"_x");
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(unit >> shift & 15)]);
    }
    out.push(b'_');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, policy: ControlCharacters) -> (String, bool) {
        let mut out = Vec::new();
        let found = push(&mut out, text.as_bytes().into(), policy).ok().unwrap();
        (String::from_utf8(out).unwrap(), found)
    }

    #[test]
    fn markup_is_escaped_without_being_counted() {
        let (text, found) = escaped("a<b>&c\r\n\td", ControlCharacters::Fail);
        assert_eq!((text.as_str(), found), ("a&lt;b&gt;&amp;c&#13;\n\td", false));
    }

    #[test]
    fn forbidden_characters_follow_the_policy() {
        let text = "a\u{1}b\u{ffff}c\u{fffd}";
        let (escape, found) = escaped(text, ControlCharacters::Escape);
        assert_eq!((escape.as_str(), found), ("a_x0001_b_xFFFF_c\u{fffd}", true));
        assert_eq!(escaped(text, ControlCharacters::Strip), ("abc\u{fffd}".to_owned(), true));
        assert!(push(&mut Vec::new(), text.as_bytes().into(), ControlCharacters::Fail).is_err());
    }

    #[test]
    fn blanks_that_strip_leaves_at_the_ends_are_kept() {
        for text in [" a", "a\n", "\u{1} a", "a \u{1f}", "\u{fffe} a", "a \u{ffff}"] {
            assert!(needs_preserve(text.as_bytes()), "{text:?}");
        }
        for text in ["", "a b", "中\u{fffd}", "a\u{1}b"] {
            assert!(!needs_preserve(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn text_that_looks_like_an_escape_is_protected() {
        let text = "_x0041_ _x00G1_ _x0041 __x000d__";
        let expected = "_x005F_x0041_ _x00G1_ _x0041 __x005F_x000d__";
        assert_eq!(escaped(text, ControlCharacters::Escape).0, expected);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let exact = "x".repeat(MAX_UNITS);
        assert_eq!(fitting(exact.as_bytes().into()).len(), MAX_UNITS);
        let emoji = format!("x{}", "😀".repeat(MAX_UNITS));
        let kept = std::str::from_utf8(fitting(emoji.as_bytes().into()).bytes()).unwrap();
        assert_eq!(kept.encode_utf16().count(), MAX_UNITS);
        let odd = "😀".repeat(MAX_UNITS);
        let kept = std::str::from_utf8(fitting(odd.as_bytes().into()).bytes()).unwrap();
        assert_eq!(kept.encode_utf16().count(), MAX_UNITS - 1);
        let cjk = "中".repeat(20_000);
        assert_eq!(fitting(cjk.as_bytes().into()).len(), cjk.len());
    }

    #[test]
    fn texts_of_every_length_are_appended_whole() {
        let text: Vec<u8> = (0..80).collect();
        for length in 0..=text.len() {
            let mut out = b"before".to_vec();
            append(&mut out, CellText::new(&text, 0..length));
            assert_eq!(out, [b"before", &text[..length]].concat());
        }
    }

    proptest::proptest! {
        #[test]
        fn clean_text_is_told_from_suspect_text(text in proptest::collection::vec(0x1eu8..0x42, 0..60)) {
            let suspect = text.iter().any(|&b| suspicion(b) != 0);
            proptest::prop_assert_eq!(is_clean(&text), !suspect);
        }
    }
}
