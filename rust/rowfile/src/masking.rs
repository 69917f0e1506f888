//! Masked payloads of WebSocket frames (RFC 6455 §5.3).

use std::iter;

/// Bytes of a masking key.
pub const MASKING_KEY_BYTES: usize = 4;

/// Writes `masked`, taken with a key that begins at its first byte, without its mask into `plain`.
///
/// As many bytes are written as the shorter of both has. Masking is the same as unmasking.
pub fn unmask(masked: &[u8], key: [u8; MASKING_KEY_BYTES], plain: &mut [u8]) {
    let wide_key =
        u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let mut sources = masked.chunks_exact(8);
    let mut targets = plain.chunks_exact_mut(8);
    for (source, target) in iter::zip(&mut sources, &mut targets) {
        let mut word = [0; 8];
        word.copy_from_slice(source);
        target.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide_key).to_ne_bytes());
    }
    let rest = iter::zip(targets.into_remainder(), sources.remainder());
    for ((target, source), key) in iter::zip(rest, key.iter().cycle()) {
        *target = source ^ key;
    }
}

#[cfg(test)]
mod tests {
    use super::unmask;

    #[test]
    fn every_byte_meets_its_byte_of_the_key() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..70 {
            let masked: Vec<u8> = (0..length).collect();
            let mut plain = vec![0; masked.len()];
            unmask(&masked, key, &mut plain);
            let expected: Vec<u8> =
                masked.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
            assert_eq!(plain, expected);
        }
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        // RFC 6455 §5.7: "Hello"
        let mut plain = [0; 5];
        unmask(&[0x7f, 0x9f, 0x4d, 0x51, 0x58], [0x37, 0xfa, 0x21, 0x3d], &mut plain);
        assert_eq!(&plain, b"Hello");
    }
}
