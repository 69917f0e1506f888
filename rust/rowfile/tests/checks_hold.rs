//! Every check of `checks` over its corpus, and those that take choices over random ones.
//!
//! The corpus (`corpus/<check>/`) is written by hand and grown by the fuzzers of `fuzz/`: inputs
//! that reach new code, and every input that ever failed.

#![expect(clippy::unwrap_used, reason = "tests fail by it")]

mod checks;
#[expect(dead_code, reason = "the unit tests use more of it")]
#[path = "../src/fixtures.rs"]
mod fixtures;

use std::path::Path;

use checks::{Check, MODELS, PARSERS};
use proptest::collection::vec;
use proptest::prelude::*;
use rowfile::{FileChecksums, FileDigest, Schema, SpoolLog};

fn replay((name, check): Check) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", folder.display());
}

#[test]
fn checks_of_parsers_hold_over_their_corpora() {
    PARSERS.into_iter().for_each(replay);
}

#[test]
fn checks_of_models_hold_over_their_corpora() {
    MODELS.into_iter().for_each(replay);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn checks_of_models_hold_over_random_choices(choices in vec(any::<u8>(), 0..1_500)) {
        for (_, check) in MODELS {
            check(&choices);
        }
    }
}
