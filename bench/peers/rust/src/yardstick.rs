//! What no writer can go below: the same bytes, only moved.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;

use crate::batch::BatchFile;
use crate::{Measured, Outcome};

/// Copies all messages at once from memory that no cache holds to memory that is there already.
pub fn copy_in_memory(mut batches: BatchFile) -> Outcome<Measured> {
    let mut measured = Measured::default();
    let (mut all, mut message) = (Vec::new(), Vec::new());
    while let Some(rows) = batches.next(&mut message)? {
        measured.rows += rows;
        all.extend_from_slice(&message);
    }
    let mut copy = vec![1; all.len()];
    measured.write.run(|| copy.copy_from_slice(black_box(&all)));
    black_box(copy);
    Ok(measured)
}

/// Writes the messages to a file, one system call each.
pub fn copy_to_file(mut batches: BatchFile, output: &str) -> Outcome<Measured> {
    let mut measured = Measured::default();
    let mut file = File::create(output)?;
    let mut message = Vec::new();
    while let Some(rows) = batches.next(&mut message)? {
        measured.rows += rows;
        measured.write.run(|| file.write_all(&message))?;
    }
    Ok(measured)
}
