//! Bytes of text looked at sixteen at a time.
//!
//! Vectors are those of the `wide` crate: the compiler finds its own by chance, and never the
//! one that turns lanes into bits, which tells where a byte stands.

use wide::u8x16;

/// Bytes looked at together: what the vectors of every processor hold.
pub(crate) const LANES: usize = 16;

/// Bytes of a text that follow each other.
pub(crate) type Chunk = [u8; LANES];

/// Stands where a text has ended: no byte of UTF-8, and none that anyone looks for.
const PADDING: u8 = 0xff;

/// The bytes of `text` from `offset` on.
#[inline]
pub(crate) fn chunk_at(text: &[u8], offset: usize) -> Chunk {
    match text.get(offset..).and_then(<[u8]>::first_chunk) {
        Some(chunk) => *chunk,
        None => last_chunk(text, offset),
    }
}

#[cold]
fn last_chunk(text: &[u8], offset: usize) -> Chunk {
    let mut chunk = [PADDING; LANES];
    let rest = text.get(offset..).unwrap_or_default();
    chunk[..rest.len()].copy_from_slice(rest);
    chunk
}

/// Where one of `wanted` stands in a chunk: a bit each, the first byte's lowest.
#[inline]
pub(crate) fn any_of<const N: usize>(chunk: Chunk, wanted: [u8; N]) -> u32 {
    let bytes = u8x16::new(chunk);
    let is_equal = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    wanted.into_iter().fold(u8x16::ZERO, |found, byte| found | is_equal(byte)).to_bitmask()
}

/// Where a byte from `first` to `last` stands in a chunk, as bits.
#[inline]
pub(crate) fn between(chunk: Chunk, first: u8, last: u8) -> u32 {
    let from_first = u8x16::new(chunk) - u8x16::splat(first);
    from_first.min(u8x16::splat(last - first)).simd_eq(from_first).to_bitmask()
}

/// The bits of the first `length` lanes, which are at most [`LANES`].
#[inline]
pub(crate) fn first_lanes(length: usize) -> u32 {
    !(u32::MAX << length)
}

/// The first position at or after `from` for which `find` has a bit.
#[inline]
pub(crate) fn position(text: &[u8], from: usize, find: impl Fn(Chunk) -> u32) -> Option<usize> {
    let mut offset = from;
    while offset < text.len() {
        let found = find(chunk_at(text, offset));
        if found != 0 {
            return Some(offset + found.trailing_zeros() as usize);
        }
        offset += LANES;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn bytes_are_found_where_they_stand(
            text in proptest::collection::vec(0u8..64, 0..70),
            from in 0usize..80,
        ) {
            let place = |is_wanted: &dyn Fn(u8) -> bool| {
                let rest = text.get(from..).unwrap_or_default();
                rest.iter().position(|&byte| is_wanted(byte)).map(|place| from + place)
            };
            let found = position(&text, from, |chunk| any_of(chunk, *b"\",\n"));
            proptest::prop_assert_eq!(found, place(&|byte| b"\",\n".contains(&byte)));
            let found = position(&text, from, |chunk| between(chunk, b'0', b'9'));
            proptest::prop_assert_eq!(found, place(&|byte| byte.is_ascii_digit()));
            let found = position(&text, from, |chunk| between(chunk, 0, 0x1f));
            proptest::prop_assert_eq!(found, place(&|byte| byte < 0x20));
        }
    }
}
