//! Rows on their way to whichever thread encodes them: cut into blocks by what they hold, never
//! by when they came.

use std::sync::Arc;

use super::sheet::{RowXml, SheetMarkup};
use super::text;
use crate::cell_text::CellText;
use crate::deflate::{self, Section, SmallEncoder};
use crate::error::Result;
use crate::fidelity::Fidelity;
use crate::pool::{Scratch, Task};
use crate::schema::{DataType, Schema};

/// A block ends with the row that gives it so many bytes of XML, as far as that can be told
/// before they are written: escapes make it longer, seven times at worst.
const ROW_END_BLOCK_BYTES: usize = 112 * 1024;
/// A block of a long row ends with a cell.
const CELL_END_BLOCK_BYTES: usize = 128 * 1024;
/// A block ends with the row that gives it so many cells: nulls take no XML, but room here.
const MOST_CELLS: usize = 32 * 1024;
/// The thorough compressor looks for repetitions in blocks so many times as long.
const SMALL_FILE_BLOCKS: usize = 2;
/// Markup of a row, of a cell of text, and of any other cell, about.
const ROW_MARKUP_BYTES: u32 = 26;
const TEXT_MARKUP_BYTES: u32 = 49;
const VALUE_MARKUP_BYTES: u32 = 32;

/// In place of a text's end: so many more cells of the row are null.
const NULL: u32 = 1 << 31;
/// Beside a text's end: the text was longer than a cell holds.
const CUT: u32 = 1 << 30;

/// Where a block's first cell stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Start {
    /// 1-based data row of the export.
    pub(super) row: u64,
    /// The row's number in its sheet.
    pub(super) sheet_row: u32,
    /// 0 unless the block goes on with a long row.
    pub(super) column: usize,
}

/// Cells of consecutive rows, as they came but for texts that are too long for a cell.
#[derive(Debug, Default)]
pub(super) struct RowBlock {
    start: Start,
    texts: Vec<u8>,
    /// Where each cell's text ends, or [`NULL`] for a run of cells; less than 2^30, as a block has a few 100 KB.
    ends: Vec<u32>,
    xml_bytes: usize,
    /// Filled when the block is encoded; kept with it so that both are used again.
    deflated: Vec<u8>,
}

/// Where blocks of a sheet end.
#[derive(Debug)]
pub(super) struct BlockEnds {
    /// Bytes of XML that a cell takes beside its text, by column.
    markup_bytes: Box<[u32]>,
    with_row: usize,
    with_cell: usize,
}

impl BlockEnds {
    pub(super) fn of(schema: &Schema) -> Self {
        let of_type = |data_type| match data_type {
            DataType::String => TEXT_MARKUP_BYTES,
            _ => VALUE_MARKUP_BYTES,
        };
        let blocks = if schema.options.compressed { SMALL_FILE_BLOCKS } else { 1 };
        Self {
            markup_bytes: schema.columns.iter().map(|column| of_type(column.data_type)).collect(),
            with_row: blocks * ROW_END_BLOCK_BYTES,
            with_cell: blocks * CELL_END_BLOCK_BYTES,
        }
    }
}

impl RowBlock {
    /// Empties the block; its next cell stands at `start`.
    pub(super) fn restart(&mut self, start: Start) {
        self.start = start;
        self.texts.clear();
        self.ends.clear();
        self.xml_bytes = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends a cell; whether the block must end with it.
    #[inline]
    pub(super) fn push(&mut self, ends: &BlockEnds, column: usize, text: CellText<'_>) -> bool {
        let fitting = text::fitting(text);
        let cut = if fitting.len() < text.len() { CUT } else { 0 };
        text::append(&mut self.texts, fitting);
        #[expect(clippy::cast_possible_truncation, reason = "a block has a few 100 KB")]
        self.ends.push(self.texts.len() as u32 | cut);
        self.xml_bytes += fitting.len() + ends.markup_bytes[column] as usize;
        self.xml_bytes >= ends.with_cell
    }

    /// Appends `count` nulls, the first one's column being `column`.
    #[inline]
    pub(super) fn push_nulls(&mut self, column: usize, count: usize) {
        #[expect(clippy::cast_possible_truncation, reason = "there are at most 16,384 columns")]
        let count = count as u32;
        match self.ends.last_mut() {
            // Of the same row, or its end would be lost.
            Some(last) if *last >= NULL && column > 0 => *last += count,
            _ => self.ends.push(NULL + count),
        }
    }

    /// Ends a row; whether the block must end with it.
    #[inline]
    pub(super) fn end_row(&mut self, ends: &BlockEnds) -> bool {
        self.xml_bytes += ROW_MARKUP_BYTES as usize;
        self.xml_bytes >= ends.with_row || self.ends.len() >= MOST_CELLS
    }

    /// The block as it was encoded.
    pub(super) fn section(&self, encoded: &Encoded) -> Section<'_> {
        Section { deflated: &self.deflated, input_bytes: encoded.xml_bytes, crc: encoded.crc }
    }

    fn write_xml(&self, xml: &mut RowXml<'_>, columns: usize) -> Result<()> {
        let Start { mut row, mut sheet_row, mut column } = self.start;
        if column > 0 {
            xml.resume_row(row, sheet_row);
        }
        let mut text_start = 0;
        for &end in &self.ends {
            if column == 0 {
                xml.begin_row(row, sheet_row);
            }
            if end >= NULL {
                column += (end - NULL) as usize;
            } else {
                let text_end = (end & !CUT) as usize;
                let text = CellText::new(&self.texts, text_start..text_end);
                xml.cell(column, text, end & CUT != 0)?;
                text_start = text_end;
                column += 1;
            }
            if column == columns {
                xml.end_row();
                (row, sheet_row, column) = (row + 1, sheet_row + 1, 0);
            }
        }
        Ok(())
    }
}

/// A block to encode.
pub(super) struct EncodeRows {
    pub(super) markup: Arc<SheetMarkup>,
    pub(super) rows: RowBlock,
}

/// An encoded block, or the first of its cells that the options refuse.
pub(super) struct EncodedRows {
    /// To be used again.
    pub(super) rows: RowBlock,
    pub(super) result: Result<Encoded>,
}

pub(super) struct Encoded {
    /// Bytes of XML.
    pub(super) xml_bytes: u64,
    crc: u32,
    pub(super) fidelity: Fidelity,
    /// Cells that refer to a shared text.
    pub(super) shared_texts: u64,
}

impl Task for EncodeRows {
    type Output = EncodedRows;

    fn run(mut self, scratch: &mut Scratch) -> EncodedRows {
        let mut deflated = std::mem::take(&mut self.rows.deflated);
        let result = self.encode(scratch, &mut deflated);
        self.rows.deflated = deflated;
        EncodedRows { rows: self.rows, result }
    }
}

impl EncodeRows {
    fn encode(&self, scratch: &mut Scratch, deflated: &mut Vec<u8>) -> Result<Encoded> {
        let mut xml = RowXml::new(&self.markup, &mut scratch.rows);
        self.rows.write_xml(&mut xml, self.markup.columns.len())?;
        let fidelity = std::mem::take(&mut xml.fidelity);
        let shared_texts = xml.shared_texts;
        let section = match xml.finish() {
            (block, Some(matches)) => deflate::encode(block, matches, deflated),
            (block, None) => {
                scratch.small.get_or_insert_with(SmallEncoder::new).encode(&[], block, deflated)?
            }
        };
        let Section { input_bytes: xml_bytes, crc, .. } = section;
        Ok(Encoded { xml_bytes, crc, fidelity, shared_texts })
    }
}
