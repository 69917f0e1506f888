//! Finds the last whole frame of a log that a crash may have torn.

use super::frame::{FILE_HEADER_BYTES, FRAME_HEADER_BYTES, FrameHeader};
use super::medium::Medium;
use crate::error::{Error, Result};

const READ_BYTES: usize = 256 * 1024;

/// Calls `found` for each whole frame in order with its offset, as long as it returns true.
/// Checksums of payloads are verified in bounded memory.
pub(super) fn scan(
    medium: &Medium,
    mut found: impl FnMut(&FrameHeader, u64) -> bool,
) -> Result<()> {
    let length = medium.len().map_err(Error::io("reading the row log"))?;
    let mut offset = FILE_HEADER_BYTES as u64;
    let mut buffer = vec![0; READ_BYTES];
    while let Some(header) = frame_at(medium, offset, length, &mut buffer)? {
        if !found(&header, offset) {
            break;
        }
        offset += header.frame_bytes();
    }
    Ok(())
}

/// The header of the frame at `offset`, if all of the frame is there and sound.
fn frame_at(
    medium: &Medium,
    offset: u64,
    length: u64,
    buffer: &mut [u8],
) -> Result<Option<FrameHeader>> {
    let payload_offset = offset + FRAME_HEADER_BYTES as u64;
    if payload_offset > length {
        return Ok(None);
    }
    let mut header = [0; FRAME_HEADER_BYTES];
    medium.read_exact_at(&mut header, offset).map_err(Error::io("reading the row log"))?;
    let Some(header) = FrameHeader::decode(&header) else { return Ok(None) };
    if offset + header.frame_bytes() > length {
        return Ok(None);
    }
    let crc = payload_crc(medium, payload_offset, header.payload_bytes as usize, buffer)?;
    Ok((crc == header.payload_crc).then_some(header))
}

fn payload_crc(
    medium: &Medium,
    mut offset: u64,
    mut remaining: usize,
    buffer: &mut [u8],
) -> Result<u32> {
    let mut crc = 0;
    while remaining > 0 {
        let piece = &mut buffer[..remaining.min(READ_BYTES)];
        medium.read_exact_at(piece, offset).map_err(Error::io("reading the row log"))?;
        crc = crc32c::crc32c_append(crc, piece);
        offset += piece.len() as u64;
        remaining -= piece.len();
    }
    Ok(crc)
}
