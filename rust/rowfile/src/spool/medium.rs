//! Where a log lies: a file, or memory.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes that are appended, cut and read at positions. Clones see the same bytes.
#[derive(Clone, Debug)]
pub(super) enum Medium {
    File(Arc<File>),
    Memory(Arc<RwLock<Vec<u8>>>),
    #[cfg(test)]
    Disk(Arc<super::disk_model::DiskModel>),
}

/// An append that stopped early.
pub(super) struct ShortWrite {
    /// Bytes that were appended all the same.
    pub(super) written: u64,
    pub(super) cause: io::Error,
}

impl Medium {
    pub(super) fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// A new file; fails when there is one.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::open_with(OpenOptions::new().create_new(true), path)
    }

    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(&mut OpenOptions::new(), path)
    }

    fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<Self> {
        // Appending positions itself, so a cut tail never leaves a hole.
        Ok(Self::File(Arc::new(options.read(true).append(true).open(path)?)))
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => {
                Ok(bytes.read().unwrap_or_else(PoisonError::into_inner).len() as u64)
            }
            #[cfg(test)]
            Self::Disk(disk) => Ok(disk.cached().len() as u64),
        }
    }

    /// Appends all slices with as few calls as the system allows.
    pub(super) fn append(&self, slices: &mut [IoSlice<'_>]) -> Result<(), ShortWrite> {
        match self {
            Self::File(file) => append_vectored(file, slices),
            Self::Memory(bytes) => {
                let mut bytes = bytes.write().unwrap_or_else(PoisonError::into_inner);
                for slice in slices {
                    bytes.extend_from_slice(slice);
                }
                Ok(())
            }
            #[cfg(test)]
            Self::Disk(disk) => disk.append(slices),
        }
    }

    pub(super) fn truncate(&self, length: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.set_len(length),
            Self::Memory(bytes) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                bytes.write().unwrap_or_else(PoisonError::into_inner).truncate(length);
                Ok(())
            }
            #[cfg(test)]
            Self::Disk(disk) => disk.truncate(length),
        }
    }

    /// Fills `buffer` from `offset` on.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.read_exact_at(buffer, offset),
            Self::Memory(bytes) => {
                let bytes = bytes.read().unwrap_or_else(PoisonError::into_inner);
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let found = start.checked_add(buffer.len()).and_then(|end| bytes.get(start..end));
                buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            #[cfg(test)]
            Self::Disk(disk) => disk.read_exact_at(buffer, offset),
        }
    }

    /// Makes everything appended durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_data(),
            Self::Memory(_) => Ok(()),
            #[cfg(test)]
            Self::Disk(disk) => disk.sync(),
        }
    }
}

fn append_vectored(mut file: &File, mut slices: &mut [IoSlice<'_>]) -> Result<(), ShortWrite> {
    let mut written = 0;
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(ShortWrite { written, cause: io::ErrorKind::WriteZero.into() }),
            Ok(count) => {
                written += count as u64;
                IoSlice::advance_slices(&mut slices, count);
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(ShortWrite { written, cause }),
        }
    }
    Ok(())
}
