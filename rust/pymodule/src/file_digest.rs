//! `FileDigest`.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::error::to_python;
use crate::shared::Shared;

/// What tells a whole file from any other.
#[pyclass(frozen, get_all, module = "rowferry._core")]
#[derive(Clone)]
pub(crate) struct FileChecksums {
    sha256: String,
    crc64: u64,
}

impl From<rowfile::FileChecksums> for FileChecksums {
    fn from(checksums: rowfile::FileChecksums) -> Self {
        Self { sha256: checksums.sha256, crc64: checksums.crc64 }
    }
}

/// The checksums of a whole file, step by step.
#[pyclass(frozen, module = "rowferry._core")]
pub(crate) struct FileDigest(Shared<rowfile::FileDigest>);

#[pymethods]
impl FileDigest {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let digest = py.detach(|| rowfile::FileDigest::open(&path));
        let digest = digest.map_err(|error| to_python(py, &error))?;
        Ok(Self(Shared::new("file digest", digest)))
    }

    fn advance(&self, py: Python<'_>, max_bytes: u64) -> PyResult<Option<FileChecksums>> {
        let is_complete = self.0.with_or_close(py, |digest| digest.advance(max_bytes))?;
        if !is_complete {
            return Ok(None);
        }
        self.0.finish(py, |digest| Ok(digest.finish())).map(|checksums| Some(checksums.into()))
    }
}
