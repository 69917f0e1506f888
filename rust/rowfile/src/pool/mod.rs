//! Threads that encode blocks for all exports.
//!
//! An export cuts its rows into blocks, hands them in and takes the results in their order
//! ([`Ordered`]). While its next result is not there, its own thread encodes blocks too, so that
//! one export uses every core, and a pool without threads is only a slower one. Each export has
//! few blocks under way, and blocks are encoded first come, first served: that shares the threads.

mod ordered;
mod scratch;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};
pub(crate) use ordered::{MAX_UNDER_WAY, Ordered, Task};
pub(crate) use scratch::Scratch;

/// Threads shared by writers. Dropping it ends them; writers that are left encode on their own.
#[derive(Default)]
pub struct EncoderPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl EncoderPool {
    /// Starts `threads` threads; with none, every writer encodes on the thread that calls it.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses a thread.
    pub fn start(threads: usize) -> Result<Self> {
        let shared = Arc::new(Shared { threads, ..Shared::default() });
        let mut pool = Self { shared, threads: Vec::with_capacity(threads) };
        for number in 1..=threads {
            let shared = Arc::clone(&pool.shared);
            let thread = Builder::new()
                .name(format!("encoder-{number}"))
                .spawn(move || shared.serve())
                .map_err(Error::io("starting an encoder's thread"))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }
}

impl Drop for EncoderPool {
    fn drop(&mut self) {
        locked(&self.shared.queue).is_closed = true;
        self.shared.arrival.notify_all();
        for thread in self.threads.drain(..) {
            // A block that panics is reported to its export, so a thread ends in no other way.
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Shared {
    threads: usize,
    queue: Mutex<Queue>,
    /// A block came or the queue was closed.
    arrival: Condvar,
    /// Those no block is encoded with: as many in all as were ever at work at once.
    scratches: Mutex<Vec<Scratch>>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Arc<dyn Job>>,
    is_closed: bool,
}

/// A block whose kind the threads need not know.
trait Job: Send + Sync {
    /// Encodes it unless somebody else does or did.
    fn run_if_waiting(&self, shared: &Shared);
}

impl Shared {
    fn enqueue(&self, job: Arc<dyn Job>) {
        let mut queue = locked(&self.queue);
        // Without threads, or after them, its export encodes it.
        if self.threads > 0 && !queue.is_closed {
            queue.jobs.push_back(job);
            self.arrival.notify_one();
        }
    }

    fn serve(&self) {
        while let Some(job) = self.next_job() {
            job.run_if_waiting(self);
        }
    }

    /// Waits for a block; `None` when the pool is dropped.
    fn next_job(&self) -> Option<Arc<dyn Job>> {
        let mut queue = locked(&self.queue);
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.arrival.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn with_scratch<T>(&self, run: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = locked(&self.scratches).pop();
        let mut scratch = idle.unwrap_or_default();
        let output = run(&mut scratch);
        locked(&self.scratches).push(scratch);
        output
    }
}

/// No lock here is held while anything can panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
