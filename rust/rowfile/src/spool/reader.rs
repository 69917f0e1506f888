//! Reads a log's frames while it grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frame::{FILE_HEADER_BYTES, FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use super::medium::Medium;
use crate::error::{Error, Result};

/// A position in a log. Independent of the log's own handle: another thread may append meanwhile.
#[derive(Debug)]
pub struct SpoolReader {
    medium: Medium,
    /// Bytes of the log that are whole frames.
    whole_bytes: Arc<AtomicU64>,
    position: u64,
    rows: u64,
    ended: bool,
    /// Reused: a span of the log.
    span: Vec<u8>,
}

impl SpoolReader {
    pub(super) fn new(medium: Medium, whole_bytes: Arc<AtomicU64>) -> Self {
        let position = FILE_HEADER_BYTES as u64;
        Self { medium, whole_bytes, position, rows: 0, ended: false, span: Vec::new() }
    }

    /// The frames from the position on, at most `max_bytes` of them, and steps over them. A
    /// longer frame comes alone; nothing comes when no frame is whole yet or all were read.
    ///
    /// # Errors
    /// [`Error::Io`] when the log can't be read, [`Error::Damaged`] when a frame's header is not
    /// what was written.
    pub fn read(&mut self, max_bytes: usize) -> Result<&[u8]> {
        let whole_bytes = self.whole_bytes.load(Ordering::Acquire);
        let available = whole_bytes.saturating_sub(self.position);
        let wanted = available.min(max_bytes.max(FRAME_HEADER_BYTES) as u64);
        if wanted == 0 || self.ended {
            return Ok(&[]);
        }
        self.load(wanted)?;
        let first = self.header(0)?;
        let wanted_bytes = first.frame_bytes();
        if wanted_bytes > self.span.len() as u64 {
            self.load(wanted_bytes)?;
        }
        let taken = self.take_frames()?;
        Ok(&self.span[..taken])
    }

    /// Whether the end of rows was read.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Data rows in the frames read so far; all of the export's once [`Self::ended`].
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn load(&mut self, bytes: u64) -> Result<()> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.span.resize(bytes, 0);
        let result = self.medium.read_exact_at(&mut self.span, self.position);
        result.map_err(Error::io("reading the row log"))
    }

    /// Steps over the whole frames of the span; the bytes of its batches.
    fn take_frames(&mut self) -> Result<usize> {
        let mut taken = 0;
        while self.span.len() - taken >= FRAME_HEADER_BYTES {
            let header = self.header(taken)?;
            if header.kind == FrameKind::End {
                self.ended = true;
                self.position += header.frame_bytes();
                break;
            }
            let Some(end) = usize::try_from(header.frame_bytes())
                .ok()
                .and_then(|bytes| bytes.checked_add(taken))
                .filter(|end| *end <= self.span.len())
            else {
                break;
            };
            taken = end;
            self.position += header.frame_bytes();
            self.rows += u64::from(header.rows);
        }
        Ok(taken)
    }

    fn header(&self, offset: usize) -> Result<FrameHeader> {
        let damaged = Error::Damaged { what: "a frame's header" };
        FrameHeader::decode(&self.span[offset..]).ok_or(damaged)
    }
}
