//! Batches checked as the log does and walked as a writer does, in each of their encodings.

use criterion::{BenchmarkId, Criterion, Throughput};
use rowfile::internals;
use serde_json::json;

use crate::fixtures::{self, Row};
use crate::shapes::ALL;

const ROWS: u64 = 2_000;

pub(crate) fn bench(criterion: &mut Criterion) {
    for shape in ALL {
        let rows = shape.rows(ROWS);
        let schema = fixtures::schema("CSV", shape.types, &json!({}));
        let messages = [
            ("records", fixtures::message(&rows, 0)),
            ("json_rows", fixtures::json_message(serde_json::to_string(&rows).unwrap())),
            ("csv_rows", fixtures::csv_message(csv_rows(&rows))),
        ];
        let mut group = criterion.benchmark_group("parsers");
        group.throughput(Throughput::Elements(ROWS));
        for (name, message) in &messages {
            group.bench_function(
                BenchmarkId::new(format!("{name}/check"), shape.name),
                |bencher| {
                    bencher.iter(|| internals::check_batch(&schema, message).unwrap());
                },
            );
            group.bench_function(
                BenchmarkId::new(format!("{name}/walk"), shape.name),
                |bencher| {
                    bencher.iter(|| internals::walk_batch(&schema, message).unwrap());
                },
            );
        }
    }
}

/// What a CSV writer that quotes where it must makes of rows.
fn csv_rows(rows: &[Row]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| cell.as_deref().unwrap_or_default())).unwrap();
    }
    writer.into_inner().unwrap()
}
