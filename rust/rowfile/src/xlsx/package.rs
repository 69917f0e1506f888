//! The ZIP file around the workbook's parts (PKWARE APPNOTE 6.3).
//!
//! Sizes are patched into the local header of a part written as a stream: readers that know
//! neither ZIP64 nor data descriptors open the file. No entry has a clock time.

use std::ops::Range;

use crate::deflate::{STREAM_END, Section, SmallEncoder, StreamTotals};
use crate::error::{Error, Result};
use crate::sink::FileSink;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END_OF_DIRECTORY: u32 = 0x0605_4b50;
const VERSION: u16 = 20;
const DEFLATED: u16 = 8;
/// 1980-01-01, the first date of MS-DOS.
const DATE: u16 = 0x21;
/// CRC and sizes stand here in a local header, 4 bytes each.
const CRC_OFFSET: u64 = 14;
const CRC_AND_SIZES_BYTES: usize = 12;

/// A ZIP file under way.
pub(super) struct Package {
    sink: FileSink,
    file_bytes_limit: u64,
    entries: Vec<Entry>,
    open: Option<OpenEntry>,
}

struct Entry {
    name: String,
    offset: u32,
    crc: u32,
    compressed_bytes: u32,
    bytes: u32,
}

struct OpenEntry {
    name: String,
    offset: u64,
    data_offset: u64,
    totals: StreamTotals,
}

impl Package {
    /// `file_bytes_limit` keeps all offsets in 32 bits: at most `u32::MAX`.
    pub(super) fn new(sink: FileSink, file_bytes_limit: u64) -> Self {
        Self { sink, file_bytes_limit, entries: Vec::new(), open: None }
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.sink.file_bytes()
    }

    /// What [`Self::close`] will patch; all other bytes stay as they are.
    pub(super) fn pending(&self) -> Option<Range<u64>> {
        let open = self.open.as_ref()?;
        let start = open.offset + CRC_OFFSET;
        Some(start..start + CRC_AND_SIZES_BYTES as u64)
    }

    /// Adds a whole part.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.open(name)?;
        self.write(bytes)?;
        self.close()
    }

    /// Starts a part; there is one at a time.
    pub(super) fn open(&mut self, name: &str) -> Result<()> {
        let offset = self.sink.file_bytes();
        let mut header = Vec::with_capacity(64);
        header.extend_from_slice(&LOCAL_HEADER.to_le_bytes());
        put_u16s(&mut header, &[VERSION, 0, DEFLATED, 0, DATE]);
        header.extend_from_slice(&[0; CRC_AND_SIZES_BYTES]);
        put_u16s(&mut header, &[short(name.len())?, 0]);
        header.extend_from_slice(name.as_bytes());
        self.sink.write(&header)?;
        let data_offset = self.sink.file_bytes();
        let totals = StreamTotals::default();
        self.open = Some(OpenEntry { name: name.to_owned(), offset, data_offset, totals });
        Ok(())
    }

    /// Appends bytes that come once, markup before and after the rows, to the open part.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.splice(&SmallEncoder::new().encode(&[], bytes, &mut Vec::new())?)
    }

    /// Appends what was compressed already to the open part.
    pub(super) fn splice(&mut self, section: &Section<'_>) -> Result<()> {
        self.check_room(section.deflated.len())?;
        let Some(entry) = &mut self.open else { return Err(Error::Closed { what: "ZIP entry" }) };
        entry.totals.add(section);
        self.sink.write(section.deflated)
    }

    fn check_room(&self, bytes: usize) -> Result<()> {
        let limit = self.file_bytes_limit;
        if self.sink.file_bytes() + bytes as u64 > limit {
            return Err(Error::TooLarge { what: "an XLSX file", limit });
        }
        Ok(())
    }

    /// Ends the open part and patches its local header.
    pub(super) fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Err(Error::Closed { what: "ZIP entry" });
        };
        self.sink.write(&STREAM_END)?;
        let entry = Entry {
            crc: open.totals.crc(),
            compressed_bytes: long(self.sink.file_bytes() - open.data_offset)?,
            bytes: long(open.totals.input_bytes())?,
            offset: long(open.offset)?,
            name: open.name,
        };
        let mut patch = Vec::with_capacity(CRC_AND_SIZES_BYTES);
        put_u32s(&mut patch, &[entry.crc, entry.compressed_bytes, entry.bytes]);
        self.sink.patch(open.offset + CRC_OFFSET, &patch)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the central directory; the file's size.
    pub(super) fn finish(mut self) -> Result<u64> {
        let start = self.sink.file_bytes();
        let mut directory = Vec::new();
        for entry in &self.entries {
            entry.put_central_header(&mut directory)?;
        }
        let length = directory.len();
        let count = short(self.entries.len())?;
        put_u32s(&mut directory, &[END_OF_DIRECTORY]);
        put_u16s(&mut directory, &[0, 0, count, count]);
        put_u32s(&mut directory, &[long(length as u64)?, long(start)?]);
        put_u16s(&mut directory, &[0]);
        self.sink.write(&directory)?;
        Ok(self.sink.file_bytes())
    }
}

impl Entry {
    fn put_central_header(&self, out: &mut Vec<u8>) -> Result<()> {
        put_u32s(out, &[CENTRAL_HEADER]);
        put_u16s(out, &[VERSION, VERSION, 0, DEFLATED, 0, DATE]);
        put_u32s(out, &[self.crc, self.compressed_bytes, self.bytes]);
        put_u16s(out, &[short(self.name.len())?, 0, 0, 0, 0]);
        put_u32s(out, &[0, self.offset]);
        out.extend_from_slice(self.name.as_bytes());
        Ok(())
    }
}

fn put_u16s(out: &mut Vec<u8>, values: &[u16]) {
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_u32s(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// APPNOTE 4.4.1.4: all ones would say that the number stands in a ZIP64 field.
fn short(value: usize) -> Result<u16> {
    let limit = u16::MAX - 1;
    let fitting = u16::try_from(value).ok().filter(|value| *value <= limit);
    fitting.ok_or(Error::TooLarge { what: "a ZIP directory", limit: limit.into() })
}

/// As [`short`].
fn long(value: u64) -> Result<u32> {
    let limit = u32::MAX - 1;
    let fitting = u32::try_from(value).ok().filter(|value| *value <= limit);
    fitting.ok_or(Error::TooLarge { what: "a ZIP file", limit: limit.into() })
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    fn package_at(path: &Path, file_bytes_limit: u64) -> Package {
        Package::new(FileSink::create(path, false).unwrap(), file_bytes_limit)
    }

    fn u16_at(bytes: &[u8], offset: usize) -> u16 {
        u16::from_le_bytes(bytes[offset..offset + 2].try_into().unwrap())
    }

    fn u32_at(bytes: &[u8], offset: usize) -> u32 {
        u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
    }

    /// The part at the start of `bytes` as a reader that knows no directory sees it, and what is
    /// behind it: the local header says it all.
    fn first_part(bytes: &[u8]) -> ((String, Vec<u8>), &[u8]) {
        assert_eq!(u32_at(bytes, 0), LOCAL_HEADER);
        assert_eq!([4, 6, 8].map(|offset| u16_at(bytes, offset)), [VERSION, 0, DEFLATED]);
        let [crc, deflated, size] = [14, 18, 22].map(|offset| u32_at(bytes, offset));
        let [name, extra] = [26, 28].map(|offset| usize::from(u16_at(bytes, offset)));
        assert_eq!(extra, 0);
        let (head, rest) = bytes.split_at(30 + name);
        let (data, rest) = rest.split_at(deflated as usize);
        let mut content = Vec::new();
        flate2::read::DeflateDecoder::new(data).read_to_end(&mut content).unwrap();
        assert_eq!((content.len(), crc32fast::hash(&content)), (size as usize, crc));
        ((String::from_utf8(head[30..].to_vec()).unwrap(), content), rest)
    }

    #[test]
    fn parts_follow_one_another_with_their_sizes_before_them() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        let mut package = package_at(&path, u32::MAX.into());
        package.add("first", b"one").unwrap();
        package.open("streamed").unwrap();
        package.write(b"two and ").unwrap();
        package.write(&b"more ".repeat(50_000)).unwrap();
        package.close().unwrap();
        package.add("empty", b"").unwrap();
        let file_bytes = package.finish().unwrap();

        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(file_bytes, bytes.len() as u64);
        let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
        while u32_at(rest, 0) != CENTRAL_HEADER {
            let (part, behind) = first_part(rest);
            parts.push(part);
            rest = behind;
        }
        let streamed = [b"two and ".to_vec(), b"more ".repeat(50_000)].concat();
        let expected = [("first", b"one".to_vec()), ("streamed", streamed), ("empty", Vec::new())];
        assert_eq!(parts, expected.map(|(name, content)| (name.to_owned(), content)));
        assert_eq!(zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap().len(), 3);
    }

    #[test]
    fn a_package_does_not_outgrow_its_limit() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        let mut package = package_at(&path, 400);
        package.open("rows").unwrap();
        let error = (0..100_u32).find_map(|i| package.write(&i.to_le_bytes()).err()).unwrap();
        assert_eq!((error.code(), error.context()), ("TOO_LARGE", vec![("limit", "400".into())]));
        assert!(std::fs::metadata(&path).unwrap().len() <= 400);
    }

    #[test]
    fn numbers_that_would_mean_zip64_are_refused() {
        assert_eq!(long(u64::from(u32::MAX) - 1).unwrap(), u32::MAX - 1);
        assert_eq!(short(usize::from(u16::MAX) - 1).unwrap(), u16::MAX - 1);
        for error in [long(u32::MAX.into()).unwrap_err(), short(u16::MAX.into()).unwrap_err()] {
            assert_eq!(error.code(), "TOO_LARGE");
        }
    }
}
