//! DEFLATE (RFC 1951) of a stream that comes in blocks.
//!
//! The result depends on the blocks, so callers cut them by content, never by when rows came.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Section;
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
    /// Something was compressed after the last section: the stream may stand amid a byte, and
    /// what follows a section must not refer to what was before it.
    is_unaligned: bool,
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
            is_unaligned: false,
            out: Vec::with_capacity(OUT_BYTES),
        }
    }

    /// Compresses `block`; the bytes that are ready, often none.
    pub(crate) fn write(&mut self, block: &[u8]) -> Result<&[u8]> {
        self.crc.update(block);
        self.input_bytes += block.len() as u64;
        self.is_unaligned |= !block.is_empty();
        self.out.clear();
        let mut rest = block;
        while !rest.is_empty() {
            let consumed = self.step(rest, FlushCompress::None)?.0;
            rest = &rest[consumed..];
        }
        Ok(&self.out)
    }

    /// Takes up a section that was compressed elsewhere; what must stand before it in the stream.
    pub(crate) fn splice(&mut self, section: &Section<'_>) -> Result<&[u8]> {
        let of_section = crc32fast::Hasher::new_with_initial_len(section.crc, section.input_bytes);
        self.crc.combine(&of_section);
        self.input_bytes += section.input_bytes;
        self.out.clear();
        if std::mem::take(&mut self.is_unaligned) {
            self.flush_all()?;
        }
        Ok(&self.out)
    }

    /// Compresses to a whole byte and forgets the window.
    fn flush_all(&mut self) -> Result<()> {
        loop {
            self.step(&[], FlushCompress::Full)?;
            // A flush is complete when it leaves room.
            if self.out.len() < self.out.capacity() {
                return Ok(());
            }
        }
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::deflate::encode;

    #[test]
    fn sections_and_other_bytes_share_a_stream() {
        let head: Vec<u8> =
            (0..200_000_u32).flat_map(|i| i.wrapping_mul(i).to_string().into_bytes()).collect();
        let parts = [&head[..], b"section section", &head[..100_000], b"", b"section", b"tail"];
        let is_section = [false, true, false, true, true, false];
        for small in [false, true] {
            let mut deflater = Deflater::new(small);
            let (mut stream, mut section_bytes) = (Vec::new(), Vec::new());
            for (part, is_section) in parts.iter().zip(is_section) {
                if is_section {
                    let section = encode(part, &[], &mut section_bytes);
                    stream.extend_from_slice(deflater.splice(&section).unwrap());
                    stream.extend_from_slice(section.deflated);
                } else {
                    stream.extend_from_slice(deflater.write(part).unwrap());
                }
            }
            stream.extend_from_slice(deflater.finish().unwrap());
            let mut back = Vec::new();
            flate2::read::DeflateDecoder::new(&stream[..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, parts.concat());
            assert_eq!(deflater.crc(), crc32fast::hash(&back));
            assert_eq!(deflater.input_bytes(), back.len() as u64);
        }
    }
}
