//! Truth values: true/false, 1/0, t/f, yes/no, y/n in any case.

/// The truth value `text` spells, if it spells one.
pub(crate) fn parse(text: &[u8]) -> Option<bool> {
    match text {
        b"1" => return Some(true),
        b"0" => return Some(false),
        _ => {}
    }
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if ["true", "t", "yes", "y"].into_iter().any(is) {
        Some(true)
    } else if ["false", "f", "no", "n"].into_iter().any(is) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_spellings_are_read_and_nothing_else() {
        for text in ["true", "TRUE", "1", "t", "Yes", "y"] {
            assert_eq!(parse(text.as_bytes()), Some(true), "{text}");
        }
        for text in ["false", "False", "0", "F", "no", "N"] {
            assert_eq!(parse(text.as_bytes()), Some(false), "{text}");
        }
        for text in ["", "2", "on", " true", "01"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
