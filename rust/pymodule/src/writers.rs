//! `CsvWriter`, `XlsxWriter` and what they give back.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::error::to_python;
use crate::file_digest::FileChecksums;
use crate::schema::Schema;
use crate::shared::Shared;

/// How far a file is.
#[pyclass(frozen, get_all, module = "rowferry._core")]
pub(crate) struct WriteProgress {
    rows: u64,
    file_bytes: u64,
    pending: Option<(u64, u64)>,
}

impl From<rowfile::WriteProgress> for WriteProgress {
    fn from(progress: rowfile::WriteProgress) -> Self {
        Self {
            rows: progress.rows,
            file_bytes: progress.file_bytes,
            pending: progress.pending.map(|bytes| (bytes.start, bytes.end)),
        }
    }
}

/// A finished file.
#[pyclass(frozen, get_all, module = "rowferry._core")]
pub(crate) struct FileSummary {
    rows: u64,
    file_bytes: u64,
    checksums: Option<FileChecksums>,
    fidelity: Vec<(String, u64, u64, usize)>,
}

impl From<rowfile::FileSummary> for FileSummary {
    fn from(summary: rowfile::FileSummary) -> Self {
        let issue = |issue: &rowfile::Issue| {
            (issue.kind.to_string(), issue.cells, issue.first_row, issue.first_column)
        };
        Self {
            rows: summary.rows,
            file_bytes: summary.file_bytes,
            checksums: summary.checksums.map(Into::into),
            fidelity: summary.fidelity.iter().map(issue).collect(),
        }
    }
}

/// Threads that encode blocks of rows for all writers given it.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct EncoderPool(rowfile::EncoderPool);

#[pymethods]
impl EncoderPool {
    #[new]
    fn new(py: Python<'_>, threads: usize) -> PyResult<Self> {
        let pool = py.detach(|| rowfile::EncoderPool::start(threads));
        pool.map(Self).map_err(|error| to_python(py, &error))
    }
}

/// Without a pool a writer encodes on the thread that calls it.
fn create<T: Send>(
    py: Python<'_>,
    pool: Option<&EncoderPool>,
    create: impl FnOnce(&rowfile::EncoderPool) -> rowfile::Result<T> + Send,
) -> PyResult<T> {
    let none = rowfile::EncoderPool::default();
    let pool = pool.map_or(&none, |pool| &pool.0);
    py.detach(|| create(pool)).map_err(|error| to_python(py, &error))
}

/// Writes one CSV file.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct CsvWriter(Shared<rowfile::CsvWriter>);

#[pymethods]
impl CsvWriter {
    #[new]
    #[pyo3(signature = (schema, path, pool = None))]
    fn new(
        py: Python<'_>,
        schema: &Schema,
        path: PathBuf,
        pool: Option<&EncoderPool>,
    ) -> PyResult<Self> {
        let schema = Arc::clone(&schema.0);
        let writer = create(py, pool, |pool| rowfile::CsvWriter::create(schema, &path, pool))?;
        Ok(Self(Shared::new("CSV file", writer)))
    }

    fn write(&self, py: Python<'_>, frames: &[u8]) -> PyResult<WriteProgress> {
        self.0.with_or_close(py, |writer| writer.write(frames)).map(Into::into)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<FileSummary> {
        self.0.finish(py, rowfile::CsvWriter::finish).map(Into::into)
    }

    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }
}

/// Writes one XLSX file.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct XlsxWriter(Shared<rowfile::XlsxWriter>);

#[pymethods]
impl XlsxWriter {
    #[new]
    #[pyo3(signature = (schema, path, pool = None))]
    fn new(
        py: Python<'_>,
        schema: &Schema,
        path: PathBuf,
        pool: Option<&EncoderPool>,
    ) -> PyResult<Self> {
        let schema = Arc::clone(&schema.0);
        let limits = rowfile::SheetLimits::default();
        let writer =
            create(py, pool, |pool| rowfile::XlsxWriter::create(schema, &path, limits, pool))?;
        Ok(Self(Shared::new("XLSX file", writer)))
    }

    fn write(&self, py: Python<'_>, frames: &[u8]) -> PyResult<WriteProgress> {
        self.0.with_or_close(py, |writer| writer.write(frames)).map(Into::into)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<FileSummary> {
        self.0.finish(py, rowfile::XlsxWriter::finish).map(Into::into)
    }

    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }
}
