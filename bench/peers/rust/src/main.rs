//! Writes the rows of a batch file with other people's crates and prints what it cost as JSON:
//! `rowferry-bench-peers WRITER BATCHES ROWS OUTPUT`.
//!
//! Reading the file is not counted. Decoding its messages and writing the rows are, apart from
//! one another.

mod batch;
mod csv_file;
mod measured;
mod stopwatch;
mod xlsx_file;
mod yardstick;

use std::env;
use std::error::Error;
use std::fs::File;

use batch::{BatchFile, Cell};
use measured::Measured;
use xlsx_file::Memory;

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "rowferry-bench-peers WRITER BATCHES ROWS OUTPUT";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [writer, batches, rows, output] = arguments.as_slice() else { return Err(USAGE.into()) };
    let batches = BatchFile::open(batches, rows.parse()?)?;
    let measured = match writer.as_str() {
        "xlsx_constant" => xlsx_file::measure(batches, output, Memory::Constant)?,
        "xlsx_low" => xlsx_file::measure(batches, output, Memory::Low)?,
        "xlsx_default" => xlsx_file::measure(batches, output, Memory::Default)?,
        "csv" => csv_file::measure(batches, output)?,
        "memcpy" => yardstick::copy_in_memory(batches)?,
        "write" => yardstick::copy_to_file(batches, output)?,
        _ => return Err(USAGE.into()),
    };
    let file_bytes =
        File::open(output).map_or(Ok(0), |file| file.metadata().map(|it| it.len()))?;
    println!("{}", measured.report(file_bytes)?);
    Ok(())
}
