//! Markup around a cell's row number and value, ready to be copied.

#![expect(
    clippy::cast_possible_truncation,
    reason = "pieces of markup have less than 256 bytes, and there are few"
)]

use std::collections::HashMap;

use super::skeleton::ColumnStyles;
use crate::schema::DataType;

/// Text that is copied as a whole piece of memory, the quicker way, and then cut to its length.
#[derive(Clone, Copy)]
pub(super) struct Piece<const N: usize> {
    padded: [u8; N],
    length: u8,
}

impl<const N: usize> Piece<N> {
    /// `text` must fit: all there are do, whatever the column and the style.
    fn new(text: &str) -> Self {
        let mut padded = [0; N];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        Self { padded, length: text.len() as u8 }
    }

    #[inline]
    pub(super) fn append_to(&self, block: &mut Vec<u8>) {
        let end = block.len() + usize::from(self.length);
        block.extend_from_slice(&self.padded);
        block.truncate(end);
    }

    /// As [`Self::append_to`]; most pieces have at most `SHORT` bytes, and no more are copied.
    #[inline]
    fn append_short_to<const SHORT: usize>(&self, block: &mut Vec<u8>) {
        match self.padded.first_chunk::<SHORT>() {
            Some(short) if usize::from(self.length) <= SHORT => {
                let end = block.len() + usize::from(self.length);
                block.extend_from_slice(short);
                block.truncate(end);
            }
            _ => self.append_to(block),
        }
    }
}

/// Digits of a row number and room for a cell's last row, 1,048,576.
pub(super) type Digits = Piece<8>;

impl Digits {
    pub(super) fn of(mut row: u32) -> Self {
        let mut reversed = [0; 8];
        let mut length = 0;
        while length == 0 || row > 0 {
            reversed[length] = b'0' + (row % 10) as u8;
            row /= 10;
            length += 1;
        }
        let mut padded = [0; 8];
        for (to, from) in padded.iter_mut().zip(reversed[..length].iter().rev()) {
            *to = *from;
        }
        Self { padded, length: length as u8 }
    }
}

/// What ends a cell; also tells what stands before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// `</v></c>`
    Value,
    /// `</t></is></c>`
    Text,
}

impl Close {
    #[inline]
    pub(super) fn append_to(self, block: &mut Vec<u8>) {
        match self {
            Self::Value => block.extend_from_slice(b"</v></c>"),
            Self::Text => block.extend_from_slice(b"</t></is></c>"),
        }
    }
}

/// Number of a kind of cell: columns whose cells are marked up alike share it.
pub(super) type OpeningId = u16;

/// `" s="4294967295" t="inlineStr"><is><t xml:space="preserve">` takes 59 bytes.
type Opening = Piece<64>;
/// All but those of texts whose blanks are kept have no more.
const SHORT_OPENING_BYTES: usize = 32;

/// What stands between row number and value, for all kinds of cells of a sheet.
pub(super) struct Openings(Vec<Opening>);

impl Openings {
    #[inline]
    pub(super) fn append(&self, id: OpeningId, block: &mut Vec<u8>) {
        self.0[usize::from(id)].append_short_to::<SHORT_OPENING_BYTES>(block);
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Markup of one column.
pub(super) struct ColumnMarkup {
    pub(super) data_type: DataType,
    /// `<c r="B`
    pub(super) reference: Piece<16>,
    /// Of numbers and dates.
    pub(super) value: OpeningId,
    pub(super) date_time: OpeningId,
    pub(super) boolean: OpeningId,
    /// Of a text's number among the shared ones.
    pub(super) shared_text: OpeningId,
    pub(super) text: TextOpenings,
    pub(super) kept_text: TextOpenings,
}

/// Markup before a text.
#[derive(Clone, Copy)]
pub(super) struct TextOpenings {
    pub(super) trimmed: OpeningId,
    pub(super) preserved: OpeningId,
}

/// Markup of all columns, in their order.
pub(super) fn of_columns(
    columns: impl Iterator<Item = (DataType, ColumnStyles)>,
) -> (Vec<ColumnMarkup>, Openings) {
    let mut numbering = Numbering::default();
    let markup = |(index, (data_type, styles)): (usize, (DataType, ColumnStyles))| ColumnMarkup {
        data_type,
        reference: Piece::new(&format!("<c r=\"{}", column_letters(index))),
        value: numbering.id(styles.value, "", "<v>"),
        date_time: numbering.id(styles.date_time, "", "<v>"),
        boolean: numbering.id(styles.value, " t=\"b\"", "<v>"),
        shared_text: numbering.id(styles.value, " t=\"s\"", "<v>"),
        text: numbering.text(styles.value),
        kept_text: numbering.text(styles.kept_text),
    };
    (columns.enumerate().map(markup).collect(), Openings(numbering.openings))
}

#[derive(Default)]
struct Numbering {
    openings: Vec<Opening>,
    known: HashMap<String, OpeningId>,
}

impl Numbering {
    fn id(&mut self, style: Option<u32>, cell_type: &str, element: &str) -> OpeningId {
        let style = style.map_or(String::new(), |style| format!(" s=\"{style}\""));
        let text = format!("\"{style}{cell_type}>{element}");
        let openings = &mut self.openings;
        *self.known.entry(text).or_insert_with_key(|text| {
            openings.push(Opening::new(text));
            // Eight at most for each of the 200 formats a schema may have.
            (openings.len() - 1) as OpeningId
        })
    }

    fn text(&mut self, style: Option<u32>) -> TextOpenings {
        let mut inline = |element| self.id(style, " t=\"inlineStr\"", element);
        TextOpenings {
            trimmed: inline("<is><t>"),
            preserved: inline("<is><t xml:space=\"preserve\">"),
        }
    }
}

/// A, B, …, Z, AA, …, XFD.
pub(super) fn column_letters(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        letters.extend(('A'..='Z').nth((rest - 1) % 26));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_excel() {
        for (index, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
        {
            assert_eq!(column_letters(index), letters);
        }
    }

    #[test]
    fn the_longest_markup_fits_its_piece() {
        let styles = ColumnStyles {
            value: Some(u32::MAX),
            date_time: Some(u32::MAX),
            kept_text: Some(u32::MAX),
        };
        let columns = std::iter::repeat_n((DataType::Date, styles), 16_384);
        let (columns, openings) = of_columns(columns);
        assert_eq!((columns.len(), openings.count()), (16_384, 5));
        let mut block = Vec::new();
        columns[16_383].reference.append_to(&mut block);
        Digits::of(1_048_576).append_to(&mut block);
        openings.append(columns[16_383].text.preserved, &mut block);
        let expected = "<c r=\"XFD1048576\" s=\"4294967295\" t=\"inlineStr\">\
                        <is><t xml:space=\"preserve\">";
        assert_eq!(String::from_utf8(block).unwrap(), expected);
    }
}
