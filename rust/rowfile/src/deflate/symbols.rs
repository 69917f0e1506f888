//! Symbols of match lengths and distances (RFC 1951 §3.2.5).

/// Literals, the end of the block, lengths.
pub(super) const LITERAL_SYMBOLS: usize = 286;
pub(super) const END_OF_BLOCK: usize = 256;
const FIRST_LENGTH_SYMBOL: usize = 257;
pub(super) const DISTANCE_SYMBOLS: usize = 30;

pub(super) const MAX_LENGTH: usize = 258;

/// The shortest length of each symbol from [`FIRST_LENGTH_SYMBOL`] on.
const LENGTH_BASES: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
];
const LENGTH_EXTRA_BITS: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// Symbol of a length, less [`FIRST_LENGTH_SYMBOL`], by the length.
static LENGTH_INDEX: [u8; MAX_LENGTH + 1] = length_index();

const fn length_index() -> [u8; MAX_LENGTH + 1] {
    let mut table = [0; MAX_LENGTH + 1];
    let mut length = LENGTH_BASES[0] as usize;
    let mut index = 0;
    while length <= MAX_LENGTH {
        if index as usize + 1 < LENGTH_BASES.len()
            && LENGTH_BASES[index as usize + 1] as usize <= length
        {
            index += 1;
        }
        table[length] = index;
        length += 1;
    }
    table
}

/// The symbol of a match length of 3 to 258.
#[inline]
pub(super) fn length_symbol(length: usize) -> usize {
    FIRST_LENGTH_SYMBOL + usize::from(LENGTH_INDEX[length])
}

/// The shortest length with `symbol`, and how many bits tell the others apart.
pub(super) fn length_range(symbol: usize) -> (u32, u32) {
    let index = symbol - FIRST_LENGTH_SYMBOL;
    (LENGTH_BASES[index].into(), LENGTH_EXTRA_BITS[index].into())
}

/// The symbol of a distance of 1 to 32,768: the place of its highest bit, and the bit after it.
#[inline]
pub(super) fn distance_symbol(distance: u32) -> usize {
    let from_zero = distance.wrapping_sub(1);
    let highest = (from_zero | 1).ilog2();
    let next_bit = from_zero >> highest.saturating_sub(1) & 1;
    // The mask spares bounds checks: no distance of the format has a higher symbol.
    ((2 * highest + next_bit) & 31) as usize
}

/// The shortest distance with `symbol`, and how many bits tell the others apart.
pub(super) fn distance_range(symbol: usize) -> (u32, u32) {
    if symbol < 4 {
        return (symbol as u32 + 1, 0);
    }
    let extra_bits = symbol as u32 / 2 - 1;
    ((2 + (symbol as u32 & 1)) << extra_bits | 1, extra_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_in_the_range_of_its_symbol() {
        for length in 3..=MAX_LENGTH {
            let (base, extra_bits) = length_range(length_symbol(length));
            assert!((length as u32 - base) < 1 << extra_bits, "{length}");
        }
        assert_eq!((length_symbol(3), length_symbol(257), length_symbol(258)), (257, 284, 285));
    }

    #[test]
    fn every_distance_is_in_the_range_of_its_symbol() {
        for distance in 1..=32_768 {
            let (base, extra_bits) = distance_range(distance_symbol(distance));
            assert!(distance >= base && (distance - base) < 1 << extra_bits, "{distance}");
        }
        assert_eq!((distance_symbol(1), distance_symbol(32_768)), (0, 29));
        assert_eq!(distance_range(29), (24_577, 13));
    }
}
