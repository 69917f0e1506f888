//! Size of an XLSX file and the CPU time of the quickest of some rounds:
//! `xlsx_shapes <rowfile|constant> <shape> <rows> <path> <rounds>`.
//!
//! Shapes are tables that differ in what a compressor can make of them. Both read `RecordBatch`
//! messages from memory: `rowfile` as frames of a row log, `constant` (`rust_xlsxwriter` in its
//! constant-memory mode) through prost.

#![expect(clippy::cast_possible_truncation, reason = "Excel has few enough rows and columns")]

mod cpu_time;
mod shapes;

use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use rowfile::{EncoderPool, SheetLimits, XlsxWriter};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

use cpu_time::{Result, cpu_seconds_of};
use shapes::{Record, RecordBatch, Shape};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [writer, shape, rows, path, rounds] = &arguments[..] else {
        return Err("xlsx_shapes <rowfile|constant> <shape> <rows> <path> <rounds>".into());
    };
    let shape = Shape::named(shape).ok_or("orders, numbers, long_text, random_text, …")?;
    let (rows, rounds): (u64, u64) = (rows.parse()?, rounds.parse()?);
    let path = Path::new(path);
    let cpu_seconds = match writer.as_str() {
        "rowfile" => write_rowfile(&shape, rows, path, rounds)?,
        "constant" => write_constant_memory(&shape, rows, path, rounds)?,
        _ => return Err("rowfile or constant".into()),
    };
    let file_bytes = std::fs::metadata(path)?.len();
    println!("{cpu_seconds:.3} {file_bytes}");
    Ok(())
}

fn write_rowfile(shape: &Shape, rows: u64, path: &Path, rounds: u64) -> Result<f64> {
    let options =
        serde_json::json!({"compression_enabled": std::env::var_os("SMALLER").is_some()});
    let schema = shape.schema("EXCEL", &options)?;
    let messages = messages(shape, rows);
    let spans = shapes::spans(&schema, &messages)?;
    let pool = EncoderPool::default();
    best_of(rounds, || {
        let mut writer =
            XlsxWriter::create(Arc::clone(&schema), path, SheetLimits::default(), &pool)?;
        for span in &spans {
            writer.write(span)?;
        }
        writer.finish()?;
        Ok(())
    })
}

/// CPU seconds of the quickest of `rounds`.
fn best_of(rounds: u64, mut round: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        best = best.min(cpu_seconds_of(&mut round)?);
    }
    Ok(best)
}

fn write_constant_memory(shape: &Shape, rows: u64, path: &Path, rounds: u64) -> Result<f64> {
    let messages = messages(shape, rows);
    best_of(rounds, || write_workbook(shape, &messages, path))
}

fn write_workbook(shape: &Shape, messages: &[Vec<u8>], path: &Path) -> Result<()> {
    let mut workbook = Workbook::new();
    let date = Format::new().set_num_format("yyyy-mm-dd");
    let date_time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    let mut row_index = 0;
    for message in messages {
        for record in RecordBatch::decode(&message[..])?.records {
            row_index += 1;
            for (column, (text, data_type)) in record.values.iter().zip(&shape.types).enumerate() {
                if is_null(&record, column) {
                    continue;
                }
                let column_index = column as u16;
                match *data_type {
                    "NUMBER" => {
                        sheet.write_number(row_index, column_index, text.parse::<f64>()?)?
                    }
                    "BOOLEAN" => sheet.write_boolean(row_index, column_index, text == "true")?,
                    "DATE" => {
                        let format = if text.len() > 10 { &date_time } else { &date };
                        let moment = ExcelDateTime::parse_from_str(text)?;
                        sheet.write_datetime_with_format(
                            row_index,
                            column_index,
                            &moment,
                            format,
                        )?
                    }
                    _ => sheet.write_string(row_index, column_index, text)?,
                };
            }
        }
    }
    workbook.save(path)?;
    Ok(())
}

fn messages(shape: &Shape, rows: u64) -> Vec<Vec<u8>> {
    shape.rows(rows).map(|rows| RecordBatch::of(&rows).encode_to_vec()).collect()
}

fn is_null(record: &Record, column: usize) -> bool {
    record.null_bitmap[column / 8] >> (column % 8) & 1 == 1
}
