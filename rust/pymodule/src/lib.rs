//! `rowferry._core`: the rowfile crate for Python. No logic lives here.

// PyO3's macros pass self and arguments by value or reference as Python needs them.
#![expect(clippy::needless_pass_by_value, reason = "extracted arguments are owned")]

mod arrow;
mod body;
mod crc64;
mod error;
mod file_digest;
mod masking;
mod schema;
mod shared;
mod spool;
mod writers;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("version", env!("CARGO_PKG_VERSION"))?;
    error::register(module)?;
    module.add_function(wrap_pyfunction!(body::csv_header, module)?)?;
    module.add_function(wrap_pyfunction!(masking::unmasked, module)?)?;
    module.add_class::<arrow::ArrowRows>()?;
    module.add_class::<body::RowBody>()?;
    module.add_class::<crc64::Crc64>()?;
    module.add_class::<file_digest::FileChecksums>()?;
    module.add_class::<file_digest::FileDigest>()?;
    module.add_class::<schema::Schema>()?;
    module.add_class::<spool::Appended>()?;
    module.add_class::<spool::BatchFramer>()?;
    module.add_class::<spool::SpoolLog>()?;
    module.add_class::<spool::SpoolReader>()?;
    module.add_class::<spool::SpoolSync>()?;
    module.add_class::<writers::CsvWriter>()?;
    module.add_class::<writers::EncoderPool>()?;
    module.add_class::<writers::FileSummary>()?;
    module.add_class::<writers::WriteProgress>()?;
    module.add_class::<writers::XlsxWriter>()
}
