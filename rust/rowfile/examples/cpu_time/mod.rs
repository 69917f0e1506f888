//! What work costs on a machine that others use too.

use std::error::Error;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// CPU seconds that `work` takes, in all threads of the process.
pub(crate) fn cpu_seconds_of(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = cpu_time()?;
    work()?;
    Ok(cpu_time()?.saturating_sub(start).as_secs_f64())
}

/// CPU time of the process since it began.
fn cpu_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::ProcessCPUTime).try_into()?)
}
