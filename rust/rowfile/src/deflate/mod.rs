//! DEFLATE (RFC 1951).
//!
//! [`Deflater`] compresses any bytes with zlib-rs. [`encode`] compresses a block whose repetitions
//! the caller found himself, because he knows how its text is made; what it gives is spliced into
//! a [`Deflater`]'s stream. It is a pure function, so any thread may encode any block.

#![expect(
    clippy::cast_possible_truncation,
    reason = "symbols, code lengths and counts of the format fit small integers"
)]

mod bits;
mod block;
mod code_lengths;
mod huffman;
mod stream;
mod symbols;

#[cfg(any(test, feature = "internals"))]
pub(crate) use block::max_deflated_bytes;
pub(crate) use block::{MAX_MATCH, MIN_MATCH, Match, Section, WINDOW, encode};
pub(crate) use stream::Deflater;
