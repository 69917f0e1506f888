//! `ArrowRows`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use rowfile::{BatchRules, ColumnBuffers, ColumnKind};

use crate::shared::Shared;

/// The rows of Arrow columns, cut into messages.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct ArrowRows(Shared<rowfile::ArrowRows>);

type Messages = Vec<(Py<PyBytes>, u64)>;
/// Validity, first bit, values, offsets.
type Buffers = (Option<PyBackedBytes>, usize, PyBackedBytes, PyBackedBytes);

#[pymethods]
impl ArrowRows {
    #[new]
    #[pyo3(signature = (kinds, *, batch_bytes, max_message_bytes))]
    fn new(kinds: Vec<String>, batch_bytes: usize, max_message_bytes: usize) -> PyResult<Self> {
        let named = |name: &String| {
            ColumnKind::named(name)
                .ok_or_else(|| PyValueError::new_err(format!("no kind of column: {name}")))
        };
        let kinds = kinds.iter().map(named).collect::<PyResult<Vec<_>>>()?;
        let rules = BatchRules { first_sequence: 0, batch_bytes, max_message_bytes };
        Ok(Self(Shared::new("rows of a table", rowfile::ArrowRows::new(kinds, rules))))
    }

    fn push(&self, py: Python<'_>, rows: usize, columns: Vec<Buffers>) -> PyResult<Messages> {
        let batches = self.0.with(py, |encoder| {
            let columns: Vec<_> = columns.iter().map(column).collect();
            encoder.push(rows, &columns)
        })?;
        Ok(to_bytes(py, &batches))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Messages> {
        let batch = self.0.with(py, |encoder| Ok(encoder.finish()))?;
        Ok(to_bytes(py, batch.as_slice()))
    }
}

fn column((validity, first_bit, values, offsets): &Buffers) -> ColumnBuffers<'_> {
    ColumnBuffers { validity: validity.as_deref(), first_bit: *first_bit, values, offsets }
}

fn to_bytes(py: Python<'_>, batches: &[rowfile::Batch]) -> Messages {
    let message = |(message, rows): &rowfile::Batch| (PyBytes::new(py, message).unbind(), *rows);
    batches.iter().map(message).collect()
}
