//! Text that a spreadsheet would run as a formula (OWASP, "CSV Injection").

use crate::cell::number::is_literal;

/// Whether `text` starts like a formula and is no number: -5 and +1.5e3 are left alone.
pub(crate) fn is_formula(text: &[u8], decimal_comma: bool) -> bool {
    let starts_like_formula = match text {
        [b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n', ..] => true,
        // Full-width ＝ ＋ － ＠, which East Asian spreadsheets read as the ASCII ones.
        [0xef, 0xbc, last, ..] => matches!(last, 0x9d | 0x8b | 0x8d | 0xa0),
        _ => false,
    };
    starts_like_formula && !is_literal(text, decimal_comma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_found_and_numbers_left_alone() {
        for text in [
            "=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r", "＝1", "＋1", "－1", "＠x", "-",
            "-1,5",
        ] {
            assert!(is_formula(text.as_bytes(), false), "{text}");
        }
        for text in ["", "a=1", "-5", "+5", "-1.5e3", "中", " =1"] {
            assert!(!is_formula(text.as_bytes(), false), "{text}");
        }
        assert!(!is_formula(b"-1,5", true));
    }
}
