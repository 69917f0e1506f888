//! Tables that differ in what a parser, a quoting rule and a compressor can make of them.

use crate::fixtures::Row;

pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// A letter a column, as in the fixtures.
    pub(crate) types: &'static str,
    row: fn(u64) -> Row,
}

impl Shape {
    pub(crate) fn rows(&self, count: u64) -> Vec<Row> {
        (1..=count).map(self.row).collect()
    }
}

pub(crate) const ORDERS: Shape = Shape { name: "orders", types: "ssnnndb", row: orders };

pub(crate) const ALL: [Shape; 4] = [
    ORDERS,
    Shape { name: "numbers", types: "nnnnnnnnnnnnnnnnnnnn", row: numbers },
    Shape { name: "low_cardinality", types: "ssssssssss", row: low_cardinality },
    Shape { name: "long_text", types: "ss", row: long_text },
];

/// `SplitMix64`: numbers without order, the same on every run.
fn mixed(row: u64, column: u64) -> u64 {
    let mut z = (row << 20 | column).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn pick<'a>(words: &[&'a str], number: u64) -> &'a str {
    words[usize::try_from(number).unwrap() % words.len()]
}

fn orders(row: u64) -> Row {
    let value = mixed(row, 0);
    let remark = format!(
        "Said \"{}\", ticket {}",
        pick(&["urgent", "请尽快发货", "gift wrap", "ok"], value >> 7),
        value >> 44
    );
    vec![
        Some(format!("SO-{row:010}")),
        (!row.is_multiple_of(16)).then_some(remark),
        Some((value % 1_000).to_string()),
        Some(format!("{}.{:02}", value >> 50, value >> 20 & 63)),
        Some(format!("-{}.{:03}", value >> 54, value >> 30 & 511)),
        Some(format!("2026-0{}-1{} 10:{:02}:00", 1 + value % 9, value % 8, value >> 9 & 31)),
        Some(pick(&["true", "false"], value >> 3).to_owned()),
    ]
}

fn numbers(row: u64) -> Row {
    let number = |column| {
        let value = mixed(row, column);
        if column.is_multiple_of(2) {
            (value % 100_000).to_string()
        } else {
            format!("{}.{:02}", value % 10_000, value >> 40 & 63)
        }
    };
    (0..20).map(number).map(Some).collect()
}

fn low_cardinality(row: u64) -> Row {
    const WORDS: [&str; 8] =
        ["open", "closed", "pending review", "北京", "United Kingdom", "EUR", "yes", "returned"];
    (0..10).map(|column| Some(pick(&WORDS, mixed(row, column) >> 9).to_owned())).collect()
}

fn long_text(row: u64) -> Row {
    let word = |number| format!("w{} ", mixed(row, number) % 3_000);
    let text = |column: u64| (column * 200..column * 200 + 150).map(word).collect();
    (0..2).map(text).map(Some).collect()
}
