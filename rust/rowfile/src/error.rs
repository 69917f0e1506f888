//! What can go wrong between rows and file bytes.

use std::fmt;
use std::io;

use crate::clipped::Clipped;

/// Result of the crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation that did not happen. Rows are 1-based data rows of the export, columns 0-based.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The specification of the file can't be carried out.
    #[error("{field} must be {expected}, not '{got}'")]
    Metadata {
        /// Dotted path of the field.
        field: Box<str>,
        /// What the field may hold.
        expected: Box<str>,
        /// What it holds.
        got: Clipped,
    },
    /// A row has too few or too many values.
    #[error("row {row} has {got} values, the export has {expected} columns")]
    RowWidth {
        /// Data row.
        row: u64,
        /// Columns of the export.
        expected: usize,
        /// Values of the row.
        got: usize,
    },
    /// A row is not well-formed.
    #[error("row {row} must have {expected}, not '{got}'")]
    Row {
        /// Data row.
        row: u64,
        /// What was wanted.
        expected: &'static str,
        /// What came.
        got: Clipped,
    },
    /// A key of a row's object names no column, or one that came before.
    #[error("row {row} must have keys of columns, each once, not '{key}'")]
    Key {
        /// Data row.
        row: u64,
        /// The key.
        key: Clipped,
    },
    /// A cell is not well-formed, or not what its column's policy demands.
    #[error("row {row}, column {column} must be {expected}, not '{got}'")]
    Cell {
        /// Data row.
        row: u64,
        /// Column.
        column: usize,
        /// What was wanted.
        expected: &'static str,
        /// What came.
        got: Clipped,
    },
    /// A batch message is not well-formed outside of any one row.
    #[error("the batch after row {row} must have {expected}, not {got}")]
    Batch {
        /// The last data row before the batch.
        row: u64,
        /// What was wanted.
        expected: &'static str,
        /// What came.
        got: Clipped,
    },
    /// A body of length-prefixed messages is not well-formed.
    #[error("message {frame} of the body must have {expected}, not {got}")]
    Frame {
        /// Which message of the body, from 1.
        frame: u64,
        /// What was wanted.
        expected: &'static str,
        /// What came.
        got: Clipped,
    },
    /// Buffers of a column are not what its kind demands.
    #[error("the buffers of column {column} do not fit its kind and rows")]
    Buffers {
        /// Column.
        column: usize,
    },
    /// A row is longer than a message may be.
    #[error("row {row} has more than the {limit} bytes that a row may have")]
    LongRow {
        /// Data row.
        row: u64,
        /// The bound.
        limit: u64,
    },
    /// A batch came too early.
    #[error("batch {got} came where batch {expected} was due")]
    SequenceGap {
        /// The number that was due.
        expected: i64,
        /// The number that came.
        got: i64,
    },
    /// Batches of one stream are numbered by the client or by the service, never by both.
    #[error("batch_sequence must be {expected}, not {got}")]
    SequenceMode {
        /// What the stream's first batch settled.
        expected: &'static str,
        /// The number that came.
        got: i64,
    },
    /// A batch was sent again with other content.
    #[error("batch {sequence} was accepted before with other content")]
    SequenceConflict {
        /// The batch's number.
        sequence: i64,
    },
    /// The end of rows was declared with another count than the rows accepted.
    #[error("{expected} rows were announced, {got} came")]
    RowCount {
        /// Rows announced.
        expected: u64,
        /// Rows accepted.
        got: u64,
    },
    /// A new batch after the end of rows.
    #[error("the rows have ended: batch {sequence} is not taken")]
    RowsEnded {
        /// The batch's number.
        sequence: i64,
    },
    /// The sheet is full and may not go on in another.
    #[error("a sheet holds {limit} data rows here, and row_overflow is fail")]
    RowLimit {
        /// Data rows one sheet holds.
        limit: u64,
    },
    /// The file or message would outgrow a bound of its format.
    #[error("{what} is limited to {limit} bytes")]
    TooLarge {
        /// What grew.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The file system refused.
    #[error("{action} failed: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// A task's row log would outgrow its bound.
    #[error("the rows of one export are limited to {limit} bytes")]
    LogLimit {
        /// The bound.
        limit: u64,
    },
    /// A row log could not be synced: what is on the disk is not known any more.
    #[error("the row log could not be made to survive a loss of power")]
    Unsynced,
    /// Bytes of a spool are not what was written.
    #[error("the row log is damaged: {what}")]
    Damaged {
        /// What does not hold.
        what: &'static str,
    },
    /// Writing went on after the end, or after a failure.
    #[error("the {what} is closed")]
    Closed {
        /// What was used.
        what: &'static str,
    },
    /// Two callers used one thing at the same time.
    #[error("the {what} is in use by another thread")]
    Busy {
        /// What was used.
        what: &'static str,
    },
    /// The workbook's fixed parts could not be made.
    #[error("the workbook's fixed parts could not be made: {0}")]
    Workbook(#[from] Box<rust_xlsxwriter::XlsxError>),
    /// The workbook's fixed parts could not be read back.
    #[error("the workbook's fixed parts could not be read: {0}")]
    WorkbookParts(#[from] Box<zip::result::ZipError>),
    /// The workbook's fixed parts are not laid out as this crate expects.
    #[error("the workbook's fixed parts lack {what}")]
    WorkbookLayout {
        /// What is missing.
        what: &'static str,
    },
    /// The deflate stream could not go on.
    #[error("compression failed: {0}")]
    Deflate(#[from] flate2::CompressError),
}

impl Error {
    /// A refused field of the specification.
    pub(crate) fn metadata(field: &str, expected: &str, got: impl fmt::Display) -> Self {
        let got = Clipped::text(&got.to_string());
        Self::Metadata { field: field.into(), expected: expected.into(), got }
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// The stable code clients and operators see.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Metadata { .. } | Self::SequenceMode { .. } => "INVALID_METADATA",
            Self::RowWidth { .. }
            | Self::Row { .. }
            | Self::Key { .. }
            | Self::Cell { .. }
            | Self::Batch { .. }
            | Self::Frame { .. } => "INVALID_ROW",
            Self::SequenceGap { .. } => "SEQUENCE_GAP",
            Self::SequenceConflict { .. } => "IDEMPOTENCY_CONFLICT",
            Self::RowCount { .. } => "ROW_COUNT_MISMATCH",
            Self::RowsEnded { .. } => "INVALID_STATE",
            Self::RowLimit { .. } => "ROW_LIMIT",
            Self::TooLarge { .. } | Self::LongRow { .. } | Self::LogLimit { .. } => "TOO_LARGE",
            Self::Io { source, .. } if is_full(source) => "DISK_FULL",
            Self::Io { .. } | Self::Unsynced => "WRITE_FAILED",
            Self::Damaged { .. }
            | Self::Buffers { .. }
            | Self::Closed { .. }
            | Self::Busy { .. }
            | Self::Workbook(_)
            | Self::WorkbookParts(_)
            | Self::WorkbookLayout { .. }
            | Self::Deflate(_) => "INTERNAL",
        }
    }

    /// Where and what, as words and values that may be shown to clients.
    #[must_use]
    pub fn context(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Metadata { field, expected, got } => vec![
                ("field", field.to_string()),
                ("expected", expected.to_string()),
                ("got", got.to_string()),
            ],
            Self::RowWidth { row, expected, got } => vec![
                ("row", row.to_string()),
                ("expected", format!("{expected} values")),
                ("got", format!("{got} values")),
            ],
            Self::Row { row, expected, got } | Self::Batch { row, expected, got } => vec![
                ("row", row.to_string()),
                ("expected", (*expected).to_owned()),
                ("got", got.to_string()),
            ],
            Self::Key { row, key } => vec![
                ("row", row.to_string()),
                ("key", key.to_string()),
                ("expected", "keys of columns, each once".to_owned()),
            ],
            Self::Cell { row, column, expected, got } => vec![
                ("row", row.to_string()),
                ("column", column.to_string()),
                ("expected", (*expected).to_owned()),
                ("got", got.to_string()),
            ],
            Self::Frame { frame, expected, got } => vec![
                ("message", frame.to_string()),
                ("expected", (*expected).to_owned()),
                ("got", got.to_string()),
            ],
            Self::SequenceMode { expected, got } => vec![
                ("field", "batch_sequence".to_owned()),
                ("expected", (*expected).to_owned()),
                ("got", got.to_string()),
            ],
            _ => self.counted_context(),
        }
    }

    fn counted_context(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::SequenceGap { expected, got } => {
                vec![("expected", expected.to_string()), ("got", got.to_string())]
            }
            Self::RowCount { expected, got } => {
                vec![("expected", expected.to_string()), ("got", got.to_string())]
            }
            Self::LongRow { row, limit } => {
                vec![("row", row.to_string()), ("limit", limit.to_string())]
            }
            Self::SequenceConflict { sequence } | Self::RowsEnded { sequence } => {
                vec![("batch_sequence", sequence.to_string())]
            }
            Self::RowLimit { limit } | Self::TooLarge { limit, .. } | Self::LogLimit { limit } => {
                vec![("limit", limit.to_string())]
            }
            _ => Vec::new(),
        }
    }
}

/// No space, over quota, or past the largest file: all are cured by room, not by another try.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
