//! Bodies of messages, each with its length in front (a varint, as protobuf's libraries write
//! delimited messages).

use super::batches::Batches;
use crate::clipped::Clipped;
use crate::error::{Error, Result};

/// A length of 32 bits has no more; the bounds of messages are far below.
const MAX_LENGTH_BYTES: usize = 5;

/// Cuts messages out; keeps what has come of the last one, its length included.
#[derive(Debug, Default)]
pub(super) struct FrameBody {
    open: Vec<u8>,
    frames: u64,
}

/// Where a frame's message starts and ends.
#[derive(Clone, Copy)]
struct Extent {
    start: usize,
    end: usize,
}

impl FrameBody {
    pub(super) fn push(&mut self, bytes: &[u8], batches: &mut Batches) -> Result<()> {
        let mut rest = self.complete_open(bytes, batches)?;
        while let Some(extent) = self.extent(rest, batches.max_message_bytes())? {
            let Some(message) = rest.get(extent.start..extent.end) else { break };
            self.give(message.to_vec(), batches);
            rest = &rest[extent.end..];
        }
        self.open.extend_from_slice(rest);
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        Err(self.refuse("a whole message", &format!("its first {} bytes", self.open.len())))
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.open.len()
    }

    /// Adds to the frame under way, if there is one; the bytes behind it.
    fn complete_open<'a>(&mut self, bytes: &'a [u8], batches: &mut Batches) -> Result<&'a [u8]> {
        let mut rest = bytes;
        while !self.open.is_empty() && !rest.is_empty() {
            let extent = self.extent(&self.open, batches.max_message_bytes())?;
            // Without its length the frame lacks a byte of that.
            let lacking = extent.map_or(1, |extent| extent.end - self.open.len());
            let (taken, others) = rest.split_at(lacking.min(rest.len()));
            self.open.extend_from_slice(taken);
            rest = others;
            let extent = self.extent(&self.open, batches.max_message_bytes())?;
            if let Some(extent) = extent.filter(|extent| extent.end == self.open.len()) {
                let mut message = std::mem::take(&mut self.open);
                message.drain(..extent.start);
                self.give(message, batches);
            }
        }
        Ok(rest)
    }

    fn give(&mut self, message: Vec<u8>, batches: &mut Batches) {
        self.frames += 1;
        batches.give(message);
    }

    /// Where the message of the frame at the start of `bytes` stands; `None` when its length is
    /// not there yet.
    fn extent(&self, bytes: &[u8], max_message_bytes: usize) -> Result<Option<Extent>> {
        let mut length = 0_u64;
        for (index, &byte) in bytes.iter().take(MAX_LENGTH_BYTES).enumerate() {
            length |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return checked_extent(index + 1, length, max_message_bytes).map(Some);
            }
        }
        if bytes.len() < MAX_LENGTH_BYTES {
            return Ok(None);
        }
        Err(self.refuse("a length of at most 32 bits", "a longer one"))
    }

    fn refuse(&self, expected: &'static str, got: &str) -> Error {
        Error::Frame { frame: self.frames + 1, expected, got: Clipped::text(got) }
    }
}

fn checked_extent(start: usize, length: u64, max_message_bytes: usize) -> Result<Extent> {
    match usize::try_from(length) {
        Ok(length) if length <= max_message_bytes => Ok(Extent { start, end: start + length }),
        _ => Err(Error::TooLarge { what: "a message", limit: max_message_bytes as u64 }),
    }
}
