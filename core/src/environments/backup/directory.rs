//! The directory of an archive: which members there are, and where. Strict, since an archive is untrusted.
//!
//! ```text
//! 0            PK 3 4  name  the bytes of the first member; the others follow without a gap
//!              (PK 7 8  checksum and sizes, of what was encrypted while it was written)
//! ...          PK 1 2  name  size  offset: the directory, an entry for each member
//! (large only) PK 6 6, PK 6 7: how large, in 64 bits
//! end          PK 5 6  how many entries, where they begin; the comment
//! ```
//!
//! Of what zip allows only this is taken: members that are stored or deflated, with plain names that differ
//! also where case is not told apart, regular files, in the order of their bytes, nothing between, before or
//! after them. What it says of itself is bounded before anything of its size is read.
//!
//! Zip: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::sealed::Bytes;

/// A wheel for each distribution, and two files for each environment, of 10,000 environments.
const MAX_MEMBERS: u64 = 60_000;
const MAX_DIRECTORY_BYTES: u64 = 16 * 1024 * 1024;
/// What is deflated are texts, and the image of a context.
const MAX_DEFLATED_BYTES: u64 = 1024 * 1024 * 1024;
/// All that is deflated together: a bomb of a few KiB would keep a reader busy for hours.
const MAX_INFLATED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
const MAX_NAME_BYTES: usize = 240;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const AFTER: [u8; 4] = *b"PK\x07\x08";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const AFTER_BYTES: usize = 16;
const AFTER_64_BYTES: usize = 24;
const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_64_BYTES: usize = 20;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// How well it was deflated, and that names are UTF-8.
const HARMLESS_FLAGS: u16 = 0b0000_1000_0000_0110;
/// Its checksum and sizes stand after it, since nobody went back to write them before.
const STREAMED: u16 = 0b1000;

/// Why a file is no archive of ours.
#[derive(Debug)]
pub(super) enum NotRead {
    /// No end stands at its end.
    NoEnd,
    /// What is wrong, as the end of a sentence that begins with the name of the file.
    Bad(String),
    Io(io::Error),
}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> NotRead {
        NotRead::Io(error)
    }
}

fn bad<T>(what: impl Into<String>) -> Result<T, NotRead> {
    Err(NotRead::Bad(what.into()))
}

/// The members of an archive, in the order of their bytes.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) entries: Vec<Entry>,
    /// What stands at the end.
    pub(super) comment: Vec<u8>,
}

/// One member.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: u64,
    method: u16,
    is_streamed: bool,
    crc: u32,
    compressed: u64,
    /// Of its header, then of its bytes.
    offset: u64,
}

/// Where the directory is.
struct Place {
    entries: u64,
    bytes: u64,
    offset: u64,
}

impl Directory {
    /// Reads the directory of an archive that ends with a comment of this length.
    pub(super) fn read(file: &Bytes, comment_bytes: usize) -> Result<Directory, NotRead> {
        let length = file.length()?;
        let tail = END_BYTES + comment_bytes;
        let Some(end_at) = length.checked_sub(tail as u64) else { return Err(NotRead::NoEnd) };
        let mut end = vec![0; tail];
        file.read_at(&mut end, end_at)?;
        if end[..4] != END || usize::from(u16_at(&end, 20)) != comment_bytes {
            return Err(NotRead::NoEnd);
        }
        let place = place(file, &end, end_at)?;
        let mut bytes = vec![0; place.bytes as usize];
        file.read_at(&mut bytes, place.offset)?;
        let mut entries = Vec::new();
        let mut rest = bytes.as_slice();
        for _ in 0..place.entries {
            let (entry, after) = Entry::parse(rest)?;
            rest = after;
            entries.push(entry);
        }
        if !rest.is_empty() {
            return bad("has a directory with something after its last entry");
        }
        let mut directory = Directory { entries, comment: end.split_off(END_BYTES) };
        directory.check(file, place.offset)?;
        Ok(directory)
    }

    /// Compares the entries with each other, and with the headers before their bytes.
    fn check(&mut self, file: &Bytes, end: u64) -> Result<(), NotRead> {
        let mut names = HashSet::new();
        let mut inflated = 0_u64;
        for entry in &self.entries {
            if !names.insert(entry.name.to_ascii_lowercase()) {
                return bad(format!("has `{}` twice", entry.name));
            }
            if entry.method == DEFLATED {
                inflated = inflated.saturating_add(entry.bytes);
            }
        }
        if inflated > MAX_INFLATED_BYTES {
            return bad(format!("would hold {inflated} bytes of text, which no backup does"));
        }
        let mut next = 0;
        for entry in &mut self.entries {
            if entry.offset != next {
                return bad(format!("has a gap or an overlap before `{}`", entry.name));
            }
            let header = entry.header(file, end)?;
            entry.offset += header;
            // No overflow: `header` compared with `end`.
            next = entry.offset + entry.compressed;
            next += entry.after(file, next, end)?;
        }
        if next != end { bad("has a gap before its directory") } else { Ok(()) }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// What the end says, with 64 bits where 32 are not enough.
fn place(file: &Bytes, end: &[u8], end_at: u64) -> Result<Place, NotRead> {
    let small = Place {
        entries: u64::from(u16_at(end, 10)),
        bytes: u64::from(u32_at(end, 12)),
        offset: u64::from(u32_at(end, 16)),
    };
    if u32_at(end, 4) != 0 || u16_at(end, 8) != u16_at(end, 10) {
        return bad("is a part of an archive");
    }
    let is_large =
        small.entries == 0xffff || small.bytes == 0xffff_ffff || small.offset == 0xffff_ffff;
    let (place, end_at) = if is_large { large(file, end_at)? } else { (small, end_at) };
    if place.entries > MAX_MEMBERS || place.bytes > MAX_DIRECTORY_BYTES {
        return bad(format!(
            "says that it has {} files, more than the {MAX_MEMBERS} of any backup",
            place.entries
        ));
    }
    if place.offset.checked_add(place.bytes) != Some(end_at) {
        return bad("has no directory where its end says");
    }
    Ok(place)
}

fn large(file: &Bytes, end_at: u64) -> Result<(Place, u64), NotRead> {
    const BYTES: usize = END_64_BYTES + LOCATOR_64_BYTES;
    let Some(at) = end_at.checked_sub(BYTES as u64) else { return Err(NotRead::NoEnd) };
    let mut bytes = [0; BYTES];
    file.read_at(&mut bytes, at)?;
    let (record, locator) = bytes.split_at(END_64_BYTES);
    let is_right = record[..4] == END_64
        && u64_at(record, 4) == END_64_BYTES as u64 - 12
        && u64_at(record, 24) == u64_at(record, 32)
        && locator[..4] == LOCATOR_64
        && u64_at(locator, 8) == at;
    if !is_right {
        return bad("has an end that contradicts itself");
    }
    let place = Place {
        entries: u64_at(record, 32),
        bytes: u64_at(record, 40),
        offset: u64_at(record, 48),
    };
    Ok((place, at))
}

impl Entry {
    /// Takes one entry of the directory, and gives what follows it.
    fn parse(bytes: &[u8]) -> Result<(Entry, &[u8]), NotRead> {
        let cut = || NotRead::Bad("has a directory that is cut short".to_owned());
        let (head, rest) = bytes.split_at_checked(CENTRAL_BYTES).ok_or_else(cut)?;
        if head[..4] != CENTRAL {
            return bad("has a directory with something else in it");
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(head, at)));
        let (name, rest) = rest.split_at_checked(name).ok_or_else(cut)?;
        let (extra, rest) = rest.split_at_checked(extra).ok_or_else(cut)?;
        let (_, rest) = rest.split_at_checked(comment).ok_or_else(cut)?;
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_plain(name)) else {
            let name = String::from_utf8_lossy(name).into_owned();
            return bad(format!("has a member called `{name}`, which is no name of a backup"));
        };
        let wide = Wide::of(extra, head)?;
        let entry = Entry {
            name: name.to_owned(),
            method: u16_at(head, 10),
            is_streamed: u16_at(head, 8) & STREAMED != 0,
            crc: u32_at(head, 16),
            compressed: wide.compressed,
            bytes: wide.bytes,
            offset: wide.offset,
        };
        // The type of a file on Unix, in the upper half.
        let kind = u32_at(head, 38) >> 28;
        if ![0, 8].contains(&kind) || u32_at(head, 38) & 0x10 != 0 {
            return bad(format!("has `{name}`, which is no regular file"));
        }
        if u16_at(head, 8) & !(HARMLESS_FLAGS | STREAMED) != 0 || u16_at(head, 34) != 0 {
            return bad(format!("has `{name}` in a form that no backup has"));
        }
        entry.check_size()?;
        Ok((entry, rest))
    }

    fn check_size(&self) -> Result<(), NotRead> {
        let is_right = match self.method {
            STORED => self.bytes == self.compressed,
            DEFLATED => self.bytes <= MAX_DEFLATED_BYTES,
            _ => false,
        };
        if is_right {
            Ok(())
        } else {
            bad(format!("has `{}` with a size or in a form that no backup has", self.name))
        }
    }

    /// The length of the header before the bytes; it must say the same.
    fn header(&self, file: &Bytes, end: u64) -> Result<u64, NotRead> {
        let beyond = || NotRead::Bad(format!("has `{}` beyond its end", self.name));
        let mut head = vec![0; LOCAL_BYTES + self.name.len()];
        let fits = self.offset.checked_add(head.len() as u64).filter(|after| *after <= end);
        fits.ok_or_else(beyond)?;
        file.read_at(&mut head, self.offset)?;
        let extra = u16_at(&head, 28);
        let wide = u32_at(&head, 18) == 0xffff_ffff;
        let (flags, crc, compressed) = match self.is_streamed {
            true => (STREAMED, 0, 0),
            false => (0, self.crc, self.compressed),
        };
        let same = head[..4] == LOCAL
            && u16_at(&head, 6) & !HARMLESS_FLAGS == flags
            && u16_at(&head, 8) == self.method
            && u32_at(&head, 14) == crc
            && (wide || u64::from(u32_at(&head, 18)) == compressed)
            && usize::from(u16_at(&head, 26)) == self.name.len()
            && &head[LOCAL_BYTES..] == self.name.as_bytes();
        if !same {
            return bad(format!("says two things of `{}`", self.name));
        }
        let length = head.len() as u64 + u64::from(extra);
        let after = self.offset.checked_add(length).and_then(|at| at.checked_add(self.compressed));
        match after {
            Some(after) if after <= end => Ok(length),
            _ => Err(beyond()),
        }
    }

    /// The length of what says after the bytes what else stands before them; it must say the same.
    fn after(&self, file: &Bytes, at: u64, end: u64) -> Result<u64, NotRead> {
        if !self.is_streamed {
            return Ok(0);
        }
        let mut bytes = vec![0; (AFTER_64_BYTES as u64).min(end - at) as usize];
        file.read_at(&mut bytes, at)?;
        let starts =
            bytes.len() >= AFTER_BYTES && bytes[..4] == AFTER && u32_at(&bytes, 4) == self.crc;
        if starts
            && bytes.len() == AFTER_64_BYTES
            && (u64_at(&bytes, 8), u64_at(&bytes, 16)) == (self.compressed, self.bytes)
        {
            return Ok(AFTER_64_BYTES as u64);
        }
        let sizes = |at| u64::from(u32_at(&bytes, at));
        match starts && (sizes(8), sizes(12)) == (self.compressed, self.bytes) {
            true => Ok(AFTER_BYTES as u64),
            false => bad(format!("says two things of `{}`", self.name)),
        }
    }

    /// Where its bytes are, when they lie there as they were put in.
    pub(super) fn stored(&self) -> Option<Range<u64>> {
        (self.method == STORED).then(|| self.offset..self.offset + self.bytes)
    }

    /// The bytes as they were put in. An error of the reader says that they are not.
    pub(super) fn open<'f>(&self, file: &'f Bytes) -> Content<'f> {
        let span = Span { file, at: self.offset, left: self.compressed };
        let source = match self.method {
            DEFLATED => Source::Deflated(Box::new(DeflateDecoder::new(span))),
            _ => Source::Stored(span),
        };
        Content { source, left: self.bytes, crc: Crc::new(), expected: self.crc }
    }
}

/// Sizes and offset, of which the large ones stand elsewhere.
struct Wide {
    bytes: u64,
    compressed: u64,
    offset: u64,
}

impl Wide {
    fn of(mut extra: &[u8], head: &[u8]) -> Result<Wide, NotRead> {
        let mut large: &[u8] = &[];
        while let Some((header, rest)) = extra.split_at_checked(4) {
            let Some((field, rest)) = rest.split_at_checked(usize::from(u16_at(header, 2))) else {
                return bad("has a directory with a field that is cut short");
            };
            if u16_at(header, 0) == 1 {
                large = field;
            }
            extra = rest;
        }
        let mut value = |at: usize| match (u32_at(head, at), large.split_at_checked(8)) {
            (u32::MAX, Some((value, rest))) => {
                large = rest;
                u64_at(value, 0)
            }
            (value, _) => u64::from(value),
        };
        Ok(Wide { bytes: value(24), compressed: value(20), offset: value(42) })
    }
}

/// A part of a file.
struct Span<'f> {
    file: &'f Bytes,
    at: u64,
    left: u64,
}

impl Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (buffer.len() as u64).min(self.left) as usize;
        self.file.read_at(&mut buffer[..count], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

enum Source<'f> {
    Stored(Span<'f>),
    Deflated(Box<DeflateDecoder<Span<'f>>>),
}

/// The bytes of a member: as many as the directory says, with the checksum that it has.
pub(super) struct Content<'f> {
    source: Source<'f>,
    left: u64,
    crc: Crc,
    expected: u32,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.source {
            Source::Stored(span) => span.read(buffer)?,
            Source::Deflated(decoder) => decoder.read(buffer)?,
        };
        self.crc.update(&buffer[..read]);
        self.left =
            self.left.checked_sub(read as u64).ok_or_else(|| wrong("is longer than it says"))?;
        if read == 0 && self.left > 0 {
            return Err(wrong("is shorter than it says"));
        }
        if read == 0 && self.crc.sum() != self.expected {
            return Err(wrong("does not match its checksum"));
        }
        Ok(read)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A name of a member of a backup: folders and names of plain letters, so that it can be unpacked anywhere.
pub(super) fn is_plain(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+!@=".contains(&byte);
    name.len() <= MAX_NAME_BYTES
        && name.split('/').all(|part| {
            !part.is_empty()
                && part.bytes().all(is_letter)
                // Windows drops a dot at the end.
                && !part.ends_with('.')
        })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
