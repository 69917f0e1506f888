//! CRC-64/XZ, by which object storages tell what they received.

use crc_fast::{CrcAlgorithm, Digest};

/// A CRC-64/XZ in progress: polynomial 0x42f0e1eba9ea3693, reflected, all bits inverted (ECMA-182's
/// polynomial, as the XZ format has it; what OSS calls `x-oss-hash-crc64ecma`).
#[derive(Clone, Copy, Debug)]
pub struct Crc64(Digest);

impl Crc64 {
    /// Takes `bytes` in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of what was taken in so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Xz))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crc64(bytes: &[u8]) -> u64 {
        let mut checksum = Crc64::default();
        checksum.update(bytes);
        checksum.value()
    }

    /// Bit by bit, as the definition has it.
    fn crc64_by_definition(bytes: &[u8]) -> u64 {
        let reflected = 0x42f0_e1eb_a9ea_3693_u64.reverse_bits();
        !bytes.iter().fold(!0, |checksum, byte| {
            (0..8).fold(checksum ^ u64::from(*byte), |rest, _| {
                if rest & 1 == 1 { rest >> 1 ^ reflected } else { rest >> 1 }
            })
        })
    }

    #[test]
    fn the_check_value_is_that_of_the_catalogue() {
        // The CRC RevEng catalogue's entry "CRC-64/XZ".
        assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
        assert_eq!(crc64(b""), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_have_the_checksum_of_the_definition(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000), cut in any::<prop::sample::Index>(),
        ) {
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut checksum = Crc64::default();
            checksum.update(head);
            checksum.update(tail);
            prop_assert_eq!(checksum.value(), crc64_by_definition(&bytes));
        }
    }
}
