//! Finds a batch's frame by its number without remembering every frame.

/// Bounds the index at 32 KiB a log.
const MAX_ENTRIES: usize = 4096;

/// Offsets of batches 1, 1 + stride, 1 + 2·stride, …; the stride doubles when the index is full.
#[derive(Debug)]
pub(super) struct SequenceIndex {
    offsets: Vec<u64>,
    stride: u64,
    /// The last place looked up: a client that sends again does so in order.
    cursor: Place,
}

/// A batch's number and the offset of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) offset: u64,
}

impl SequenceIndex {
    pub(super) fn new() -> Self {
        Self { offsets: Vec::new(), stride: 1, cursor: Place { sequence: 0, offset: 0 } }
    }

    /// Takes the next batch; batches are noted in order, from 1.
    pub(super) fn note(&mut self, place: Place) {
        if !(place.sequence - 1).is_multiple_of(self.stride) {
            return;
        }
        if self.offsets.len() == MAX_ENTRIES {
            let mut is_kept = false;
            self.offsets.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.stride *= 2;
            if !(place.sequence - 1).is_multiple_of(self.stride) {
                return;
            }
        }
        self.offsets.push(place.offset);
    }

    /// The nearest known place at or before the batch `sequence`.
    pub(super) fn nearest(&self, sequence: u64) -> Option<Place> {
        let entry = usize::try_from((sequence - 1) / self.stride).ok()?;
        let entry = entry.min(self.offsets.len().checked_sub(1)?);
        let known =
            Place { sequence: 1 + entry as u64 * self.stride, offset: self.offsets[entry] };
        let is_cursor_nearer =
            self.cursor.sequence > known.sequence && self.cursor.sequence <= sequence;
        Some(if is_cursor_nearer { self.cursor } else { known })
    }

    /// Remembers where a look-up ended.
    pub(super) fn remember(&mut self, place: Place) {
        self.cursor = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_batch_of_a_long_log_is_near_a_known_place() {
        let mut index = SequenceIndex::new();
        let last = 1_000_000;
        for sequence in 1..=last {
            index.note(Place { sequence, offset: sequence * 100 });
        }
        assert!(index.offsets.len() <= MAX_ENTRIES);
        for sequence in (1..=last).step_by(777) {
            let place = index.nearest(sequence).unwrap();
            assert_eq!(place.offset, place.sequence * 100);
            assert!(place.sequence <= sequence && sequence - place.sequence < index.stride);
        }
        assert!(index.stride <= 512);
    }

    #[test]
    fn the_next_batch_after_a_look_up_is_one_step_away() {
        let mut index = SequenceIndex::new();
        (1..=100_000).for_each(|sequence| index.note(Place { sequence, offset: sequence }));
        index.remember(Place { sequence: 555, offset: 555 });
        assert_eq!(index.nearest(556), Some(Place { sequence: 555, offset: 555 }));
        assert!(index.nearest(554).unwrap().sequence <= 554);
    }
}
