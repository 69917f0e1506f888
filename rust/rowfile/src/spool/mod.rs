//! One task's row log: append-only, acknowledged batches only, readable while it grows.

mod append;
#[cfg(test)]
mod disk_model;
#[cfg(test)]
mod durability_tests;
mod frame;
mod framer;
mod medium;
mod reader;
mod recovery;
mod sequence_index;
mod sync;

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::schema::Schema;
use frame::{FILE_HEADER_BYTES, FrameHeader, FrameKind, Numbering};
use medium::Medium;
use sequence_index::{Place, SequenceIndex};

pub(crate) use frame::Payloads;
pub use framer::BatchFramer;
pub use reader::SpoolReader;
pub use sync::SpoolSync;

/// What an append did.
#[derive(Debug)]
pub struct Accepted {
    /// Number of the last batch in the log; 0 = none.
    pub last_sequence: u64,
    /// Data rows in the log.
    pub rows: u64,
    /// Bytes of all batches in the log, without their numbers and frame headers.
    pub payload_bytes: u64,
    /// Batches that this call added.
    pub batches_appended: usize,
    /// Batches of this call that the log already had.
    pub duplicates: usize,
    /// Why the call stopped before its end. What came before the refused batch is in the log.
    pub refused: Option<Error>,
}

/// The end of the log: all that is known of the frames before it.
#[derive(Clone, Copy, Debug)]
struct Tail {
    numbering: Option<Numbering>,
    last_sequence: u64,
    rows: u64,
    payload_bytes: u64,
    file_bytes: u64,
    ended: bool,
}

/// The log of one task. Memory is constant: frames are on the medium, an index of at most
/// 32 KiB finds them.
#[derive(Debug)]
pub struct SpoolLog {
    schema: Arc<Schema>,
    medium: Medium,
    tail: Tail,
    index: SequenceIndex,
    whole_bytes: Arc<AtomicU64>,
    /// A failed write left something behind the tail that is not cut off yet.
    has_rest: bool,
    /// A sync failed: what is on the disk is not known any more.
    is_distrusted: bool,
    max_file_bytes: u64,
    /// Where the file's name is.
    folder: Option<PathBuf>,
}

impl SpoolLog {
    /// A new, empty log in a new file, or in memory without a `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when the file exists or can't be written.
    pub fn create(schema: Arc<Schema>, path: Option<&Path>) -> Result<Self> {
        let medium = match path {
            Some(path) => Medium::create(path).map_err(Error::io("creating the row log"))?,
            None => Medium::memory(),
        };
        let log = Self::over(schema, medium, path);
        log.start_file()?;
        Ok(log)
    }

    /// The log of an existing file, cut at its last whole frame.
    ///
    /// # Errors
    /// [`Error::Io`] when the file can't be read or cut, [`Error::Damaged`] when it is another
    /// kind of file or of an export with another number of columns.
    pub fn open(schema: Arc<Schema>, path: &Path) -> Result<Self> {
        let medium = Medium::open(path).map_err(Error::io("opening the row log"))?;
        Self::recover(schema, medium, path)
    }

    /// The log with a bound of its size: batches that would outgrow it are refused.
    #[must_use]
    pub fn limited_to(mut self, max_file_bytes: u64) -> Self {
        self.max_file_bytes = max_file_bytes;
        self
    }

    fn recover(schema: Arc<Schema>, medium: Medium, path: &Path) -> Result<Self> {
        let mut log = Self::over(schema, medium, Some(path));
        let length = log.medium.len().map_err(Error::io("reading the row log"))?;
        if length < FILE_HEADER_BYTES as u64 {
            // The crash came between the file's creation and its header.
            log.medium.truncate(0).map_err(Error::io("cutting the row log"))?;
            log.start_file()?;
            return Ok(log);
        }
        let mut header = [0; FILE_HEADER_BYTES];
        log.medium.read_exact_at(&mut header, 0).map_err(Error::io("reading the row log"))?;
        if header != frame::file_header(log.schema.columns.len()) {
            return Err(Error::Damaged { what: "the file's header" });
        }
        let medium = log.medium.clone();
        recovery::scan(&medium, |header, offset| log.replay(header, offset))?;
        if length > log.tail.file_bytes {
            medium.truncate(log.tail.file_bytes).map_err(Error::io("cutting the row log"))?;
        }
        log.publish();
        Ok(log)
    }

    fn over(schema: Arc<Schema>, medium: Medium, path: Option<&Path>) -> Self {
        let tail = Tail {
            numbering: None,
            last_sequence: 0,
            rows: 0,
            payload_bytes: 0,
            file_bytes: FILE_HEADER_BYTES as u64,
            ended: false,
        };
        Self {
            schema,
            medium,
            tail,
            index: SequenceIndex::new(),
            whole_bytes: Arc::new(AtomicU64::new(tail.file_bytes)),
            has_rest: false,
            is_distrusted: false,
            max_file_bytes: u64::MAX,
            folder: path.and_then(Path::parent).map(Path::to_owned),
        }
    }

    fn start_file(&self) -> Result<()> {
        let header = frame::file_header(self.schema.columns.len());
        let result = self.medium.append(&mut [IoSlice::new(&header)]);
        result.map_err(|short| Error::Io { action: "creating the row log", source: short.cause })
    }

    /// Takes a frame found at recovery; false when it can't be one of this log's.
    fn replay(&mut self, header: &FrameHeader, offset: u64) -> bool {
        let Some(tail) = self.tail.after(header) else { return false };
        if let FrameKind::Batch(_) = header.kind {
            self.index.note(Place { sequence: header.sequence, offset });
        }
        self.tail = tail;
        true
    }

    fn check_trusted(&self) -> Result<()> {
        if self.is_distrusted { Err(Error::Unsynced) } else { Ok(()) }
    }

    /// Lets readers see everything up to the tail.
    fn publish(&self) {
        self.whole_bytes.store(self.tail.file_bytes, Ordering::Release);
    }

    /// Ends the rows. Ending twice with the same count is ending once.
    ///
    /// # Errors
    /// [`Error::RowCount`] when `expected_rows` is neither 0 nor the rows accepted: nothing is
    /// written. [`Error::Io`] when the end can't be written.
    pub fn end(&mut self, expected_rows: u64) -> Result<()> {
        self.check_trusted()?;
        if expected_rows != 0 && expected_rows != self.tail.rows {
            return Err(Error::RowCount { expected: expected_rows, got: self.tail.rows });
        }
        if self.tail.ended {
            return Ok(());
        }
        self.append_end()
    }

    /// A reader at the log's start with a view of its own.
    #[must_use]
    pub fn reader(&self) -> SpoolReader {
        SpoolReader::new(self.medium.clone(), Arc::clone(&self.whole_bytes))
    }

    /// What makes the log, and its file's name, survive a loss of power, beside appends.
    #[must_use]
    pub fn syncer(&self) -> SpoolSync {
        SpoolSync::new(self.medium.clone(), Arc::clone(&self.whole_bytes), self.folder.clone())
    }

    /// Takes nothing more, and cuts the file behind `synced_bytes`, since a sync failed: no later
    /// start may take for safe what the disk may have lost (a second sync would not tell).
    ///
    /// # Errors
    /// [`Error::Io`] when the file can't be cut.
    pub fn distrust(&mut self, synced_bytes: u64) -> Result<()> {
        self.is_distrusted = true;
        self.medium.truncate(synced_bytes).map_err(Error::io("cutting the row log"))
    }

    /// The number the next batch must have.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.tail.last_sequence + 1
    }

    /// Data rows in the log.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tail.rows
    }

    /// Bytes of all batches, without their numbers and frame headers.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.tail.payload_bytes
    }

    /// Size of the log.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.tail.file_bytes
    }

    /// Whether the rows have ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.tail.ended
    }
}

impl Tail {
    /// The tail with one more frame; `None` when the frame can't follow.
    fn after(mut self, header: &FrameHeader) -> Option<Self> {
        if self.ended {
            return None;
        }
        match header.kind {
            FrameKind::Batch(numbering) => {
                let is_next = header.sequence == self.last_sequence + 1;
                if !is_next || self.numbering.is_some_and(|settled| settled != numbering) {
                    return None;
                }
                self.numbering = Some(numbering);
                self.last_sequence = header.sequence;
            }
            FrameKind::End => self.ended = true,
        }
        self.rows += u64::from(header.rows);
        self.payload_bytes += u64::from(header.payload_bytes);
        self.file_bytes += header.frame_bytes();
        Some(self)
    }
}

#[cfg(test)]
mod tests;
