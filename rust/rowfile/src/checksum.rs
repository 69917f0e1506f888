//! Checksums of files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::crc64::Crc64;
use crate::error::{Error, Result};

const READ_BYTES: usize = 256 * 1024;

/// What tells a whole file from any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChecksums {
    /// SHA-256 (FIPS 180-4), 64 lower-case hex digits.
    pub sha256: String,
    /// CRC-64/XZ.
    pub crc64: u64,
}

/// [`FileChecksums`] in progress.
#[derive(Debug, Default)]
pub(crate) struct RunningChecksums {
    sha256: Sha256,
    crc64: Crc64,
}

impl RunningChecksums {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc64.update(bytes);
    }

    pub(crate) fn finish(self) -> FileChecksums {
        FileChecksums { sha256: hex::encode(self.sha256.finalize()), crc64: self.crc64.value() }
    }
}

/// The checksums of a whole file, step by step. The file may be moved or removed meanwhile.
pub struct FileDigest {
    file: File,
    checksums: RunningChecksums,
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
        Ok(Self { file, checksums: RunningChecksums::default(), buffer })
    }

    /// Reads about `max_bytes` more; true at the file's end.
    ///
    /// # Errors
    /// [`Error::Io`]. The digest is of no use then.
    pub fn advance(&mut self, max_bytes: u64) -> Result<bool> {
        for _ in 0..max_bytes.div_ceil(READ_BYTES as u64) {
            let read = self.file.read(&mut self.buffer).map_err(Error::io("reading the file"))?;
            if read == 0 {
                return Ok(true);
            }
            self.checksums.update(&self.buffer[..read]);
        }
        Ok(false)
    }

    /// Of what was read so far.
    #[must_use]
    pub fn finish(self) -> FileChecksums {
        self.checksums.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_file_is_read_to_its_end_in_steps() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        let content = b"abc".repeat(READ_BYTES);
        std::fs::write(&path, &content).unwrap();
        let mut digest = FileDigest::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let steps = [(); 4].map(|()| digest.advance(READ_BYTES as u64).unwrap());
        assert_eq!(steps, [false, false, false, true]);
        let checksums = digest.finish();
        assert_eq!(checksums.sha256, hex::encode(Sha256::digest(&content)));
        let mut crc64 = Crc64::default();
        crc64.update(&content);
        assert_eq!(checksums.crc64, crc64.value());
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let error = FileDigest::open(Path::new("/nowhere")).err().unwrap();
        assert_eq!(error.code(), "WRITE_FAILED");
    }

    #[test]
    fn a_known_message_has_its_known_digest() {
        // FIPS 180-4, the example "abc".
        let mut checksums = RunningChecksums::default();
        checksums.update(b"abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(checksums.finish().sha256, expected);
    }
}
