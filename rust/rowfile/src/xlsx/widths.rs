//! Column widths from the first rows: decided once, before the first row is written.

use crate::cell::date::Notation;
use crate::schema::{Column, DataType, Schema};

const MIN_WIDTH: usize = 8;
const MAX_WIDTH: usize = 60;
/// Room for the filter's arrow and the cell's margins.
const HEADER_PADDING: usize = 3;
const CELL_PADDING: usize = 1;
const DATE_WIDTH: usize = "yyyy-mm-dd".len();
const DATE_TIME_WIDTH: usize = "yyyy-mm-dd hh:mm:ss".len();
/// What the longest name of a month or a weekday has more than its code, `mmmm` or `dddd`.
const NAME_PADDING: usize = "September".len() - "mmmm".len();

/// Widths that are enough for the cells seen.
pub(super) struct Widths {
    enough: Vec<usize>,
    displays: Vec<Display>,
    /// Explicit widths win.
    explicit: Vec<Option<u8>>,
}

impl Widths {
    pub(super) fn new(schema: &Schema) -> Self {
        let columns = &schema.columns;
        let explicit: Vec<Option<u8>> = columns.iter().map(|column| column.width).collect();
        let header =
            columns.iter().map(|column| display_width(column.name.as_bytes()) + HEADER_PADDING);
        let displays: Vec<Display> = columns.iter().map(Display::of).collect();
        let least = displays.iter().map(|display| match display {
            Display::Date { date, .. } => date + CELL_PADDING,
            _ => MIN_WIDTH,
        });
        let widths = header.zip(least).map(|(header, least)| header.max(least)).collect();
        Self { enough: widths, displays, explicit }
    }

    pub(super) fn see(&mut self, column: usize, text: &[u8]) {
        let width = self.displays[column].width(text) + CELL_PADDING;
        self.enough[column] = self.enough[column].max(width);
    }

    /// Characters a column.
    pub(super) fn characters(&self) -> Vec<u8> {
        let clamped = |width: &usize| u8::try_from((*width).min(MAX_WIDTH)).unwrap_or(u8::MAX);
        let widths = self.enough.iter().zip(&self.explicit);
        widths.map(|(width, explicit)| explicit.unwrap_or_else(|| clamped(width))).collect()
    }
}

/// How wide the values of a column are shown: what does not fit is shown as `####`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Display {
    /// As they come.
    Text,
    /// Numbers with so many characters more, and perhaps marks between thousands.
    Number { added: usize, is_grouped: bool },
    /// Dates alone, and dates with a time.
    Date { date: usize, date_time: usize, is_epoch: bool },
}

impl Display {
    fn of(column: &Column) -> Self {
        let format = column.number_format.split(';').next().unwrap_or_default();
        let is_epoch = column.date_notation != Notation::Iso;
        match (column.data_type, format) {
            (DataType::Number, format) if !format.is_empty() => number(format),
            (DataType::Date, "") => {
                Self::Date { date: DATE_WIDTH, date_time: DATE_TIME_WIDTH, is_epoch }
            }
            (DataType::Date, format) => {
                let names =
                    ["mmmm", "dddd"].map(|name| format.to_ascii_lowercase().contains(name));
                let names = names.into_iter().filter(|is_there| *is_there).count();
                // `d` and `m` may take a digit more each.
                let width = display_width(format.as_bytes()) + 2 + names * NAME_PADDING;
                Self::Date { date: width, date_time: width, is_epoch }
            }
            _ => Self::Text,
        }
    }

    fn width(self, text: &[u8]) -> usize {
        let came = display_width(text);
        match self {
            Self::Number { added, is_grouped } => {
                came + added + if is_grouped { came / 3 } else { 0 }
            }
            Self::Date { date_time, is_epoch, .. } if is_epoch || came > DATE_WIDTH => {
                came.max(date_time)
            }
            Self::Text | Self::Date { .. } => came,
        }
    }
}

/// Decimals and literal characters of a number format come on top of a value's digits.
fn number(format: &str) -> Display {
    let decimals = format.split_once('.').map_or(0, |(_, after)| after.len() + 1);
    let literals = format.chars().filter(|c| !"0#?.,\"".contains(*c)).collect::<String>();
    let added = decimals + display_width(literals.as_bytes());
    Display::Number { added, is_grouped: format.contains(',') }
}

/// Columns of a fixed-width screen that the first line of `text` takes, up to the widest that
/// matters: characters of three and four bytes (CJK, emoji) take two.
fn display_width(text: &[u8]) -> usize {
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let bytes = &line[..line.len().min(MAX_WIDTH * 4)];
    let width = |b: &u8| match b {
        0x80..0xc0 => 0,
        0xe0.. => 2,
        _ => 1,
    };
    bytes.iter().map(width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(data_type: &str, format: &str, text: &str) -> usize {
        let column = serde_json::json!({"name": "c", "data_type": data_type, "format": format});
        let sheets = serde_json::json!([{"name": "S", "columns": [column]}]);
        let spec = serde_json::json!({"format": "EXCEL", "sheets": sheets}).to_string();
        let mut widths = Widths::new(&Schema::parse(spec.as_bytes()).unwrap());
        widths.see(0, text.as_bytes());
        widths.characters()[0].into()
    }

    #[test]
    fn what_is_shown_fits() {
        for (data_type, format, text, shown) in [
            ("DATE", "", "2026-01-01", "2026-01-01"),
            ("DATE", "", "2026-01-01T10:00", "2026-01-01 10:00:00"),
            ("DATE", "epoch_s", "1700000000", "2023-11-14 22:13:20"),
            ("DATE", "d mmmm yyyy", "2026-09-30", "30 September 2026"),
            ("DATE", "yyyy年m月d日", "2026-01-01", "2026年10月10日"),
            ("NUMBER", "#,##0.00", "1234567", "1,234,567.00"),
            ("NUMBER", "\"USD\" 0.00", "123456789", "USD 123456789.00"),
            ("NUMBER", "", "123456789012345", "123456789012345"),
        ] {
            let shown_width = display_width(shown.as_bytes());
            let width = width(data_type, format, text);
            assert!((shown_width + 1..shown_width + 9).contains(&width), "{shown}: {width}");
        }
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(display_width("abc".as_bytes()), 3);
        assert_eq!(display_width("中文é".as_bytes()), 5);
        assert_eq!(display_width("one\nlonger line".as_bytes()), 3);
    }
}
