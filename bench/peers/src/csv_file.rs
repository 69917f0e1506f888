//! The csv crate, writing RFC 4180 as the service does by default.

use std::fs::File;

use crate::{Cell, Outcome, RowWriter, xlsx_file::COLUMNS};

pub struct CsvFile(csv::Writer<File>);

impl CsvFile {
    pub fn create(path: &str) -> Outcome<Self> {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_path(path)?;
        writer.write_record(COLUMNS.iter().map(|(name, _)| name))?;
        Ok(Self(writer))
    }
}

impl RowWriter for CsvFile {
    fn write(&mut self, row: &[Cell<'_>]) -> Outcome<()> {
        self.0.write_record(row.iter().map(|cell| cell.unwrap_or_default()))?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Outcome<()> {
        self.0.flush()?;
        Ok(())
    }
}
