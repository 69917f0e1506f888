//! `SpoolLog`, `SpoolReader`, `Appended`, `BatchFramer`.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::error::to_python;
use crate::schema::Schema;
use crate::shared::Shared;

/// What an append did.
#[pyclass(frozen, get_all, module = "rowferry._core")]
#[expect(clippy::struct_field_names, reason = "Python reads the names without the type")]
pub(crate) struct Appended {
    last_sequence: u64,
    rows: u64,
    payload_bytes: u64,
    batches_appended: usize,
    duplicates: usize,
    refused: Option<Py<PyAny>>,
    log_full: bool,
}

impl Appended {
    fn new(py: Python<'_>, accepted: rowfile::Accepted) -> Self {
        let log_full = matches!(accepted.refused, Some(rowfile::Error::LogLimit { .. }));
        Self {
            log_full,
            last_sequence: accepted.last_sequence,
            rows: accepted.rows,
            payload_bytes: accepted.payload_bytes,
            batches_appended: accepted.batches_appended,
            duplicates: accepted.duplicates,
            refused: accepted.refused.map(|error| to_python(py, &error).into_value(py).into_any()),
        }
    }
}

/// One task's append-only log.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct SpoolLog(Shared<rowfile::SpoolLog>);

impl SpoolLog {
    fn opened(
        py: Python<'_>,
        log: rowfile::Result<rowfile::SpoolLog>,
        max_file_bytes: Option<u64>,
    ) -> PyResult<Self> {
        let log = log.map_err(|error| to_python(py, &error))?;
        let log = log.limited_to(max_file_bytes.unwrap_or(u64::MAX));
        Ok(Self(Shared::new("row log", log)))
    }

    fn get<R: Send>(
        &self,
        py: Python<'_>,
        property: impl FnOnce(&rowfile::SpoolLog) -> R + Send,
    ) -> PyResult<R> {
        self.0.with(py, |log| Ok(property(log)))
    }
}

#[pymethods]
impl SpoolLog {
    #[staticmethod]
    #[pyo3(signature = (schema, path, max_file_bytes=None))]
    fn create(
        py: Python<'_>,
        schema: &Schema,
        path: Option<PathBuf>,
        max_file_bytes: Option<u64>,
    ) -> PyResult<Self> {
        let schema = Arc::clone(&schema.0);
        let log = py.detach(|| rowfile::SpoolLog::create(schema, path.as_deref()));
        Self::opened(py, log, max_file_bytes)
    }

    #[staticmethod]
    #[pyo3(signature = (schema, path, max_file_bytes=None))]
    fn open(
        py: Python<'_>,
        schema: &Schema,
        path: PathBuf,
        max_file_bytes: Option<u64>,
    ) -> PyResult<Self> {
        let schema = Arc::clone(&schema.0);
        let log = py.detach(|| rowfile::SpoolLog::open(schema, &path));
        Self::opened(py, log, max_file_bytes)
    }

    fn append(&self, py: Python<'_>, messages: Vec<(PyBackedBytes, usize)>) -> PyResult<Appended> {
        let slices = messages
            .iter()
            .map(|(buffer, offset)| buffer.get(*offset..))
            .collect::<Option<Vec<&[u8]>>>()
            .ok_or_else(|| PyValueError::new_err("an offset lies behind its buffer"))?;
        let accepted = self.0.with(py, |log| Ok(log.append(&slices)))?;
        Ok(Appended::new(py, accepted))
    }

    fn end(&self, py: Python<'_>, expected_rows: u64) -> PyResult<()> {
        self.0.with(py, |log| log.end(expected_rows))
    }

    fn reader(&self, py: Python<'_>) -> PyResult<SpoolReader> {
        let reader = self.get(py, rowfile::SpoolLog::reader)?;
        Ok(SpoolReader(Shared::new("row log reader", reader)))
    }

    fn syncer(&self, py: Python<'_>) -> PyResult<SpoolSync> {
        let syncer = self.get(py, rowfile::SpoolLog::syncer)?;
        Ok(SpoolSync(Shared::new("row log sync", syncer)))
    }

    fn distrust(&self, py: Python<'_>, synced_bytes: u64) -> PyResult<()> {
        self.0.with(py, |log| log.distrust(synced_bytes))
    }

    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    #[getter]
    fn next_sequence(&self, py: Python<'_>) -> PyResult<u64> {
        self.get(py, rowfile::SpoolLog::next_sequence)
    }

    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<u64> {
        self.get(py, rowfile::SpoolLog::rows)
    }

    #[getter]
    fn payload_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        self.get(py, rowfile::SpoolLog::payload_bytes)
    }

    #[getter]
    fn file_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        self.get(py, rowfile::SpoolLog::file_bytes)
    }

    #[getter]
    fn ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.get(py, rowfile::SpoolLog::ended)
    }
}

/// What makes a log survive a loss of power.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct SpoolSync(Shared<rowfile::SpoolSync>);

#[pymethods]
impl SpoolSync {
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        self.0.with(py, rowfile::SpoolSync::sync)
    }

    #[getter]
    fn synced_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.with(py, |syncer| Ok(syncer.synced_bytes()))
    }
}

/// A position in a log.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct SpoolReader(Shared<rowfile::SpoolReader>);

#[pymethods]
impl SpoolReader {
    fn read(&self, py: Python<'_>, max_bytes: usize) -> PyResult<Py<PyBytes>> {
        self.0.with(py, |reader| {
            let frames = reader.read(max_bytes)?;
            Ok(Python::attach(|py| PyBytes::new(py, frames).unbind()))
        })
    }

    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    #[getter]
    fn ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.with(py, |reader| Ok(reader.ended()))
    }

    #[getter]
    fn rows_total(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.with(py, |reader| Ok(reader.rows()))
    }
}

/// Rows that need no log.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct BatchFramer(Shared<rowfile::BatchFramer>);

impl BatchFramer {
    fn frame(
        &self,
        py: Python<'_>,
        rows: &PyBackedBytes,
        packing: rowfile::Packing,
    ) -> PyResult<Py<PyBytes>> {
        let frame = self.0.with(py, |framer| framer.frame(rows, packing))?;
        Ok(PyBytes::new(py, &frame).unbind())
    }
}

#[pymethods]
impl BatchFramer {
    #[new]
    fn new(schema: &Schema) -> Self {
        let framer = rowfile::BatchFramer::new(Arc::clone(&schema.0));
        Self(Shared::new("batch framer", framer))
    }

    fn json_rows(&self, py: Python<'_>, rows: PyBackedBytes) -> PyResult<Py<PyBytes>> {
        self.frame(py, &rows, rowfile::Packing::Json)
    }

    fn csv_rows(&self, py: Python<'_>, rows: PyBackedBytes) -> PyResult<Py<PyBytes>> {
        self.frame(py, &rows, rowfile::Packing::Csv)
    }

    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.with(py, |framer| Ok(framer.rows()))
    }
}
