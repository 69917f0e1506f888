//! What must hold for any bytes. A check takes bytes, makes of them what it needs, and panics when
//! something does not hold: fuzzers, property tests and the corpus' replay all run the same.

mod batches;
mod cells;
mod csv_file;
mod deflate;
mod row_body;
mod row_log;
mod table;
mod written;
mod xlsx_file;

/// A check; its corpus is the folder of its name.
pub(crate) type Check = (&'static str, fn(&[u8]));

/// Parsers of what clients send: the bytes are a batch, or its packed rows.
pub(crate) const PARSERS: [Check; 3] = [
    ("records", batches::records),
    ("json_rows", batches::json_rows),
    ("csv_rows", batches::csv_rows),
];

/// The bytes are choices: tables, repetitions, accidents of a file.
pub(crate) const MODELS: [Check; 6] = [
    ("cells", cells::check),
    ("csv_file", csv_file::check),
    ("deflate", deflate::check),
    ("row_body", row_body::check),
    ("row_log", row_log::check),
    ("xlsx_file", xlsx_file::check),
];
