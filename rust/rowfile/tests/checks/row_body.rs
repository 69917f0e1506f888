//! Bodies of rows: cut alike however they arrive, and holding what a single batch would hold.

use arbitrary::{Result, Unstructured};
use rowfile::internals::{self, Cells};
use rowfile::{BatchRules, BodyKind, RowBody};
use serde_json::{Value, json};

use crate::fixtures;

const KINDS: [BodyKind; 4] =
    [BodyKind::Csv, BodyKind::CsvWithHeader, BodyKind::JsonLines, BodyKind::Frames];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What means something to one kind of body or another.
const PIECES: [&str; 24] = [
    "\n",
    "\r\n",
    "\r",
    ",",
    "\"",
    "\"\"",
    "a",
    "中",
    "A,B\n",
    "B\n",
    "B,A\r\n",
    "1,2\n",
    "\"x\",\n",
    "[1,2]\n",
    "[",
    "]",
    "{\"A\":1}\n",
    "{",
    "}",
    "\\",
    "\u{feff}",
    "\0",
    "\u{3}abc",
    " ",
];

type Outcome = (Vec<Vec<u8>>, Option<String>);

/// The first bytes choose kind, bounds and pieces, the others are the body or choose it.
pub(crate) fn check(bytes: &[u8]) {
    // Choices that can't be made end the story.
    let _ = check_choices(&mut Unstructured::new(bytes));
}

fn check_choices(choices: &mut Unstructured<'_>) -> Result<()> {
    let kind = *choices.choose(&KINDS)?;
    let rules = BatchRules {
        first_sequence: u64::from(choices.arbitrary::<u8>()?),
        batch_bytes: usize::from(choices.arbitrary::<u8>()?),
        max_message_bytes: if choices.ratio(1, 4)? { 60 } else { 1 << 20 },
    };
    let piece_bytes = choices.int_in_range(1..=40)?;
    let body = choose_body(choices)?;
    let at_once = cut(kind, rules, [&body[..]]);
    assert_eq!(cut(kind, rules, body.chunks(piece_bytes)), at_once);
    if rules.max_message_bytes > body.len() + 40 {
        match kind {
            BodyKind::Csv => assert_as_one_batch(&body, &at_once),
            BodyKind::JsonLines => assert_a_row_a_line(&body, &at_once),
            _ => {}
        }
    }
    Ok(())
}

fn choose_body(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if choices.arbitrary()? {
        return Ok(choices.bytes(choices.len())?.to_vec());
    }
    let mut body = String::new();
    while !choices.is_empty() {
        body += choices.choose(&PIECES)?;
    }
    Ok(body.into_bytes())
}

fn cut<'a>(
    kind: BodyKind,
    rules: BatchRules,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut body = RowBody::new(fixtures::schema("CSV", "ss", &json!({})), kind, rules);
    let mut messages = Vec::new();
    for piece in pieces {
        match body.push(piece) {
            Ok(more) => messages.extend(more),
            Err(refusal) => return (messages, Some(refusal.to_string())),
        }
    }
    match body.finish() {
        Ok(more) => messages.extend(more),
        Err(refusal) => return (messages, Some(refusal.to_string())),
    }
    (messages, None)
}

/// The rows of all messages, if a log would take them.
fn rows((messages, refusal): &Outcome) -> Option<Vec<Cells>> {
    let schema = fixtures::schema("CSV", "ss", &json!({}));
    let mut rows = Vec::new();
    for message in messages {
        internals::check_batch(&schema, message).ok()?;
        rows.extend(internals::read_batch(&schema, message).unwrap());
    }
    refusal.is_none().then_some(rows)
}

fn assert_as_one_batch(body: &[u8], outcome: &Outcome) {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let whole = rows(&(vec![fixtures::csv_message(text)], None));
    assert_eq!(rows(outcome), whole);
}

fn assert_a_row_a_line(body: &[u8], outcome: &Outcome) {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let is_blank = |line: &[u8]| line.iter().all(|byte| b" \t\r".contains(byte));
    let lines = text.split(|&byte| byte == b'\n');
    let lines: Vec<&[u8]> = lines.filter(|line| !is_blank(line)).collect();
    let is_json = |line: &&[u8]| serde_json::from_slice::<Value>(line).is_ok();
    let Some(rows) = rows(outcome) else { return };
    assert!(lines.iter().all(is_json));
    assert_eq!(rows.len(), lines.len());
}
