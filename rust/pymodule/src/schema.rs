//! `Schema`.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::error::to_python;

/// A validated specification of one file.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct Schema(pub(crate) Arc<rowfile::Schema>);

#[pymethods]
impl Schema {
    #[new]
    fn new(py: Python<'_>, spec_json: &[u8]) -> PyResult<Self> {
        let schema = rowfile::Schema::parse(spec_json).map_err(|error| to_python(py, &error))?;
        Ok(Self(Arc::new(schema)))
    }

    #[getter]
    fn format(&self) -> &'static str {
        match self.0.format {
            rowfile::Format::Excel => "EXCEL",
            rowfile::Format::Csv => "CSV",
        }
    }

    #[getter]
    fn columns(&self) -> usize {
        self.0.column_count()
    }

    #[getter]
    fn extension(&self) -> &'static str {
        self.0.extension()
    }

    #[getter]
    fn content_type(&self) -> String {
        self.0.content_type()
    }
}
