//! The thorough compressor: zlib-rs at its usual level, a block at a time.

use flate2::{Compress, Compression, FlushCompress};

use super::section::Section;
use crate::error::{Error, Result};

/// Higher levels take several times as long for the last percent.
const LEVEL: u32 = 6;
/// Room for a flush's own bytes; a flush is complete when it leaves some.
const FLUSH_BYTES: usize = 64;

/// Compresses blocks of any bytes to about three quarters of what a quick compressor makes of them,
/// for three times its CPU time. Takes 300 KB.
#[derive(Debug)]
pub(crate) struct SmallEncoder(Compress);

impl SmallEncoder {
    pub(crate) fn new() -> Self {
        Self(Compress::new(Compression::new(LEVEL), false))
    }

    /// Compresses `block` into `out`, which is emptied first. `history` is what stands before it
    /// in the stream, of which the last 32 KiB are of use; empty, the section may follow anything.
    ///
    /// Bytes without order take five more for each started 16 KiB.
    pub(crate) fn encode<'a>(
        &mut self,
        history: &[u8],
        block: &[u8],
        out: &'a mut Vec<u8>,
    ) -> Result<Section<'a>> {
        out.clear();
        self.0.reset();
        if !history.is_empty() {
            self.0.set_dictionary(history).map_err(Error::Deflate)?;
        }
        self.compress(block, out)?;
        Ok(Section { deflated: out, input_bytes: block.len() as u64, crc: crc32fast::hash(block) })
    }

    fn compress(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut consumed = 0;
        loop {
            out.reserve((block.len() - consumed) / 4 + FLUSH_BYTES);
            let before = self.0.total_in();
            self.0
                .compress_vec(&block[consumed..], out, FlushCompress::Sync)
                .map_err(Error::Deflate)?;
            consumed += usize::try_from(self.0.total_in() - before).unwrap_or(block.len());
            if consumed >= block.len() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::deflate::{STREAM_END, StreamTotals, encode};

    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        flate2::read::DeflateDecoder::new(stream).read_to_end(&mut back).unwrap();
        back
    }

    fn letters() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![vec(any::<u8>(), 0..3000), vec(b'a'..b'd', 0..3000)]
    }

    proptest! {
        #[test]
        fn blocks_with_and_without_history_share_a_stream(
            blocks in vec((letters(), any::<bool>()), 0..8),
        ) {
            let mut encoder = SmallEncoder::new();
            let (mut input, mut stream, mut out) = (Vec::new(), Vec::new(), Vec::new());
            let mut totals = StreamTotals::default();
            for (block, has_history) in &blocks {
                let history = if *has_history { &input[..] } else { &[] };
                let section = encoder.encode(history, block, &mut out).unwrap();
                stream.extend_from_slice(section.deflated);
                totals.add(&section);
                input.extend_from_slice(block);
            }
            stream.extend_from_slice(&STREAM_END);
            prop_assert_eq!(totals.crc(), crc32fast::hash(&input));
            prop_assert_eq!(totals.input_bytes(), input.len() as u64);
            prop_assert!(inflated(&stream) == input);
        }
    }

    #[test]
    fn bytes_without_order_hardly_grow() {
        let mut state = 1_u64;
        let block: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(300_000)
        .collect();
        let mut out = Vec::new();
        let section = SmallEncoder::new().encode(&[], &block, &mut out).unwrap();
        assert!(section.deflated.len() < block.len() + (block.len() / 16_384 + 2) * 5 + 8);
        assert!(inflated(&[section.deflated, &STREAM_END].concat()) == block);
    }

    #[test]
    fn both_encoders_share_a_stream() {
        let (mut small, mut quick) = (Vec::new(), Vec::new());
        let stream = [
            SmallEncoder::new().encode(&[], b"head head head", &mut small).unwrap().deflated,
            encode(b"rows", &[], &mut quick).deflated,
            &STREAM_END,
        ];
        assert_eq!(inflated(&stream.concat()), b"head head headrows");
    }
}
