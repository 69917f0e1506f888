//! Bytes of characters: UTF-8, UTF-16, and the legacy encodings of the WHATWG Encoding Standard.

use encoding_rs::{Encoder, EncoderResult, Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::Result;

/// Stands in for a character the encoding lacks.
const STAND_IN: &str = "?";

/// An encoding that text can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charset {
    encoding: &'static Encoding,
    has_bom: bool,
}

impl Charset {
    /// By WHATWG label, or `utf-8-bom`. UTF-16 always has a byte order mark.
    pub(crate) fn for_label(label: &str) -> Option<Self> {
        if label.eq_ignore_ascii_case("utf-8-bom") {
            return Some(Self { encoding: UTF_8, has_bom: true });
        }
        let encoding = Encoding::for_label(label.as_bytes())?;
        let has_bom = encoding == UTF_16LE || encoding == UTF_16BE;
        // The replacement encoding and x-user-defined are for reading broken pages.
        let is_writable = encoding != REPLACEMENT && encoding != encoding_rs::X_USER_DEFINED;
        is_writable.then_some(Self { encoding, has_bom })
    }

    /// The IANA name, in lower case.
    pub(crate) fn label(self) -> String {
        self.encoding.name().to_ascii_lowercase()
    }

    /// Whether every block of UTF-8 text is already what the file gets.
    pub(crate) fn is_utf8(self) -> bool {
        self.encoding == UTF_8
    }

    /// Whether text can have characters without bytes in this encoding.
    pub(crate) fn is_legacy(self) -> bool {
        self.encoding.output_encoding() == self.encoding && !self.is_utf8()
    }

    /// Whether some character of `text` has no bytes in this encoding.
    pub(crate) fn lacks(self, text: &str) -> bool {
        self.is_legacy() && self.encoding.encode(text).2
    }

    /// What the file begins with.
    pub(crate) fn byte_order_mark(self) -> &'static [u8] {
        match (self.has_bom, self.encoding) {
            (false, _) => b"",
            (true, encoding) if encoding == UTF_16LE => b"\xff\xfe",
            (true, encoding) if encoding == UTF_16BE => b"\xfe\xff",
            (true, _) => b"\xef\xbb\xbf",
        }
    }

    pub(crate) fn transcoder(self) -> Transcoder {
        Transcoder { charset: self, encoder: self.encoding.new_encoder(), out: Vec::new() }
    }
}

/// Turns UTF-8 text into the charset's bytes, block after block.
pub(crate) struct Transcoder {
    charset: Charset,
    /// Keeps the shift state of ISO-2022-JP between blocks.
    encoder: Encoder,
    out: Vec<u8>,
}

impl Transcoder {
    /// The bytes of `text`. Each character that has none is told to `lacking` with its offset in
    /// `text`, then replaced by a question mark.
    pub(crate) fn encode(
        &mut self,
        text: &str,
        lacking: impl FnMut(usize, char) -> Result<()>,
    ) -> Result<&[u8]> {
        self.out.clear();
        if self.charset.is_legacy() {
            self.encode_legacy(text, lacking)?;
        } else if self.charset.encoding == UTF_16BE {
            self.out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        } else {
            self.out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
        Ok(&self.out)
    }

    /// The bytes that end the text.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.out.clear();
        if self.charset.is_legacy() {
            // Nothing is lacking in no text.
            let _ = self.step("", true);
        }
        &self.out
    }

    fn encode_legacy(
        &mut self,
        text: &str,
        mut lacking: impl FnMut(usize, char) -> Result<()>,
    ) -> Result<()> {
        let mut done = 0;
        while done < text.len() {
            let (result, read) = self.step(&text[done..], false);
            done += read;
            if let EncoderResult::Unmappable(character) = result {
                lacking(done - character.len_utf8(), character)?;
                // Every encoding has ASCII.
                let _ = self.step(STAND_IN, false);
            }
        }
        Ok(())
    }

    fn step(&mut self, text: &str, is_last: bool) -> (EncoderResult, usize) {
        let most = self.encoder.max_buffer_length_from_utf8_without_replacement(text.len());
        self.out.reserve(most.unwrap_or(text.len()));
        self.encoder.encode_from_utf8_to_vec_without_replacement(text, &mut self.out, is_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(label: &str, text: &str) -> (Vec<u8>, Vec<(usize, char)>) {
        let mut transcoder = Charset::for_label(label).unwrap().transcoder();
        let mut lacking = Vec::new();
        let mut bytes = Vec::new();
        let note = |offset, character| {
            lacking.push((offset, character));
            Ok(())
        };
        bytes.extend_from_slice(transcoder.encode(text, note).unwrap());
        bytes.extend_from_slice(transcoder.finish());
        (bytes, lacking)
    }

    #[test]
    fn text_comes_back_through_the_encodings_own_decoder() {
        for label in [
            "gb18030",
            "gbk",
            "big5",
            "shift_jis",
            "euc-kr",
            "iso-2022-jp",
            "utf-16le",
            "utf-16be",
        ] {
            let text = if label == "euc-kr" { "값, 한국" } else { "中文, abc" };
            let (bytes, lacking) = encode(label, text);
            let encoding = Encoding::for_label(label.as_bytes()).unwrap();
            let (decoded, had_errors) = encoding.decode_without_bom_handling(&bytes);
            assert!(!had_errors && lacking.is_empty(), "{label}");
            assert_eq!(decoded, text, "{label}");
        }
    }

    #[test]
    fn characters_an_encoding_lacks_become_question_marks() {
        let (bytes, lacking) = encode("windows-1252", "a中b😀");
        assert_eq!(bytes, b"a?b?");
        assert_eq!(lacking, [(1, '中'), (5, '😀')]);
    }

    #[test]
    fn labels_that_cannot_be_written_are_unknown() {
        for label in ["", "utf8-bom", "replacement", "iso-2022-kr", "x-user-defined", "nope"] {
            assert!(Charset::for_label(label).is_none(), "{label}");
        }
        assert_eq!(Charset::for_label("UTF-8-BOM").unwrap().byte_order_mark(), b"\xef\xbb\xbf");
        assert_eq!(Charset::for_label("utf-16").unwrap().byte_order_mark(), b"\xff\xfe");
        assert!(Charset::for_label("shift_jis").unwrap().lacks("a😀"));
    }
}
