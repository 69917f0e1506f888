//! A walk over an encoded `rowferry.v1.RecordBatch` with `records`, without a protobuf library:
//! the peers must not pay for a slow one.

use std::str;

use crate::{Cell, Outcome};

const RECORDS: u64 = 1;
const VALUES: u64 = 1;
const NULL_BITMAP: u64 = 2;

/// Gives each row of a batch to `visit`.
pub fn each_row(message: &[u8], mut visit: impl FnMut(&[Cell<'_>]) -> Outcome<()>) -> Outcome<()> {
    let mut row = Vec::new();
    let mut fields = Fields(message);
    while let Some((number, record)) = fields.next()? {
        if let (RECORDS, Some(record)) = (number, record) {
            read_row(record, &mut row)?;
            visit(&row)?;
        }
    }
    Ok(())
}

fn read_row<'a>(record: &'a [u8], row: &mut Vec<Cell<'a>>) -> Outcome<()> {
    row.clear();
    let mut nulls: &[u8] = &[];
    let mut fields = Fields(record);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (VALUES, Some(text)) => row.push(Some(str::from_utf8(text)?)),
            (NULL_BITMAP, Some(bits)) => nulls = bits,
            _ => {}
        }
    }
    for (column, cell) in row.iter_mut().enumerate() {
        if nulls.get(column / 8).is_some_and(|bits| bits >> (column % 8) & 1 == 1) {
            *cell = None;
        }
    }
    Ok(())
}

/// A field's number, and its bytes if it is length-delimited.
type Field<'a> = (u64, Option<&'a [u8]>);

/// The fields of a message that are not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Outcome<Option<Field<'a>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        match tag & 7 {
            0 => {
                self.varint()?;
                Ok(Some((tag >> 3, None)))
            }
            2 => {
                let size = usize::try_from(self.varint()?)?;
                let (value, rest) = self.0.split_at_checked(size).ok_or("a field is cut")?;
                self.0 = rest;
                Ok(Some((tag >> 3, Some(value))))
            }
            _ => Err("a field of a type that batches have not".into()),
        }
    }

    fn varint(&mut self) -> Outcome<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or("a number is cut")?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number is too long".into())
    }
}
