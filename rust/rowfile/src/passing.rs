//! Failures of the file system that may pass: another try, a few times.

use std::io;
use std::thread;
use std::time::Duration;

/// The waits between the tries.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];

/// `EIO`, which has no kind of its own: 5 on every Unix.
const IO_ERROR: i32 = 5;

/// Tries `write`, which must be safe to repeat, until it succeeds, three times at most.
pub(crate) fn retrying<T>(mut write: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for pause in PAUSES {
        match write() {
            Err(cause) if may_pass(&cause) => thread::sleep(pause),
            result => return result,
        }
    }
    write()
}

/// Not so for a full disk, a file that is gone, a refused permission.
fn may_pass(cause: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, ResourceBusy, TimedOut, WouldBlock};
    matches!(cause.kind(), Interrupted | ResourceBusy | TimedOut | WouldBlock)
        || cause.raw_os_error() == Some(IO_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries_until_given_up(cause: fn() -> io::Error) -> usize {
        let mut tries = 0;
        let result: io::Result<()> = retrying(|| {
            tries += 1;
            Err(cause())
        });
        assert!(result.is_err());
        tries
    }

    #[test]
    fn what_may_pass_is_tried_three_times() {
        assert_eq!(tries_until_given_up(|| io::Error::from_raw_os_error(IO_ERROR)), 3);
        assert_eq!(tries_until_given_up(|| io::ErrorKind::TimedOut.into()), 3);
    }

    #[test]
    fn what_does_not_pass_is_tried_once() {
        assert_eq!(tries_until_given_up(|| io::ErrorKind::StorageFull.into()), 1);
        assert_eq!(tries_until_given_up(|| io::ErrorKind::PermissionDenied.into()), 1);
    }

    #[test]
    fn the_first_success_ends_it() {
        let mut failures = 1;
        let result = retrying(|| {
            failures -= 1;
            if failures < 0 { Ok("written") } else { Err(io::ErrorKind::TimedOut.into()) }
        });
        assert_eq!((result.unwrap(), failures), ("written", -1));
    }
}
