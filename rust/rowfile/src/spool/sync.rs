//! Makes a log survive a loss of power.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::medium::Medium;
use crate::error::{Error, Result};

/// Syncs a log. Independent of the log's own handle: another thread may append meanwhile, and
/// what it appends is the next sync's.
#[derive(Debug)]
pub struct SpoolSync {
    medium: Medium,
    /// Bytes of the log that are whole frames.
    whole_bytes: Arc<AtomicU64>,
    synced_bytes: u64,
    /// The folder to sync once, so that the file's name is durable too.
    unsynced_folder: Option<PathBuf>,
    has_failed: bool,
}

impl SpoolSync {
    pub(super) fn new(
        medium: Medium,
        whole_bytes: Arc<AtomicU64>,
        unsynced_folder: Option<PathBuf>,
    ) -> Self {
        Self { medium, whole_bytes, synced_bytes: 0, unsynced_folder, has_failed: false }
    }

    /// Makes everything that was appended before the call survive a loss of power
    /// (fdatasync(2): the file's size is part of it).
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses. The system may have dropped what it could not write,
    /// so the next sync would say nothing of it: all later calls give [`Error::Unsynced`].
    pub fn sync(&mut self) -> Result<()> {
        if self.has_failed {
            return Err(Error::Unsynced);
        }
        let whole_bytes = self.whole_bytes.load(Ordering::Acquire);
        let result = self.sync_up_to(whole_bytes);
        self.has_failed = result.is_err();
        result
    }

    /// Bytes of the log that survive a loss of power.
    #[must_use]
    pub fn synced_bytes(&self) -> u64 {
        self.synced_bytes
    }

    fn sync_up_to(&mut self, whole_bytes: u64) -> Result<()> {
        if whole_bytes > self.synced_bytes {
            self.medium.sync().map_err(Error::io("syncing the row log"))?;
        }
        if let Some(folder) = &self.unsynced_folder {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(Error::io("syncing the row log's folder"))?;
            self.unsynced_folder = None;
        }
        self.synced_bytes = whole_bytes;
        Ok(())
    }
}
