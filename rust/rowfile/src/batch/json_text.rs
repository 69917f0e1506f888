//! Strings of JSON (RFC 8259 §7).

use memchr::memchr2;

/// The string whose opening quote is `text[0]`: its bytes without quotes, and its length with
/// both. The bytes lie in `text`, or in `unescaped` when there were escapes. `None` = malformed,
/// a lone surrogate included.
pub(super) fn read<'a>(text: &'a [u8], unescaped: &'a mut Vec<u8>) -> Option<(&'a [u8], usize)> {
    let mut position = 1;
    let mut has_escapes = false;
    loop {
        let run = memchr2(b'"', b'\\', text.get(position..)?)?;
        let end = position + run;
        if text[position..end].iter().any(|&b| b < 0x20) {
            return None;
        }
        if text[end] == b'"' && !has_escapes {
            return Some((&text[1..end], end + 1));
        }
        if !has_escapes {
            unescaped.clear();
            has_escapes = true;
        }
        unescaped.extend_from_slice(&text[position..end]);
        if text[end] == b'"' {
            return Some((unescaped, end + 1));
        }
        position = end + unescape(&text[end..], unescaped)?;
    }
}

/// Appends the character that the escape at the start of `text` stands for; its length.
fn unescape(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
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

fn unescape_unit(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
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
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
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

    #[test]
    fn escapes_become_their_characters() {
        let mut scratch = Vec::new();
        let text = br#""a\"\\\/\b\f\n\r\t\u4e2d\ud83d\ude00z" rest"#;
        let (value, length) = read(text, &mut scratch).unwrap();
        assert_eq!(value, "a\"\\/\u{8}\u{c}\n\r\t中😀z".as_bytes());
        assert_eq!(&text[length..], b" rest");
    }

    #[test]
    fn malformed_strings_are_refused() {
        for text in [
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
            assert!(read(text.as_bytes(), &mut Vec::new()).is_none(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn strings_are_read_as_serde_reads_them(text in "\\PC*") {
            let json = serde_json::to_string(&text).unwrap();
            let mut scratch = Vec::new();
            let (value, length) = read(json.as_bytes(), &mut scratch).unwrap();
            proptest::prop_assert_eq!(value, text.as_bytes());
            proptest::prop_assert_eq!(length, json.len());
        }
    }
}
