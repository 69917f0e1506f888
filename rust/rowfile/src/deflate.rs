//! DEFLATE (RFC 1951) of a stream that comes in blocks.
//!
//! The result depends on the blocks, so callers cut them by content, never by when rows came.

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::error::{Error, Result};

const FAST: u32 = 1;
const SMALL: u32 = 6;
const OUT_BYTES: usize = 64 * 1024;

/// One stream under way, with the CRC-32 that ZIP and gzip keep of its input.
#[derive(Debug)]
pub(crate) struct Deflater {
    compress: Compress,
    crc: crc32fast::Hasher,
    input_bytes: u64,
    /// Reused: what the last call compressed.
    out: Vec<u8>,
}

impl Deflater {
    /// `small` spends about three times the CPU time for a file about a quarter smaller.
    pub(crate) fn new(small: bool) -> Self {
        let level = Compression::new(if small { SMALL } else { FAST });
        Self {
            compress: Compress::new(level, false),
            crc: crc32fast::Hasher::new(),
            input_bytes: 0,
            out: Vec::with_capacity(OUT_BYTES),
        }
    }

    /// Compresses `block`; the bytes that are ready, often none.
    pub(crate) fn write(&mut self, block: &[u8]) -> Result<&[u8]> {
        self.crc.update(block);
        self.input_bytes += block.len() as u64;
        self.out.clear();
        let mut rest = block;
        while !rest.is_empty() {
            let consumed = self.step(rest, FlushCompress::None)?.0;
            rest = &rest[consumed..];
        }
        Ok(&self.out)
    }

    /// Ends the stream; its last bytes.
    pub(crate) fn finish(&mut self) -> Result<&[u8]> {
        self.out.clear();
        while self.step(&[], FlushCompress::Finish)?.1 != Status::StreamEnd {}
        Ok(&self.out)
    }

    /// CRC-32 of the input so far.
    pub(crate) fn crc(&self) -> u32 {
        self.crc.clone().finalize()
    }

    /// Bytes of the input so far.
    pub(crate) fn input_bytes(&self) -> u64 {
        self.input_bytes
    }

    fn step(&mut self, input: &[u8], flush: FlushCompress) -> Result<(usize, Status)> {
        if self.out.len() == self.out.capacity() {
            self.out.reserve(OUT_BYTES);
        }
        let before = self.compress.total_in();
        let status =
            self.compress.compress_vec(input, &mut self.out, flush).map_err(Error::Deflate)?;
        let consumed = usize::try_from(self.compress.total_in() - before).unwrap_or(input.len());
        Ok((consumed, status))
    }
}
