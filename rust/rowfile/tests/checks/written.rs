//! Files written by the core from batches.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rowfile::{
    CsvWriter, EncoderPool, Error, FileSummary, Result, Schema, SheetLimits, SpoolLog,
    WriteProgress, XlsxWriter,
};
use tempfile::TempDir;

use crate::fixtures;

pub(crate) const MOST_THREADS: usize = 3;

/// By how many threads they have.
static POOLS: LazyLock<[EncoderPool; MOST_THREADS + 1]> =
    LazyLock::new(|| std::array::from_fn(|threads| EncoderPool::start(threads).unwrap()));

/// How rows get to a writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) batches: &'a [Vec<u8>],
    /// Most bytes of frames a call gets.
    pub(crate) span_bytes: usize,
    /// Up to [`MOST_THREADS`] that encode beside the writer's own.
    pub(crate) threads: usize,
}

/// A file and what its writer said of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) summary: FileSummary,
}

/// What is told of an export that can't be carried out.
pub(crate) type Refusal = (&'static str, Vec<(&'static str, String)>);

/// Writes the file of `schema`; `limits` are those of an XLSX file.
pub(crate) fn write(
    schema: &Arc<Schema>,
    limits: SheetLimits,
    way: Way<'_>,
) -> Result<Written, Refusal> {
    try_write(schema, limits, way).map_err(|error| (error.code(), error.context()))
}

fn try_write(schema: &Arc<Schema>, limits: SheetLimits, way: Way<'_>) -> Result<Written> {
    let folder = folder();
    let path = folder.path().join("file");
    let mut writer = Writer::create(schema, limits, &path, &POOLS[way.threads])?;
    let mut sealed = SealedBytes { path: &path, seen: Vec::new() };
    let mut log = SpoolLog::create(Arc::clone(schema), None)?;
    let mut reader = log.reader();
    for batch in way.batches {
        if let Some(refused) = log.append(&[batch]).refused {
            return Err(refused);
        }
        sealed.see(writer.write(reader.read(way.span_bytes)?)?);
    }
    loop {
        let span = reader.read(way.span_bytes)?;
        if span.is_empty() {
            break;
        }
        sealed.see(writer.write(span)?);
    }
    let summary = writer.finish()?;
    assert_eq!(summary.rows, log.rows());
    let bytes = std::fs::read(&path).map_err(|source| Error::Io { action: "test", source })?;
    assert_eq!(summary.file_bytes, bytes.len() as u64);
    sealed.assert_stayed_in(&bytes);
    if let Some(checksums) = &summary.checksums {
        assert_eq!(*checksums, fixtures::checksums_of(&path));
    }
    Ok(Written { bytes, summary })
}

/// A folder in memory where there is one: a fuzzer makes thousands of files a minute.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// What others could read of a file under way, after each call.
struct SealedBytes<'a> {
    path: &'a Path,
    seen: Vec<(Vec<u8>, WriteProgress)>,
}

impl SealedBytes<'_> {
    fn see(&mut self, progress: WriteProgress) {
        self.seen.push((std::fs::read(self.path).unwrap(), progress));
    }

    fn assert_stayed_in(&self, finished: &[u8]) {
        for (bytes, WriteProgress { file_bytes, pending, .. }) in &self.seen {
            let sealed = &bytes[..usize::try_from(*file_bytes).unwrap()];
            let pending = pending.clone().unwrap_or(0..0);
            let [start, end] = [pending.start, pending.end].map(|at| usize::try_from(at).unwrap());
            assert!(sealed[..start] == finished[..start]);
            assert!(sealed[end..] == finished[end..sealed.len()]);
        }
    }
}

enum Writer {
    Csv(Box<CsvWriter>),
    Xlsx(Box<XlsxWriter>),
}

impl Writer {
    fn create(
        schema: &Arc<Schema>,
        limits: SheetLimits,
        path: &Path,
        pool: &EncoderPool,
    ) -> Result<Self> {
        let schema = Arc::clone(schema);
        Ok(match schema.format {
            rowfile::Format::Csv => Self::Csv(Box::new(CsvWriter::create(schema, path, pool)?)),
            rowfile::Format::Excel => {
                Self::Xlsx(Box::new(XlsxWriter::create(schema, path, limits, pool)?))
            }
        })
    }

    fn write(&mut self, frames: &[u8]) -> Result<WriteProgress> {
        match self {
            Self::Csv(writer) => writer.write(frames),
            Self::Xlsx(writer) => writer.write(frames),
        }
    }

    fn finish(self) -> Result<FileSummary> {
        match self {
            Self::Csv(writer) => writer.finish(),
            Self::Xlsx(writer) => writer.finish(),
        }
    }
}
