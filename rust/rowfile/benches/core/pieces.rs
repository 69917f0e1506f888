//! Parts that have no rows: the block encoder, what a cell's text means, the row log.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use rowfile::SpoolLog;
use rowfile::internals::{self, BlockEncoder, DateCells, Repetition};
use serde_json::json;
use tempfile::TempDir;

use crate::fixtures;
use crate::shapes::ORDERS;

const LOG_ROWS: u64 = 20_000;
const BATCH_ROWS: usize = 500;
const SPAN_BYTES: usize = 1 << 20;

/// A block of cells in which markup repeats, as a sheet's rows have it.
pub(crate) fn bench_deflate(criterion: &mut Criterion) {
    const MARKUP: &str = "</v></c><c r=\"C123\" s=\"4\"><v>";
    let (mut block, mut repetitions) = (MARKUP.to_owned(), Vec::new());
    let mut literals = block.len();
    for number in 0_u32..3_000 {
        let value = number.wrapping_mul(2_654_435_761).to_string();
        block += &(value.clone() + MARKUP);
        literals += value.len();
        repetitions.push(Repetition {
            literals: u32::try_from(literals).unwrap(),
            length: u16::try_from(MARKUP.len()).unwrap(),
            distance: u16::try_from(MARKUP.len() + value.len()).unwrap(),
        });
        literals = 0;
    }
    let mut group = criterion.benchmark_group("deflate");
    group.throughput(Throughput::Bytes(block.len() as u64));
    for (name, repetitions) in [("matched", &repetitions[..]), ("literals", &[])] {
        let mut encoder = BlockEncoder::default();
        encoder.set_repetitions(repetitions);
        group.bench_function(name, |bencher| bencher.iter(|| encoder.encode(block.as_bytes()).1));
    }
}

/// Numbers and dates as they mostly are, and as they rarely are.
pub(crate) fn bench_cells(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cells");
    let texts = |text: fn(u64) -> String| -> Vec<String> { (1..1_000).map(text).collect() };
    group.throughput(Throughput::Elements(999));
    for (name, numbers) in [
        ("integers", texts(|i| (i * 7_919).to_string())),
        ("decimals", texts(|i| format!("-{}.{:02}", i * 31, i % 100))),
        ("identifiers", texts(|i| format!("{:018}", i * 982_451_653))),
    ] {
        group.bench_function(format!("numbers/{name}"), |bencher| {
            bencher.iter(|| {
                numbers.iter().filter(|text| internals::is_exact_number(text.as_bytes())).count()
            });
        });
    }
    let schema = fixtures::schema("EXCEL", "d", &json!({}));
    let column = DateCells::of(&schema, 0);
    let (mut wall, mut serial) = (Vec::new(), Vec::new());
    for (name, dates) in [
        ("days", texts(|i| format!("20{:02}-{:02}-{:02}", i % 100, 1 + i % 12, 1 + i % 28))),
        ("times", texts(|i| format!("2026-01-{:02} 10:{:02}:{:02}", 1 + i % 31, i % 60, i % 59))),
    ] {
        group.bench_function(format!("dates/{name}"), |bencher| {
            bencher.iter(|| {
                wall.clear();
                serial.clear();
                let read = |text: &&String| column.read(text.as_bytes(), &mut wall, &mut serial);
                dates.iter().filter(read).count()
            });
        });
    }
}

/// Batches of 500 rows, appended one by one and read in spans.
pub(crate) fn bench_row_log(criterion: &mut Criterion) {
    let schema = fixtures::schema("CSV", ORDERS.types, &json!({}));
    let rows = ORDERS.rows(LOG_ROWS);
    let messages: Vec<Vec<u8>> =
        rows.chunks(BATCH_ROWS).map(|batch| fixtures::message(batch, 0)).collect();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let fill = |log: &mut SpoolLog| {
        for message in &messages {
            assert!(log.append(&[message]).refused.is_none());
        }
    };
    let mut group = criterion.benchmark_group("row_log");
    group.throughput(Throughput::Elements(LOG_ROWS));
    group.bench_function("append", |bencher| {
        bencher.iter(|| {
            let mut log = SpoolLog::create(Arc::clone(&schema), Some(&path)).unwrap();
            fill(&mut log);
            std::fs::remove_file(&path).unwrap();
        });
    });
    let mut log = SpoolLog::create(Arc::clone(&schema), Some(&path)).unwrap();
    fill(&mut log);
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let mut reader = log.reader();
            while !reader.read(SPAN_BYTES).unwrap().is_empty() {}
        });
    });
    group.bench_function("open", |bencher| {
        bencher.iter(|| SpoolLog::open(Arc::clone(&schema), &path).unwrap().rows());
    });
}
