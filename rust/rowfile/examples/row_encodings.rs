//! What rows cost by the encoding they come in: `row_encodings <shape> <rows> <path> <rounds>`.
//!
//! CPU nanoseconds a row, the quickest of some interleaved rounds: to check batches into a row
//! log, and to write the log's frames as CSV, its SHA-256 included, and as XLSX. Beside them, the
//! `csv` crate writing rows that need neither decoding nor a hash, and a copy of the CSV file's
//! bytes.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod cpu_time;
mod shapes;

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use rowfile::{CsvWriter, EncoderPool, Schema, SheetLimits, SpoolLog, XlsxWriter};
use serde_json::json;

use cpu_time::{Result, cpu_seconds_of};
use shapes::{RecordBatch, Row, Shape, spans};

/// A batch of some rows.
type Encode = fn(&[Row]) -> Result<RecordBatch>;

const ENCODINGS: [(&str, Encode); 3] = [
    ("records", |rows| Ok(RecordBatch::of(rows))),
    ("json_rows", json_rows),
    ("csv_rows", csv_rows),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, rows, path, rounds] = &arguments[..] else {
        return Err("row_encodings <shape> <rows> <path> <rounds>".into());
    };
    let shape = Shape::named(shape).ok_or("orders, numbers, long_text, random_text, …")?;
    let (rows, rounds): (u64, u64) = (rows.parse()?, rounds.parse()?);
    let path = Path::new(path);
    let mut jobs = Vec::new();
    for (name, encode) in ENCODINGS {
        jobs.extend(encoding_jobs(&shape, rows, path, name, encode)?);
    }
    jobs.extend(peer_jobs(&shape, rows, path)?);
    for _ in 0..rounds {
        for job in &mut jobs {
            job.best_seconds = job.best_seconds.min(cpu_seconds_of(&mut job.work)?);
        }
    }
    for job in &jobs {
        let nanoseconds = job.best_seconds * 1e9 / rows as f64;
        println!(
            "{:24}{nanoseconds:8.0} ns/row{:8.0} MB/s",
            job.name,
            job.bytes as f64 / job.best_seconds / 1e6
        );
    }
    Ok(())
}

struct Job<'a> {
    name: String,
    /// What goes through it.
    bytes: usize,
    work: Box<dyn FnMut() -> Result<()> + 'a>,
    best_seconds: f64,
}

impl<'a> Job<'a> {
    fn new(name: String, bytes: usize, work: impl FnMut() -> Result<()> + 'a) -> Self {
        Self { name, bytes, work: Box::new(work), best_seconds: f64::INFINITY }
    }
}

fn encoding_jobs<'a>(
    shape: &Shape,
    rows: u64,
    path: &'a Path,
    encoding: &str,
    encode: Encode,
) -> Result<[Job<'a>; 3]> {
    let batches = shape.rows(rows).map(|rows| Ok(encode(&rows)?.encode_to_vec()));
    let messages: Vec<Vec<u8>> = batches.collect::<Result<_>>()?;
    let csv = shape.schema("CSV", &json!({}))?;
    let xlsx = shape.schema("EXCEL", &json!({}))?;
    let frames = Arc::new(spans(&csv, &messages)?);
    let xlsx_frames = Arc::clone(&frames);
    let bytes = messages.iter().map(Vec::len).sum();
    let check_schema = Arc::clone(&csv);
    Ok([
        Job::new(format!("check {encoding}"), bytes, move || check(&check_schema, &messages)),
        Job::new(format!("CSV from {encoding}"), bytes, move || write_csv(&csv, &frames, path)),
        Job::new(format!("XLSX from {encoding}"), bytes, move || {
            write_xlsx(&xlsx, &xlsx_frames, path)
        }),
    ])
}

fn check(schema: &Arc<Schema>, messages: &[Vec<u8>]) -> Result<()> {
    for message in messages {
        SpoolLog::create(Arc::clone(schema), None)?.append(&[message]);
    }
    Ok(())
}

fn write_csv(schema: &Arc<Schema>, spans: &[Vec<u8>], path: &Path) -> Result<()> {
    let mut writer = CsvWriter::create(Arc::clone(schema), path, &EncoderPool::default())?;
    for span in spans {
        writer.write(span)?;
    }
    writer.finish()?;
    Ok(())
}

fn write_xlsx(schema: &Arc<Schema>, spans: &[Vec<u8>], path: &Path) -> Result<()> {
    let mut writer = XlsxWriter::create(
        Arc::clone(schema),
        path,
        SheetLimits::default(),
        &EncoderPool::default(),
    )?;
    for span in spans {
        writer.write(span)?;
    }
    writer.finish()?;
    Ok(())
}

fn peer_jobs<'a>(shape: &Shape, rows: u64, path: &'a Path) -> Result<[Job<'a>; 2]> {
    let records: Vec<csv::ByteRecord> =
        shape.rows(rows).flatten().map(|row| byte_record(&row)).collect();
    let file = csv_bytes(&records)?;
    let mut copy = file.clone();
    Ok([
        Job::new("csv crate".to_owned(), file.len(), move || {
            let mut writer = csv_writer(File::create(path)?);
            for record in &records {
                writer.write_byte_record(record)?;
            }
            Ok(writer.flush()?)
        }),
        Job::new("memcpy".to_owned(), file.len(), move || {
            black_box(&mut copy).copy_from_slice(black_box(&file));
            Ok(())
        }),
    ])
}

fn json_rows(rows: &[Row]) -> Result<RecordBatch> {
    let json_rows = Some(serde_json::to_vec(rows)?);
    Ok(RecordBatch { json_rows, ..RecordBatch::default() })
}

fn csv_rows(rows: &[Row]) -> Result<RecordBatch> {
    let records: Vec<_> = rows.iter().map(byte_record).collect();
    Ok(RecordBatch { csv_rows: Some(csv_bytes(&records)?), ..RecordBatch::default() })
}

fn byte_record(row: &Row) -> csv::ByteRecord {
    row.iter().map(|cell| cell.as_deref().unwrap_or_default()).collect::<Vec<_>>().into()
}

fn csv_bytes(records: &[csv::ByteRecord]) -> Result<Vec<u8>> {
    let mut writer = csv_writer(Vec::new());
    for record in records {
        writer.write_byte_record(record)?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

fn csv_writer<W: std::io::Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out)
}
