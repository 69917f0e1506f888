//! `rust_xlsxwriter`: typed cells, dates with a format, as the service writes.

use std::str;

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

use crate::batch::{BatchFile, Column, each_cell};
use crate::{Cell, Measured, Outcome};

/// How `rust_xlsxwriter` keeps a worksheet until the workbook is saved.
#[derive(Clone, Copy)]
pub enum Memory {
    /// Rows in a temporary file, strings inline.
    Constant,
    /// Rows in a temporary file, strings shared.
    Low,
    /// All in memory.
    Default,
}

pub fn measure(mut batches: BatchFile, output: &str, memory: Memory) -> Outcome<Measured> {
    let mut measured = Measured::default();
    let mut file = measured.write.run(|| XlsxFile::create(&batches.columns, memory))?;
    let mut message = Vec::new();
    while let Some(rows) = batches.next(&mut message)? {
        measured.rows += rows;
        let values = measured.decode.run(|| decode(&message, &batches.columns))?;
        measured.write.run(|| file.write(&values, batches.columns.len()))?;
    }
    measured.finish.run(|| file.finish(output))?;
    Ok(measured)
}

enum Value<'a> {
    Null,
    Text(&'a str),
    Number(f64),
    Date(ExcelDateTime),
    Moment(ExcelDateTime),
    Truth(bool),
}

fn decode<'a>(message: &'a [u8], columns: &[Column]) -> Outcome<Vec<Value<'a>>> {
    let mut values = Vec::new();
    each_cell(message, |column, cell| {
        values.push(typed(&columns[column].data_type, cell)?);
        Ok(())
    })?;
    Ok(values)
}

fn typed<'a>(data_type: &str, cell: Cell<'a>) -> Outcome<Value<'a>> {
    let Some(bytes) = cell else { return Ok(Value::Null) };
    let text = str::from_utf8(bytes)?;
    Ok(match data_type {
        "NUMBER" => Value::Number(text.parse()?),
        "BOOLEAN" => Value::Truth(text == "true"),
        "DATE" if text.len() > 10 => Value::Moment(ExcelDateTime::parse_from_str(text)?),
        "DATE" => Value::Date(ExcelDateTime::parse_from_str(text)?),
        _ => Value::Text(text),
    })
}

struct XlsxFile {
    workbook: Workbook,
    date: Format,
    moment: Format,
    next_row: u32,
}

impl XlsxFile {
    fn create(columns: &[Column], memory: Memory) -> Outcome<Self> {
        let mut workbook = Workbook::new();
        let sheet = match memory {
            Memory::Constant => workbook.add_worksheet_with_constant_memory()?,
            Memory::Low => workbook.add_worksheet_with_low_memory()?,
            Memory::Default => workbook.add_worksheet(),
        };
        for (index, column) in (0..).zip(columns) {
            sheet.write_string(0, index, &column.name)?;
        }
        Ok(Self {
            workbook,
            date: Format::new().set_num_format("yyyy-mm-dd"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            next_row: 1,
        })
    }

    fn write(&mut self, values: &[Value<'_>], columns: usize) -> Outcome<()> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        for row in values.chunks_exact(columns) {
            for (column, value) in (0..).zip(row) {
                write_cell(sheet, (self.next_row, column), value, &self.date, &self.moment)?;
            }
            self.next_row += 1;
        }
        Ok(())
    }

    fn finish(mut self, output: &str) -> Outcome<()> {
        Ok(self.workbook.save(output)?)
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    value: &Value<'_>,
    date: &Format,
    moment: &Format,
) -> Outcome<()> {
    match value {
        Value::Null => sheet,
        Value::Text(text) => sheet.write_string(row, column, *text)?,
        Value::Number(number) => sheet.write_number(row, column, *number)?,
        Value::Date(day) => sheet.write_datetime_with_format(row, column, day, date)?,
        Value::Moment(at) => sheet.write_datetime_with_format(row, column, at, moment)?,
        Value::Truth(truth) => sheet.write_boolean(row, column, *truth)?,
    };
    Ok(())
}
