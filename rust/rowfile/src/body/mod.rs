//! Bodies of rows, as HTTP clients send them, cut into `RecordBatch` messages.
//!
//! Where a body is cut depends on its bytes alone, never on how they arrived, so that a body that
//! is sent again gives the batches that the log has. Bodies are only cut here: whether rows are
//! well-formed is judged where every batch is, in the log. Memory is one batch and one row.

mod batches;
mod csv_body;
mod csv_header;
mod frame_body;
mod json_lines;
mod record_ends;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::schema::Schema;
use batches::Batches;
use csv_body::CsvBody;
use frame_body::FrameBody;
use json_lines::JsonLines;

pub(crate) use batches::ENVELOPE_BYTES;
pub use csv_header::csv_header;

/// What a body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// RFC 4180 records in the schema's column order.
    Csv,
    /// RFC 4180 records, the first of which names the columns of the others.
    CsvWithHeader,
    /// A JSON array or object a line, as in `json_rows`.
    JsonLines,
    /// Messages with their length in front, as a protobuf varint.
    Frames,
}

/// How batches are numbered and how large they are.
#[derive(Clone, Copy, Debug)]
pub struct BatchRules {
    /// Number of the first batch; 0 = the log numbers them. Frames have numbers of their own.
    pub first_sequence: u64,
    /// The most text of several rows in one batch.
    pub batch_bytes: usize,
    /// The longest message, which bounds a row.
    pub max_message_bytes: usize,
}

/// One body under way. After a refusal it is of no use.
#[derive(Debug)]
pub struct RowBody {
    body: Body,
    batches: Batches,
    /// Found behind batches that were given out first: how far a body gets does not depend on
    /// how it arrived.
    refusal: Option<Error>,
    is_closed: bool,
}

#[derive(Debug)]
enum Body {
    Csv(CsvBody),
    JsonLines(JsonLines),
    Frames(FrameBody),
}

impl RowBody {
    /// A body before its first byte.
    #[must_use]
    pub fn new(schema: Arc<Schema>, kind: BodyKind, rules: BatchRules) -> Self {
        let body = match kind {
            BodyKind::Csv => Body::Csv(CsvBody::new(&schema)),
            BodyKind::CsvWithHeader => Body::Csv(CsvBody::with_header(schema)),
            BodyKind::JsonLines => Body::JsonLines(JsonLines::default()),
            BodyKind::Frames => Body::Frames(FrameBody::default()),
        };
        Self { body, batches: Batches::new(rules), refusal: None, is_closed: false }
    }

    /// Takes the next bytes; the messages that are complete.
    ///
    /// # Errors
    /// [`Error::Row`], [`Error::Cell`], [`Error::LongRow`], [`Error::Frame`], [`Error::TooLarge`],
    /// all with rows of the body; [`Error::Metadata`] for a header. Messages
    /// before the refusal were given out: it comes with the call after them.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.step(|body, batches| match body {
            Body::Csv(body) => body.push(bytes, batches),
            Body::JsonLines(body) => body.push(bytes, batches),
            Body::Frames(body) => body.push(bytes, batches),
        })
    }

    /// Ends the body; the messages that are left.
    ///
    /// # Errors
    /// As [`Self::push`]; the body ends inside a row, or inside a message.
    pub fn finish(&mut self) -> Result<Vec<Vec<u8>>> {
        let messages = self.step(|body, batches| match body {
            Body::Csv(body) => body.finish(batches),
            Body::JsonLines(body) => body.finish(batches),
            Body::Frames(body) => body.finish(),
        })?;
        self.is_closed = true;
        self.refusal.take().map_or(Ok(messages), Err)
    }

    fn step(
        &mut self,
        work: impl FnOnce(&mut Body, &mut Batches) -> Result<()>,
    ) -> Result<Vec<Vec<u8>>> {
        if self.is_closed {
            return Err(Error::Closed { what: "body" });
        }
        let result = match self.refusal.take() {
            Some(refusal) => Err(refusal),
            None => work(&mut self.body, &mut self.batches),
        };
        let messages = self.batches.take();
        match result {
            Ok(()) => Ok(messages),
            Err(refusal) if messages.is_empty() => {
                self.is_closed = true;
                Err(refusal)
            }
            Err(refusal) => {
                self.refusal = Some(refusal);
                Ok(messages)
            }
        }
    }

    /// Rows cut so far; those of frames are not counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.batches.rows()
    }

    /// Bytes held of rows and messages that were not given out yet.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let open_bytes = match &self.body {
            Body::Csv(body) => body.open_bytes(),
            Body::JsonLines(body) => body.open_bytes(),
            Body::Frames(body) => body.open_bytes(),
        };
        open_bytes + self.batches.open_bytes()
    }
}

#[cfg(test)]
mod tests;
