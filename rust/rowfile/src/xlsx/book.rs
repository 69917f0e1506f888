//! The workbook under way: which sheet takes the next row, and what ends it.

use std::sync::Arc;

use super::SheetLimits;
use super::closing_parts::{Sheet, closing_parts};
use super::markup::column_letters;
use super::package::Package;
use super::sheet::RowXml;
use super::skeleton::Skeleton;
use crate::deflate;
use crate::error::{Error, Result};
use crate::schema::{RowOverflow, Schema, numbered_sheet_name};
use crate::sink::{FileSink, FileSummary, WriteProgress};

/// A block is compressed as soon as it has so many bytes at the end of a row: the file's bytes
/// depend on rows only, not on the calls they came in.
const ROW_END_BLOCK_BYTES: usize = 112 * 1024;
/// A block of a long row ends at the end of a cell. The longest cell makes it three times as long.
const CELL_END_BLOCK_BYTES: usize = 128 * 1024;

pub(super) struct Book {
    schema: Arc<Schema>,
    package: Package,
    limits: SheetLimits,
    shared_strings: Option<String>,
    sheet_head: String,
    sheet_tail: String,
    rows: RowXml,
    /// Reused: the latest block as it is in the file.
    deflated: Vec<u8>,
    /// The last one is open.
    sheets: Vec<Sheet>,
    rows_done: u64,
    is_row_open: bool,
}

impl Book {
    /// Writes the fixed parts and the first sheet's header; `widths` in characters a column.
    pub(super) fn start(
        schema: Arc<Schema>,
        sink: FileSink,
        limits: SheetLimits,
        widths: &[u8],
    ) -> Result<Self> {
        let first = Sheet { name: schema.sheet_name.clone(), last_row: schema.options.start_row };
        let skeleton = Skeleton::make(&schema, widths)?;
        let rows = RowXml::new(&schema, &skeleton.styles);
        let mut package = Package::new(sink, schema.options.compressed, limits.file_bytes);
        for (name, bytes) in &skeleton.fixed_parts {
            package.add(name, bytes)?;
        }
        let Skeleton { shared_strings, sheet_head, sheet_tail, .. } = skeleton;
        let mut book = Self {
            schema,
            package,
            limits,
            shared_strings,
            sheet_head,
            sheet_tail,
            rows,
            deflated: Vec::new(),
            sheets: vec![first],
            rows_done: 0,
            is_row_open: false,
        };
        book.open_sheet()?;
        Ok(book)
    }

    /// Data rows written.
    pub(super) fn rows(&self) -> u64 {
        self.rows_done
    }

    pub(super) fn progress(&self) -> WriteProgress {
        WriteProgress { rows: self.rows_done, file_bytes: self.package.file_bytes() }
    }

    #[inline]
    pub(super) fn add_cell(&mut self, column: usize, text: Option<&[u8]>) -> Result<()> {
        if !self.is_row_open {
            self.begin_row()?;
        }
        self.rows.cell(column, text)?;
        if self.rows.block_bytes() >= CELL_END_BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    #[inline]
    pub(super) fn finish_row(&mut self) -> Result<()> {
        self.rows.end_row();
        self.is_row_open = false;
        self.rows_done += 1;
        if self.rows.block_bytes() >= ROW_END_BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    fn begin_row(&mut self) -> Result<()> {
        if self.is_sheet_full() {
            self.next_sheet()?;
        }
        let sheet = self.open_sheet_mut()?;
        sheet.last_row += 1;
        let sheet_row = sheet.last_row;
        self.rows.begin_row(self.rows_done + 1, sheet_row);
        self.is_row_open = true;
        Ok(())
    }

    fn is_sheet_full(&self) -> bool {
        let last_row = self.sheets.last().map_or(0, |sheet| sheet.last_row);
        let xml_bytes = self.package.part_bytes() + self.rows.block_bytes() as u64;
        last_row >= self.limits.rows || xml_bytes >= self.limits.xml_bytes
    }

    fn next_sheet(&mut self) -> Result<()> {
        if self.schema.options.row_overflow == RowOverflow::Fail {
            return Err(Error::RowLimit { limit: self.rows_done });
        }
        self.close_sheet()?;
        let name = numbered_sheet_name(&self.schema.sheet_name, self.sheets.len() + 1);
        self.sheets.push(Sheet { name, last_row: self.schema.options.start_row });
        self.open_sheet()
    }

    fn open_sheet(&mut self) -> Result<()> {
        let number = self.sheets.len();
        self.package.open(&format!("xl/worksheets/sheet{number}.xml"))?;
        if number == 1 {
            return self.package.write(self.sheet_head.as_bytes());
        }
        // Only one sheet is selected when the workbook opens.
        let head = self.sheet_head.replacen(" tabSelected=\"1\"", "", 1);
        self.package.write(head.as_bytes())
    }

    fn close_sheet(&mut self) -> Result<()> {
        self.flush()?;
        let last_row = self.open_sheet_mut()?.last_row;
        let header_row = self.schema.options.start_row;
        let last_column = column_letters(self.schema.columns.len() - 1);
        // The skeleton's filter spans the header only.
        let header_only = range_attribute(header_row, &last_column, header_row);
        let whole_table = range_attribute(header_row, &last_column, last_row);
        let tail = self.sheet_tail.replacen(&header_only, &whole_table, 1);
        self.package.write(tail.as_bytes())?;
        self.package.close()
    }

    fn flush(&mut self) -> Result<()> {
        match self.rows.finish_block() {
            (rows, Some(matches)) if !rows.is_empty() => {
                self.package.splice(&deflate::encode(rows, matches, &mut self.deflated))?;
            }
            (rows, _) => self.package.write(rows)?,
        }
        self.rows.clear_block();
        Ok(())
    }

    fn open_sheet_mut(&mut self) -> Result<&mut Sheet> {
        self.sheets.last_mut().ok_or(Error::Closed { what: "sheet" })
    }

    /// Ends the sheet, adds the parts that know all sheets.
    pub(super) fn finish(mut self) -> Result<FileSummary> {
        self.close_sheet()?;
        let shared_strings = self.shared_strings.take();
        for (name, bytes) in closing_parts(&self.schema, &self.sheets, shared_strings)? {
            self.package.add(&name, &bytes)?;
        }
        let file_bytes = self.package.finish()?;
        let fidelity = self.rows.fidelity.issues();
        Ok(FileSummary { rows: self.rows_done, file_bytes, sha256: None, fidelity })
    }
}

/// The `ref` of a filter over the rows from `first` to `last`; one cell is no range.
fn range_attribute(first: u32, last_column: &str, last: u32) -> String {
    if last_column == "A" && first == last {
        return format!("<autoFilter ref=\"A{first}\"");
    }
    format!("<autoFilter ref=\"A{first}:{last_column}{last}\"")
}
