//! Row logs and the accidents of their files: what is read back is what was taken, up to a frame.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use rowfile::{CsvWriter, EncoderPool, Schema, SheetLimits, SpoolLog, XlsxWriter};
use serde_json::json;
use tempfile::TempDir;

use super::written;
use crate::fixtures;

const FILE_HEADER_BYTES: u64 = 16;
const FRAME_HEADER_BYTES: usize = 32;

/// The bytes choose what happens to a log.
pub(crate) fn check(bytes: &[u8]) {
    // Choices that can't be made end the story.
    let _ = Story::begin().go_on(&mut Unstructured::new(bytes));
}

struct Story {
    _folder: TempDir,
    path: PathBuf,
    schema: Arc<Schema>,
    log: SpoolLog,
    /// Payloads that the log took.
    taken: Vec<Vec<u8>>,
    has_ended: bool,
}

impl Story {
    fn begin() -> Self {
        let folder = written::folder();
        let path = folder.path().join("log");
        let schema = fixtures::schema("CSV", "sn", &json!({}));
        let log = SpoolLog::create(Arc::clone(&schema), Some(&path)).unwrap();
        Self { _folder: folder, path, schema, log, taken: Vec::new(), has_ended: false }
    }

    fn go_on(mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        while !choices.is_empty() {
            match choices.int_in_range(0..=9)? {
                0..=4 => self.append(choices)?,
                5 => self.end(choices.int_in_range(0..=4)?),
                6 => self.cut(choices)?,
                7 => self.damage(choices)?,
                8 => self.open_again(),
                _ => return self.forge(choices),
            }
            self.assert_read_back(choices.int_in_range(0..=300)?);
        }
        Ok(())
    }

    fn append(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let mut batches = Vec::new();
        for _ in 0..choices.int_in_range(1..=3)? {
            let texts = vec![choices.arbitrary::<&str>()?; choices.int_in_range(0..=3)?];
            let rows: Vec<_> = texts.iter().map(|text| fixtures::row([text, "1"])).collect();
            let sequence = *choices.choose(&[0, 0, 1, 2, 3, 4, 5, 9, -1])?;
            batches.push((fixtures::message(&rows, sequence), fixtures::message(&rows, 0)));
        }
        let messages: Vec<&[u8]> = batches.iter().map(|(message, _)| &message[..]).collect();
        let (rows, last) = (self.log.rows(), self.log.next_sequence() - 1);
        let accepted = self.log.append(&messages);
        let judged = accepted.batches_appended + accepted.duplicates;
        assert_eq!(accepted.refused.is_none(), judged == messages.len());
        assert_eq!(accepted.last_sequence, last + accepted.batches_appended as u64);
        assert!(accepted.rows >= rows && (accepted.batches_appended == 0 || !self.has_ended));
        self.take(&batches[..judged], last);
        Ok(())
    }

    /// Notes the payloads of judged batches; those whose number is known came before.
    fn take(&mut self, batches: &[(Vec<u8>, Vec<u8>)], last: u64) {
        let mut next = last + 1;
        let end = self.log.next_sequence();
        for (message, payload) in batches {
            let sequence = <fixtures::RecordBatch as prost::Message>::decode(&message[..]);
            let sequence = sequence.unwrap().batch_sequence.unsigned_abs();
            if (sequence == 0 || sequence == next) && next < end {
                self.taken.push(payload.clone());
                next += 1;
            } else {
                let known = &self.taken[usize::try_from(sequence).unwrap() - 1];
                assert_eq!(known, payload);
            }
        }
        assert_eq!(next, end);
    }

    fn end(&mut self, expected_rows: u64) {
        let is_right = expected_rows == 0 || expected_rows == self.log.rows();
        assert_eq!(self.log.end(expected_rows).is_ok(), is_right);
        self.has_ended |= is_right;
        assert_eq!(self.log.ended(), self.has_ended);
    }

    /// A crash: the file ends anywhere.
    fn cut(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let length = choices.int_in_range(0..=self.log.file_bytes())?;
        self.file().set_len(length).unwrap();
        self.open_again();
        Ok(())
    }

    /// A bad block: up to four bytes are others.
    fn damage(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let last = self.log.file_bytes() - 4;
        let offset = choices.int_in_range(FILE_HEADER_BYTES.min(last)..=last)?;
        self.file().write_all_at(&choices.arbitrary::<[u8; 4]>()?, offset).unwrap();
        if offset < FILE_HEADER_BYTES {
            let _ = SpoolLog::open(Arc::clone(&self.schema), &self.path);
            *self = Self::begin();
        }
        self.open_again();
        Ok(())
    }

    /// What is left of an opened log are its first frames.
    fn open_again(&mut self) {
        self.log = SpoolLog::open(Arc::clone(&self.schema), &self.path).unwrap();
        let left = usize::try_from(self.log.next_sequence() - 1).unwrap();
        assert!(left <= self.taken.len());
        assert!(!self.log.ended() || self.has_ended);
        self.taken.truncate(left);
        self.has_ended = self.log.ended();
    }

    fn assert_read_back(&self, span_bytes: usize) {
        let payloads = payloads(&self.log, span_bytes);
        assert!(payloads == self.taken);
        let payload_bytes: usize = payloads.iter().map(Vec::len).sum();
        assert_eq!(self.log.payload_bytes(), payload_bytes as u64);
    }

    /// Frames whose checksums hold and whose content is anything: read and written without a panic.
    fn forge(mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        while !choices.is_empty() {
            let kind = choices.int_in_range(0..=4)?;
            let claimed_bytes = choices.ratio(1, 8)?.then(|| choices.arbitrary()).transpose()?;
            let (rows, sequence) = (choices.arbitrary()?, choices.int_in_range(0..=9)?);
            let payload = choices.arbitrary::<&[u8]>()?;
            let frame = frame(kind, claimed_bytes, rows, sequence, payload);
            self.file().write_all_at(&frame, self.file().metadata().unwrap().len()).unwrap();
        }
        self.log = SpoolLog::open(Arc::clone(&self.schema), &self.path).unwrap();
        let mut csv = CsvWriter::create(
            Arc::clone(&self.schema),
            Path::new("/dev/null"),
            &EncoderPool::default(),
        )
        .unwrap();
        let spec = fixtures::spec("EXCEL", "sn", &json!({})).to_string();
        let excel = Arc::new(Schema::parse(spec.as_bytes()).unwrap());
        let path = self.path.with_extension("xlsx");
        let mut xlsx =
            XlsxWriter::create(excel, &path, SheetLimits::default(), &EncoderPool::default())
                .unwrap();
        let mut reader = self.log.reader();
        while let Ok(span @ [_, ..]) = reader.read(1000) {
            let (csv, xlsx) = (csv.write(span), xlsx.write(span));
            if csv.is_err() || xlsx.is_err() {
                return Ok(());
            }
        }
        let _ = xlsx.finish();
        Ok(())
    }

    fn file(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).unwrap()
    }
}

fn payloads(log: &SpoolLog, span_bytes: usize) -> Vec<Vec<u8>> {
    let mut reader = log.reader();
    let mut payloads = Vec::new();
    loop {
        let mut span = reader.read(span_bytes).unwrap();
        if span.is_empty() {
            assert_eq!((reader.ended(), reader.rows()), (log.ended(), log.rows()));
            return payloads;
        }
        while !span.is_empty() {
            let length = u32::from_le_bytes(*span[4..].first_chunk().unwrap()) as usize;
            let (frame, rest) = span.split_at(FRAME_HEADER_BYTES + length);
            payloads.push(frame[FRAME_HEADER_BYTES..].to_vec());
            span = rest;
        }
    }
}

/// A frame as `spool/frame.rs` lays it out.
fn frame(
    kind: u8,
    claimed_bytes: Option<u32>,
    rows: u32,
    sequence: u64,
    payload: &[u8],
) -> Vec<u8> {
    let payload_bytes = claimed_bytes.unwrap_or(u32::try_from(payload.len()).unwrap());
    let mut frame = vec![kind, 0, 0, 0];
    frame.extend_from_slice(&payload_bytes.to_le_bytes());
    frame.extend_from_slice(&rows.to_le_bytes());
    frame.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    frame.extend_from_slice(&sequence.to_le_bytes());
    frame.extend_from_slice(&[0; 4]);
    let crc = crc32c::crc32c(&frame);
    frame.extend_from_slice(&crc.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}
