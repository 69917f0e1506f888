//! XLSX files: rows as XML straight into the ZIP, everything else from a skeleton.
//!
//! Sheets are so regular that their matches are known while rows are written (`matches`): blocks
//! of rows are deflated each on its own, quicker and smaller than a quick compressor that searches.
//! A thorough one, smaller and slower still, is the option `compression_enabled`.

mod book;
mod closing_parts;
mod first_rows;
mod markup;
mod matches;
mod package;
mod row_block;
mod shared_strings;
mod sheet;
mod skeleton;
pub(crate) mod text;
mod text_matches;
mod values;
mod widths;

use std::path::Path;
use std::sync::Arc;

use crate::batch::{Message, RowContext, RowVisitor};
use crate::cell_text::CellText;
use crate::error::{Error, Result};
use crate::pool::{EncoderPool, Ordered};
use crate::schema::Schema;
use crate::sink::{FileSink, FileSummary, WriteProgress};
use crate::spool::Payloads;
use book::Book;
use first_rows::FirstRows;
use row_block::EncodeRows;
pub(crate) use sheet::BlockScratch;

/// When a sheet or the file is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetLimits {
    /// Rows of a sheet, header and what is above it included. Excel: 1,048,576.
    pub rows: u32,
    /// XML of a sheet after which it takes no further row.
    pub xml_bytes: u64,
    /// Size of the file; ZIP without ZIP64 ends at 4 GiB.
    pub file_bytes: u64,
}

impl Default for SheetLimits {
    fn default() -> Self {
        Self {
            rows: 1_048_576,
            // Not 4 GiB, where ZIP ends: readers that keep sizes in 32 bits with a sign end at 2.
            // A row of a 16 MiB batch still fits below, each byte of a cell being 7 (`_x0001_`)
            // of XML at most.
            xml_bytes: (2 << 30) - (128 << 20),
            file_bytes: u32::MAX.into(),
        }
    }
}

/// Writes one XLSX file. Memory is the texts of a few blocks of rows, up to 128 KiB and the longest
/// cell each, with their compressed forms: three blocks for a pool of one thread, 16 at most.
/// Threads that encode have their own. Before the first row is written, the first 200 rows are
/// kept too, which settle column widths and shared texts.
pub struct XlsxWriter {
    schema: Arc<Schema>,
    stage: Stage,
}

enum Stage {
    Sampling(Box<Sampling>),
    Writing(Box<Book>),
    Failed,
}

struct Sampling {
    sink: FileSink,
    limits: SheetLimits,
    blocks: Ordered<EncodeRows>,
    first_rows: FirstRows,
    /// Frames that were looked at and are not written yet.
    frames: Vec<u8>,
    rows: u64,
}

impl XlsxWriter {
    /// Creates the file at `path`. Its header follows with the first rows, which settle widths and shared texts.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(
        schema: Arc<Schema>,
        path: &Path,
        limits: SheetLimits,
        pool: &EncoderPool,
    ) -> Result<Self> {
        let sink = FileSink::create(path, false)?;
        let first_rows = FirstRows::new(&schema);
        let blocks = Ordered::new(pool);
        let sampling = Sampling { sink, limits, blocks, first_rows, frames: Vec::new(), rows: 0 };
        Ok(Self { schema, stage: Stage::Sampling(Box::new(sampling)) })
    }

    /// Writes the rows of a span of whole spool frames.
    ///
    /// # Errors
    /// [`Error::Cell`] and [`Error::RowLimit`] as the options demand, [`Error::TooLarge`],
    /// [`Error::Io`], [`Error::Damaged`]. The file is of no use then.
    pub fn write(&mut self, frames: &[u8]) -> Result<WriteProgress> {
        let (stage, progress) = match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Failed => return Err(Error::Closed { what: "XLSX file" }),
            Stage::Sampling(mut sampling) => {
                sampling.sample(&self.schema, frames)?;
                if sampling.first_rows.is_complete() {
                    let book = sampling.start_book(&self.schema)?;
                    let progress = book.progress();
                    (Stage::Writing(Box::new(book)), progress)
                } else {
                    let progress = sampling.progress();
                    (Stage::Sampling(sampling), progress)
                }
            }
            Stage::Writing(mut book) => {
                write_frames(&self.schema, &mut book, frames)?;
                let progress = book.progress();
                (Stage::Writing(book), progress)
            }
        };
        self.stage = stage;
        Ok(progress)
    }

    /// Ends the file. It is patched at its end: its checksums are to be had from a
    /// [`FileDigest`](crate::FileDigest). Like that, making it durable is left to the caller.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(self) -> Result<FileSummary> {
        match self.stage {
            Stage::Failed => Err(Error::Closed { what: "XLSX file" }),
            Stage::Sampling(sampling) => sampling.start_book(&self.schema)?.finish(),
            Stage::Writing(book) => book.finish(),
        }
    }
}

impl Sampling {
    fn sample(&mut self, schema: &Schema, frames: &[u8]) -> Result<()> {
        for payload in Payloads::new(frames) {
            let context = RowContext { schema, rows_before: self.rows };
            let message = Message::read(payload?, self.rows)?;
            self.rows += message.visit(context, &mut self.first_rows)?;
        }
        self.frames.extend_from_slice(frames);
        Ok(())
    }

    fn progress(&self) -> WriteProgress {
        WriteProgress { rows: self.rows, file_bytes: self.sink.file_bytes(), pending: None }
    }

    fn start_book(self, schema: &Arc<Schema>) -> Result<Book> {
        let Self { sink, limits, blocks, first_rows, frames, .. } = self;
        let mut book = Book::start(Arc::clone(schema), sink, limits, first_rows, blocks)?;
        write_frames(schema, &mut book, &frames)?;
        Ok(book)
    }
}

fn write_frames(schema: &Schema, book: &mut Book, frames: &[u8]) -> Result<()> {
    take_frames(schema, book, frames).or_else(|error| {
        // What is wrong with an earlier row comes first, whenever its block is encoded.
        book.write_all_blocks()?;
        Err(error)
    })
}

fn take_frames(schema: &Schema, book: &mut Book, frames: &[u8]) -> Result<()> {
    for payload in Payloads::new(frames) {
        let context = RowContext { schema, rows_before: book.rows() };
        Message::read(payload?, context.rows_before)?.visit(context, book)?;
    }
    Ok(())
}

impl RowVisitor for Book {
    #[inline]
    fn cell(&mut self, column: usize, text: Option<CellText<'_>>) -> Result<()> {
        match text {
            Some(text) => self.add_cell(column, text),
            None => self.add_nulls(column, 1),
        }
    }

    #[inline]
    fn nulls(&mut self, column: usize, count: usize) -> Result<()> {
        self.add_nulls(column, count)
    }

    #[inline]
    fn end_row(&mut self) -> Result<()> {
        self.finish_row()
    }
}

#[cfg(test)]
mod match_tests;
#[cfg(test)]
mod tests;
