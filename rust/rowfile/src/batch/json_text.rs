//! Strings of JSON (RFC 8259 §7).

use crate::lanes::{Chunk, LANES, any_of, between, chunk_at, position};
use crate::text_buffer::TextBuffer;

/// Where the text of a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonText {
    /// In the input, up to the closing quote at `close`.
    Input { close: usize },
    /// In the buffer, as there were escapes; the string ends before `end`.
    Unescaped { end: usize },
}

/// Reads the string whose opening quote is at `open`. `None` = malformed, a lone surrogate
/// included.
#[inline]
pub(super) fn read(bytes: &[u8], open: usize, unescaped: &mut TextBuffer) -> Option<JsonText> {
    let stop = position(bytes, open + 1, special)?;
    match bytes[stop] {
        b'"' => Some(JsonText::Input { close: stop }),
        b'\\' => unescape_all(bytes, open + 1, unescaped),
        _ => None,
    }
}

/// Where a string ends or an escape starts, or a control character stands, which no string has.
#[inline]
fn special(chunk: Chunk) -> u32 {
    any_of(chunk, *b"\"\\") | between(chunk, 0, 0x1f)
}

fn unescape_all(bytes: &[u8], start: usize, unescaped: &mut TextBuffer) -> Option<JsonText> {
    unescaped.clear();
    let mut offset = start;
    while offset < bytes.len() {
        let chunk = chunk_at(bytes, offset);
        let found = special(chunk);
        if found == 0 {
            unescaped.push_chunk(chunk, LANES);
            offset += LANES;
            continue;
        }
        let length = found.trailing_zeros() as usize;
        unescaped.push_chunk(chunk, length);
        offset += length;
        match bytes[offset] {
            b'"' => return Some(JsonText::Unescaped { end: offset + 1 }),
            b'\\' => offset += unescape(&bytes[offset..], unescaped)?,
            _ => return None,
        }
    }
    None
}

/// Appends the character that the escape at the start of `text` stands for; its length.
fn unescape(text: &[u8], out: &mut TextBuffer) -> Option<usize> {
    let plain = match text.get(1)? {
        b @ (b'"' | b'\\' | b'/') => *b,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unescape_unit(text, out),
        _ => return None,
    };
    out.push(plain);
    Some(2)
}

fn unescape_unit(text: &[u8], out: &mut TextBuffer) -> Option<usize> {
    let unit = hex_unit(text)?;
    let (code, length) = match unit {
        0xd800..0xdc00 => {
            let low = hex_unit(text.get(6..)?)?;
            if text[6..8] != *b"\\u" || !(0xdc00..0xe000).contains(&low) {
                return None;
            }
            (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12)
        }
        _ => (unit, 6),
    };
    let character = char::from_u32(code)?;
    let mut utf8 = [0; LANES];
    let bytes = character.encode_utf8(&mut utf8).len();
    out.push_chunk(utf8, bytes);
    Some(length)
}

/// The four hex digits after two characters.
fn hex_unit(text: &[u8]) -> Option<u32> {
    let digits = text.get(2..6)?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of the string at the start of `json`, and where the string ends.
    fn text(json: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut unescaped = TextBuffer::default();
        Some(match read(json, 0, &mut unescaped)? {
            JsonText::Input { close } => (json[1..close].to_vec(), close + 1),
            JsonText::Unescaped { end } => (unescaped.as_bytes().to_vec(), end),
        })
    }

    #[test]
    fn escapes_become_their_characters() {
        let json = br#""a\"\\\/\b\f\n\r\t\u4e2d\ud83d\ude00z" rest"#;
        let expected = "a\"\\/\u{8}\u{c}\n\r\t中😀z".as_bytes().to_vec();
        assert_eq!(text(json), Some((expected, json.len() - 5)));
    }

    #[test]
    fn malformed_strings_are_refused() {
        for json in [
            r#"""#,
            r#""abc"#,
            r#""\x""#,
            r#""\u12""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\udc00""#,
            r#""\ud800xxdc00""#,
            "\"a\nb\"",
            r#""\"#,
            r#""\u+123""#,
        ] {
            assert_eq!(text(json.as_bytes()), None, "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn strings_are_read_as_serde_reads_them(expected in "\\PC*") {
            let json = serde_json::to_string(&expected).unwrap();
            let read = text(json.as_bytes());
            proptest::prop_assert_eq!(read, Some((expected.into_bytes(), json.len())));
        }

        #[test]
        fn strings_are_judged_as_serde_judges_them(
            inner in "([a-z]{0,20}|\\\\(u[0-9a-fD]{4}|ud[89ab][0-9a-f]{2}\\\\ud[c-f][0-9]{2}|.)){0,6}",
        ) {
            let json = format!("\"{inner}\"");
            let read = text(json.as_bytes()).filter(|(_, end)| *end == json.len());
            let model = serde_json::from_str::<String>(&json).ok();
            proptest::prop_assert_eq!(read.map(|(text, _)| text), model.map(String::into_bytes));
        }
    }
}
