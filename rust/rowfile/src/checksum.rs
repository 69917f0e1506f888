//! SHA-256 of files.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const READ_BYTES: usize = 256 * 1024;

/// A SHA-256 (FIPS 180-4) in progress.
#[derive(Debug, Default)]
pub(crate) struct Sha256Hex(Sha256);

impl Sha256Hex {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// 64 lower-case hex digits.
    pub(crate) fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }

    /// Of all bytes of `file`, wherever its cursor stands.
    pub(crate) fn of_file(file: &File) -> Result<String> {
        let mut hash = Self::default();
        let mut buffer = vec![0; READ_BYTES];
        let mut offset = 0;
        loop {
            let read = file.read_at(&mut buffer, offset).map_err(Error::io("reading the file"))?;
            if read == 0 {
                return Ok(hash.finish());
            }
            hash.update(&buffer[..read]);
            offset += read as u64;
        }
    }
}

/// SHA-256 of the file at `path`, lower-case hex.
///
/// # Errors
/// [`Error::Io`] when the file can't be read.
pub fn sha256_file(path: &Path) -> Result<String> {
    Sha256Hex::of_file(&File::open(path).map_err(Error::io("opening the file"))?)
}
