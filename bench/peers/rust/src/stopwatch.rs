//! Time that is counted only while something runs.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// Sums the wall and processor time of what it runs.
#[derive(Default)]
pub struct Stopwatch {
    pub wall: Duration,
    /// Of all threads.
    pub processor: Duration,
}

impl Stopwatch {
    /// Runs `work` on the clock.
    pub fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (wall, processor) = (Instant::now(), ProcessTime::now());
        let done = work();
        self.processor += processor.elapsed();
        self.wall += wall.elapsed();
        done
    }
}
