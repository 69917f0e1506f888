//! The language of a column's display format: the part of Excel's number formats
//! (ECMA-376 Part 1 §18.8.31) that reads the same in every locale.
//!
//! ```text
//! format   = section *3( ";" section )            at most 255 characters
//! section  = *( bracket / token )
//! bracket  = "[" ( colour / condition / elapsed / "$" … ) "]"
//! token    = "0" "#" "?" "." "," "%" "/" "E+" "E-" "@" "General"   numbers, text
//!          / y m d h s in runs of at most 5, "AM/PM", "A/P"        dates, any case
//!          / space - + ( ) : $ ¥ € £ and any other non-ASCII       as they stand
//!          / "\" c  "_" c  "*" c  quoted text                      literals, padding, fill
//! ```

use super::DataType;
use crate::error::{Error, Result};

const MAX_CHARS: usize = 255;
const MAX_SECTIONS: usize = 4;
const MAX_DATE_RUN: usize = 5;
const EXPECTED: &str = "a display format like 0.00, #,##0 or yyyy-mm-dd hh:mm:ss";
const COLOURS: [&str; 8] = ["black", "blue", "cyan", "green", "magenta", "red", "white", "yellow"];

/// Refuses what Excel would call a damaged file, and a DATE column that would show bare numbers.
pub(super) fn check(field: &str, format: &str, data_type: DataType) -> Result<()> {
    if format.is_empty() {
        return Ok(());
    }
    if format.chars().count() > MAX_CHARS {
        return Err(Error::metadata(field, "at most 255 characters", format));
    }
    let Some(has_date_code) = scan(format) else {
        return Err(Error::metadata(field, EXPECTED, format));
    };
    if data_type == DataType::Date && !has_date_code {
        return Err(Error::metadata(field, "a date format for a DATE column", format));
    }
    Ok(())
}

/// Whether the format has a date or time code; `None` = not of the language.
fn scan(format: &str) -> Option<bool> {
    let mut rest = format;
    let mut sections = 1;
    let mut has_date_code = false;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            ';' => {
                sections += 1;
                &rest[1..]
            }
            '[' => {
                let (inside, after) = rest[1..].split_once(']')?;
                has_date_code |= bracket(inside)?;
                after
            }
            '"' => rest[1..].split_once('"')?.1,
            '\\' | '_' | '*' => skip_char(&rest[1..])?,
            _ => {
                let (length, is_date_code) = token(rest)?;
                has_date_code |= is_date_code;
                &rest[length..]
            }
        };
    }
    (sections <= MAX_SECTIONS).then_some(has_date_code)
}

fn skip_char(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next()?;
    Some(chars.as_str())
}

/// Bytes of the token at the start of `text`, and whether it is a date or time code.
fn token(text: &str) -> Option<(usize, bool)> {
    for (word, is_date_code) in [("general", false), ("am/pm", true), ("a/p", true)] {
        if text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
            return Some((word.len(), is_date_code));
        }
    }
    let first = text.chars().next()?;
    match first {
        'E' | 'e' => matches!(text.as_bytes().get(1), Some(b'+' | b'-')).then_some((2, false)),
        'y' | 'm' | 'd' | 'h' | 's' | 'Y' | 'M' | 'D' | 'H' | 'S' => {
            let run = text.chars().take_while(|c| c.eq_ignore_ascii_case(&first)).count();
            (run <= MAX_DATE_RUN).then_some((run, true))
        }
        '0' | '#' | '?' | '.' | ',' | '%' | '/' | '@' | ' ' | '-' | '+' | '(' | ')' | ':'
        | '$' => Some((1, false)),
        c if !c.is_ascii() && !c.is_control() => Some((c.len_utf8(), false)),
        _ => None,
    }
}

/// Whether what stands in brackets is an elapsed time; `None` = not of the language.
fn bracket(inside: &str) -> Option<bool> {
    let lower = inside.to_ascii_lowercase();
    let is_elapsed = ["h", "m", "s"]
        .iter()
        .any(|code| (1..=2).contains(&lower.len()) && lower.chars().all(|c| code.starts_with(c)));
    let is_colour = COLOURS.contains(&lower.as_str())
        || lower
            .strip_prefix("color")
            .and_then(|n| n.parse().ok())
            .is_some_and(|n: u8| (1..=56).contains(&n));
    let is_currency_or_locale = lower.len() > 1 && lower.starts_with('$');
    (is_elapsed || is_colour || is_currency_or_locale || is_condition(&lower))
        .then_some(is_elapsed)
}

/// `>=100`, `<0`, `=1`, `<>2.5`.
fn is_condition(text: &str) -> bool {
    ["<=", ">=", "<>", "<", ">", "="]
        .iter()
        .find_map(|operator| text.strip_prefix(operator))
        .is_some_and(|number| crate::cell::number::is_plain(number.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_in_common_use_are_taken() {
        for format in [
            "0",
            "0.00",
            "#,##0.00;[Red]-#,##0.00",
            "0%",
            "0.00E+00",
            "General",
            "@",
            "\"¥\"#,##0.00_ ;\\-0",
            "[$€-407] #,##0",
            "# ?/?",
            "[>=100]0;[<0]-0;0",
            "¥#,##0",
        ] {
            assert!(check("f", format, DataType::Number).is_ok(), "{format}");
        }
        for format in [
            "yyyy-mm-dd",
            "yyyy/m/d h:mm AM/PM",
            "dd.mm.yyyy",
            "[hh]:mm:ss",
            "hh:mm:ss.000",
            "yyyy\"年\"m\"月\"d\"日\"",
            "yyyy年m月d日",
            "mmm d, yyyy",
        ] {
            assert!(check("f", format, DataType::Date).is_ok(), "{format}");
        }
    }

    #[test]
    fn formats_outside_the_language_are_refused() {
        for format in [
            "0.00\"open",
            "[red",
            "0;0;0;0;0",
            "abc",
            "0\\",
            "[purple]0",
            "0\n0",
            "E0",
            "mmmmmm",
            "[color57]0",
            "[>x]0",
            "<0",
            &"0".repeat(256),
        ] {
            assert!(check("f", format, DataType::Number).is_err(), "{format:?}");
        }
    }

    #[test]
    fn a_date_column_needs_a_date_code() {
        assert!(check("f", "0.00", DataType::Date).is_err());
        assert!(check("f", "", DataType::Date).is_ok());
    }
}
