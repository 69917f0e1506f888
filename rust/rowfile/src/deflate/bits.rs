//! Bits of a deflate stream, from the least significant of each byte (RFC 1951 §3.1.1).

/// Bits that may be put between two flushes: what 64 hold beside a started byte.
pub(super) const MAX_PENDING_BITS: u32 = 56;

/// Writes bits over a slice. The slice must have [`SLACK_BYTES`] more than the bits take.
pub(super) struct BitWriter<'a> {
    out: &'a mut [u8],
    /// Whole bytes written.
    position: usize,
    pending: u64,
    pending_bits: u32,
}

/// Eight bytes are stored at once, however few of them are whole.
pub(super) const SLACK_BYTES: usize = 8;

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, position: 0, pending: 0, pending_bits: 0 }
    }

    /// Adds the `count` low bits of `value`, whose others are 0.
    #[inline]
    pub(super) fn put(&mut self, value: u64, count: u32) {
        // The mask spares the check for a shift by 64, which MAX_PENDING_BITS excludes.
        self.pending |= value << (self.pending_bits & 63);
        self.pending_bits += count;
    }

    /// Stores whole bytes; at most seven bits stay.
    #[inline]
    pub(super) fn flush(&mut self) {
        debug_assert!(self.pending_bits <= 63);
        let end = self.position + SLACK_BYTES;
        self.out[self.position..end].copy_from_slice(&self.pending.to_le_bytes());
        let whole_bytes = self.pending_bits >> 3;
        self.position += whole_bytes as usize;
        self.pending >>= (whole_bytes * 8) & 63;
        self.pending_bits &= 7;
    }

    /// Fills up the last byte with zeros; all bytes written.
    pub(super) fn finish(mut self) -> usize {
        self.flush();
        if self.pending_bits > 0 {
            self.pending_bits = 8;
            self.flush();
        }
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_the_low_end() {
        let mut out = [0; 12];
        let mut writer = BitWriter::new(&mut out);
        writer.put(0b101, 3);
        writer.put(0x1ff, 9);
        writer.flush();
        writer.put(1, 1);
        assert_eq!(writer.finish(), 2);
        assert_eq!(out[..2], [0b1111_1101, 0b0001_1111]);
    }
}
