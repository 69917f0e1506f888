//! Blocks of CSV text become the file's bytes: charset, then gzip, then the file.

use std::path::Path;

use super::gzip::Gzip;
use crate::charset::Transcoder;
use crate::checksum::FileChecksums;
use crate::error::{Error, Result};
use crate::pool::EncoderPool;
use crate::schema::Schema;
use crate::sink::FileSink;

pub(super) struct Output {
    transcoder: Option<Transcoder>,
    stream: ByteStream,
}

/// The file behind the optional compression.
struct ByteStream {
    gzip: Option<Gzip>,
    sink: FileSink,
}

impl Output {
    /// Creates the file with what stands before the header.
    pub(super) fn create(schema: &Schema, path: &Path, pool: &EncoderPool) -> Result<Self> {
        let charset = schema.options.csv.charset;
        let mut sink = FileSink::create(path, true)?;
        let is_gzip = schema.options.compressed;
        let gzip = is_gzip.then(|| Gzip::start(pool, &mut sink)).transpose()?;
        let mut stream = ByteStream { gzip, sink };
        stream.write(charset.byte_order_mark())?;
        let transcoder = (!charset.is_utf8()).then(|| charset.transcoder());
        Ok(Self { transcoder, stream })
    }

    /// Writes a block of UTF-8 text; `lacking` hears of characters the charset has no bytes for.
    pub(super) fn write(
        &mut self,
        block: &[u8],
        lacking: impl FnMut(usize, char) -> Result<()>,
    ) -> Result<()> {
        let Some(transcoder) = &mut self.transcoder else { return self.stream.write(block) };
        let text = simdutf8::basic::from_utf8(block)
            .map_err(|_| Error::Damaged { what: "the text's UTF-8" })?;
        self.stream.write(transcoder.encode(text, lacking)?)
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.stream.sink.file_bytes()
    }

    /// Ends the file; its size and checksums.
    pub(super) fn finish(mut self) -> Result<(u64, Option<FileChecksums>)> {
        if let Some(transcoder) = &mut self.transcoder {
            self.stream.write(transcoder.finish())?;
        }
        self.stream.finish()
    }
}

impl ByteStream {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.gzip {
            None => self.sink.write(bytes),
            Some(gzip) => gzip.write(bytes, &mut self.sink),
        }
    }

    fn finish(mut self) -> Result<(u64, Option<FileChecksums>)> {
        if let Some(gzip) = self.gzip.take() {
            gzip.finish(&mut self.sink)?;
        }
        Ok(self.sink.finish())
    }
}
