//! Bodies of CSV (RFC 4180), with a header or without.

use std::sync::Arc;

use super::batches::Batches;
use super::csv_header::{self, ColumnMap};
use super::record_ends::{QuotedLines, Records};
use crate::batch::Packing;
use crate::error::Result;
use crate::schema::Schema;

#[derive(Debug)]
pub(super) struct CsvBody {
    records: Records<QuotedLines>,
    shape: Shape,
}

/// What records of the body are.
#[derive(Debug)]
enum Shape {
    /// The first one is still to name the columns.
    Unnamed(Arc<Schema>),
    /// The schema's columns in their order, as many.
    AsSchema { columns: usize },
    /// Some of the schema's columns, in another order.
    Mapped(ColumnMap),
}

impl CsvBody {
    pub(super) fn new(schema: &Schema) -> Self {
        let columns = schema.column_count();
        Self { records: Records::default(), shape: Shape::AsSchema { columns } }
    }

    pub(super) fn with_header(schema: Arc<Schema>) -> Self {
        Self { records: Records::default(), shape: Shape::Unnamed(schema) }
    }

    pub(super) fn push(&mut self, bytes: &[u8], batches: &mut Batches) -> Result<()> {
        self.records.push(bytes, batches, |record, batches| self.shape.take(record, batches))
    }

    pub(super) fn finish(&mut self, batches: &mut Batches) -> Result<()> {
        self.records.finish(batches, |record, batches| self.shape.take(record, batches))?;
        batches.close(Packing::Csv);
        Ok(())
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.records.open_bytes()
    }
}

impl Shape {
    #[inline]
    fn take(&mut self, record: &[u8], batches: &mut Batches) -> Result<()> {
        if record.is_empty() || (is_blank(record) && self.columns() != 1) {
            return Ok(());
        }
        match self {
            Self::AsSchema { .. } => batches.add(record, Packing::Csv),
            Self::Mapped(map) => {
                let mapped = map.apply(record, batches.rows() + 1)?;
                batches.add(mapped, Packing::Csv)
            }
            Self::Unnamed(schema) => {
                *self = match ColumnMap::of(schema, &csv_header::names(record)?)? {
                    Some(map) => Self::Mapped(map),
                    None => Self::AsSchema { columns: schema.column_count() },
                };
                Ok(())
            }
        }
    }

    /// Fields of a record: with one, a blank line is a row. 0 = not known yet.
    fn columns(&self) -> usize {
        match self {
            Self::Unnamed(_) => 0,
            Self::AsSchema { columns } => *columns,
            Self::Mapped(map) => map.field_count(),
        }
    }
}

#[inline]
fn is_blank(record: &[u8]) -> bool {
    matches!(record, b"\n" | b"\r\n")
}
