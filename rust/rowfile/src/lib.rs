//! Rows in, file bytes out: the core of Rowferry without Python and without a network.
//!
//! The body of an upload is cut into batches (`body`). A batch (`batch`) is checked and appended to a task's row log (`spool`); spans of the log's frames
//! are written as CSV (`csv`) or XLSX (`xlsx`). Cells are never allocated one by one: a visitor
//! sees each as bytes of the batch. Blocks of rows are compressed by threads that all exports share
//! (`pool`). Memory is bounded for any number of rows.

mod arrow;
mod batch;
mod body;
mod cell;
mod cell_text;
mod charset;
mod checksum;
mod clipped;
mod crc64;
mod csv;
mod deflate;
mod error;
mod fidelity;
#[cfg(test)]
mod fixtures;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod lanes;
mod masking;
mod passing;
mod pool;
mod schema;
mod sink;
mod spool;
mod text_buffer;
mod xlsx;

pub use arrow::{ArrowRows, Batch, ColumnBuffers, ColumnKind};
pub use batch::Packing;
pub use body::{BatchRules, BodyKind, RowBody, csv_header};
pub use checksum::{FileChecksums, FileDigest};
pub use clipped::{CLIPPED_CHARS, Clipped};
pub use crc64::Crc64;
pub use csv::CsvWriter;
pub use error::{Error, Result};
pub use fidelity::{Issue, IssueKind};
pub use masking::{MASKING_KEY_BYTES, unmask};
pub use pool::EncoderPool;
pub use schema::{Format, Schema};
pub use sink::{FileSummary, WriteProgress};
pub use spool::{Accepted, BatchFramer, SpoolLog, SpoolReader, SpoolSync};
pub use xlsx::{SheetLimits, XlsxWriter};
