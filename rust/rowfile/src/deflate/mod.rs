//! DEFLATE (RFC 1951).
//!
//! A stream is put together of sections, each compressed from one block, and [`STREAM_END`].
//! [`encode`] compresses a block whose repetitions the caller found himself, because he knows how
//! its text is made; [`SmallEncoder`] compresses any bytes with zlib-rs, smaller and slower. What
//! they give depends on the block only, so any thread may encode any block.

#![expect(
    clippy::cast_possible_truncation,
    reason = "symbols, code lengths and counts of the format fit small integers"
)]

mod bits;
mod block;
mod code_lengths;
mod huffman;
mod section;
mod small;
mod symbols;

#[cfg(any(test, feature = "internals"))]
pub(crate) use block::max_deflated_bytes;
pub(crate) use block::{MAX_MATCH, MIN_MATCH, Match, WINDOW, encode};
pub(crate) use section::{STREAM_END, Section, StreamTotals};
pub(crate) use small::SmallEncoder;
