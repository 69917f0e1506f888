//! The csv crate, writing RFC 4180 as the service does by default.

use std::fs::File;

use crate::batch::{BatchFile, each_cell};
use crate::{Cell, Measured, Outcome};

pub fn measure(mut batches: BatchFile, output: &str) -> Outcome<Measured> {
    let mut measured = Measured::default();
    let mut writer = measured.write.run(|| {
        let terminator = csv::Terminator::CRLF;
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_path(output)?;
        writer.write_record(batches.columns.iter().map(|column| &column.name))?;
        Outcome::Ok(writer)
    })?;
    let mut message = Vec::new();
    while let Some(rows) = batches.next(&mut message)? {
        measured.rows += rows;
        let cells = measured.decode.run(|| decode(&message))?;
        measured.write.run(|| write(&mut writer, &cells, batches.columns.len()))?;
    }
    measured.finish.run(|| writer.flush())?;
    Ok(measured)
}

fn decode(message: &[u8]) -> Outcome<Vec<&[u8]>> {
    let mut cells = Vec::new();
    each_cell(message, |_, cell: Cell<'_>| {
        cells.push(cell.unwrap_or_default());
        Ok(())
    })?;
    Ok(cells)
}

fn write(writer: &mut csv::Writer<File>, cells: &[&[u8]], columns: usize) -> Outcome<()> {
    for row in cells.chunks_exact(columns) {
        writer.write_record(row)?;
    }
    Ok(())
}
