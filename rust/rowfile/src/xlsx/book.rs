//! The workbook under way: which sheet takes the next row, and what ends it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::SheetLimits;
use super::closing_parts::{Sheet, closing_parts};
use super::first_rows::FirstRows;
use super::markup::column_letters;
use super::package::Package;
use super::row_block::{BlockEnds, EncodeRows, EncodedRows, RowBlock, Start};
use super::shared_strings::{SharedStrings, count_of};
use super::sheet::SheetMarkup;
use super::skeleton::Skeleton;
use super::text;
use crate::cell_text::CellText;
use crate::error::{Error, Result};
use crate::fidelity::{Fidelity, IssueKind};
use crate::pool::{MAX_UNDER_WAY, Ordered};
use crate::schema::{RowOverflow, Schema, numbered_sheet_name};
use crate::sink::{FileSink, FileSummary, WriteProgress};

pub(super) struct Book {
    schema: Arc<Schema>,
    package: Package,
    limits: SheetLimits,
    /// The part with the texts of one header.
    header_strings: Option<String>,
    sheet_head: String,
    sheet_tail: String,
    markup: Arc<SheetMarkup>,
    block_ends: BlockEnds,
    /// The block that takes the next cell.
    filling: RowBlock,
    is_row_open: bool,
    blocks: Ordered<EncodeRows>,
    /// Memory of blocks that are written.
    spare: Vec<RowBlock>,
    settled: SettledXml,
    fidelity: Fidelity,
    /// Cells below the headers that refer to a shared text.
    shared_texts: u64,
    /// The last one is open.
    sheets: Vec<Sheet>,
    rows_done: u64,
}

impl Book {
    /// Writes the fixed parts and the first sheet's header; `widths` in characters a column.
    pub(super) fn start(
        schema: Arc<Schema>,
        sink: FileSink,
        limits: SheetLimits,
        first_rows: FirstRows,
        blocks: Ordered<EncodeRows>,
    ) -> Result<Self> {
        let first = Sheet { name: schema.sheet_name.clone(), last_row: schema.options.start_row };
        let skeleton = Skeleton::make(&schema, &first_rows.widths.characters())?;
        let header_texts = skeleton.header_strings.as_deref().map_or(0, count_of);
        let strings = SharedStrings::new(first_rows.texts, header_texts);
        let markup = Arc::new(SheetMarkup::new(&schema, &skeleton.styles, strings));
        let block_ends = BlockEnds::of(&schema);
        let mut package = Package::new(sink, limits.file_bytes);
        for (name, bytes) in &skeleton.fixed_parts {
            package.add(name, bytes)?;
        }
        let Skeleton { header_strings, sheet_head, sheet_tail, .. } = skeleton;
        let fidelity = header_fidelity(&schema);
        let mut book = Self {
            schema,
            package,
            limits,
            header_strings,
            sheet_head,
            sheet_tail,
            markup,
            block_ends,
            filling: RowBlock::default(),
            is_row_open: false,
            blocks,
            spare: Vec::new(),
            settled: SettledXml::default(),
            fidelity,
            shared_texts: 0,
            sheets: vec![first],
            rows_done: 0,
        };
        book.open_sheet()?;
        Ok(book)
    }

    /// Data rows taken.
    pub(super) fn rows(&self) -> u64 {
        self.rows_done
    }

    pub(super) fn progress(&self) -> WriteProgress {
        WriteProgress {
            rows: self.rows_done,
            file_bytes: self.package.file_bytes(),
            pending: self.package.pending(),
        }
    }

    #[inline]
    pub(super) fn add_cell(&mut self, column: usize, text: CellText<'_>) -> Result<()> {
        if !self.is_row_open {
            self.begin_row()?;
        }
        if self.filling.push(&self.block_ends, column, text) {
            return self.end_block(column + 1);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn add_nulls(&mut self, column: usize, count: usize) -> Result<()> {
        if !self.is_row_open {
            self.begin_row()?;
        }
        self.filling.push_nulls(column, count);
        Ok(())
    }

    #[inline]
    pub(super) fn finish_row(&mut self) -> Result<()> {
        self.is_row_open = false;
        self.rows_done += 1;
        if self.filling.end_row(&self.block_ends) { self.end_block(0) } else { Ok(()) }
    }

    fn begin_row(&mut self) -> Result<()> {
        if self.is_sheet_full() {
            self.next_sheet()?;
        }
        let sheet = self.open_sheet_mut()?;
        sheet.last_row += 1;
        self.is_row_open = true;
        if self.filling.is_empty() {
            self.filling.restart(self.place(0));
        }
        Ok(())
    }

    /// Where the cell of `column` in the open row stands.
    fn place(&self, column: usize) -> Start {
        let sheet_row = self.sheets.last().map_or(0, |sheet| sheet.last_row);
        Start { row: self.rows_done + 1, sheet_row, column }
    }

    fn is_sheet_full(&self) -> bool {
        let last_row = self.sheets.last().map_or(0, |sheet| sheet.last_row);
        last_row >= self.limits.rows || self.settled.bytes >= self.limits.xml_bytes
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
        if !self.filling.is_empty() {
            self.end_block(0)?;
        }
        self.write_all_blocks()?;
        self.settled = SettledXml::default();
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

    /// Hands the block in; the next one begins with the cell of `column`, 0 = with a row.
    fn end_block(&mut self, column: usize) -> Result<()> {
        while self.blocks.is_full() {
            self.write_next_block()?;
        }
        let next = self.spare.pop().unwrap_or_default();
        let rows = std::mem::replace(&mut self.filling, next);
        self.filling.restart(self.place(column));
        self.blocks.submit(EncodeRows { markup: Arc::clone(&self.markup), rows });
        while let Some(block) = self.blocks.poll() {
            self.write_block(block)?;
        }
        self.settled.block_handed_in();
        Ok(())
    }

    /// Writes the blocks under way; the first refusal among them, if there is one.
    pub(super) fn write_all_blocks(&mut self) -> Result<()> {
        while self.write_next_block()? {}
        Ok(())
    }

    fn write_next_block(&mut self) -> Result<bool> {
        let Some(block) = self.blocks.next() else { return Ok(false) };
        self.write_block(block)?;
        Ok(true)
    }

    fn write_block(&mut self, block: EncodedRows) -> Result<()> {
        let EncodedRows { rows, result } = block;
        // Of what is wrong, the first is told: later blocks don't matter any more.
        let encoded = result.inspect_err(|_| self.blocks.forget())?;
        self.package.splice(&rows.section(&encoded))?;
        self.settled.block_written(encoded.xml_bytes);
        self.fidelity.add(&encoded.fidelity);
        self.shared_texts += encoded.shared_texts;
        self.spare.push(rows);
        Ok(())
    }

    fn open_sheet_mut(&mut self) -> Result<&mut Sheet> {
        self.sheets.last_mut().ok_or(Error::Closed { what: "sheet" })
    }

    /// Ends the sheet, adds the parts that know all sheets.
    pub(super) fn finish(mut self) -> Result<FileSummary> {
        self.close_sheet()?;
        let strings = self.markup.strings.part(
            self.header_strings.as_deref(),
            self.sheets.len() as u64,
            self.shared_texts,
        )?;
        for (name, bytes) in closing_parts(&self.schema, &self.sheets, strings)? {
            self.package.add(&name, &bytes)?;
        }
        let file_bytes = self.package.finish()?;
        let fidelity = self.fidelity.issues();
        Ok(FileSummary { rows: self.rows_done, file_bytes, checksums: None, fidelity })
    }
}

/// What is not as it came in the header, its row told as 0.
fn header_fidelity(schema: &Schema) -> Fidelity {
    let mut fidelity = Fidelity::default();
    for (index, column) in schema.columns.iter().enumerate() {
        if !text::is_writable(column.name.as_bytes()) {
            fidelity.count(IssueKind::Escaped, 0, index);
        }
    }
    fidelity
}

/// XML of the open sheet's blocks, as far as it decides whether the sheet is full: blocks that may
/// still be under way don't count, whether they are or not, as the file must not depend on it.
#[derive(Default)]
struct SettledXml {
    bytes: u64,
    /// Of blocks that are written and don't count yet.
    pending: VecDeque<u64>,
    /// Handed in and not counted.
    uncounted: usize,
}

impl SettledXml {
    fn block_handed_in(&mut self) {
        self.uncounted += 1;
        if self.uncounted > MAX_UNDER_WAY {
            self.uncounted -= 1;
            self.bytes += self.pending.pop_front().unwrap_or_default();
        }
    }

    fn block_written(&mut self, xml_bytes: u64) {
        self.pending.push_back(xml_bytes);
    }
}

/// The `ref` of a filter over the rows from `first` to `last`; one cell is no range.
fn range_attribute(first: u32, last_column: &str, last: u32) -> String {
    if last_column == "A" && first == last {
        return format!("<autoFilter ref=\"A{first}\"");
    }
    format!("<autoFilter ref=\"A{first}:{last_column}{last}\"")
}
