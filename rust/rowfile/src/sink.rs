//! The file being written.

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::checksum::{FileChecksums, RunningChecksums};
use crate::error::{Error, Result};
use crate::fidelity::Issue;
use crate::passing::retrying;

/// How far a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteProgress {
    /// Data rows written.
    pub rows: u64,
    /// Bytes in the file, which whoever opens it can read; a few blocks of rows are still in
    /// memory. But for `pending` they stay as they are.
    pub file_bytes: u64,
    /// The bytes among them that are patched later: the size of the sheet under way.
    pub pending: Option<Range<u64>>,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// Data rows.
    pub rows: u64,
    /// Size.
    pub file_bytes: u64,
    /// Of the file; None if they could not be had while it was written.
    pub checksums: Option<FileChecksums>,
    /// Cells that are not exactly what came.
    pub fidelity: Vec<Issue>,
}

/// Appends to a file and counts; sums up on the way when nothing is patched later.
///
/// Nothing is buffered: what was counted can be read through another descriptor.
/// Nothing is synced: until a file is stored, the rows' log is what survives a loss of power.
#[derive(Debug)]
pub(crate) struct FileSink {
    file: File,
    file_bytes: u64,
    checksums: Option<RunningChecksums>,
}

impl FileSink {
    /// Creates or empties the file at `path`.
    pub(crate) fn create(path: &Path, is_summed_up: bool) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path).map_err(Error::io("creating the file"))?;
        let checksums = is_summed_up.then(RunningChecksums::default);
        Ok(Self { file, file_bytes: 0, checksums })
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_at(self.file_bytes, bytes)?;
        self.file_bytes += bytes.len() as u64;
        if let Some(checksums) = &mut self.checksums {
            checksums.update(bytes);
        }
        Ok(())
    }

    /// Overwrites bytes written before; only for a sink that does not sum up.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.write_at(offset, bytes)
    }

    /// Positioned, so that a patch in between can't move the end, and another try is no harm.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let result = retrying(|| self.file.write_all_at(bytes, offset));
        result.map_err(Error::io("writing the file"))
    }

    /// Ends the file; its size and, if it was summed up, its checksums.
    pub(crate) fn finish(self) -> (u64, Option<FileChecksums>) {
        (self.file_bytes, self.checksums.map(RunningChecksums::finish))
    }
}
