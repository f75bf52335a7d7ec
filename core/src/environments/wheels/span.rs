//! The part of a file that is an archive: all of a `.whl`, the body of an answer that pip before 23.3 kept.
//!
//! ```text
//! cc=4,                                  written by CacheControl
//! 82 a8 response 87 a4 body              msgpack: {"response": {"body": ..
//! c6 00 01 0f cf                         so many bytes
//! PK 3 4 ...                             the wheel
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::system;

const ANSWER: &[u8] = b"cc=4,\x82\xa8response";
/// A map of 6 or 7 fields, by the version of pip.
const MAPS: [u8; 2] = [0x86, 0x87];
const BODY: &[u8] = b"\xa4body";
/// Binary data with a length of 1, 2 and 4 bytes.
const BINARY: [u8; 3] = [0xc4, 0xc5, 0xc6];
/// Of all of this.
const HEAD_BYTES: u64 = 32;
/// What a zip archive begins with that has a member.
const ZIP: &[u8] = b"PK\x03\x04";

/// Read ahead: the members of an archive are small, and follow each other.
const BUFFER_BYTES: usize = 64 * 1024;

/// A reader of that part. To seek costs nothing while what comes next was read ahead.
pub(in crate::environments) struct Span {
    file: File,
    start: u64,
    bytes: u64,
    at: u64,
    /// How much may be read until somebody allows more.
    left: Arc<AtomicU64>,
    buffer: Vec<u8>,
    /// Where the buffer begins.
    buffered: u64,
}

impl Span {
    /// Finds the archive in a file, by the first bytes, or in this part of it.
    pub(super) fn find(
        file: File,
        part: Option<Range<u64>>,
        left: Arc<AtomicU64>,
    ) -> io::Result<Span> {
        let cut = || io::Error::other("was cut short");
        let all = 0..file.metadata()?.len();
        let Range { start, end } = part.unwrap_or(all.clone());
        let bytes = end.checked_sub(start).filter(|_| end <= all.end).ok_or_else(cut)?;
        let mut head = vec![0; bytes.min(HEAD_BYTES) as usize];
        system::read_at(&file, &mut head, start)?;
        let (skipped, bytes) = match body(&head) {
            Some((skipped, body)) if skipped + body <= bytes => (skipped, body),
            Some(_) => return Err(cut()),
            None => (0, bytes),
        };
        if !head[skipped as usize..].starts_with(ZIP) {
            return Err(io::Error::other("is no zip archive"));
        }
        let start = start + skipped;
        Ok(Span { file, start, bytes, at: 0, left, buffer: Vec::new(), buffered: 0 })
    }

    /// How long the archive is.
    pub(super) fn length(&self) -> u64 {
        self.bytes
    }
}

/// Where the body of an answer begins, and how long it is.
fn body(head: &[u8]) -> Option<(u64, u64)> {
    let (map, rest) = head.strip_prefix(ANSWER)?.split_first()?;
    let (kind, rest) = rest.strip_prefix(BODY).filter(|_| MAPS.contains(map))?.split_first()?;
    let length = 1 << BINARY.iter().position(|one| one == kind)?;
    let (length, rest) = rest.split_at_checked(length)?;
    let bytes = length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some(((head.len() - rest.len()) as u64, bytes))
}

impl Read for Span {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.bytes.saturating_sub(self.at).min(buffer.len() as u64);
        let left = self.left.load(Ordering::Relaxed);
        if most > left {
            return Err(io::Error::other("has a directory that is larger than that of any wheel"));
        }
        let buffer = &mut buffer[..most as usize];
        let read = if buffer.len() >= BUFFER_BYTES && self.ahead().is_empty() {
            system::read_at(&self.file, buffer, self.start + self.at)?;
            buffer.len()
        } else {
            self.fill()?;
            let ahead = self.ahead();
            let read = ahead.len().min(buffer.len());
            buffer[..read].copy_from_slice(&ahead[..read]);
            read
        };
        self.left.store(left - read as u64, Ordering::Relaxed);
        self.at += read as u64;
        Ok(read)
    }
}

impl Span {
    /// What was read ahead from here.
    fn ahead(&self) -> &[u8] {
        let from = self.at.checked_sub(self.buffered).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.buffer.get(from..)).unwrap_or_default()
    }

    /// Reads ahead, where nothing was.
    fn fill(&mut self) -> io::Result<()> {
        if self.ahead().is_empty() {
            let left = self.bytes.saturating_sub(self.at).min(BUFFER_BYTES as u64) as usize;
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(left, 0);
            system::read_at(&self.file, &mut buffer, self.start + self.at)?;
            (self.buffer, self.buffered) = (buffer, self.at);
        }
        Ok(())
    }
}

impl Seek for Span {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
        };
        let at = at.filter(|at| self.start.checked_add(*at).is_some());
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_answers() {
        let head = |map: u8, length: &[u8]| [ANSWER, &[map], BODY, length, b"PK"].concat();
        assert_eq!(body(&head(0x87, b"\xc6\x00\x01\x0f\xcf")), Some((26, 69583)));
        assert_eq!(body(&head(0x86, b"\xc5\x01\x00")), Some((24, 256)));
        assert_eq!(body(&head(0x87, b"\xc4\x07")), Some((23, 7)));
        assert_eq!(body(&head(0x87, b"\xd9\x07")), None);
        assert_eq!(body(&head(0x01, b"\xc4\x07")), None);
        let whole = head(0x87, b"\xc6\x00\x01\x0f\xcf");
        for end in 0..26 {
            assert_eq!(body(&whole[..end]), None, "{end}");
        }
    }

    #[test]
    fn no_more_is_read_than_was_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.whl");
        std::fs::write(&path, [ZIP, b"12345678"].concat()).unwrap();
        let left = Arc::new(AtomicU64::new(8));
        let mut span = Span::find(File::open(path).unwrap(), None, Arc::clone(&left)).unwrap();
        assert_eq!(span.length(), 12);
        let mut bytes = [0; 4];
        span.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, *ZIP);
        assert!(span.read_exact(&mut [0; 5]).is_err());
        left.store(5, Ordering::Relaxed);
        span.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, *b"1234");
    }

    #[test]
    fn a_part_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.aiosb");
        let archive: Vec<u8> = ZIP.iter().copied().chain((0..200_000).map(|at| at as u8)).collect();
        std::fs::write(&path, [b"before".as_slice(), &archive, b"after"].concat()).unwrap();
        let end = 6 + archive.len() as u64;
        let find = |part| {
            let left = Arc::new(AtomicU64::new(u64::MAX));
            Span::find(File::open(&path).unwrap(), Some(part), left)
        };
        let mut all = Vec::new();
        find(6..end).unwrap().read_to_end(&mut all).unwrap();
        assert!(all == archive);
        // Here and there, by few bytes and by many.
        let mut span = find(6..end).unwrap();
        for (at, bytes) in [(9, 3), (70_000, 9), (5, 90_000), (150_000, 70_000), (199_990, 99)] {
            let mut read = Vec::new();
            span.seek(SeekFrom::Start(at as u64)).unwrap();
            span.by_ref().take(bytes).read_to_end(&mut read).unwrap();
            let last = archive.len().min(at + bytes as usize);
            assert!(read == archive[at..last], "{at}");
        }
        assert!(find(7..end).is_err());
        assert!(find(6..end + 6).is_err());
        #[expect(clippy::reversed_empty_ranges, reason = "what is untrusted may be")]
        let reversed = find(9..6);
        assert!(reversed.is_err());
    }
}
