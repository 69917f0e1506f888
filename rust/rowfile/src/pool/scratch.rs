//! What encoding a block needs beside the block, kept from one to the next.

use crate::deflate::SmallEncoder;
use crate::xlsx::BlockScratch;

/// One for each thread at work, whatever the number of exports.
#[derive(Default)]
pub(crate) struct Scratch {
    /// For rows of a sheet.
    pub(crate) rows: BlockScratch,
    /// For small files; 300 KB, so only when asked for.
    pub(crate) small: Option<SmallEncoder>,
}
