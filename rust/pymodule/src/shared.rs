//! Mutable things that Python sees as frozen: used by one thread at a time, without the GIL.

use std::sync::{Mutex, PoisonError, TryLockError};

use pyo3::prelude::*;

use crate::error::to_python;

/// Something of the core that can be closed.
pub(crate) struct Shared<T> {
    name: &'static str,
    value: Mutex<Option<T>>,
}

impl<T: Send> Shared<T> {
    pub(crate) fn new(name: &'static str, value: T) -> Self {
        Self { name, value: Mutex::new(Some(value)) }
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
        let result = py.detach(|| match self.value.try_lock() {
            Ok(mut slot) => work(&mut slot),
            Err(TryLockError::Poisoned(poisoned)) => work(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(rowfile::Error::Busy { what: self.name }),
        });
        result.map_err(|error| to_python(py, &error))
    }

    /// Takes the thing out; it is closed from then on.
    pub(crate) fn take(&self, py: Python<'_>) -> Option<T> {
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
