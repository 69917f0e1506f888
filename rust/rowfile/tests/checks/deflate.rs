//! Blocks with any repetitions inflate, by two decoders, to what they were.

use arbitrary::{Result, Unstructured};
use rowfile::internals::{self, BlockEncoder, Repetition};

const WINDOW: usize = 32_768;
const MAX_BLOCK_BYTES: usize = 400_000;

/// The bytes choose blocks, which one encoder takes one after the other.
pub(crate) fn check(bytes: &[u8]) {
    let mut choices = Unstructured::new(bytes);
    let mut encoder = BlockEncoder::default();
    while let Ok(block) = Block::choose(&mut choices) {
        block.assert_comes_back(&mut encoder);
        if choices.is_empty() {
            break;
        }
    }
}

/// Bytes with repetitions that really are in them.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    repetitions: Vec<Repetition>,
    literals: u32,
}

impl Block {
    fn choose(choices: &mut Unstructured<'_>) -> Result<Self> {
        let mut block = Self::default();
        while block.bytes.len() < MAX_BLOCK_BYTES && !choices.is_empty() {
            match choices.int_in_range(0..=7)? {
                0 => break,
                1 => block.literals(choices.arbitrary::<&[u8]>()?),
                2 => block.literals(&vec![choices.arbitrary()?; choices.int_in_range(0..=2000)?]),
                3 => block.literals(&without_order(choices.arbitrary()?)),
                4 | 5 => block.repeat(choices.arbitrary()?, choices.arbitrary()?, 1),
                _ => block.repeat(
                    choices.arbitrary()?,
                    choices.arbitrary()?,
                    choices.int_in_range(1..=200)?,
                ),
            }
        }
        Ok(block)
    }

    fn literals(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.literals += u32::try_from(bytes.len()).unwrap();
    }

    fn repeat(&mut self, length: u8, distance: u16, times: usize) {
        let farthest = self.bytes.len().min(WINDOW);
        if farthest == 0 {
            return;
        }
        let distance = usize::from(distance) % farthest + 1;
        let length = u16::from(length) + 3;
        for _ in 0..times {
            let start = self.bytes.len() - distance;
            for position in start..start + usize::from(length) {
                self.bytes.push(self.bytes[position]);
            }
            let distance = u16::try_from(distance).unwrap();
            self.repetitions.push(Repetition { literals: self.literals, length, distance });
            self.literals = 0;
        }
    }

    fn assert_comes_back(&self, encoder: &mut BlockEncoder) {
        encoder.set_repetitions(&self.repetitions);
        let (section, crc) = encoder.encode(&self.bytes);
        assert!(section.len() <= internals::max_deflated_bytes(self.bytes.len()));
        assert_eq!(crc, crc32fast::hash(&self.bytes));
        // An empty block of fixed codes ends the stream (RFC 1951 §3.2.6).
        let stream = [section, &[3, 0]].concat();
        // Not assert_eq, which would print megabytes.
        assert!(zlib_rs(&stream, self.bytes.len()) == self.bytes);
        assert!(miniz_oxide::inflate::decompress_to_vec(&stream).unwrap() == self.bytes);
    }
}

fn zlib_rs(stream: &[u8], most: usize) -> Vec<u8> {
    let mut inflated = Vec::with_capacity(most + 1);
    let mut decompress = flate2::Decompress::new(false);
    let finish = flate2::FlushDecompress::Finish;
    let status = decompress.decompress_vec(stream, &mut inflated, finish).unwrap();
    assert_eq!(status, flate2::Status::StreamEnd);
    inflated
}

/// Up to 4 KiB that no code makes shorter.
fn without_order(seed: u16) -> Vec<u8> {
    let mut state = u64::from(seed);
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    bytes.take(usize::from(seed % 4096)).collect()
}
