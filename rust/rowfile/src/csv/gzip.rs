//! gzip (RFC 1952): text in blocks that any thread compresses.

use crate::deflate::{STREAM_END, Section, SmallEncoder, StreamTotals};
use crate::error::Result;
use crate::pool::{EncoderPool, Ordered, Scratch, Task};
use crate::sink::FileSink;

/// RFC 1952 §2.3: deflate, no name, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// Bytes compressed at once.
const BLOCK_BYTES: usize = 128 * 1024;
/// As far back as a block may refer to the one before (RFC 1951 §2).
const HISTORY_BYTES: usize = 32 * 1024;

/// One gzip member under way.
pub(super) struct Gzip {
    /// The end of the block before, then the block under way.
    filling: Vec<u8>,
    history_bytes: usize,
    blocks: Ordered<Compress>,
    totals: StreamTotals,
}

impl Gzip {
    /// Writes the header.
    pub(super) fn start(pool: &EncoderPool, sink: &mut FileSink) -> Result<Self> {
        sink.write(&HEADER)?;
        Ok(Self {
            filling: Vec::new(),
            history_bytes: 0,
            blocks: Ordered::new(pool),
            totals: StreamTotals::default(),
        })
    }

    /// Takes the next bytes; how they are cut into calls makes no difference to the file.
    pub(super) fn write(&mut self, mut bytes: &[u8], sink: &mut FileSink) -> Result<()> {
        while !bytes.is_empty() {
            let room = self.history_bytes + BLOCK_BYTES - self.filling.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.filling.extend_from_slice(now);
            bytes = later;
            if now.len() == room {
                self.end_block(sink)?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self, sink: &mut FileSink) -> Result<()> {
        while self.blocks.is_full() {
            let next = self.blocks.next();
            self.take(next, sink)?;
        }
        let mut next = Vec::with_capacity(HISTORY_BYTES + BLOCK_BYTES);
        next.extend_from_slice(&self.filling[self.filling.len().saturating_sub(HISTORY_BYTES)..]);
        let history_bytes = std::mem::replace(&mut self.history_bytes, next.len());
        let text = std::mem::replace(&mut self.filling, next);
        self.blocks.submit(Compress { text, history_bytes });
        while let Some(done) = self.blocks.poll() {
            self.take(Some(done), sink)?;
        }
        Ok(())
    }

    fn take(&mut self, done: Option<Result<Compressed>>, sink: &mut FileSink) -> Result<()> {
        let Some(done) = done else { return Ok(()) };
        let Compressed { deflated, input_bytes, crc } = done?;
        let section = Section { deflated: &deflated, input_bytes, crc };
        self.totals.add(&section);
        sink.write(section.deflated)
    }

    /// Ends the member.
    pub(super) fn finish(mut self, sink: &mut FileSink) -> Result<()> {
        if self.filling.len() > self.history_bytes {
            self.end_block(sink)?;
        }
        while let Some(done) = self.blocks.next() {
            self.take(Some(done), sink)?;
        }
        sink.write(&STREAM_END)?;
        sink.write(&self.totals.crc().to_le_bytes())?;
        // RFC 1952 §2.3.1: the size modulo 2^32.
        sink.write(&self.totals.input_bytes().to_le_bytes()[..4])
    }
}

/// A block to compress.
struct Compress {
    text: Vec<u8>,
    /// Bytes at the start of `text` that only serve as what the block may refer to.
    history_bytes: usize,
}

struct Compressed {
    deflated: Vec<u8>,
    input_bytes: u64,
    crc: u32,
}

impl Task for Compress {
    type Output = Result<Compressed>;

    fn run(self, scratch: &mut Scratch) -> Result<Compressed> {
        let mut deflated = Vec::new();
        let (history, block) = self.text.split_at(self.history_bytes);
        let encoder = scratch.small.get_or_insert_with(SmallEncoder::new);
        let Section { input_bytes, crc, .. } = encoder.encode(history, block, &mut deflated)?;
        Ok(Compressed { deflated, input_bytes, crc })
    }
}
