//! Writes the rows of a batch file with other people's crates and prints what it cost as JSON:
//! `rowferry-bench-peers rust_xlsxwriter|csv BATCHES OUTPUT`.
//!
//! Reading the file is not counted; walking the messages and writing the rows is.

mod batch;
mod csv_file;
mod stopwatch;
mod xlsx_file;

use std::error::Error;
use std::io::Read;
use std::{env, fs, io};

use stopwatch::Stopwatch;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A cell's text; `None` is null.
type Cell<'a> = Option<&'a str>;

/// What the benchmarks ask of a writer.
trait RowWriter {
    fn write(&mut self, row: &[Cell<'_>]) -> Outcome<()>;
    fn finish(self: Box<Self>) -> Outcome<()>;
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, batches, output] = arguments.as_slice() else {
        return Err("usage: rowferry-bench-peers rust_xlsxwriter|csv BATCHES OUTPUT".into());
    };
    let mut stopwatch = Stopwatch::default();
    let writer = stopwatch.run(|| open(name, output))?;
    let rows = write_all(writer, batches, &mut stopwatch)?;
    println!(
        concat!(
            r#"{{"rows": {}, "seconds": {}, "cpu_seconds": {}, "file_bytes": {}, "#,
            r#""peak_rss_bytes": {}}}"#
        ),
        rows,
        stopwatch.seconds(),
        stopwatch.cpu_seconds(),
        fs::metadata(output)?.len(),
        peak_rss_bytes()?,
    );
    Ok(())
}

fn open(name: &str, output: &str) -> Outcome<Box<dyn RowWriter>> {
    match name {
        "rust_xlsxwriter" => Ok(Box::new(xlsx_file::XlsxFile::create(output)?)),
        "csv" => Ok(Box::new(csv_file::CsvFile::create(output)?)),
        _ => Err("unknown writer".into()),
    }
}

fn write_all(
    mut writer: Box<dyn RowWriter>,
    batches: &str,
    stopwatch: &mut Stopwatch,
) -> Outcome<u64> {
    let mut file = io::BufReader::with_capacity(1 << 20, fs::File::open(batches)?);
    let mut message = Vec::new();
    let mut rows = 0;
    while next_message(&mut file, &mut message)? {
        stopwatch.run(|| {
            batch::each_row(&message, |row| {
                rows += 1;
                writer.write(row)
            })
        })?;
    }
    stopwatch.run(|| writer.finish())?;
    Ok(rows)
}

/// The largest resident memory since the process began: `VmHWM` of proc(5).
fn peak_rss_bytes() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Reads a frame of `bench/frames.py`: length and row count, big-endian, then the message.
fn next_message(file: &mut impl Read, message: &mut Vec<u8>) -> io::Result<bool> {
    let mut head = [0; 8];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    let [a, b, c, d, ..] = head;
    message.resize(u32::from_be_bytes([a, b, c, d]) as usize, 0);
    file.read_exact(message)?;
    Ok(true)
}
