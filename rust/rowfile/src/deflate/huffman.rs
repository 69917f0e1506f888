//! Prefix codes of least total length (RFC 1951 §3.2.2).

/// Most symbols of a code here.
const MAX_SYMBOLS: usize = super::symbols::LITERAL_SYMBOLS;
/// Longest code before the limit: Fibonacci weights need one bit a symbol.
const MAX_UNLIMITED_BITS: usize = MAX_SYMBOLS;
/// Longest code of the format.
const MAX_BITS: usize = 15;

/// A symbol's code, its first bit lowest, as deflate sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) bits: u16,
    /// 0 when the symbol has no code.
    pub(super) length: u8,
}

/// Code lengths of at most `max_bits` for symbols that occur so often; 0 for those that don't.
/// A lone symbol gets one bit.
pub(super) fn code_lengths<const N: usize>(counts: &[u32; N], max_bits: usize) -> [u8; N] {
    let mut lengths = [0; N];
    let mut sorted = [0_u64; MAX_SYMBOLS];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        sorted[used] = u64::from(count) << 16 | symbol as u64;
        used += 1;
    }
    let sorted = &mut sorted[..used];
    if let [one] = sorted {
        lengths[symbol_of(*one)] = 1;
        return lengths;
    }
    sorted.sort_unstable();
    let codes_of_length = limited(&tree_depths(sorted), max_bits);
    // The rarest symbols get the longest codes.
    let mut rarest_first = sorted.iter();
    for (length, &codes) in codes_of_length.iter().enumerate().rev() {
        for &entry in rarest_first.by_ref().take(codes as usize) {
            lengths[symbol_of(entry)] = length as u8;
        }
    }
    lengths
}

fn symbol_of(entry: u64) -> usize {
    (entry & 0xffff) as usize
}

/// How many leaves of the Huffman tree are at each depth. `sorted` rises.
///
/// Moffat and Katajainen, "In-place calculation of minimum-redundancy codes" (1995), its first
/// two phases: parents of inner nodes, then their depths.
fn tree_depths(sorted: &[u64]) -> [u32; MAX_UNLIMITED_BITS] {
    let mut leaves_at = [0; MAX_UNLIMITED_BITS];
    if sorted.is_empty() {
        return leaves_at;
    }
    let inner_nodes = sorted.len() - 1;
    let mut weights = [0_u64; MAX_SYMBOLS];
    let mut parents = [0_u16; MAX_SYMBOLS];
    let (mut leaf, mut node) = (0, 0);
    for parent in 0..inner_nodes {
        for _ in 0..2 {
            let is_leaf =
                leaf < sorted.len() && (node >= parent || sorted[leaf] >> 16 <= weights[node]);
            if is_leaf {
                weights[parent] += sorted[leaf] >> 16;
                leaf += 1;
            } else {
                weights[parent] += weights[node];
                parents[node] = parent as u16;
                node += 1;
            }
        }
    }
    let mut depths = [0_u16; MAX_SYMBOLS];
    let mut nodes_at = [0_u32; MAX_UNLIMITED_BITS];
    nodes_at[0] = 1;
    for node in (0..inner_nodes - 1).rev() {
        depths[node] = depths[usize::from(parents[node])] + 1;
        nodes_at[usize::from(depths[node])] += 1;
    }
    // Places a level has that no inner node takes are leaves.
    let mut places = 1;
    for depth in 0..MAX_UNLIMITED_BITS {
        leaves_at[depth] = places - nodes_at[depth];
        places = 2 * nodes_at[depth];
    }
    leaves_at
}

/// Codes of each length when none is longer than `max_bits`: longer ones are cut, and as many
/// shorter ones lengthened as the cut took more than its place (Kraft's inequality).
fn limited(depths: &[u32; MAX_UNLIMITED_BITS], max_bits: usize) -> [u32; MAX_BITS + 1] {
    let mut codes = [0; MAX_BITS + 1];
    codes[..=max_bits].copy_from_slice(&depths[..=max_bits]);
    codes[max_bits] += depths[max_bits + 1..].iter().sum::<u32>();
    let places = 1 << max_bits;
    let mut taken: u32 = (1..=max_bits).map(|length| codes[length] << (max_bits - length)).sum();
    while taken > places {
        // One code of full length moves beside a shorter one that grows by a bit.
        let Some(shorter) = (1..max_bits).rev().find(|&length| codes[length] > 0) else { break };
        codes[max_bits] -= 1;
        codes[shorter] -= 1;
        codes[shorter + 1] += 2;
        taken -= 1;
    }
    codes
}

/// The codes that have these lengths.
pub(super) fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut of_length = [0_u16; MAX_BITS + 1];
    for &length in lengths.iter().filter(|length| **length > 0) {
        of_length[usize::from(length)] += 1;
    }
    let mut next = [0_u16; MAX_BITS + 1];
    for length in 1..=MAX_BITS {
        next[length] = (next[length - 1] + of_length[length - 1]) << 1;
    }
    lengths.map(|length| {
        if length == 0 {
            return Code::default();
        }
        let code = next[usize::from(length)];
        next[usize::from(length)] += 1;
        Code { bits: code.reverse_bits() >> (16 - u32::from(length)), length }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kraft_sum(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|length| **length > 0).map(|length| 1 << (15 - length)).sum()
    }

    fn total_bits<const N: usize>(counts: &[u32; N], lengths: &[u8; N]) -> u64 {
        counts.iter().zip(lengths).map(|(&n, &bits)| u64::from(n) * u64::from(bits)).sum()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 1951 §3.2.2: lengths of A to H and their codes, first bit highest.
        let expected = ["010", "011", "100", "101", "110", "00", "1110", "1111"];
        for (code, text) in codes(&[3, 3, 3, 3, 3, 2, 4, 4]).iter().zip(expected) {
            let sent: String = (0..code.length)
                .map(|bit| char::from(b'0' + (code.bits >> bit & 1) as u8))
                .collect();
            assert_eq!(sent, text);
        }
    }

    #[test]
    fn no_symbol_and_one_symbol_have_codes() {
        assert_eq!(code_lengths(&[0; 30], 15), [0; 30]);
        assert_eq!(code_lengths(&[0, 9, 0], 15), [0, 1, 0]);
        assert_eq!(code_lengths(&[1, 9], 15), [1, 1]);
    }

    #[test]
    fn codes_keep_the_limit_where_the_tree_is_deep() {
        let mut fibonacci = [1_u32; 40];
        for i in 2..40 {
            fibonacci[i] = fibonacci[i - 1] + fibonacci[i - 2];
        }
        for max_bits in [7, 14, 15] {
            let lengths = code_lengths(&fibonacci, max_bits);
            assert!(lengths.iter().all(|&bits| (1..=max_bits).contains(&bits.into())));
            assert_eq!(kraft_sum(&lengths), 1 << 15);
        }
    }

    proptest! {
        #[test]
        fn codes_are_complete_and_within_the_limit(
            counts in proptest::array::uniform32(prop_oneof![Just(0), 1..50_u32, 1..3_000_000_u32]),
            max_bits in 6..=15_usize,
        ) {
            let lengths = code_lengths(&counts, max_bits);
            let used = counts.iter().filter(|count| **count > 0).count();
            prop_assert!(lengths.iter().zip(&counts).all(|(&bits, &count)| (bits > 0) == (count > 0)));
            prop_assert!(lengths.iter().all(|&bits| usize::from(bits) <= max_bits));
            if used > 1 {
                prop_assert_eq!(kraft_sum(&lengths), 1 << 15);
                // No worse than five bits each, and within a bit a symbol of the entropy.
                let total: f64 = counts.iter().map(|&n| f64::from(n)).sum();
                let entropy: f64 = counts.iter().filter(|n| **n > 0)
                    .map(|&n| f64::from(n) * (total / f64::from(n)).log2()).sum();
                if max_bits == 15 {
                    let bits = u32::try_from(total_bits(&counts, &lengths)).unwrap();
                    prop_assert!(f64::from(bits) < entropy + total + 1.0);
                }
            }
        }
    }
}
