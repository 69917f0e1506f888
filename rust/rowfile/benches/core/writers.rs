//! Whole files from frames of a row log, encoded on the thread that writes.

use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use rowfile::{CsvWriter, EncoderPool, Schema, SheetLimits, XlsxWriter};
use serde_json::json;
use tempfile::TempDir;

use crate::fixtures;
use crate::shapes::ALL;

const ROWS: u64 = 5_000;
/// Of long texts, which take as long to compress.
const LONG_ROWS: u64 = 200;

pub(crate) fn bench(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    for (name, format, compressed) in [
        ("csv", "CSV", false),
        ("csv_gzip", "CSV", true),
        ("xlsx", "EXCEL", false),
        ("xlsx_smaller", "EXCEL", true),
    ] {
        let mut group = criterion.benchmark_group("writers");
        for shape in ALL {
            let rows = if shape.name == "long_text" { LONG_ROWS } else { ROWS };
            group.throughput(Throughput::Elements(rows));
            let options = json!({"compression_enabled": compressed});
            let schema = fixtures::schema(format, shape.types, &options);
            let frames = fixtures::frames(&schema, &[fixtures::message(&shape.rows(rows), 0)]);
            group.bench_function(BenchmarkId::new(name, shape.name), |bencher| {
                bencher.iter(|| write(&schema, &path, &frames));
            });
        }
    }
}

fn write(schema: &Arc<Schema>, path: &Path, frames: &[u8]) {
    let schema = Arc::clone(schema);
    match schema.format {
        rowfile::Format::Csv => {
            let mut writer = CsvWriter::create(schema, path, &EncoderPool::default()).unwrap();
            writer.write(frames).unwrap();
            writer.finish().unwrap();
        }
        rowfile::Format::Excel => {
            let limits = SheetLimits::default();
            let mut writer =
                XlsxWriter::create(schema, path, limits, &EncoderPool::default()).unwrap();
            writer.write(frames).unwrap();
            writer.finish().unwrap();
        }
    }
}
