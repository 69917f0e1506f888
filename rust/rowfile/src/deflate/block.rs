//! A block of bytes with the matches found in it becomes one deflate block of dynamic codes.

use super::bits::{BitWriter, MAX_PENDING_BITS, SLACK_BYTES};
use super::code_lengths::CodeLengths;
use super::huffman::{self, Code};
use super::section::Section;
use super::symbols::{
    DISTANCE_SYMBOLS, END_OF_BLOCK, LITERAL_SYMBOLS, MAX_LENGTH, distance_range, distance_symbol,
    length_range, length_symbol,
};

/// The farthest a match may reach back.
pub(crate) const WINDOW: usize = 32_768;
/// The longest match.
pub(crate) const MAX_MATCH: usize = MAX_LENGTH;
/// The shortest match.
pub(crate) const MIN_MATCH: usize = 3;

/// A repetition: after `literals` bytes that are sent as they are, `length` bytes follow that
/// also stand `distance` bytes before. What follows the last match is sent as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) literals: u32,
    /// [`MIN_MATCH`] to [`MAX_MATCH`].
    pub(crate) length: u16,
    /// 1 to [`WINDOW`], and never before the block.
    pub(crate) distance: u16,
}

/// Four literals are put between two flushes.
const MAX_CODE_BITS: usize = MAX_PENDING_BITS as usize / 4;
/// Block header: final or not, and its kind.
const HEADER_BITS: u32 = 3;
const STORED: u64 = 0;
const DYNAMIC: u64 = 2 << 1;
/// The empty stored block that ends the section at a whole byte.
const ALIGNMENT: [u8; 4] = [0, 0, 0xff, 0xff];
const STORED_HEADER_BYTES: usize = 5;
const MAX_STORED_BYTES: usize = 65_535;

/// Compresses `block` into `out`, which is emptied first.
///
/// Never more than [`max_deflated_bytes`]: bytes that codes don't shorten are stored.
pub(crate) fn encode<'a>(block: &[u8], matches: &[Match], out: &'a mut Vec<u8>) -> Section<'a> {
    out.clear();
    let codes = BlockCodes::new(&Histogram::of(block, matches));
    let deflated_bytes = codes.deflated_bytes();
    if deflated_bytes < max_deflated_bytes(block.len()) {
        out.resize(deflated_bytes + SLACK_BYTES, 0);
        let written = codes.write(block, matches, out);
        debug_assert_eq!(written, deflated_bytes);
        out.truncate(written);
    } else {
        store(block, out);
    }
    Section { deflated: out, input_bytes: block.len() as u64, crc: crc32fast::hash(block) }
}

/// The most bytes [`encode`] makes of a block: five more for each started 65,535.
pub(crate) fn max_deflated_bytes(block_bytes: usize) -> usize {
    block_bytes + block_bytes.div_ceil(MAX_STORED_BYTES) * STORED_HEADER_BYTES
}

fn store(block: &[u8], out: &mut Vec<u8>) {
    for chunk in block.chunks(MAX_STORED_BYTES) {
        let length = chunk.len() as u16;
        out.push(STORED as u8);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(chunk);
    }
}

/// How often each symbol occurs.
struct Histogram {
    literals: [u32; LITERAL_SYMBOLS],
    distances: [u32; DISTANCE_SYMBOLS],
}

impl Histogram {
    fn of(block: &[u8], matches: &[Match]) -> Self {
        let mut literals = [0; LITERAL_SYMBOLS];
        // As many as distance_symbol masks to, which spares bounds checks.
        let mut all_distances = [0; 32];
        // Counted in one go: runs are short, and a loop over each mispredicts its end.
        let mut bytes = Vec::with_capacity(block.len() / 4);
        let mut position = 0;
        for found in matches {
            let run = &block[position..];
            let end = position + found.literals as usize;
            append_run(run, found.literals as usize, &mut bytes);
            literals[length_symbol(found.length.into())] += 1;
            all_distances[distance_symbol(found.distance.into())] += 1;
            position = end + usize::from(found.length);
        }
        bytes.extend_from_slice(&block[position..]);
        count(&bytes, &mut literals);
        literals[END_OF_BLOCK] = 1;
        let mut distances = [0; DISTANCE_SYMBOLS];
        distances.copy_from_slice(&all_distances[..DISTANCE_SYMBOLS]);
        Self { literals, distances }
    }
}

/// Appends the first `length` bytes of `run`; what follows them may be read.
#[inline]
fn append_run(run: &[u8], length: usize, out: &mut Vec<u8>) {
    const PIECE: usize = 16;
    match run.first_chunk::<PIECE>() {
        Some(piece) if length <= PIECE => {
            let end = out.len() + length;
            out.extend_from_slice(piece);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&run[..length]),
    }
}

fn count(bytes: &[u8], counts: &mut [u32; LITERAL_SYMBOLS]) {
    // Equal bytes side by side count in different tables, or each would wait for the last.
    let mut tables = [[0; 256]; 4];
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        for (table, &byte) in tables.iter_mut().zip(four) {
            table[usize::from(byte)] += 1;
        }
    }
    for &byte in rest {
        tables[0][usize::from(byte)] += 1;
    }
    for table in &tables {
        for (sum, count) in counts.iter_mut().zip(table) {
            *sum += count;
        }
    }
}

/// The codes of one block.
struct BlockCodes {
    literals: [Code; LITERAL_SYMBOLS],
    distances: [Code; DISTANCE_SYMBOLS],
    header: CodeLengths,
    /// All bits before those that fill up the last byte.
    bits: u64,
}

impl BlockCodes {
    fn new(histogram: &Histogram) -> Self {
        let literals = huffman::code_lengths(&histogram.literals, MAX_CODE_BITS);
        let mut distances = huffman::code_lengths(&histogram.distances, MAX_CODE_BITS);
        if distances == [0; DISTANCE_SYMBOLS] {
            // One distance code of one bit, never used, is what every inflater takes.
            distances[0] = 1;
        }
        let header = CodeLengths::new(&literals, &distances);
        let body = body_bits(histogram, &literals, &distances);
        let bits = u64::from(HEADER_BITS) + header.bits() + body + u64::from(HEADER_BITS);
        let (literals, distances) = (huffman::codes(&literals), huffman::codes(&distances));
        Self { literals, distances, header, bits }
    }

    fn deflated_bytes(&self) -> usize {
        self.bits.div_ceil(8) as usize + ALIGNMENT.len()
    }

    fn write(&self, block: &[u8], matches: &[Match], out: &mut [u8]) -> usize {
        let mut writer = BitWriter::new(out);
        writer.put(DYNAMIC, HEADER_BITS);
        self.header.write(&mut writer);
        let tables = Tables::new(self);
        let mut position = 0;
        for found in matches {
            let end = position + found.literals as usize;
            tables.put_run(&block[position..], found.literals as usize, &mut writer);
            tables.put_match(*found, &mut writer);
            position = end + usize::from(found.length);
        }
        tables.put_literals(&block[position..], &mut writer);
        let end_of_block = self.literals[END_OF_BLOCK];
        writer.put(end_of_block.bits.into(), end_of_block.length.into());
        writer.put(STORED, HEADER_BITS);
        let aligned = writer.finish();
        let end = aligned + ALIGNMENT.len();
        out[aligned..end].copy_from_slice(&ALIGNMENT);
        end
    }
}

fn body_bits(
    histogram: &Histogram,
    literals: &[u8; LITERAL_SYMBOLS],
    distances: &[u8; DISTANCE_SYMBOLS],
) -> u64 {
    let total = |counts: &[u32], lengths: &[u8]| -> u64 {
        counts.iter().zip(lengths).map(|(&n, &bits)| u64::from(n) * u64::from(bits)).sum()
    };
    let extra = |counts: &[u32], first: usize, range: fn(usize) -> (u32, u32)| -> u64 {
        let counted = counts.iter().enumerate().skip(first);
        counted.map(|(symbol, &n)| u64::from(n) * u64::from(range(symbol).1)).sum()
    };
    total(&histogram.literals, literals)
        + extra(&histogram.literals, END_OF_BLOCK + 1, length_range)
        + total(&histogram.distances, distances)
        + extra(&histogram.distances, 0, distance_range)
}

/// The codes by what they stand for.
struct Tables {
    literals: [Code; 256],
    /// By length: the symbol's code with the extra bits after it.
    lengths: [LengthCode; MAX_LENGTH + 1],
    /// By symbol; as many as [`distance_symbol`] masks to, which spares bounds checks.
    distances: [DistanceCode; 32],
}

#[derive(Clone, Copy, Default)]
struct LengthCode {
    bits: u32,
    count: u32,
}

#[derive(Clone, Copy, Default)]
struct DistanceCode {
    code: Code,
    base: u32,
    /// Of the code and the extra bits.
    count: u32,
}

impl Tables {
    fn new(codes: &BlockCodes) -> Self {
        let mut tables = Self {
            literals: [Code::default(); 256],
            lengths: [LengthCode::default(); MAX_LENGTH + 1],
            distances: [DistanceCode::default(); 32],
        };
        tables.literals.copy_from_slice(&codes.literals[..256]);
        for length in MIN_MATCH..=MAX_LENGTH {
            let symbol = length_symbol(length);
            let (base, extra_bits) = length_range(symbol);
            let code = codes.literals[symbol];
            let extra = (length as u32 - base) << code.length;
            tables.lengths[length] = LengthCode {
                bits: u32::from(code.bits) | extra,
                count: u32::from(code.length) + extra_bits,
            };
        }
        for (symbol, &code) in codes.distances.iter().enumerate() {
            let (base, extra_bits) = distance_range(symbol);
            let count = u32::from(code.length) + extra_bits;
            tables.distances[symbol] = DistanceCode { code, base, count };
        }
        tables
    }

    /// The first `length` bytes of `run`, which a match follows.
    #[expect(clippy::inline_always, reason = "the writer's state must stay in registers")]
    #[inline(always)]
    fn put_run(&self, run: &[u8], length: usize, writer: &mut BitWriter<'_>) {
        let whole = length & !3;
        if length == 0 {
            return;
        }
        for four in run[..whole].as_chunks::<4>().0 {
            for &byte in four {
                self.put_literal(byte, writer);
            }
            writer.flush();
        }
        for &byte in &run[whole..length] {
            self.put_literal(byte, writer);
        }
    }

    fn put_literals(&self, literals: &[u8], writer: &mut BitWriter<'_>) {
        let (fours, rest) = literals.as_chunks::<4>();
        for four in fours {
            for &byte in four {
                self.put_literal(byte, writer);
            }
            writer.flush();
        }
        for &byte in rest {
            self.put_literal(byte, writer);
        }
        writer.flush();
    }

    #[inline]
    fn put_literal(&self, byte: u8, writer: &mut BitWriter<'_>) {
        let code = self.literals[usize::from(byte)];
        writer.put(code.bits.into(), code.length.into());
    }

    #[inline]
    fn put_match(&self, found: Match, writer: &mut BitWriter<'_>) {
        writer.flush();
        let length = self.lengths[usize::from(found.length)];
        writer.put(length.bits.into(), length.count);
        let distance = u32::from(found.distance);
        let DistanceCode { code, base, count } = self.distances[distance_symbol(distance)];
        let extra = u64::from(distance - base) << (code.length & 63);
        writer.put(u64::from(code.bits) | extra, count);
        writer.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The section as the only one of a stream, read by another implementation.
    fn inflate(section: &Section<'_>) -> Vec<u8> {
        let ended = [section.deflated, &[3, 0]].concat();
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(&ended[..]).read_to_end(&mut out).unwrap();
        out
    }

    /// Every repetition, found the slow way.
    fn all_matches(block: &[u8]) -> Vec<Match> {
        let mut matches = Vec::new();
        let (mut position, mut literals) = (0, 0);
        while position < block.len() {
            let longest = (position.saturating_sub(WINDOW)..position)
                .map(|start| {
                    let pairs = block[start..].iter().zip(&block[position..]);
                    let length = pairs.take(MAX_MATCH).take_while(|(a, b)| a == b).count();
                    (length, position - start)
                })
                .max();
            if let Some((length @ MIN_MATCH.., distance)) = longest {
                let (match_length, distance) = (length as u16, distance as u16);
                matches.push(Match { literals, length: match_length, distance });
                (position, literals) = (position + length, 0);
            } else {
                (position, literals) = (position + 1, literals + 1);
            }
        }
        matches
    }

    proptest! {
        #[test]
        fn blocks_come_back_and_keep_the_bound(
            block in prop_oneof![vec(any::<u8>(), 0..600), vec(0..3_u8, 0..600)],
        ) {
            let mut out = Vec::new();
            for matches in [all_matches(&block), Vec::new()] {
                let section = encode(&block, &matches, &mut out);
                prop_assert!(section.deflated.len() <= max_deflated_bytes(block.len()));
                prop_assert_eq!(inflate(&section), &block[..]);
                prop_assert_eq!(section.crc, crc32fast::hash(&block));
                prop_assert_eq!(section.input_bytes, block.len() as u64);
            }
        }
    }

    #[test]
    fn bytes_without_order_are_stored() {
        let mut state = 1_u64;
        let block: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(200_000)
        .collect();
        let mut out = Vec::new();
        let section = encode(&block, &[], &mut out);
        assert_eq!(section.deflated.len(), max_deflated_bytes(block.len()));
        assert_eq!(inflate(&section), block);
    }

    #[test]
    fn every_length_and_every_distance_symbol_comes_back() {
        let mut block = b"abc".repeat(20_000);
        let mut matches = Vec::new();
        let mut covered = WINDOW;
        let mut literals = WINDOW as u32;
        for length in MIN_MATCH..=MAX_MATCH {
            let distance = ((length * 126) / 3 * 3).clamp(3, WINDOW / 3 * 3);
            matches.push(Match { literals, length: length as u16, distance: distance as u16 });
            (covered, literals) = (covered + length, 0);
        }
        block.truncate(covered.max(WINDOW) + 7);
        block.extend(b"abc".repeat(10_000).iter().take(covered.saturating_sub(block.len()) + 7));
        let mut out = Vec::new();
        let section = encode(&block, &matches, &mut out);
        assert_eq!(inflate(&section), block);
    }
}
