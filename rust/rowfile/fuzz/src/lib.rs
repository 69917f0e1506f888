//! The checks of the crate's tests, for targets that differ in nothing but the check.

#[path = "../../tests/checks/mod.rs"]
mod checks;
#[expect(dead_code, reason = "the unit tests use more of it")]
#[path = "../../src/fixtures.rs"]
mod fixtures;

use rowfile::{FileChecksums, FileDigest, Schema, SpoolLog};

/// Runs a check, by name.
///
/// # Panics
/// When the check does not hold, or there is none of the name.
pub fn run(name: &str, bytes: &[u8]) {
    let mut all = checks::PARSERS.into_iter().chain(checks::MODELS);
    let (_, check) = all.find(|(known, _)| *known == name).expect("the name of a check");
    check(bytes);
}
