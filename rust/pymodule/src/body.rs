//! `RowBody`, `csv_header`.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use rowfile::{BatchRules, BodyKind};

use crate::error::to_python;
use crate::schema::Schema;
use crate::shared::Shared;

/// The body of an upload, cut into messages.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct RowBody(Shared<rowfile::RowBody>);

#[pymethods]
impl RowBody {
    #[new]
    #[pyo3(signature = (schema, kind, *, first_sequence, batch_bytes, max_message_bytes))]
    fn new(
        schema: &Schema,
        kind: &str,
        first_sequence: u64,
        batch_bytes: usize,
        max_message_bytes: usize,
    ) -> PyResult<Self> {
        let kind = match kind {
            "csv" => BodyKind::Csv,
            "csv-header" => BodyKind::CsvWithHeader,
            "ndjson" => BodyKind::JsonLines,
            "frames" => BodyKind::Frames,
            other => return Err(PyValueError::new_err(format!("no kind of body: {other}"))),
        };
        let rules = BatchRules { first_sequence, batch_bytes, max_message_bytes };
        let body = rowfile::RowBody::new(Arc::clone(&schema.0), kind, rules);
        Ok(Self(Shared::new("body", body)))
    }

    fn push(&self, py: Python<'_>, data: PyBackedBytes) -> PyResult<Vec<Py<PyBytes>>> {
        let messages = self.0.with(py, |body| body.push(&data))?;
        Ok(to_bytes(py, &messages))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Vec<Py<PyBytes>>> {
        let messages = self.0.with(py, rowfile::RowBody::finish)?;
        Ok(to_bytes(py, &messages))
    }

    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.with(py, |body| Ok(body.rows()))
    }

    #[getter]
    fn held_bytes(&self, py: Python<'_>) -> PyResult<usize> {
        self.0.with(py, |body| Ok(body.held_bytes()))
    }
}

fn to_bytes(py: Python<'_>, messages: &[Vec<u8>]) -> Vec<Py<PyBytes>> {
    messages.iter().map(|message| PyBytes::new(py, message).unbind()).collect()
}

/// The columns that the first record of a CSV body names.
#[pyfunction]
pub(crate) fn csv_header(py: Python<'_>, head: PyBackedBytes) -> PyResult<Option<Vec<String>>> {
    py.detach(|| rowfile::csv_header(&head)).map_err(|error| to_python(py, &error))
}
