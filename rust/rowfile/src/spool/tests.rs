use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::fixtures::{self, message, row};

fn schema() -> Arc<Schema> {
    fixtures::schema("CSV", "ss", &serde_json::json!({}))
}

fn batch(text: &str, sequence: i64) -> Vec<u8> {
    message(&[row([text, "x"])], sequence)
}

fn append(log: &mut SpoolLog, messages: &[Vec<u8>]) -> Accepted {
    log.append(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn code(accepted: &Accepted) -> Option<&'static str> {
    accepted.refused.as_ref().map(Error::code)
}

/// Payloads of all frames, read `max_bytes` at a time.
fn read_all(reader: &mut SpoolReader, max_bytes: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    loop {
        let frames = reader.read(max_bytes).unwrap();
        if frames.is_empty() {
            return payloads;
        }
        payloads.extend(Payloads::new(frames).map(|payload| payload.unwrap().to_vec()));
    }
}

fn memory_log() -> SpoolLog {
    SpoolLog::create(schema(), None).unwrap()
}

#[test]
fn what_is_appended_is_read_in_order() {
    let mut log = memory_log();
    let accepted = append(&mut log, &[batch("a", 1), batch("b", 2), batch("c", 3)]);
    assert_eq!((accepted.last_sequence, accepted.rows, accepted.batches_appended), (3, 3, 3));
    assert_eq!(accepted.payload_bytes, 3 * batch("a", 0).len() as u64);
    log.end(3).unwrap();
    for max_bytes in [0, 1, 50, 1000] {
        let mut reader = log.reader();
        let payloads = read_all(&mut reader, max_bytes);
        assert_eq!(payloads, [batch("a", 0), batch("b", 0), batch("c", 0)], "{max_bytes}");
        assert!(reader.ended());
        assert_eq!(reader.rows(), 3);
    }
}

#[test]
fn a_reader_follows_the_tail() {
    let mut log = memory_log();
    let mut reader = log.reader();
    assert!(reader.read(1000).unwrap().is_empty());
    append(&mut log, &[batch("a", 0)]);
    assert_eq!(read_all(&mut reader, 1000).len(), 1);
    append(&mut log, &[batch("b", 0)]);
    assert_eq!(read_all(&mut reader, 1000).len(), 1);
    assert!(!reader.ended());
    log.end(0).unwrap();
    drop(log);
    assert!(reader.read(1000).unwrap().is_empty());
    assert!(reader.ended());
}

#[test]
fn an_empty_batch_takes_its_number() {
    let mut log = memory_log();
    let accepted = append(&mut log, &[message(&[], 1), batch("a", 2)]);
    assert_eq!((accepted.last_sequence, accepted.rows), (2, 1));
}

#[test]
fn duplicates_are_told_by_content() {
    let mut log = memory_log();
    let first = [batch("a", 1), batch("b", 2)];
    append(&mut log, &first);
    let again = append(&mut log, &[batch("a", 1), batch("b", 2), batch("c", 3), batch("c", 3)]);
    assert_eq!((again.duplicates, again.batches_appended, again.last_sequence), (3, 1, 3));
    assert!(again.refused.is_none());
    let other = append(&mut log, &[batch("z", 2)]);
    assert_eq!(code(&other), Some("IDEMPOTENCY_CONFLICT"));
    assert_eq!(other.refused.unwrap().context()[0].1, "2");
}

#[test]
fn a_gap_names_the_number_that_is_due() {
    let mut log = memory_log();
    let accepted = append(&mut log, &[batch("a", 1), batch("b", 3), batch("c", 2)]);
    assert_eq!(code(&accepted), Some("SEQUENCE_GAP"));
    assert_eq!(accepted.batches_appended, 1);
    let context = accepted.refused.unwrap().context();
    assert_eq!(context, [("expected", "2".to_owned()), ("got", "3".to_owned())]);
    assert_eq!(log.next_sequence(), 2);
}

#[test]
fn the_first_batch_settles_who_numbers() {
    let mut client = memory_log();
    append(&mut client, &[batch("a", 1)]);
    assert_eq!(code(&append(&mut client, &[batch("b", 0)])), Some("INVALID_METADATA"));
    let mut service = memory_log();
    let accepted = append(&mut service, &[batch("a", 0), batch("a", 0), batch("b", 3)]);
    assert_eq!(accepted.last_sequence, 2);
    assert_eq!(code(&accepted), Some("INVALID_METADATA"));
    for sequence in [-1, i64::MIN] {
        let refused = append(&mut memory_log(), &[batch("a", sequence)]);
        assert_eq!(code(&refused), Some("INVALID_METADATA"));
        assert_eq!(refused.refused.unwrap().context()[0].1, "batch_sequence");
    }
    assert_eq!(code(&append(&mut memory_log(), &[batch("a", 2)])), Some("SEQUENCE_GAP"));
}

#[test]
fn a_refused_batch_leaves_nothing_and_keeps_those_before() {
    let mut log = memory_log();
    let wide = message(&[row(["a", "b"]), row(["a", "b", "c"])], 2);
    let accepted = append(&mut log, &[batch("a", 1), wide, batch("c", 3)]);
    assert_eq!(code(&accepted), Some("INVALID_ROW"));
    assert_eq!(accepted.refused.unwrap().context()[0], ("row", "3".to_owned()));
    assert_eq!(read_all(&mut log.reader(), 1000), [batch("a", 0)]);
    assert_eq!(log.rows(), 1);
}

#[test]
fn ended_rows_take_duplicates_only() {
    let mut log = memory_log();
    append(&mut log, &[batch("a", 1)]);
    assert_eq!(log.end(7).unwrap_err().code(), "ROW_COUNT_MISMATCH");
    assert!(!log.ended());
    log.end(1).unwrap();
    let bytes = log.file_bytes();
    log.end(0).unwrap();
    assert_eq!(log.file_bytes(), bytes);
    assert_eq!(append(&mut log, &[batch("a", 1)]).duplicates, 1);
    assert_eq!(code(&append(&mut log, &[batch("b", 2)])), Some("INVALID_STATE"));
    assert_eq!(log.end(2).unwrap_err().code(), "ROW_COUNT_MISMATCH");
}

#[test]
fn many_batches_go_out_in_groups() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = SpoolLog::create(schema(), Some(&path)).unwrap();
    let batches: Vec<_> = (1..=1000).map(|i| batch(&i.to_string(), i)).collect();
    assert_eq!(append(&mut log, &batches).last_sequence, 1000);
    assert_eq!(read_all(&mut log.reader(), 4096).len(), 1000);
    assert_eq!(append(&mut log, &batches).duplicates, 1000);
}

#[test]
fn a_reopened_log_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = SpoolLog::create(schema(), Some(&path)).unwrap();
    append(&mut log, &[batch("a", 0), batch("b", 0)]);
    drop(log);
    let mut log = SpoolLog::open(schema(), &path).unwrap();
    assert_eq!((log.next_sequence(), log.rows()), (3, 2));
    assert_eq!(code(&append(&mut log, &[batch("c", 3)])), Some("INVALID_METADATA"));
    append(&mut log, &[batch("c", 0)]);
    log.end(3).unwrap();
    drop(log);
    let log = SpoolLog::open(schema(), &path).unwrap();
    assert!(log.ended());
    assert_eq!(log.payload_bytes(), 3 * batch("a", 0).len() as u64);
    assert_eq!(read_all(&mut log.reader(), 4096).len(), 3);
}

#[test]
fn a_log_torn_at_any_byte_keeps_its_whole_frames() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = SpoolLog::create(schema(), Some(&path)).unwrap();
    let mut ends = vec![log.file_bytes()];
    for sequence in 1..=3 {
        append(&mut log, &[batch(&"x".repeat(sequence), i64::try_from(sequence).unwrap())]);
        ends.push(log.file_bytes());
    }
    log.end(0).unwrap();
    ends.push(log.file_bytes());
    drop(log);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..=whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let mut log = SpoolLog::open(schema(), &path).unwrap();
        let frames = ends.iter().filter(|end| **end <= length as u64).count().max(1) - 1;
        assert_eq!(log.next_sequence(), frames.min(3) as u64 + 1, "{length}");
        assert_eq!(log.ended(), frames == 4, "{length}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), ends[frames], "{length}");
        if frames < 3 {
            let next = i64::try_from(frames).unwrap() + 1;
            assert!(append(&mut log, &[batch("new", next)]).refused.is_none());
            assert_eq!(read_all(&mut log.reader(), 10_000).len(), frames + 1);
        }
    }
}

proptest! {
    #[test]
    fn a_damaged_log_is_cut_before_the_damage(at in 16usize..300, bit in 0u8..8) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let mut log = SpoolLog::create(schema(), Some(&path)).unwrap();
        append(&mut log, &(1..=5).map(|i| batch("some text", i)).collect::<Vec<_>>());
        let frame_bytes = (log.file_bytes() - 16) / 5;
        drop(log);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        let log = SpoolLog::open(schema(), &path).unwrap();
        let sound = (at as u64 - 16) / frame_bytes;
        prop_assert_eq!(log.next_sequence(), sound + 1);
    }
}

#[test]
fn foreign_files_are_not_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, b"something else entirely").unwrap();
    assert_eq!(SpoolLog::open(schema(), &path).unwrap_err().code(), "INTERNAL");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(SpoolLog::open(schema(), &path).unwrap_err().code(), "WRITE_FAILED");
    drop(SpoolLog::create(schema(), Some(&path)).unwrap());
    assert_eq!(SpoolLog::create(schema(), Some(&path)).unwrap_err().code(), "WRITE_FAILED");
    let wider = fixtures::schema("CSV", "sss", &serde_json::json!({}));
    assert_eq!(SpoolLog::open(wider, &path).unwrap_err().code(), "INTERNAL");
}

#[test]
fn damage_behind_a_reader_is_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = SpoolLog::create(schema(), Some(&path)).unwrap();
    append(&mut log, &[batch("a", 1)]);
    let mut reader = log.reader();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().write_all(&[0; 48]).unwrap();
    assert_eq!(reader.read(1000).unwrap_err().code(), "INTERNAL");
    assert_eq!(code(&append(&mut log, &[batch("a", 1)])), Some("INTERNAL"));
    assert!(Payloads::new(&[0; 40]).next().unwrap().is_err());
}

#[test]
fn a_full_disk_keeps_whole_frames_only() {
    // /dev/full refuses every write as a full disk does.
    let medium = Medium::open(Path::new("/dev/full")).unwrap();
    let mut log = SpoolLog::over(schema(), medium, None);
    let accepted = append(&mut log, &[batch("a", 1), batch("b", 2)]);
    assert_eq!(code(&accepted), Some("DISK_FULL"));
    assert_eq!((accepted.last_sequence, accepted.rows), (0, 0));
    // It can't be cut either: nothing may follow.
    assert_eq!(code(&append(&mut log, &[batch("a", 1)])), Some("WRITE_FAILED"));
}
