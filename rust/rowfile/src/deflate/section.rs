//! Pieces of a deflate stream and what is known of all together.

/// A compressed block: whole bytes, to be put at any byte of a deflate stream but its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub(crate) deflated: &'a [u8],
    /// Bytes it inflates to.
    pub(crate) input_bytes: u64,
    /// CRC-32 of those.
    pub(crate) crc: u32,
}

/// Ends a stream of sections: an empty block of fixed codes (RFC 1951 §3.2.6).
pub(crate) const STREAM_END: [u8; 2] = [3, 0];

/// What ZIP and gzip keep of a stream's input.
#[derive(Debug, Default)]
pub(crate) struct StreamTotals {
    crc: crc32fast::Hasher,
    input_bytes: u64,
}

impl StreamTotals {
    /// Counts the stream's next section.
    pub(crate) fn add(&mut self, section: &Section<'_>) {
        let of_section = crc32fast::Hasher::new_with_initial_len(section.crc, section.input_bytes);
        self.crc.combine(&of_section);
        self.input_bytes += section.input_bytes;
    }

    /// CRC-32 of the input so far.
    pub(crate) fn crc(&self) -> u32 {
        self.crc.clone().finalize()
    }

    /// Bytes of the input so far.
    pub(crate) fn input_bytes(&self) -> u64 {
        self.input_bytes
    }
}
