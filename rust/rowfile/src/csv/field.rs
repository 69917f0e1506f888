//! One field of RFC 4180: bare or quoted.

use crate::schema::CsvOptions;

/// Appends fields to a block of text.
#[derive(Debug)]
pub(super) struct FieldWriter {
    pub(super) block: Vec<u8>,
    delimiter: Vec<u8>,
    /// First byte of the delimiter: quoting more than needed is allowed.
    delimiter_lead: u8,
    null: Vec<u8>,
    /// Bare, the empty text would be null, or its line would be blank.
    quotes_empty: bool,
}

impl FieldWriter {
    pub(super) fn new(options: &CsvOptions, columns: usize) -> Self {
        let delimiter = options.delimiter.to_string().into_bytes();
        Self {
            block: Vec::new(),
            delimiter_lead: delimiter[0],
            delimiter,
            null: options.null.clone().into_bytes(),
            quotes_empty: options.null.is_empty() || columns == 1,
        }
    }

    #[inline]
    pub(super) fn delimiter(&mut self) {
        if let [byte] = *self.delimiter {
            self.block.push(byte);
        } else {
            self.block.extend_from_slice(&self.delimiter);
        }
    }

    pub(super) fn null(&mut self) {
        self.block.extend_from_slice(&self.null);
    }

    /// Appends `text` so that a reader gets exactly it back, and tells it from null.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) {
        if has_special(text, self.delimiter_lead) || self.looks_null(text) {
            self.quoted(text);
        } else {
            self.block.extend_from_slice(text);
        }
    }

    #[inline]
    fn looks_null(&self, text: &[u8]) -> bool {
        if text.is_empty() { self.quotes_empty } else { text == self.null }
    }

    fn quoted(&mut self, text: &[u8]) {
        self.block.push(b'"');
        let mut start = 0;
        for quote in memchr::memchr_iter(b'"', text) {
            self.block.extend_from_slice(&text[start..=quote]);
            start = quote;
        }
        self.block.extend_from_slice(&text[start..]);
        self.block.push(b'"');
    }
}

/// Bytes looked at together; the compiler makes one vector of them.
const LANES: usize = 16;

/// Whether `text` has a quote, a line break or the delimiter's first byte.
#[inline]
fn has_special(text: &[u8], delimiter_lead: u8) -> bool {
    // Bits without branches: the compiler makes vector code of them.
    let special = |b: u8| {
        u8::from(b == b'"')
            | u8::from(b == b'\r')
            | u8::from(b == b'\n')
            | u8::from(b == delimiter_lead)
    };
    let (chunks, rest) = text.as_chunks::<LANES>();
    let any = |bytes: &[u8; LANES]| bytes.iter().fold(0, |any, &b| any | special(b)) != 0;
    if chunks.iter().any(any) {
        return true;
    }
    match text.last_chunk::<LANES>() {
        // The last chunk overlaps the one before: cheaper than byte by byte.
        Some(last) => !rest.is_empty() && any(last),
        None => rest.iter().any(|&b| special(b) != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn special_bytes_are_found_anywhere(text in proptest::collection::vec(0u8..64, 0..70)) {
            let plain = text.iter().any(|b| b"\"\r\n;".contains(b));
            proptest::prop_assert_eq!(has_special(&text, b';'), plain);
        }
    }
}
