//! The one way from the core's errors to Python.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pyo3::create_exception!(
    rowferry._core,
    CoreError,
    PyException,
    "What the core refused or could not do: code, message, context."
);

/// Adds the class with empty attributes, so that they exist on every instance.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let class = module.py().get_type::<CoreError>();
    class.setattr("code", "INTERNAL")?;
    class.setattr("message", "")?;
    class.setattr("context", PyDict::new(module.py()))?;
    module.add("CoreError", class)
}

/// The Python exception of an error.
pub(crate) fn to_python(py: Python<'_>, error: &rowfile::Error) -> PyErr {
    // Errors of Rust have no full stop, sentences for clients have one.
    let message = format!("{error}.");
    let raised = CoreError::new_err(message.clone());
    match fill(raised.value(py), error, &message) {
        Ok(()) => raised,
        Err(failure) => failure,
    }
}

fn fill(value: &Bound<'_, PyAny>, error: &rowfile::Error, message: &str) -> PyResult<()> {
    let context = PyDict::new(value.py());
    for (key, text) in error.context() {
        context.set_item(key, text)?;
    }
    value.setattr("code", error.code())?;
    value.setattr("message", message)?;
    value.setattr("context", context)
}
