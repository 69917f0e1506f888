//! What a log keeps when the power goes, and when its disk fails.

use proptest::prelude::*;
use tempfile::TempDir;

use super::disk_model::DiskModel;
use super::*;
use crate::fixtures::{self, message, row};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn schema() -> Arc<Schema> {
    fixtures::schema("CSV", "ss", &serde_json::json!({}))
}

fn batch(text: &str, sequence: u64) -> Vec<u8> {
    message(&[row([text, "x"])], sequence.cast_signed())
}

fn append(log: &mut SpoolLog, messages: &[Vec<u8>]) -> Accepted {
    log.append(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn code(accepted: &Accepted) -> Option<&'static str> {
    accepted.refused.as_ref().map(Error::code)
}

fn log_on(disk: &Arc<DiskModel>) -> SpoolLog {
    let log = SpoolLog::over(schema(), DiskModel::medium(disk), None);
    log.start_file().unwrap();
    log
}

/// The log that a start finds after the power went: what was synced, and `rest` of the rest.
fn found_after_power_loss(bytes: &[u8]) -> SpoolLog {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, bytes).unwrap();
    SpoolLog::open(schema(), &path).unwrap()
}

#[test]
fn what_was_appended_before_a_sync_survives_a_loss_of_power() {
    let disk = Arc::default();
    let mut log = log_on(&disk);
    let mut syncer = log.syncer();
    append(&mut log, &[batch("a", 1), batch("b", 2)]);
    assert!(disk.durable().is_empty());
    syncer.sync().unwrap();
    append(&mut log, &[batch("c", 3)]);
    assert_eq!(found_after_power_loss(&disk.durable()).next_sequence(), 3);
    log.end(3).unwrap();
    syncer.sync().unwrap();
    assert!(found_after_power_loss(&disk.durable()).ended());
}

#[test]
fn one_sync_is_enough_for_all_that_came_before_it() {
    let disk = Arc::default();
    let mut log = log_on(&disk);
    let mut syncer = log.syncer();
    (1..=50).for_each(|sequence| drop(append(&mut log, &[batch("a", sequence)])));
    syncer.sync().unwrap();
    syncer.sync().unwrap();
    assert_eq!((disk.syncs(), syncer.synced_bytes()), (1, log.file_bytes()));
}

#[test]
fn a_sync_that_failed_is_never_followed_by_one_that_succeeds() {
    let disk = Arc::default();
    let mut log = log_on(&disk);
    let mut syncer = log.syncer();
    append(&mut log, &[batch("a", 1)]);
    syncer.sync().unwrap();
    append(&mut log, &[batch("b", 2)]);
    disk.fail_sync(EIO);
    assert_eq!(syncer.sync().unwrap_err().code(), "WRITE_FAILED");
    assert_eq!(syncer.sync().unwrap_err().code(), "WRITE_FAILED");
    assert_eq!(disk.syncs(), 2);
    log.distrust(syncer.synced_bytes()).unwrap();
    assert_eq!(code(&append(&mut log, &[batch("c", 3)])), Some("WRITE_FAILED"));
    assert_eq!(log.end(0).unwrap_err().code(), "WRITE_FAILED");
    assert_eq!(found_after_power_loss(&disk.cached()).next_sequence(), 2);
}

#[test]
fn the_name_of_a_new_file_is_synced_with_it() {
    let folder = TempDir::new().unwrap();
    let log = SpoolLog::create(schema(), Some(&folder.path().join("log"))).unwrap();
    log.syncer().sync().unwrap();
    let mut homeless = log.syncer();
    folder.close().unwrap();
    assert_eq!(homeless.sync().unwrap_err().code(), "WRITE_FAILED");
}

#[test]
fn a_write_that_failed_for_a_moment_is_tried_again_and_nothing_comes_twice() {
    for written in [0, 1, 40, 100] {
        let disk = Arc::default();
        let mut log = log_on(&disk);
        disk.fail_write(written, EIO);
        disk.fail_write(0, EIO);
        let accepted = append(&mut log, &[batch("a", 1), batch("b", 2), batch("c", 3)]);
        assert!(accepted.refused.is_none(), "{written}");
        assert_eq!((accepted.last_sequence, accepted.rows), (3, 3));
        let found = found_after_power_loss(&disk.cached());
        assert_eq!((found.next_sequence(), found.rows()), (4, 3));
        assert_eq!(found.file_bytes(), disk.cached().len() as u64);
    }
}

#[test]
fn a_disk_that_goes_on_failing_refuses_the_batches_that_are_not_whole() {
    let disk = Arc::default();
    let mut log = log_on(&disk);
    let first_bytes = 32 + batch("a", 0).len();
    disk.fail_write(first_bytes + 5, EIO);
    disk.fail_write(7, EIO);
    disk.fail_write(9, EIO);
    let accepted = append(&mut log, &[batch("a", 1), batch("b", 2)]);
    assert_eq!((code(&accepted), accepted.last_sequence), (Some("WRITE_FAILED"), 1));
    assert_eq!(disk.cached().len() as u64, log.file_bytes());
    assert_eq!(append(&mut log, &[batch("b", 2)]).last_sequence, 2);
}

#[test]
fn what_could_not_be_cut_off_is_cut_off_before_the_next_write() {
    let disk = Arc::default();
    let mut log = log_on(&disk);
    disk.fail_write(20, ENOSPC);
    disk.fail_cuts(2);
    assert_eq!(code(&append(&mut log, &[batch("a", 1)])), Some("DISK_FULL"));
    assert_eq!(disk.cached().len() as u64, log.file_bytes() + 20);
    assert!(append(&mut log, &[batch("a", 1)]).refused.is_none());
    assert_eq!(found_after_power_loss(&disk.cached()).next_sequence(), 2);
}

#[test]
fn a_log_takes_as_much_as_its_bound_and_keeps_that() {
    let frame_bytes = 32 + batch("a", 0).len() as u64;
    let disk = Arc::default();
    let mut log = log_on(&disk).limited_to(16 + 2 * frame_bytes);
    let batches = [batch("a", 1), batch("b", 2), batch("c", 3)];
    let accepted = append(&mut log, &batches);
    assert_eq!((code(&accepted), accepted.last_sequence), (Some("TOO_LARGE"), 2));
    let context = accepted.refused.unwrap().context();
    assert_eq!(context, [("limit", (16 + 2 * frame_bytes).to_string())]);
    assert_eq!(append(&mut log, &batches[..2]).duplicates, 2);
    log.end(2).unwrap();
    assert_eq!(found_after_power_loss(&disk.cached()).rows(), 2);
}

/// What the power's loss did to the bytes that were not synced.
#[derive(Clone, Debug)]
enum Damage {
    Cut { at: usize },
    Zeroed { from: usize, bytes: usize },
    Garbage { from: usize, bytes: Vec<u8> },
    Longer { bytes: Vec<u8> },
}

impl Damage {
    fn strategy() -> impl Strategy<Value = Self> {
        let garbage = || prop::collection::vec(any::<u8>(), 1..200);
        prop_oneof![
            (0usize..2000).prop_map(|at| Self::Cut { at }),
            (0usize..2000, 1usize..4096).prop_map(|(from, bytes)| Self::Zeroed { from, bytes }),
            (0usize..2000, garbage()).prop_map(|(from, bytes)| Self::Garbage { from, bytes }),
            garbage().prop_map(|bytes| Self::Longer { bytes }),
        ]
    }

    /// Damages `bytes` behind the first `synced`.
    fn apply(&self, bytes: &mut Vec<u8>, synced: usize) {
        let volatile = bytes.len() - synced;
        let place = |offset: usize| synced + offset % (volatile + 1);
        match self {
            Self::Cut { at } => bytes.truncate(place(*at)),
            Self::Zeroed { from, bytes: count } => {
                let from = place(*from);
                let to = (from + count).min(bytes.len());
                bytes[from..to].fill(0);
            }
            Self::Garbage { from, bytes: garbage } => {
                let from = place(*from);
                let count = garbage.len().min(bytes.len() - from);
                bytes[from..from + count].copy_from_slice(&garbage[..count]);
            }
            Self::Longer { bytes: garbage } => bytes.extend_from_slice(garbage),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_start_after_a_loss_of_power_finds_exactly_the_whole_frames(
        texts in prop::collection::vec(".{0,60}", 1..12),
        synced_after in 0usize..12,
        damages in prop::collection::vec(Damage::strategy(), 1..4),
    ) {
        let disk = Arc::default();
        let mut log = log_on(&disk);
        let mut syncer = log.syncer();
        let mut ends = Vec::new();
        let mut acknowledged = 0;
        for (text, sequence) in texts.iter().zip(1..) {
            append(&mut log, &[batch(text, sequence)]);
            ends.push(usize::try_from(log.file_bytes()).unwrap());
            if usize::try_from(sequence).unwrap() == synced_after {
                syncer.sync().unwrap();
                acknowledged = sequence;
            }
        }
        let undamaged = disk.cached();
        let mut found = undamaged.clone();
        // The header is synced when the log is made.
        let synced = disk.durable().len().max(FILE_HEADER_BYTES);
        for damage in &damages {
            damage.apply(&mut found, synced);
        }
        let sound = undamaged.iter().zip(&found).take_while(|(a, b)| a == b).count();
        let whole = ends.iter().filter(|end| **end <= sound).count() as u64;
        let mut recovered = found_after_power_loss(&found);
        prop_assert!(whole >= acknowledged);
        prop_assert_eq!(recovered.next_sequence(), whole + 1);
        prop_assert_eq!(recovered.rows(), whole);
        prop_assert!(append(&mut recovered, &[batch("next", whole + 1)]).refused.is_none());
    }
}
