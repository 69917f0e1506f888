//! Sheet names as Excel takes them.

use crate::error::{Error, Result};

/// Excel: the longest sheet name, in UTF-16 units.
const MAX_UNITS: usize = 31;
const FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];

pub(super) fn check(name: &str) -> Result<()> {
    let refuse = |expected| Err(Error::metadata("options.excel_sheet_name", expected, name));
    if !(1..=MAX_UNITS).contains(&units(name)) {
        return refuse("1 to 31 UTF-16 units");
    }
    if name.contains(|c: char| FORBIDDEN.contains(&c) || c.is_control() || is_noncharacter(c)) {
        return refuse("free of [ ] : * ? / \\ and control characters");
    }
    if name.starts_with('\'') || name.ends_with('\'') {
        return refuse("without an apostrophe at its ends");
    }
    // Excel keeps this name for change tracking, in any case.
    if name.eq_ignore_ascii_case("history") {
        return refuse("another name than the reserved History");
    }
    Ok(())
}

/// Name of the `number`th sheet of one table: "Name", "Name (2)", …; the base is cut to fit.
pub(crate) fn numbered_sheet_name(base: &str, number: usize) -> String {
    if number < 2 {
        return base.to_owned();
    }
    let suffix = format!(" ({number})");
    let mut kept = base;
    while units(kept) + suffix.len() > MAX_UNITS {
        let mut chars = kept.chars();
        chars.next_back();
        kept = chars.as_str();
    }
    format!("{kept}{suffix}")
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// XML 1.0 §2.2 has no way to write these two.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_break_excels_rules_are_refused() {
        for bad in ["", "a/b", "a[1]", "'a", "a'", "History", "hISTORY", "a\nb", &"x".repeat(32)] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for good in ["Sheet1", "订单", "it's", &"x".repeat(31)] {
            assert!(check(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_numbered_name_fits_31_units() {
        assert_eq!(numbered_sheet_name("Orders", 1), "Orders");
        assert_eq!(numbered_sheet_name("Orders", 12), "Orders (12)");
        let long = "😀".repeat(15);
        let numbered = numbered_sheet_name(&long, 2);
        assert!(check(&numbered).is_ok(), "{numbered}");
        assert!(numbered.ends_with(" (2)"));
    }
}
