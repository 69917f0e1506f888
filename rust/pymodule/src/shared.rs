//! Mutable things that Python sees as frozen: used by one thread at a time, without the GIL.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use pyo3::prelude::*;

use crate::error::to_python;

/// Something of the core that can be closed.
pub(crate) struct Shared<T> {
    name: &'static str,
    value: Mutex<Option<T>>,
    is_closing: AtomicBool,
}

impl<T: Send> Shared<T> {
    pub(crate) fn new(name: &'static str, value: T) -> Self {
        Self { name, value: Mutex::new(Some(value)), is_closing: AtomicBool::new(false) }
    }

    /// Runs `work` without the GIL. Another thread that is at work meanwhile is an error:
    /// callers serialise their calls.
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> rowfile::Result<R> + Send,
    ) -> PyResult<R> {
        self.with_slot(py, |slot| {
            slot.as_mut().ok_or(rowfile::Error::Closed { what: self.name }).and_then(work)
        })
    }

    /// As [`Self::with`], for a thing that is of no use after an error: it is closed then.
    pub(crate) fn with_or_close<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> rowfile::Result<R> + Send,
    ) -> PyResult<R> {
        self.with_slot(py, |slot| {
            let value = slot.as_mut().ok_or(rowfile::Error::Closed { what: self.name })?;
            work(value).inspect_err(|_| *slot = None)
        })
    }

    fn with_slot<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Option<T>) -> rowfile::Result<R> + Send,
    ) -> PyResult<R> {
        let result = py.detach(|| {
            let result = match self.try_lock() {
                Some(mut slot) => work(&mut slot),
                None => Err(rowfile::Error::Busy { what: self.name }),
            };
            // With the lock released: whoever closes from now on gets it.
            if self.is_closing.load(Ordering::SeqCst) {
                self.let_go();
            }
            result
        });
        result.map_err(|error| to_python(py, &error))
    }

    /// Lets go of the thing and waits for nothing: a call under way, which may hang with its
    /// disk, lets go of it at its end.
    pub(crate) fn close(&self, py: Python<'_>) {
        self.is_closing.store(true, Ordering::SeqCst);
        py.detach(|| self.let_go());
    }

    fn let_go(&self) {
        drop(self.try_lock().and_then(|mut slot| slot.take()));
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<T>>> {
        match self.value.try_lock() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the thing out; it is closed from then on.
    fn take(&self, py: Python<'_>) -> Option<T> {
        py.detach(|| self.value.lock().unwrap_or_else(PoisonError::into_inner).take())
    }

    /// As [`Self::with`], for the last use.
    pub(crate) fn finish<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(T) -> rowfile::Result<R> + Send,
    ) -> PyResult<R> {
        let closed = rowfile::Error::Closed { what: self.name };
        let value = self.take(py).ok_or_else(|| to_python(py, &closed))?;
        py.detach(|| work(value)).map_err(|error| to_python(py, &error))
    }
}
