//! Rows put into batches, batches into messages.

use super::BatchRules;
use crate::batch::{self, Packing};
use crate::error::{Error, Result};

/// More than a message has around its rows: number, tag, length, brackets.
pub(crate) const ENVELOPE_BYTES: usize = 32;
/// The line break stays: no string of JSON goes past it, so that two lines can't become one row.
const JSON_SEPARATOR: &[u8] = b",\n";

/// The batch under way, and the messages that are complete.
#[derive(Debug)]
pub(super) struct Batches {
    rules: BatchRules,
    next_sequence: u64,
    rows: u64,
    text: Vec<u8>,
    complete: Vec<Vec<u8>>,
}

impl Batches {
    pub(super) fn new(rules: BatchRules) -> Self {
        let next_sequence = rules.first_sequence;
        Self { rules, next_sequence, rows: 0, text: Vec::new(), complete: Vec::new() }
    }

    /// Takes a row, which is a line of JSON, or a record with its line break.
    pub(super) fn add(&mut self, row: &[u8], packing: Packing) -> Result<()> {
        self.check_row_bytes(row.len())?;
        let batch_bytes = self.rules.batch_bytes.min(self.max_row_bytes());
        if self.text.len() + JSON_SEPARATOR.len() + row.len() + 1 > batch_bytes {
            self.close(packing);
        }
        match packing {
            Packing::Json if self.text.is_empty() => self.text.push(b'['),
            Packing::Json => self.text.extend_from_slice(JSON_SEPARATOR),
            Packing::Csv => {}
        }
        self.text.extend_from_slice(row);
        self.rows += 1;
        Ok(())
    }

    /// Completes the batch under way, if it has rows.
    pub(super) fn close(&mut self, packing: Packing) {
        if self.text.is_empty() {
            return;
        }
        if packing == Packing::Json {
            self.text.push(b']');
        }
        let mut message = Vec::with_capacity(self.text.len() + ENVELOPE_BYTES);
        if self.next_sequence > 0 {
            batch::push_sequence(&mut message, self.next_sequence);
            self.next_sequence += 1;
        }
        batch::push_packed(&mut message, &self.text, packing);
        self.text.clear();
        self.complete.push(message);
    }

    /// Takes a message as it is.
    pub(super) fn give(&mut self, message: Vec<u8>) {
        self.complete.push(message);
    }

    /// The complete messages since the last call.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.complete)
    }

    /// Refuses a row of so many bytes, or one that has so many already.
    pub(super) fn check_row_bytes(&self, bytes: usize) -> Result<()> {
        let limit = self.max_row_bytes();
        if bytes > limit {
            return Err(Error::LongRow { row: self.rows + 1, limit: limit as u64 });
        }
        Ok(())
    }

    fn max_row_bytes(&self) -> usize {
        self.rules.max_message_bytes.saturating_sub(ENVELOPE_BYTES)
    }

    pub(super) fn max_message_bytes(&self) -> usize {
        self.rules.max_message_bytes
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.text.len()
    }
}
