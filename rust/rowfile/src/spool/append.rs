//! Takes batches into the log: judged one by one, written together.

use std::io::{self, IoSlice};

use super::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, Numbering};
use super::sequence_index::Place;
use super::{Accepted, SpoolLog, Tail};
use crate::batch::{Message, RowContext};
use crate::error::{Error, Result};
use crate::passing::retrying;

/// Frames of one write: with their headers they stay below what `writev` takes (1,024 slices).
const MAX_FRAMES_A_WRITE: usize = 256;

/// Frames that were judged and are not written yet.
struct Pending<'a> {
    frames: Vec<PendingFrame<'a>>,
    /// The log's tail once they are written.
    tail: Tail,
}

struct PendingFrame<'a> {
    header: [u8; FRAME_HEADER_BYTES],
    payload: [&'a [u8]; 2],
    /// The log's tail once this frame is written.
    tail: Tail,
}

enum Verdict {
    New(FrameHeader),
    Duplicate,
}

impl SpoolLog {
    /// Judges `messages` (`RecordBatch` bytes) in order and writes the good ones in few calls.
    ///
    /// Batches are numbered 1, 2, 3, … by the client, or all 0 and numbered here; the first
    /// settles it. A batch the log has is a duplicate when its content is equal. The first batch
    /// that is refused ends the call; so does a failed write, which is cut at a whole frame.
    pub fn append(&mut self, messages: &[&[u8]]) -> Accepted {
        let before = self.tail;
        let mut duplicates = 0;
        let refused = self.append_all(messages, &mut duplicates).err();
        let appended = self.tail.last_sequence - before.last_sequence;
        Accepted {
            last_sequence: self.tail.last_sequence,
            rows: self.tail.rows,
            payload_bytes: self.tail.payload_bytes,
            batches_appended: usize::try_from(appended).unwrap_or(usize::MAX),
            duplicates,
            refused,
        }
    }

    fn append_all(&mut self, messages: &[&[u8]], duplicates: &mut usize) -> Result<()> {
        self.check_trusted()?;
        let mut pending = Pending { frames: Vec::new(), tail: self.tail };
        for bytes in messages {
            if let Err(refusal) = self.admit(bytes, &mut pending, duplicates) {
                // Batches before the refused one are good: they stay.
                self.write(&mut pending)?;
                return Err(refusal);
            }
            if pending.frames.len() == MAX_FRAMES_A_WRITE {
                self.write(&mut pending)?;
            }
        }
        self.write(&mut pending)
    }

    fn admit<'a>(
        &mut self,
        bytes: &'a [u8],
        pending: &mut Pending<'a>,
        duplicates: &mut usize,
    ) -> Result<()> {
        let message = Message::read(bytes, pending.tail.rows)?;
        let is_known = u64::try_from(message.sequence)
            .is_ok_and(|sequence| (1..=pending.tail.last_sequence).contains(&sequence));
        if is_known {
            // The known batch may still be pending.
            self.write(pending)?;
        }
        match self.judge(&message, pending.tail)? {
            Verdict::Duplicate => *duplicates += 1,
            Verdict::New(header) => pending.push(header, message.without_sequence())?,
        }
        Ok(())
    }

    fn judge(&mut self, message: &Message<'_>, tail: Tail) -> Result<Verdict> {
        let numbering = numbering(message.sequence, tail.numbering)?;
        let next = tail.last_sequence + 1;
        let sequence = match numbering {
            Numbering::Client => message.sequence.unsigned_abs(),
            Numbering::Service => next,
        };
        let payload = message.without_sequence();
        let payload_crc = crc32c::crc32c_append(crc32c::crc32c(payload[0]), payload[1]);
        if sequence < next {
            return self.judge_known(sequence, payload, payload_crc);
        }
        if sequence > next {
            return Err(Error::SequenceGap {
                expected: next.cast_signed(),
                got: message.sequence,
            });
        }
        if tail.ended {
            return Err(Error::RowsEnded { sequence: sequence.cast_signed() });
        }
        let rows = message.check(RowContext { schema: &self.schema, rows_before: tail.rows })?;
        // A message has at most 2^28 bytes and a row has one of them: both counts fit.
        let payload_bytes = u32::try_from(payload[0].len() + payload[1].len()).unwrap_or(u32::MAX);
        let header = FrameHeader {
            kind: FrameKind::Batch(numbering),
            payload_bytes,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            payload_crc,
            sequence,
        };
        if tail.file_bytes + header.frame_bytes() > self.max_file_bytes {
            return Err(Error::LogLimit { limit: self.max_file_bytes });
        }
        Ok(Verdict::New(header))
    }

    fn judge_known(
        &mut self,
        sequence: u64,
        payload: [&[u8]; 2],
        payload_crc: u32,
    ) -> Result<Verdict> {
        let known = self.find(sequence)?;
        let payload_bytes = payload[0].len() + payload[1].len();
        if known.payload_crc == payload_crc && known.payload_bytes as usize == payload_bytes {
            return Ok(Verdict::Duplicate);
        }
        Err(Error::SequenceConflict { sequence: sequence.cast_signed() })
    }

    /// The header of a batch that the log has.
    fn find(&mut self, sequence: u64) -> Result<FrameHeader> {
        let lost = Error::Damaged { what: "the place of a batch" };
        let Some(mut place) = self.index.nearest(sequence) else { return Err(lost) };
        loop {
            let mut bytes = [0; FRAME_HEADER_BYTES];
            let read = self.medium.read_exact_at(&mut bytes, place.offset);
            read.map_err(Error::io("reading the row log"))?;
            let Some(header) = FrameHeader::decode(&bytes) else { return Err(lost) };
            if header.sequence != place.sequence {
                return Err(lost);
            }
            if place.sequence == sequence {
                self.index.remember(place);
                return Ok(header);
            }
            place.sequence += 1;
            place.offset += header.frame_bytes();
        }
    }

    pub(super) fn append_end(&mut self) -> Result<()> {
        let mut pending = Pending { frames: Vec::new(), tail: self.tail };
        let header = FrameHeader {
            kind: FrameKind::End,
            payload_bytes: 0,
            rows: 0,
            payload_crc: 0,
            sequence: self.tail.last_sequence,
        };
        pending.push(header, [&[], &[]])?;
        self.write(&mut pending)
    }

    /// Writes what is pending; on failure the log ends with the last frame that is whole. A
    /// failure that may pass is met with another try, of what is not whole only.
    fn write(&mut self, pending: &mut Pending<'_>) -> Result<()> {
        let result = retrying(|| self.write_once(pending));
        pending.frames.clear();
        pending.tail = self.tail;
        result.map_err(Error::io("writing the row log"))
    }

    /// One try: what is whole leaves the pending, what is not is cut off.
    fn write_once(&mut self, pending: &mut Pending<'_>) -> io::Result<()> {
        if pending.frames.is_empty() {
            return Ok(());
        }
        self.cut_rest()?;
        let mut slices: Vec<IoSlice<'_>> =
            pending.frames.iter().flat_map(PendingFrame::slices).collect();
        let start = self.tail.file_bytes;
        let result = self.medium.append(&mut slices);
        let written_bytes = match &result {
            Ok(()) => pending.tail.file_bytes,
            Err(short) => start + short.written,
        };
        let is_whole = |frame: &&PendingFrame<'_>| frame.tail.file_bytes <= written_bytes;
        let whole = pending.frames.iter().take_while(is_whole).count();
        for frame in pending.frames.drain(..whole) {
            self.note(frame.tail);
        }
        self.publish();
        result.map_err(|short| {
            self.has_rest = true;
            // What can't be cut now is cut before the next write.
            self.cut_rest().err();
            short.cause
        })
    }

    /// Cuts off what a failed write left behind the last whole frame.
    fn cut_rest(&mut self) -> io::Result<()> {
        if self.has_rest {
            self.medium.truncate(self.tail.file_bytes)?;
            self.has_rest = false;
        }
        Ok(())
    }

    fn note(&mut self, tail: Tail) {
        if tail.last_sequence > self.tail.last_sequence {
            let offset = self.tail.file_bytes;
            self.index.note(Place { sequence: tail.last_sequence, offset });
        }
        self.tail = tail;
    }
}

impl<'a> Pending<'a> {
    fn push(&mut self, header: FrameHeader, payload: [&'a [u8]; 2]) -> Result<()> {
        let following = self.tail.after(&header);
        self.tail = following.ok_or(Error::Closed { what: "row log" })?;
        self.frames.push(PendingFrame { header: header.encode(), payload, tail: self.tail });
        Ok(())
    }
}

impl PendingFrame<'_> {
    fn slices(&self) -> impl Iterator<Item = IoSlice<'_>> {
        let [before, after] = self.payload;
        [&self.header[..], before, after].into_iter().filter(|s| !s.is_empty()).map(IoSlice::new)
    }
}

/// Who numbers a log whose next batch has `sequence`.
fn numbering(sequence: i64, settled: Option<Numbering>) -> Result<Numbering> {
    let refuse = |expected| Err(Error::SequenceMode { expected, got: sequence });
    match (sequence, settled) {
        (i64::MIN..0, _) => refuse("0 or more"),
        (0, Some(Numbering::Client)) => refuse("1 or more, as in the first batch"),
        (1.., Some(Numbering::Service)) => refuse("0, as in the first batch"),
        (0, _) => Ok(Numbering::Service),
        (1.., _) => Ok(Numbering::Client),
    }
}
