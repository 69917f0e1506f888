//! What a run cost, as `bench/peers/measurement.py` reads it.

use std::fs;

use crate::Outcome;
use crate::stopwatch::Stopwatch;

/// The three parts of a run.
#[derive(Default)]
pub struct Measured {
    pub rows: u64,
    /// Messages become what the writer takes.
    pub decode: Stopwatch,
    /// The writer takes it.
    pub write: Stopwatch,
    /// From the last row handed over until the file is complete.
    pub finish: Stopwatch,
}

impl Measured {
    /// One JSON object.
    pub fn report(&self, file_bytes: u64) -> Outcome<String> {
        let Self { rows, decode, write, finish } = self;
        let seconds = (decode.wall + write.wall + finish.wall).as_secs_f64();
        let cpu_seconds = (decode.processor + write.processor + finish.processor).as_secs_f64();
        let (decode_seconds, decode_cpu_seconds) =
            (decode.wall.as_secs_f64(), decode.processor.as_secs_f64());
        let after_last_row_seconds = finish.wall.as_secs_f64();
        let peak_rss_bytes = peak_rss_bytes()?;
        Ok(format!(
            r#"{{"rows": {rows}, "file_bytes": {file_bytes}, "peak_rss_bytes": {peak_rss_bytes}, "seconds": {seconds}, "cpu_seconds": {cpu_seconds}, "decode_seconds": {decode_seconds}, "decode_cpu_seconds": {decode_cpu_seconds}, "after_last_row_seconds": {after_last_row_seconds}}}"#
        ))
    }
}

/// The largest resident memory since the process began: `VmHWM` of proc(5).
fn peak_rss_bytes() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
