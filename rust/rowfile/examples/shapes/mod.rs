//! Tables that differ in what a writer or a compressor can make of them, as batches.

#![expect(clippy::cast_possible_truncation, reason = "what is cut was cut to size before")]

use std::sync::Arc;

use rowfile::{Schema, SpoolLog};
use serde_json::json;

use crate::cpu_time::Result;

pub(crate) type Row = Vec<Option<String>>;

const ROWS_A_BATCH: usize = 500;
const SPAN_BYTES: usize = 1 << 20;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Record {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) null_bitmap: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RecordBatch {
    #[prost(message, repeated, tag = "1")]
    pub(crate) records: Vec<Record>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(crate) json_rows: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(crate) csv_rows: Option<Vec<u8>>,
}

impl RecordBatch {
    /// The rows as `records`.
    pub(crate) fn of(rows: &[Row]) -> Self {
        Self { records: rows.iter().map(Record::of).collect(), ..Self::default() }
    }
}

impl Record {
    fn of(row: &Row) -> Self {
        let mut null_bitmap = vec![0; row.len().div_ceil(8)];
        for (column, cell) in row.iter().enumerate() {
            null_bitmap[column / 8] |= u8::from(cell.is_none()) << (column % 8);
        }
        let values = row.iter().map(|cell| cell.clone().unwrap_or_default()).collect();
        Self { values, null_bitmap }
    }
}

/// All frames of a log of `messages`, in spans as a service reads them.
pub(crate) fn spans(schema: &Arc<Schema>, messages: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let mut log = SpoolLog::create(Arc::clone(schema), None)?;
    for message in messages {
        if let Some(refusal) = log.append(&[message]).refused {
            return Err(refusal.into());
        }
    }
    let mut reader = log.reader();
    let mut spans = vec![reader.read(SPAN_BYTES)?.to_vec()];
    while spans.last().is_some_and(|span| !span.is_empty()) {
        spans.push(reader.read(SPAN_BYTES)?.to_vec());
    }
    Ok(spans)
}

/// A table of any number of rows.
pub(crate) struct Shape {
    pub(crate) types: Vec<&'static str>,
    /// From 1.
    pub(crate) row: fn(u64) -> Row,
}

impl Shape {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let of = |types: &[&'static str], row| Some(Self { types: types.to_vec(), row });
        let text = "STRING";
        match name {
            "orders" => {
                let types = [[text; 4], ["NUMBER"; 4], ["DATE", "DATE", "BOOLEAN", text]];
                of(types.as_flattened(), orders)
            }
            "numbers" => of(&["NUMBER"; 100], numbers),
            "long_text" => of(&[text; 3], long_text),
            "log_lines" => of(&["DATE", text, text], log_lines),
            "random_text" => of(&[text; 6], random_text),
            "low_cardinality" => of(&[text; 10], low_cardinality),
            "null_heavy" => of(&["STRING", "NUMBER", "DATE", "NUMBER"].repeat(5), null_heavy),
            "narrow" => of(&["NUMBER", text, "NUMBER"], narrow),
            "wide" => of(&["NUMBER", text].repeat(1000), wide),
            "giant_text" => of(&["NUMBER", text], giant_text),
            _ => None,
        }
    }

    pub(crate) fn schema(&self, format: &str, options: &serde_json::Value) -> Result<Arc<Schema>> {
        let column = |(index, data_type)| json!({"name": format!("Column {index}"), "data_type": data_type});
        let columns: Vec<_> = self.types.iter().enumerate().map(column).collect();
        let sheets = json!([{"name": "Rows", "columns": columns}]);
        let spec = json!({"format": format, "sheets": sheets, "options": options});
        Ok(Arc::new(Schema::parse(spec.to_string().as_bytes())?))
    }

    /// The rows, batch by batch.
    pub(crate) fn rows(&self, rows: u64) -> impl Iterator<Item = Vec<Row>> {
        (1..=rows).step_by(ROWS_A_BATCH).map(move |first| {
            let batch = first..=rows.min(first + ROWS_A_BATCH as u64 - 1);
            batch.map(self.row).collect()
        })
    }
}

/// `SplitMix64`: numbers without order, the same on every run.
fn mixed(row: u64, column: u64) -> u64 {
    let mut z = (row << 20 | column).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn pick(words: &[&'static str], number: u64) -> &'static str {
    words[(number % words.len() as u64) as usize]
}

/// The rows of `bench/dataset.py`.
fn orders(number: u64) -> Row {
    const FAMILY_NAMES: [&str; 10] =
        ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "佐藤"];
    const GIVEN_NAMES: [&str; 10] =
        ["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "花子"];
    const CITIES: [&str; 7] =
        ["北京市朝阳区", "上海市", "Zürich", "東京都港区", "São Paulo", "Kraków", "Łódź"];
    const STREETS: [&str; 5] =
        ["建国路", "Long Street", "Rua Augusta", "中山北路", "Bahnhofstrasse"];
    const WORDS: [&str; 6] =
        ["urgent", "请尽快发货", "handle with care", "gift wrap, please", "再確認", "ok"];
    const STATES: [&str; 5] = ["new", "paid", "shipped", "returned", "closed"];
    let mixed = number * 2_654_435_761 % (1 << 32);
    let high = mixed >> 16;
    let quantity = mixed % 1000;
    let cents = mixed % 99_991;
    let thousandths = mixed % 10_000_019;
    let amount = quantity * cents;
    let sign = if number.is_multiple_of(2) { "" } else { "-" };
    let day = format!("{}-{:02}-{:02}", 2000 + high % 30, 1 + high % 12, 1 + high % 28);
    let clock = format!("{:02}:{:02}:{:02}", 1 + high % 23, mixed % 60, high % 60);
    let blank = if number.is_multiple_of(50) { "\n" } else { " " };
    let (family, given) = (pick(&FAMILY_NAMES, high), pick(&GIVEN_NAMES, mixed));
    let (city, street) = (pick(&CITIES, high), pick(&STREETS, mixed));
    let remark = format!("Said \"{}\",{blank}ticket {mixed}", pick(&WORDS, high));
    vec![
        Some(format!("SO-{number:010}")),
        Some(format!("{family}{given} Customer-{}", mixed % 100_000)),
        Some(format!("{city}, {street} {} 号, {}", high % 997, mixed % 90_000 + 10_000)),
        (!number.is_multiple_of(16)).then_some(remark),
        Some(quantity.to_string()),
        Some(format!("{}.{:02}", cents / 100, cents % 100)),
        Some(format!("{}.{:02}", amount / 100, amount % 100)),
        Some(format!("{sign}{}.{:03}", thousandths / 1000 + 1, thousandths % 1000)),
        Some(day.clone()),
        Some(format!("{day} {clock}")),
        Some((if mixed.is_multiple_of(3) { "false" } else { "true" }).to_owned()),
        Some(pick(&STATES, high).to_owned()),
    ]
}

fn numbers(row: u64) -> Row {
    let number = |column| {
        let value = mixed(row, column);
        match column % 4 {
            0 => (value % 100_000).to_string(),
            1 => format!("{}.{:02}", value % 10_000, value >> 40 & 63),
            2 => format!("-{}.{:04}", value % 100, value >> 32 & 8191),
            _ => (row + column).to_string(),
        }
    };
    (0..100).map(number).map(Some).collect()
}

fn long_text(row: u64) -> Row {
    // 3,000 words, half of all text from the first 300.
    let word = |number: u64| {
        let rank = if number.is_multiple_of(2) { number % 300 } else { number % 3000 };
        let mut letters = mixed(rank, 7);
        let mut word = String::new();
        for _ in 0..3 + letters % 7 {
            letters /= 7;
            word.push(char::from(b"etaoinshrdlcumwfgypbvk"[(letters % 22) as usize]));
        }
        word
    };
    let text = |column| {
        let mut text = String::new();
        let mut words = 0_u64;
        while text.len() < 200 {
            text += &word(mixed(row, (column << 8) | words) >> 8);
            text.push(' ');
            words += 1;
        }
        text.truncate(200);
        text.trim_end().to_owned()
    };
    (0..3_u64).map(text).map(Some).collect()
}

/// A moment, a line of a log and a JSON document about it.
fn log_lines(row: u64) -> Row {
    const PATHS: [&str; 6] = ["orders", "orders/items", "customers", "search", "login", "export"];
    const AGENTS: [&str; 4] = ["curl/8.5", "Mozilla/5.0 (X11; Linux x86_64)", "okhttp/4.12", "-"];
    let value = mixed(row, 1);
    let (path, agent) = (pick(&PATHS, value), pick(&AGENTS, value >> 7));
    let status = [200, 200, 200, 201, 204, 304, 404, 500][(value >> 11 & 7) as usize];
    let (client, id) = (value >> 14 & 0xffff, mixed(row, 2));
    let (bytes, milliseconds) = (value >> 32 & 0xfffff, value >> 52 & 0x3ff);
    let seconds = row * 3 % 86_400;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let line = format!(
        "10.0.{}.{} \"GET /api/v2/{path}/{}?page={} HTTP/1.1\" {status} {bytes} \"{agent}\" {milliseconds}ms",
        client >> 8,
        client & 0xff,
        id % 1_000_000,
        id >> 60,
    );
    let document = format!(
        "{{\"request_id\":\"{id:016x}\",\"path\":\"/{path}\",\"status\":{status},\
         \"client\":{{\"id\":{client},\"agent\":\"{agent}\"}},\
         \"timing\":{{\"total_ms\":{milliseconds},\"database_ms\":{}}},\"cached\":{}}}",
        milliseconds * (id >> 20 & 63) / 64,
        id & 4 == 0,
    );
    vec![Some(format!("2026-03-01 {clock}")), Some(line), Some(document)]
}

fn random_text(row: u64) -> Row {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+";
    let text = |column| {
        let letter =
            |i: u64| char::from(LETTERS[(mixed(row, (column << 8) | i) >> 20) as usize & 63]);
        (0..24).map(letter).collect()
    };
    (0..6_u64).map(text).map(Some).collect()
}

fn low_cardinality(row: u64) -> Row {
    const WORDS: [&str; 12] = [
        "open",
        "closed",
        "pending review",
        "北京",
        "上海",
        "United Kingdom",
        "returned",
        "EUR",
        "warehouse 7",
        "yes",
        "no",
        "not applicable",
    ];
    (0..10).map(|column| Some(pick(&WORDS, mixed(row, column) >> 9).to_owned())).collect()
}

fn null_heavy(row: u64) -> Row {
    let cell = |column| {
        let value = mixed(row, column);
        (value % 100 >= 85).then(|| match column % 4 {
            0 => format!("note {}", value >> 40),
            2 => format!(
                "20{:02}-{:02}-{:02}",
                value >> 9 & 15,
                value >> 20 & 7 | 1,
                10 + (value >> 30 & 15)
            ),
            _ => (value >> 44).to_string(),
        })
    };
    (0..20).map(cell).collect()
}

fn narrow(row: u64) -> Row {
    let value = mixed(row, 1);
    vec![
        Some(row.to_string()),
        Some(format!("user{}@example.org", value % 1_000_000)),
        Some((value >> 50).to_string()),
    ]
}

/// 2,000 columns: one row takes more XML than a match may reach back.
fn wide(row: u64) -> Row {
    let cell = |column| match column % 2 {
        0 => (mixed(row, column) % 1_000_000).to_string(),
        _ => format!("v{}", mixed(row, column) % 500),
    };
    (0..2000).map(cell).map(Some).collect()
}

/// Cells of 32,767 characters, some of which XML escapes.
fn giant_text(row: u64) -> Row {
    let sentence = |i| {
        let value = mixed(row, i);
        format!(
            "<{}> & {} says \"{}\"; ",
            value % 977,
            pick(&["Ann", "Bo", "Cy"], value >> 9),
            value >> 44
        )
    };
    let mut text: String = (0..2000).map(sentence).collect();
    text.truncate(32_767);
    vec![Some(row.to_string()), Some(text)]
}
