//! A file on a disk that can lose power and fail, for tests.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard};

use super::medium::{Medium, ShortWrite};

/// What the system has in its cache, and what of it is on the disk for sure.
#[derive(Debug, Default)]
pub(super) struct DiskModel(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    cached: Vec<u8>,
    durable: Vec<u8>,
    syncs: usize,
    failing_syncs: VecDeque<i32>,
    /// Errors of the next writes: so many bytes are written first.
    failing_writes: VecDeque<(usize, i32)>,
    failing_cuts: usize,
}

impl DiskModel {
    pub(super) fn medium(disk: &std::sync::Arc<Self>) -> Medium {
        Medium::Disk(std::sync::Arc::clone(disk))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn cached(&self) -> Vec<u8> {
        self.state().cached.clone()
    }

    pub(super) fn durable(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    pub(super) fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// One of the next writes fails with `errno` behind `written` bytes.
    pub(super) fn fail_write(&self, written: usize, errno: i32) {
        self.state().failing_writes.push_back((written, errno));
    }

    pub(super) fn fail_sync(&self, errno: i32) {
        self.state().failing_syncs.push_back(errno);
    }

    pub(super) fn fail_cuts(&self, count: usize) {
        self.state().failing_cuts = count;
    }

    pub(super) fn append(&self, slices: &[IoSlice<'_>]) -> Result<(), ShortWrite> {
        let mut state = self.state();
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let Some((written, errno)) = state.failing_writes.pop_front() else {
            state.cached.extend_from_slice(&bytes);
            return Ok(());
        };
        state.cached.extend_from_slice(&bytes[..written]);
        let cause = io::Error::from_raw_os_error(errno);
        Err(ShortWrite { written: written as u64, cause })
    }

    pub(super) fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        if state.failing_cuts > 0 {
            state.failing_cuts -= 1;
            return Err(io::Error::from_raw_os_error(5));
        }
        state.cached.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.state();
        let start = usize::try_from(offset).unwrap();
        let found = state.cached.get(start..start + buffer.len());
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.syncs += 1;
        if let Some(errno) = state.failing_syncs.pop_front() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        state.durable = state.cached.clone();
        Ok(())
    }
}
