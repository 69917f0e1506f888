//! What a cell's text means in a column of a type.

pub(crate) mod boolean;
pub(crate) mod date;
pub(crate) mod number;

/// Sentences for errors: what a column of the type takes.
pub(crate) const EXPECTED_NUMBER: &str = "a number";
pub(crate) const EXPECTED_BOOLEAN: &str = "a truth value (true, false, 1, 0, t, f, yes, no, y, n)";
