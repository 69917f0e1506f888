//! Criterion benches of the core's parts: `just bench-micro [filter]`.
//!
//! Short by default, for a look while working: the machine's noise is in every figure, so compare
//! figures of one run. Throughput is in rows, or in bytes where a part knows no rows.

#![expect(clippy::unwrap_used, reason = "a bench fails by it")]

#[expect(dead_code, reason = "the unit tests use more of it")]
#[path = "../../src/fixtures.rs"]
mod fixtures;
mod parsers;
mod pieces;
mod shapes;
mod writers;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
// Where the fixtures look for them.
use rowfile::{FileChecksums, FileDigest, Schema, SpoolLog};

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .without_plots()
}

criterion_group! {
    name = core;
    config = short();
    targets = parsers::bench, pieces::bench_deflate, pieces::bench_cells, pieces::bench_row_log,
        writers::bench
}
criterion_main!(core);
