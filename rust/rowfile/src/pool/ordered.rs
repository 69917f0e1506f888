//! One export's blocks under way: encoded in any order, taken in theirs.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{EncoderPool, Job, Scratch, Shared, locked};

/// A block to encode: all it needs, and nothing that others change.
pub(crate) trait Task: Send + 'static {
    /// What comes of it, which depends on the task alone.
    type Output: Send;

    /// Encodes; `scratch` may hold anything from blocks of other exports.
    fn run(self, scratch: &mut Scratch) -> Self::Output;
}

/// The most blocks of an export under way, however many threads there are.
pub(crate) const MAX_UNDER_WAY: usize = 16;

/// Blocks of one export, in their order.
pub(crate) struct Ordered<T: Task> {
    shared: Arc<Shared>,
    under_way: VecDeque<Arc<Slot<T>>>,
}

struct Slot<T: Task> {
    state: Mutex<State<T>>,
    done: Condvar,
}

enum State<T: Task> {
    Waiting(T),
    Running,
    Done(T::Output),
    Panicked(Box<dyn Any + Send>),
}

impl<T: Task> Ordered<T> {
    pub(crate) fn new(pool: &EncoderPool) -> Self {
        Self { shared: Arc::clone(&pool.shared), under_way: VecDeque::new() }
    }

    /// Whether results must be taken before another block is handed in: one for each thread to
    /// work on, one for each to take up next, one for the caller.
    pub(crate) fn is_full(&self) -> bool {
        self.under_way.len() > (2 * self.shared.threads).min(MAX_UNDER_WAY - 1)
    }

    /// Hands in a block.
    pub(crate) fn submit(&mut self, task: T) {
        let state = Mutex::new(State::Waiting(task));
        let slot = Arc::new(Slot { state, done: Condvar::new() });
        self.under_way.push_back(Arc::clone(&slot));
        self.shared.enqueue(slot);
    }

    /// Drops all blocks under way.
    pub(crate) fn forget(&mut self) {
        self.under_way.clear();
    }

    /// The oldest block's result, if it is there.
    pub(crate) fn poll(&mut self) -> Option<T::Output> {
        if !self.under_way.front()?.is_done() {
            return None;
        }
        self.next()
    }

    /// The oldest block's result; `None` when no block is under way. Encodes while it waits.
    pub(crate) fn next(&mut self) -> Option<T::Output> {
        let oldest = self.under_way.pop_front()?;
        oldest.run_if_waiting(&self.shared);
        for later in &self.under_way {
            if oldest.is_done() {
                break;
            }
            later.run_if_waiting(&self.shared);
        }
        Some(oldest.wait())
    }
}

impl<T: Task> Slot<T> {
    fn is_done(&self) -> bool {
        matches!(*locked(&self.state), State::Done(_) | State::Panicked(_))
    }

    fn start(&self) -> Option<T> {
        let mut state = locked(&self.state);
        if !matches!(*state, State::Waiting(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Running) {
            State::Waiting(task) => Some(task),
            _ => None,
        }
    }

    fn wait(&self) -> T::Output {
        let mut state = locked(&self.state);
        loop {
            match std::mem::replace(&mut *state, State::Running) {
                State::Done(output) => return output,
                State::Panicked(cause) => {
                    drop(state);
                    resume_unwind(cause)
                }
                other => *state = other,
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T: Task> Job for Slot<T> {
    fn run_if_waiting(&self, shared: &Shared) {
        let Some(task) = self.start() else { return };
        let run = || shared.with_scratch(|scratch| task.run(scratch));
        // Nothing of a block that panics is used again: it goes on in the export's thread.
        let end = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(output) => State::Done(output),
            Err(cause) => State::Panicked(cause),
        };
        *locked(&self.state) = end;
        self.done.notify_one();
    }
}
