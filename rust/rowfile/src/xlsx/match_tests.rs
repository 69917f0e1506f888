//! Rows of every kind through the matches known from their markup and another's inflater: the
//! bytes must be those that rows without matches are.
//!
//! `PROPTEST_CASES=100000 cargo test --release match_tests` is the long run.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

use std::io::Read;

use proptest::prelude::*;
use serde_json::json;

use super::shared_strings::{RepeatedTexts, SharedStrings};
use super::sheet::{BlockScratch, RowXml, SheetMarkup};
use super::skeleton::ColumnStyles;
use crate::deflate::{self, max_deflated_bytes};
use crate::fixtures::schema;

/// A table in a few numbers, so that a failing one shrinks.
#[derive(Clone, Debug)]
struct Table {
    types: String,
    rows: u64,
    first_row: u32,
    /// Of a hundred cells.
    nulls: u64,
    /// Different values of a column; few repeat.
    values: u64,
    /// Bytes of a text, about.
    text_bytes: u64,
    /// A block ends at the first cell after so many bytes.
    block_bytes: usize,
    seed: u64,
}

fn tables() -> impl Strategy<Value = Table> {
    let types = prop_oneof![
        4 => "[sndb]{1,8}",
        2 => "(s{1,12}|n{1,40})",
        1 => "[sndb]{100,600}",
    ];
    let shape = (1..60_u64, 1..1_000_000_u32, prop_oneof![Just(0), 0..=100_u64]);
    let values = prop_oneof![1..6_u64, Just(u64::MAX)];
    let text_bytes = prop_oneof![8 => 0..40_u64, 2 => 0..400_u64, 1 => 0..60_000_u64];
    let block_bytes = prop_oneof![Just(112 * 1024), 1..20_000_usize];
    (types, shape, values, text_bytes, block_bytes, any::<u64>()).prop_map(
        |(types, (rows, first_row, nulls), values, text_bytes, block_bytes, seed)| {
            // Cells of one table in all, or wide ones of long texts would take minutes.
            let affordable = 3_000_000 / (types.len() as u64 * (text_bytes + 40));
            let rows = rows.min(affordable.max(2));
            Table { types, rows, first_row, nulls, values, text_bytes, block_bytes, seed }
        },
    )
}

/// `SplitMix64`: numbers without order.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

impl Table {
    fn cell(&self, row: u64, column: usize) -> Option<String> {
        let place = mixed(self.seed ^ mixed(row) ^ column as u64);
        if place % 100 < self.nulls {
            return None;
        }
        let value = mixed(self.seed ^ mixed(place % self.values) ^ column as u64);
        let number = value >> 16;
        Some(match (self.types.as_bytes()[column], value % 16) {
            (b'n', 0) => format!("{number}e5"),
            (b'n', 1..6) => format!("-{}.{}", number % 1000, number % 7919),
            (b'n', 6) => "not a number".to_owned(),
            (b'n', _) => (number % 10_u64.pow((value % 9) as u32 + 1)).to_string(),
            (b'd', 0) => "2026-02-30".to_owned(),
            (b'd', 1..8) => format!("20{:02}-0{}-1{}", number % 100, number % 9 + 1, number % 9),
            (b'd', _) => format!("2026-01-0{} 10:{:02}:03", number % 9 + 1, number % 60),
            (b'b', 0) => "perhaps".to_owned(),
            (b'b', _) => (if value & 64 == 0 { "true" } else { "no" }).to_owned(),
            (_, kind) => self.text(value, kind),
        })
    }

    fn text(&self, value: u64, kind: u64) -> String {
        const PIECES: [&str; 16] = [
            "a",
            "bc",
            " ",
            "word ",
            "another word",
            "中文",
            "é",
            "😀",
            "<",
            "&amp;",
            "\u{1}",
            "\r\n",
            "_x0041_",
            "\u{ffff}",
            "</v></c><c r=\"",
            "</t></is></c></row><row r=\"",
        ];
        let mut text = String::new();
        let mut step = value;
        while (text.len() as u64) < value % (self.text_bytes + 1) {
            step = mixed(step);
            match kind {
                0..4 => text.push_str(&step.to_string()),
                4 => text.push('x'),
                _ => text.push_str(PIECES[(step >> 9) as usize % 16]),
            }
        }
        text
    }

    /// The rows' XML, and what inflating its blocks gave.
    fn write(&self) -> (Vec<u8>, Vec<u8>) {
        let styles: Vec<ColumnStyles> = (0..self.types.len() as u32)
            .map(|column| ColumnStyles {
                value: (column % 3 > 0).then_some(column % 7),
                date_time: Some(column % 5),
                kept_text: None,
            })
            .collect();
        let markup = |small| {
            let schema = schema("EXCEL", &self.types, &json!({"compression_enabled": small}));
            SheetMarkup::new(&schema, &styles, SharedStrings::new(RepeatedTexts::new(&schema), 0))
        };
        let (plain, matched) = (markup(true), markup(false));
        let (mut plain_scratch, mut scratch) = (BlockScratch::default(), BlockScratch::default());
        let mut plain = RowXml::new(&plain, &mut plain_scratch);
        let mut inflated = Vec::new();
        let mut block = Vec::new();
        for row in 1..=self.rows {
            let sheet_row = self.first_row + row as u32;
            plain.begin_row(row, sheet_row);
            block.push(Piece::Row(row, sheet_row));
            for column in 0..self.types.len() {
                let Some(text) = self.cell(row, column) else { continue };
                plain.cell(column, text.as_bytes().into(), false).unwrap();
                block.push(Piece::Cell(column, text));
                if bytes(&block) >= self.block_bytes {
                    inflate_block(&matched, &mut scratch, &mut block, &mut inflated);
                    block.push(Piece::RestOfRow(row, sheet_row));
                }
            }
            plain.end_row();
            block.push(Piece::EndOfRow);
            if row % 7 == self.seed % 7 {
                inflate_block(&matched, &mut scratch, &mut block, &mut inflated);
            }
        }
        inflate_block(&matched, &mut scratch, &mut block, &mut inflated);
        (plain.finish().0.to_vec(), inflated)
    }
}

enum Piece {
    Row(u64, u32),
    RestOfRow(u64, u32),
    Cell(usize, String),
    EndOfRow,
}

fn bytes(block: &[Piece]) -> usize {
    let of_piece =
        |piece: &Piece| if let Piece::Cell(_, text) = piece { text.len() + 40 } else { 20 };
    block.iter().map(of_piece).sum()
}

fn inflate_block(
    markup: &SheetMarkup,
    scratch: &mut BlockScratch,
    pieces: &mut Vec<Piece>,
    out: &mut Vec<u8>,
) {
    let mut rows = RowXml::new(markup, scratch);
    for piece in pieces.drain(..) {
        match piece {
            Piece::Row(row, sheet_row) => rows.begin_row(row, sheet_row),
            Piece::RestOfRow(row, sheet_row) => rows.resume_row(row, sheet_row),
            Piece::Cell(column, text) => rows.cell(column, text.as_bytes().into(), false).unwrap(),
            Piece::EndOfRow => rows.end_row(),
        }
    }
    let (block, matches) = rows.finish();
    let mut deflated = Vec::new();
    let section = deflate::encode(block, matches.unwrap(), &mut deflated);
    assert!(section.deflated.len() <= max_deflated_bytes(block.len()));
    assert_eq!(section.crc, crc32fast::hash(block));
    let stream = [section.deflated, &deflate::STREAM_END].concat();
    flate2::read::DeflateDecoder::new(&stream[..]).read_to_end(out).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn rows_come_back_from_their_matches(table in tables()) {
        let (written, inflated) = table.write();
        // Not prop_assert_eq, which would print megabytes.
        prop_assert!(written == inflated);
    }
}

#[test]
fn a_row_longer_than_the_window_comes_back() {
    let table = Table {
        types: "snnds".repeat(600),
        rows: 3,
        first_row: 99_998,
        nulls: 10,
        values: 5,
        text_bytes: 30,
        block_bytes: usize::MAX,
        seed: 1,
    };
    let (written, inflated) = table.write();
    assert!(written.len() > 10 * deflate::WINDOW);
    assert!(written == inflated);
}
