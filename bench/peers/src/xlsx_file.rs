//! `rust_xlsxwriter` in constant memory: typed cells, dates with a format, as the service writes.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

use crate::{Cell, Outcome, RowWriter};

/// What a column's texts are.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Number,
    Date,
    Moment,
    Truth,
}

/// The columns of `bench/dataset.py`.
pub const COLUMNS: [(&str, Kind); 12] = [
    ("Order", Kind::Text),
    ("Customer 客户", Kind::Text),
    ("Address", Kind::Text),
    ("Remark", Kind::Text),
    ("Quantity", Kind::Number),
    ("Unit price", Kind::Number),
    ("Amount", Kind::Number),
    ("Balance", Kind::Number),
    ("Ordered on", Kind::Date),
    ("Updated at", Kind::Moment),
    ("Paid", Kind::Truth),
    ("Status", Kind::Text),
];

pub struct XlsxFile {
    workbook: Workbook,
    path: String,
    date: Format,
    moment: Format,
    next_row: u32,
}

impl XlsxFile {
    pub fn create(path: &str) -> Outcome<Self> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        for (column, (name, _)) in (0..).zip(COLUMNS) {
            sheet.write_string(0, column, name)?;
        }
        Ok(Self {
            workbook,
            path: path.to_owned(),
            date: Format::new().set_num_format("yyyy-mm-dd"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            next_row: 1,
        })
    }
}

impl RowWriter for XlsxFile {
    fn write(&mut self, row: &[Cell<'_>]) -> Outcome<()> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (column, (cell, (_, kind))) in (0..).zip(row.iter().zip(COLUMNS)) {
            let Some(text) = *cell else { continue };
            let at = (self.next_row, column);
            match kind {
                Kind::Text => sheet.write_string(at.0, at.1, text)?,
                Kind::Number => sheet.write_number(at.0, at.1, text.parse::<f64>()?)?,
                Kind::Date => write_moment(sheet, at, text, &self.date)?,
                Kind::Moment => write_moment(sheet, at, text, &self.moment)?,
                Kind::Truth => sheet.write_boolean(at.0, at.1, text == "true")?,
            };
        }
        self.next_row += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Outcome<()> {
        self.workbook.save(&self.path)?;
        Ok(())
    }
}

fn write_moment<'s>(
    sheet: &'s mut Worksheet,
    (row, column): (u32, u16),
    text: &str,
    format: &Format,
) -> Outcome<&'s mut Worksheet> {
    let moment = ExcelDateTime::parse_from_str(text)?;
    Ok(sheet.write_datetime_with_format(row, column, &moment, format)?)
}
