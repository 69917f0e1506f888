//! SHA-256 of files.

use std::fs::File;
use std::io::Read;
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
}

/// The SHA-256 of a whole file, step by step. The file may be moved or removed meanwhile.
pub struct FileDigest {
    file: File,
    hash: Sha256Hex,
    buffer: Box<[u8]>,
}

impl FileDigest {
    /// Opens the file at `path`, which nothing writes any more.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("opening the file"))?;
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Self { file, hash: Sha256Hex::default(), buffer })
    }

    /// Hashes about `max_bytes` more; true at the file's end.
    ///
    /// # Errors
    /// [`Error::Io`]. The digest is of no use then.
    pub fn advance(&mut self, max_bytes: u64) -> Result<bool> {
        for _ in 0..max_bytes.div_ceil(READ_BYTES as u64) {
            let read = self.file.read(&mut self.buffer).map_err(Error::io("reading the file"))?;
            if read == 0 {
                return Ok(true);
            }
            self.hash.update(&self.buffer[..read]);
        }
        Ok(false)
    }

    /// 64 lower-case hex digits, of what was hashed so far.
    #[must_use]
    pub fn finish(self) -> String {
        self.hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_file_is_hashed_to_its_end_in_steps() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        let content = b"abc".repeat(READ_BYTES);
        std::fs::write(&path, &content).unwrap();
        let mut digest = FileDigest::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let steps = [(); 4].map(|()| digest.advance(READ_BYTES as u64).unwrap());
        assert_eq!(steps, [false, false, false, true]);
        assert_eq!(digest.finish(), hex::encode(Sha256::digest(&content)));
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let error = FileDigest::open(Path::new("/nowhere")).err().unwrap();
        assert_eq!(error.code(), "WRITE_FAILED");
    }

    #[test]
    fn a_known_message_has_its_known_digest() {
        // FIPS 180-4, the example "abc".
        let mut hash = Sha256Hex::default();
        hash.update(b"abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.finish(), expected);
    }
}
