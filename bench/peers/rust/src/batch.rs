//! Files of encoded `rowferry.v1.RecordBatch` messages with `records`, walked without a protobuf
//! library: the peers must not pay for a slow one.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};

use crate::Outcome;

const RECORDS: u64 = 1;
const VALUES: u64 = 1;
const NULL_BITMAP: u64 = 2;

/// A cell's bytes; `None` is null.
pub type Cell<'a> = Option<&'a [u8]>;

/// A column's name and `DataType`.
pub struct Column {
    pub name: String,
    pub data_type: String,
}

/// Its first rows, and what its columns are: see `bench/batch_file.py`.
pub struct BatchFile {
    pub columns: Vec<Column>,
    file: BufReader<File>,
    rows_left: u64,
}

impl BatchFile {
    pub fn open(path: &str, rows: u64) -> Outcome<Self> {
        let lines = fs::read_to_string(format!("{path}.columns"))?;
        let columns = lines.lines().map(|line| {
            let (name, data_type) = line.split_once('\t').ok_or("a column without a type")?;
            Ok(Column { name: name.to_owned(), data_type: data_type.to_owned() })
        });
        Ok(Self {
            columns: columns.collect::<Outcome<_>>()?,
            file: BufReader::with_capacity(1 << 20, File::open(path)?),
            rows_left: rows,
        })
    }

    /// Reads the next frame of `bench/frames.py` (length and row count, big-endian, then the
    /// message) and gives its row count; `None` after the last one.
    pub fn next(&mut self, message: &mut Vec<u8>) -> io::Result<Option<u64>> {
        if self.rows_left == 0 {
            return Ok(None);
        }
        let mut head = [[0; 4]; 2];
        self.file.read_exact(head.as_flattened_mut())?;
        let [length, rows] = head.map(u32::from_be_bytes);
        message.resize(length as usize, 0);
        self.file.read_exact(message)?;
        self.rows_left = self.rows_left.saturating_sub(u64::from(rows));
        Ok(Some(u64::from(rows)))
    }
}

/// Gives every cell of a batch to `visit` in order, with its column.
pub fn each_cell<'a>(
    message: &'a [u8],
    mut visit: impl FnMut(usize, Cell<'a>) -> Outcome<()>,
) -> Outcome<()> {
    let mut row = Vec::new();
    let mut fields = Fields(message);
    while let Some((number, record)) = fields.next()? {
        if let (RECORDS, Some(record)) = (number, record) {
            read_row(record, &mut row)?;
            for (column, cell) in row.iter().enumerate() {
                visit(column, *cell)?;
            }
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
            (VALUES, Some(text)) => row.push(Some(text)),
            (NULL_BITMAP, Some(bits)) => nulls = bits,
            _ => {}
        }
    }
    for (cells, bits) in row.chunks_mut(8).zip(nulls) {
        for (index, cell) in cells.iter_mut().enumerate() {
            if bits >> index & 1 == 1 {
                *cell = None;
            }
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
