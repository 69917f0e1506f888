//! The code lengths in front of a block of dynamic codes (RFC 1951 §3.2.7).

use super::bits::BitWriter;
use super::huffman::{self, Code};
use super::symbols::{DISTANCE_SYMBOLS, LITERAL_SYMBOLS};

const SYMBOLS: usize = 19;
const MAX_BITS: usize = 7;
const REPEAT: usize = 16;
const FEW_ZEROS: usize = 17;
const MANY_ZEROS: usize = 18;
/// In this order the lengths of the lengths' own code are sent.
const ORDER: [usize; SYMBOLS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const FIRST_DISTANCE_CODES: usize = 1;
const FIRST_LITERAL_CODES: usize = 257;
const FIRST_ORDERED: usize = 4;

/// Both codes' lengths, ready to be sent.
pub(super) struct CodeLengths {
    steps: [Step; LITERAL_SYMBOLS + DISTANCE_SYMBOLS],
    step_count: usize,
    literal_codes: usize,
    distance_codes: usize,
    ordered: usize,
    codes: [Code; SYMBOLS],
}

/// One symbol of the lengths' code and the bits after it.
#[derive(Clone, Copy, Default)]
struct Step {
    symbol: u8,
    extra: u8,
}

impl CodeLengths {
    pub(super) fn new(
        literals: &[u8; LITERAL_SYMBOLS],
        distances: &[u8; DISTANCE_SYMBOLS],
    ) -> Self {
        let literal_codes = used(literals).max(FIRST_LITERAL_CODES);
        let distance_codes = used(distances).max(FIRST_DISTANCE_CODES);
        let mut all = [0; LITERAL_SYMBOLS + DISTANCE_SYMBOLS];
        all[..literal_codes].copy_from_slice(&literals[..literal_codes]);
        let all = &mut all[..literal_codes + distance_codes];
        all[literal_codes..].copy_from_slice(&distances[..distance_codes]);
        let mut steps = [Step::default(); LITERAL_SYMBOLS + DISTANCE_SYMBOLS];
        let mut step_count = 0;
        let mut rest = &*all;
        while let Some((step, covered)) = first_step(rest, all.len() - rest.len(), all) {
            steps[step_count] = step;
            step_count += 1;
            rest = &rest[covered..];
        }
        let mut counts = [0; SYMBOLS];
        for step in &steps[..step_count] {
            counts[usize::from(step.symbol)] += 1;
        }
        let lengths = huffman::code_lengths(&counts, MAX_BITS);
        let last = ORDER.iter().rposition(|&symbol| lengths[symbol] > 0);
        let ordered = last.map_or(0, |last| last + 1).max(FIRST_ORDERED);
        let codes = huffman::codes(&lengths);
        Self { steps, step_count, literal_codes, distance_codes, ordered, codes }
    }

    /// Bits [`Self::write`] writes.
    pub(super) fn bits(&self) -> u64 {
        let steps = self.steps[..self.step_count].iter();
        let lengths: u32 = steps.map(|step| self.cost(*step)).sum();
        u64::from(lengths) + 14 + 3 * self.ordered as u64
    }

    fn cost(&self, step: Step) -> u32 {
        u32::from(self.codes[usize::from(step.symbol)].length) + extra_bits(step)
    }

    pub(super) fn write(&self, out: &mut BitWriter<'_>) {
        out.put((self.literal_codes - FIRST_LITERAL_CODES) as u64, 5);
        out.put((self.distance_codes - FIRST_DISTANCE_CODES) as u64, 5);
        out.put((self.ordered - FIRST_ORDERED) as u64, 4);
        out.flush();
        for &symbol in &ORDER[..self.ordered] {
            out.put(self.codes[symbol].length.into(), 3);
            out.flush();
        }
        for &step in &self.steps[..self.step_count] {
            let code = self.codes[usize::from(step.symbol)];
            out.put(code.bits.into(), code.length.into());
            out.put(step.extra.into(), extra_bits(step));
            out.flush();
        }
    }
}

/// How many symbols there are up to the last that has a code.
fn used(lengths: &[u8]) -> usize {
    lengths.iter().rposition(|&length| length > 0).map_or(0, |last| last + 1)
}

fn extra_bits(step: Step) -> u32 {
    match usize::from(step.symbol) {
        REPEAT => 2,
        FEW_ZEROS => 3,
        MANY_ZEROS => 7,
        _ => 0,
    }
}

/// How the first of `rest` are sent, and how many of them; `rest` starts at `position` of `all`.
fn first_step(rest: &[u8], position: usize, all: &[u8]) -> Option<(Step, usize)> {
    let &length = rest.first()?;
    let run = rest.iter().take_while(|&&other| other == length).count();
    let step = |symbol: usize, extra: usize| Step { symbol: symbol as u8, extra: extra as u8 };
    let is_repeated = position > 0 && all[position - 1] == length;
    Some(match (length, run) {
        (0, 11..) => (step(MANY_ZEROS, run.min(138) - 11), run.min(138)),
        (0, 3..) => (step(FEW_ZEROS, run - 3), run),
        (1.., 3..) if is_repeated => (step(REPEAT, run.min(6) - 3), run.min(6)),
        _ => (step(length.into(), 0), 1),
    })
}
