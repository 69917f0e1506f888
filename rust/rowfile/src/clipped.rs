//! Pieces of what a client sent, short enough for messages and logs.

use std::fmt;

/// The most characters of a client's value that an error repeats.
pub const CLIPPED_CHARS: usize = 40;

/// A piece of what a client sent, short enough to be shown: at most [`CLIPPED_CHARS`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clipped(Box<str>);

impl Clipped {
    /// Clips `bytes`; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        // Four bytes a character are the most UTF-8 has: never decode a 16 MiB cell to show it.
        let head = &bytes[..bytes.len().min(CLIPPED_CHARS * 4 + 4)];
        Self::text(&String::from_utf8_lossy(head))
    }

    /// Clips `text`; a cut text ends in an ellipsis.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.chars().nth(CLIPPED_CHARS).is_none() {
            return Self(text.into());
        }
        let kept: String = text.chars().take(CLIPPED_CHARS - 1).collect();
        Self(format!("{kept}…").into())
    }
}

impl fmt::Display for Clipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
