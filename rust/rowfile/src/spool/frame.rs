//! The log's layout. All integers are little-endian.
//!
//! ```text
//! file   = "RFSPOOL\0"  u32 version (1)  u32 columns of the export   frame*
//! frame  = header (32 bytes)  payload
//! header =  0 u8  kind: 1 batch numbered by the client, 2 batch numbered by the service, 3 end
//!           1 u8 × 3 zero
//!           4 u32 payload bytes
//!           8 u32 data rows
//!          12 u32 CRC-32C of the payload
//!          16 u64 sequence of the batch; at the end: of the last batch
//!          24 u32 zero
//!          28 u32 CRC-32C of the 28 bytes before
//! ```
//! A batch's payload is its `RecordBatch` without `batch_sequence`; an end has none.

use crate::error::{Error, Result};

pub(super) const FILE_HEADER_BYTES: usize = 16;
pub(super) const FRAME_HEADER_BYTES: usize = 32;
const MAGIC: [u8; 8] = *b"RFSPOOL\0";
const VERSION: u32 = 1;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Batch(Numbering),
    End,
}

/// Who numbers the batches of a log; its first batch settles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    Client,
    Service,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) kind: FrameKind,
    pub(super) payload_bytes: u32,
    pub(super) rows: u32,
    pub(super) payload_crc: u32,
    pub(super) sequence: u64,
}

impl FrameHeader {
    pub(super) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[0] = match self.kind {
            FrameKind::Batch(Numbering::Client) => 1,
            FrameKind::Batch(Numbering::Service) => 2,
            FrameKind::End => 3,
        };
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.rows.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` = not a whole header as [`Self::encode`] writes it.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        if crc32c::crc32c(&bytes[..28]) != u32_at(bytes, 28)? {
            return None;
        }
        let kind = match bytes[0] {
            1 => FrameKind::Batch(Numbering::Client),
            2 => FrameKind::Batch(Numbering::Service),
            3 => FrameKind::End,
            _ => return None,
        };
        Some(Self {
            kind,
            payload_bytes: u32_at(bytes, 4)?,
            rows: u32_at(bytes, 8)?,
            payload_crc: u32_at(bytes, 12)?,
            sequence: u64::from_le_bytes(*bytes[16..].first_chunk()?),
        })
    }

    /// Bytes of the frame, header and payload.
    pub(super) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub(super) fn file_header(columns: usize) -> [u8; FILE_HEADER_BYTES] {
    let mut bytes = [0; FILE_HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    // At most 16,384 columns are ever specified.
    bytes[12..].copy_from_slice(&u32::try_from(columns).unwrap_or(u32::MAX).to_le_bytes());
    bytes
}

/// The batch payloads of a span of whole frames, each verified.
pub(crate) struct Payloads<'a> {
    span: &'a [u8],
}

impl<'a> Payloads<'a> {
    pub(crate) fn new(span: &'a [u8]) -> Self {
        Self { span }
    }

    fn payload(&mut self) -> Result<&'a [u8]> {
        let damaged = |what| Error::Damaged { what };
        let header = FrameHeader::decode(self.span).ok_or(damaged("a frame's header"))?;
        let end =
            usize::try_from(header.frame_bytes()).map_err(|_| damaged("a frame's length"))?;
        let payload = self.span.get(FRAME_HEADER_BYTES..end).ok_or(damaged("a frame's length"))?;
        if crc32c::crc32c(payload) != header.payload_crc {
            return Err(damaged("a frame's checksum"));
        }
        self.span = &self.span[end..];
        Ok(payload)
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.span.is_empty() {
            return None;
        }
        let payload = self.payload();
        if payload.is_err() {
            self.span = &[];
        }
        Some(payload)
    }
}
