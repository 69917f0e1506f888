//! Rows that need no log: judged as the log judges them, framed for the writers.

use std::sync::Arc;

use super::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, Numbering};
use crate::batch::{Message, Packing, RowContext, push_packed};
use crate::error::{Error, Result};
use crate::schema::Schema;

/// Turns packed rows into frames, numbered on; memory is one batch.
///
/// What a log would refuse is refused here, so a writer may trust either.
#[derive(Debug)]
pub struct BatchFramer {
    schema: Arc<Schema>,
    last_sequence: u64,
    rows: u64,
}

impl BatchFramer {
    /// A framer before the first row of an export.
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { schema, last_sequence: 0, rows: 0 }
    }

    /// One frame around `rows`; nothing is counted when it is refused.
    ///
    /// # Errors
    /// [`Error::Row`], [`Error::RowWidth`], [`Error::Cell`], [`Error::Batch`] with the row of the
    /// whole export; [`Error::TooLarge`].
    pub fn frame(&mut self, rows: &[u8], packing: Packing) -> Result<Vec<u8>> {
        let mut frame = vec![0; FRAME_HEADER_BYTES];
        push_packed(&mut frame, rows, packing);
        let payload = &frame[FRAME_HEADER_BYTES..];
        let message = Message::read(payload, self.rows)?;
        let count = message.check(RowContext { schema: &self.schema, rows_before: self.rows })?;
        let too_large = || Error::TooLarge { what: "a batch", limit: u64::from(u32::MAX) };
        let header = FrameHeader {
            kind: FrameKind::Batch(Numbering::Service),
            payload_bytes: u32::try_from(payload.len()).map_err(|_| too_large())?,
            rows: u32::try_from(count).map_err(|_| too_large())?,
            payload_crc: crc32c::crc32c(payload),
            sequence: self.last_sequence + 1,
        };
        frame[..FRAME_HEADER_BYTES].copy_from_slice(&header.encode());
        self.last_sequence += 1;
        self.rows += count;
        Ok(frame)
    }

    /// Data rows framed so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::Payloads;
    use super::*;
    use crate::fixtures;
    use crate::spool::SpoolLog;

    const BATCHES: [(&[u8], Packing); 3] = [
        (br#"[["a",1],[null,2.50]]"#, Packing::Json),
        (b"[]", Packing::Json),
        (b"b,3\r\n", Packing::Csv),
    ];

    fn schema() -> Arc<Schema> {
        fixtures::schema("CSV", "sn", &serde_json::json!({}))
    }

    #[test]
    fn frames_are_those_of_a_log_that_took_the_same_rows() {
        let mut framer = BatchFramer::new(schema());
        let mut log = SpoolLog::create(schema(), None).unwrap();
        let mut written = Vec::new();
        for (rows, packing) in BATCHES {
            let frame = framer.frame(rows, packing).unwrap();
            let message = Payloads::new(&frame).next().unwrap().unwrap().to_vec();
            assert!(log.append(&[&message]).refused.is_none());
            written.extend(frame);
        }
        assert_eq!(log.reader().read(1 << 20).unwrap(), written);
        assert_eq!((framer.rows(), log.rows()), (3, 3));
    }

    #[test]
    fn a_refusal_names_the_row_of_the_whole_export_and_counts_nothing() {
        let mut framer = BatchFramer::new(schema());
        framer.frame(br#"[["a",1],["b",2]]"#, Packing::Json).unwrap();
        for _ in 0..2 {
            let refusal = framer.frame(br#"[["c",3],["d",{}]]"#, Packing::Json).unwrap_err();
            assert!(matches!(refusal, Error::Cell { row: 4, column: 1, .. }), "{refusal:?}");
        }
        let width = framer.frame(b"c\r\n", Packing::Csv).unwrap_err();
        assert!(matches!(width, Error::RowWidth { row: 3, expected: 2, got: 1 }), "{width:?}");
        assert_eq!(framer.rows(), 2);
    }
}
