//! The file being written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::checksum::Sha256Hex;
use crate::error::{Error, Result};
use crate::fidelity::Issue;
use crate::passing::retrying;

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteProgress {
    /// Data rows written.
    pub rows: u64,
    /// Bytes in the file; up to a block of rows is still in memory.
    pub file_bytes: u64,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// Data rows.
    pub rows: u64,
    /// Size.
    pub file_bytes: u64,
    /// SHA-256 of the file, lower-case hex; None if it could not be had while it was written.
    pub sha256: Option<String>,
    /// Cells that are not exactly what came.
    pub fidelity: Vec<Issue>,
}

/// Appends to a file and counts; hashes on the way when nothing is patched later.
///
/// Nothing is synced: until a file is stored, the rows' log is what survives a loss of power.
#[derive(Debug)]
pub(crate) struct FileSink {
    file: File,
    file_bytes: u64,
    hash: Option<Sha256Hex>,
}

impl FileSink {
    /// Creates or empties the file at `path`.
    pub(crate) fn create(path: &Path, hashed: bool) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path).map_err(Error::io("creating the file"))?;
        Ok(Self { file, file_bytes: 0, hash: hashed.then(Sha256Hex::default) })
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_at(self.file_bytes, bytes)?;
        self.file_bytes += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        Ok(())
    }

    /// Overwrites bytes written before; only for a sink that does not hash.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.write_at(offset, bytes)
    }

    /// Positioned, so that a patch in between can't move the end, and another try is no harm.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let result = retrying(|| self.file.write_all_at(bytes, offset));
        result.map_err(Error::io("writing the file"))
    }

    /// Ends the file; its size and, if it was hashed, its SHA-256.
    pub(crate) fn finish(self) -> (u64, Option<String>) {
        (self.file_bytes, self.hash.map(Sha256Hex::finish))
    }
}
