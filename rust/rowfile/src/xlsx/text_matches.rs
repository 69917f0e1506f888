//! Repetitions inside texts: a search among the latest places of every six bytes.

#![expect(clippy::cast_possible_truncation, reason = "a text is far shorter than 4 GiB")]

use super::matches::{Found, Place, SLACK_BYTES, common_length, eight_bytes};
use crate::deflate::MAX_MATCH;

const SLOT_BITS: u32 = 13;
/// Bytes that must be equal: with fewer the search finds more than it saves.
const MIN_TEXT_MATCH: usize = 6;
/// Of eight bytes read at once, those beyond [`MIN_TEXT_MATCH`].
const IGNORED_BITS: usize = 8 * (SLACK_BYTES - MIN_TEXT_MATCH);
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// After so many misses each further step is a byte longer: the search is what long texts cost.
const MISSES_A_STEP: usize = 2;
/// After so many texts a column is judged.
const TRIAL_TEXTS: u16 = 32;
/// Half bits that a literal and a match take, roughly.
const LITERAL_HALF_BITS: u64 = 9;
const MATCH_HALF_BITS: u64 = 36;
/// A column whose texts don't get smaller by this part is left alone for the block.
const MIN_GAIN_DIVISOR: u64 = 16;

pub(super) struct TextMatches {
    slots: Vec<Place>,
    columns: Vec<Trial>,
    is_clear: bool,
}

impl Default for TextMatches {
    fn default() -> Self {
        Self { slots: vec![Place::default(); 1 << SLOT_BITS], columns: Vec::new(), is_clear: true }
    }
}

#[derive(Clone, Copy, Default)]
struct Trial {
    texts: u16,
    is_off: bool,
    text_bytes: u32,
    saved_half_bits: u32,
}

impl TextMatches {
    /// Forgets all texts; those of so many columns follow.
    pub(super) fn restart(&mut self, columns: usize) {
        if !self.is_clear {
            self.slots.fill(Place::default());
            self.columns.fill(Trial::default());
            self.is_clear = true;
        }
        self.columns.resize(columns, Trial::default());
    }

    /// Adds the matches between `start` and `end`, part of a text of `column`.
    #[inline]
    pub(super) fn find(
        &mut self,
        block: &[u8],
        column: usize,
        start: usize,
        end: usize,
        found: &mut Found,
    ) {
        if end - start <= MIN_TEXT_MATCH || self.columns[column].is_off {
            return;
        }
        self.is_clear = false;
        let saved_half_bits = self.search(block, start, end, found);
        self.columns[column].judge((end - start) as u32, saved_half_bits as u32);
    }

    /// Half bits saved.
    fn search(&mut self, block: &[u8], start: usize, end: usize, found: &mut Found) -> u64 {
        let (mut position, mut misses, mut saved) = (start, 0, 0);
        while position + MIN_TEXT_MATCH <= end {
            let Some((length, distance)) = self.match_at(block, position, end) else {
                misses += 1;
                position += 1 + misses / MISSES_A_STEP;
                continue;
            };
            found.push(block, position, length, distance);
            saved += length as u64 * LITERAL_HALF_BITS - MATCH_HALF_BITS;
            // What a match begins with has a place already. With its second byte too, a search
            // that comes by steps is likelier to meet one of them.
            self.exchange(eight_bytes(block, position + 1), position + 1);
            position += length;
            misses = 0;
        }
        saved
    }

    #[inline]
    fn match_at(&mut self, block: &[u8], position: usize, end: usize) -> Option<(usize, usize)> {
        let here = eight_bytes(block, position);
        let distance = self.exchange(here, position).distance_to(position)?;
        let difference = here ^ eight_bytes(block, position - distance);
        if difference << IGNORED_BITS != 0 {
            return None;
        }
        let most = (end - position).min(MAX_MATCH);
        let length = match difference.trailing_zeros() as usize / 8 {
            SLACK_BYTES if most > SLACK_BYTES => {
                let (start, most) = (position + SLACK_BYTES, most - SLACK_BYTES);
                SLACK_BYTES + common_length(block, start - distance, start, most)
            }
            length => length.min(most),
        };
        Some((length, distance))
    }

    /// Where bytes like those `here` at `position` last stood, which they now do there.
    #[inline]
    fn exchange(&mut self, here: u64, position: usize) -> Place {
        let key = here << IGNORED_BITS;
        let slot = (key.wrapping_mul(MULTIPLIER) >> (64 - SLOT_BITS)) as usize;
        std::mem::replace(&mut self.slots[slot], Place::at(position))
    }
}

impl Trial {
    #[inline]
    fn judge(&mut self, text_bytes: u32, saved_half_bits: u32) {
        self.texts += 1;
        self.text_bytes += text_bytes;
        self.saved_half_bits += saved_half_bits;
        if self.texts == TRIAL_TEXTS {
            let gain = u64::from(self.saved_half_bits) * MIN_GAIN_DIVISOR;
            let is_off = gain < u64::from(self.text_bytes) * LITERAL_HALF_BITS;
            *self = Self { is_off, ..Self::default() };
        }
    }
}
