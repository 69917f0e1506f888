//! `Crc64`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// From here on, giving the GIL to another thread costs less than keeping it.
const LARGE_BYTES: usize = 64 * 1024;

/// A CRC-64/XZ in progress.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct Crc64(Mutex<rowfile::Crc64>);

impl Crc64 {
    fn lock(&self) -> MutexGuard<'_, rowfile::Crc64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Crc64 {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn update(&self, py: Python<'_>, content: &[u8]) {
        if content.len() < LARGE_BYTES {
            self.lock().update(content);
        } else {
            py.detach(|| self.lock().update(content));
        }
    }

    #[getter]
    fn value(&self) -> u64 {
        self.lock().value()
    }
}
