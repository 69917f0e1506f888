//! `unmasked`.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rowfile::MASKING_KEY_BYTES;

/// Takes the mask off a payload; `key` begins at its first byte. Quicker than giving up the GIL.
#[pyfunction]
pub(crate) fn unmasked<'py>(
    py: Python<'py>,
    masked: &[u8],
    key: [u8; MASKING_KEY_BYTES],
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, masked.len(), |plain| {
        rowfile::unmask(masked, key, plain);
        Ok(())
    })
}
