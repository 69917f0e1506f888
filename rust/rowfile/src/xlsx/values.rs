//! Whole values that stood in their column before.

use super::matches::{Place, SLACK_BYTES, eight_bytes};

const SLOT_BITS: u32 = 12;
/// After so many values a column is judged.
const TRIAL_VALUES: u16 = 64;
/// Of those so many must have been there before, or the column is left alone for the block.
const MIN_TRIAL_HITS: u16 = 8;
/// Odd, its bits without order: 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Default for ValueCache {
    fn default() -> Self {
        Self { slots: vec![Place::default(); 1 << SLOT_BITS], columns: Vec::new() }
    }
}

pub(super) struct ValueCache {
    slots: Vec<Place>,
    columns: Vec<Trial>,
}

#[derive(Clone, Copy, Default)]
struct Trial {
    values: u16,
    hits: u16,
    is_off: bool,
}

impl ValueCache {
    /// Forgets all values; those of so many columns follow.
    pub(super) fn restart(&mut self, columns: usize) {
        self.slots.fill(Place::default());
        self.columns.clear();
        self.columns.resize(columns, Trial::default());
    }

    /// How far before the value of at least four bytes the same stands; it is kept for the next.
    #[inline]
    pub(super) fn find(
        &mut self,
        block: &[u8],
        column: usize,
        start: usize,
        end: usize,
    ) -> Option<usize> {
        let trial = &mut self.columns[column];
        if trial.is_off {
            return None;
        }
        let slot = &mut self.slots[slot(block, column, start, end)];
        let latest = std::mem::replace(slot, Place::at(start));
        let found = latest
            .distance_to(start)
            .filter(|distance| block[start - distance..end - distance] == block[start..end]);
        trial.values += 1;
        trial.hits += u16::from(found.is_some());
        if trial.values == TRIAL_VALUES {
            *trial = Trial { is_off: trial.hits < MIN_TRIAL_HITS, ..Trial::default() };
        }
        found
    }
}

/// By the value's first and last eight bytes, its length and its column.
#[inline]
fn slot(block: &[u8], column: usize, start: usize, end: usize) -> usize {
    let length = end - start;
    let first = eight_bytes(block, start);
    let mixed = if length < SLACK_BYTES {
        first & ((1 << (length * 8)) - 1)
    } else {
        first ^ eight_bytes(block, end - SLACK_BYTES).rotate_left(23)
    };
    let key = mixed ^ length as u64 ^ (column as u64) << 40;
    (key.wrapping_mul(MULTIPLIER) >> (64 - SLOT_BITS)) as usize
}
