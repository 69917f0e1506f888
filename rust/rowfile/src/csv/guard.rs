//! Text that a spreadsheet would run as a formula (OWASP, "CSV Injection").

use crate::cell::number::is_literal;

/// Whether `text` starts like a formula and is no number: -5, +1.5e3, -1,234.50 and -3% are left
/// alone. They are made of digits and signs only, so that nothing can be run in them.
pub(crate) fn is_formula(text: &[u8], decimal_comma: bool) -> bool {
    let starts_like_formula = match text {
        [b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n', ..] => true,
        // Full-width ＝ ＋ － ＠, which East Asian spreadsheets read as the ASCII ones.
        [0xef, 0xbc, last, ..] => matches!(last, 0x9d | 0x8b | 0x8d | 0xa0),
        _ => false,
    };
    starts_like_formula && !is_number(text, decimal_comma)
}

fn is_number(text: &[u8], decimal_comma: bool) -> bool {
    let number = text.strip_suffix(b"%").unwrap_or(text);
    is_literal(number, decimal_comma) || is_grouped(number, decimal_comma)
}

/// Whether `text` is `[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?`, with comma and point changed over
/// on request.
fn is_grouped(text: &[u8], decimal_comma: bool) -> bool {
    let (group_mark, point) = if decimal_comma { (b'.', b',') } else { (b',', b'.') };
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let whole_end = unsigned.iter().position(|&b| b == point).unwrap_or(unsigned.len());
    let (whole, fraction) = unsigned.split_at(whole_end);
    let mut groups = whole.split(|&b| b == group_mark);
    let has_first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    has_first
        && groups.all(|group| group.len() == 3)
        && whole.iter().all(|&b| b.is_ascii_digit() || b == group_mark)
        && fraction.iter().skip(1).all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_found_and_numbers_left_alone() {
        for text in [
            "=1+1",
            "+A1",
            "-A1",
            "@SUM(A1)",
            "\t=1",
            "\r",
            "\n",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "-",
            "+",
            "-1,5",
            "-1,23,456",
            "-,123",
            "-1234,567",
            "-1.234,5",
            "-1-1",
            "-5%%",
            "-%",
            "-1,234.5.6",
        ] {
            assert!(is_formula(text.as_bytes(), false), "{text}");
        }
        for text in [
            "",
            "a=1",
            "-5",
            "+5",
            "-1.5e3",
            "中",
            " =1",
            "-1,234",
            "-1,234.50",
            "+1,234,567",
            "-3%",
            "-1,234%",
            "+8613800138000",
        ] {
            assert!(!is_formula(text.as_bytes(), false), "{text}");
        }
        for text in ["-1,5", "-1.234,50", "-1.234.567"] {
            assert!(!is_formula(text.as_bytes(), true), "{text}");
        }
        assert!(is_formula(b"-1,234.5", true));
    }
}
