//! What happened to an environment, as the bytes of a record. `docs/format.md` has the layout.

use std::path::{Path, PathBuf};

use crate::environments::{EnvironmentId, Status};
use crate::system;

use super::{AppendError, Kind, Writer};

/// The layout of the bytes; a reader passes over events of another one.
const VERSION: u8 = 1;
const FIXED_BYTES: usize = 24;
/// Longer texts are cut: what is wanted stands in the state, an event says that something happened.
const LONGEST_TEXT: usize = 4 << 10;
const LONGEST_PATH: usize = 64 << 10;
const MOST_CODES: usize = 255;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// An environment that was not there.
    Appeared,
    /// Its record or its findings are others than before.
    Changed,
    /// It is no longer there.
    Gone,
    /// A repair of it ended.
    Repaired,
    /// The context was kept.
    SnapshotTaken,
    /// Something could not be looked at.
    Problem,
}

impl What {
    /// Every value; the number of each in a record is its place here and one.
    pub const ALL: [What; 6] = [
        What::Appeared,
        What::Changed,
        What::Gone,
        What::Repaired,
        What::SnapshotTaken,
        What::Problem,
    ];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Appeared => "appeared",
            What::Changed => "changed",
            What::Gone => "gone",
            What::Repaired => "repaired",
            What::SnapshotTaken => "snapshot-taken",
            What::Problem => "problem",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// To which environment; none for snapshots and problems of other places.
    pub environment: Option<EnvironmentId>,
    /// Its prefix, or the place of a problem; empty for none.
    pub path: PathBuf,
    /// What it was before, where it was there.
    pub before: Option<Status>,
    /// What it is now, where it is there.
    pub after: Option<Status>,
    /// The codes of its findings, as they are public.
    pub codes: Vec<String>,
    /// A sentence for people: the problem, the name of the snapshot. May be empty.
    pub text: String,
}

impl Event {
    /// The kind of its record.
    pub const KIND: Kind = Kind::Event;

    /// An event with nothing but what happened and where.
    pub fn new(what: What, path: impl Into<PathBuf>) -> Event {
        Event {
            what,
            environment: None,
            path: path.into(),
            before: None,
            after: None,
            codes: Vec::new(),
            text: String::new(),
        }
    }

    /// As a record has it. Codes and texts that are too long for it are cut.
    pub fn encode(&self) -> Vec<u8> {
        let id = self.environment.as_ref().map_or("", |id| cut(&id.0, u8::MAX.into()));
        let text = cut(&self.text, LONGEST_TEXT);
        let path = encoded(&self.path);
        let codes = &self.codes[..self.codes.len().min(MOST_CODES)];
        let mut bytes = Vec::with_capacity(FIXED_BYTES + id.len() + path.len() + text.len());
        let what = What::ALL.iter().position(|what| *what == self.what).map_or(0, |at| at + 1);
        bytes.extend([VERSION, what as u8, number_of(self.before), number_of(self.after)]);
        bytes.extend([id.len() as u8, codes.len() as u8, 0, 0]);
        bytes.extend((path.len() as u32).to_le_bytes());
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(id.as_bytes());
        bytes.extend(path);
        bytes.extend(text.as_bytes());
        for code in codes {
            let code = cut(code, u8::MAX.into());
            bytes.push(code.len() as u8);
            bytes.extend(code.as_bytes());
        }
        bytes
    }

    /// Of the bytes of a record. `None` when they are no event, or one of a layout that is not known.
    pub fn decode(bytes: &[u8]) -> Option<Event> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        if fixed[0] != VERSION {
            return None;
        }
        let what = *What::ALL.get(usize::from(fixed[1]).checked_sub(1)?)?;
        let length = |at: usize| {
            u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]) as usize
        };
        let (id, rest) = rest.split_at_checked(fixed[4].into())?;
        let (path, rest) = rest.split_at_checked(length(8))?;
        let (text, mut rest) = rest.split_at_checked(length(12))?;
        let text_of = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let mut codes = Vec::with_capacity(fixed[5].into());
        for _ in 0..fixed[5] {
            let (length, after) = rest.split_first()?;
            let (code, after) = after.split_at_checked((*length).into())?;
            codes.push(text_of(code)?);
            rest = after;
        }
        Some(Event {
            what,
            environment: Some(text_of(id)?).filter(|id| !id.is_empty()).map(EnvironmentId),
            path: system::path_of(path)
                .unwrap_or_else(|| String::from_utf8_lossy(path).into_owned().into()),
            before: status_of(fixed[2])?,
            after: status_of(fixed[3])?,
            codes,
            text: text_of(text)?,
        })
    }
}

impl Writer {
    /// Appends an event with the time that it is now.
    pub fn append_event(&mut self, event: &Event) -> Result<u64, AppendError> {
        self.append(Event::KIND, &event.encode())
    }
}

/// The bytes of a path; none of one that is longer than any system has.
fn encoded(path: &Path) -> &[u8] {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() > LONGEST_PATH { &[] } else { bytes }
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn number_of(status: Option<Status>) -> u8 {
    match status {
        None => 0,
        Some(Status::Healthy) => 1,
        Some(Status::Warning) => 2,
        Some(Status::Broken) => 3,
    }
}

fn status_of(number: u8) -> Option<Option<Status>> {
    match number {
        0 => Some(None),
        1 => Some(Some(Status::Healthy)),
        2 => Some(Some(Status::Warning)),
        3 => Some(Some(Status::Broken)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event() -> Event {
        Event {
            what: What::Repaired,
            environment: Some(EnvironmentId("0123456789abcdef".into())),
            path: "/home/me/project/.venv".into(),
            before: Some(Status::Broken),
            after: Some(Status::Healthy),
            codes: vec!["interpreter-missing".into(), "x".into()],
            text: "as it was on Monday – see".into(),
        }
    }

    #[test]
    fn an_event_is_what_was_encoded() {
        for what in What::ALL {
            let event = Event { what, ..event() };
            assert_eq!(Event::decode(&event.encode()), Some(event));
            let least = Event::new(what, "");
            assert_eq!(Event::decode(&least.encode()), Some(least));
        }
        let bytes = event().encode();
        assert_eq!(bytes[..8], [1, 4, 3, 1, 16, 2, 0, 0]);
        for length in 0..bytes.len() {
            assert_eq!(Event::decode(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = Event {
            codes: vec!["c".repeat(300); 300],
            text: "ä".repeat(5000),
            path: "p".repeat(70_000).into(),
            ..event()
        };
        let back = Event::decode(&long.encode()).unwrap();
        assert_eq!((back.codes.len(), back.codes[0].len()), (255, 255));
        assert_eq!(back.text, "ä".repeat(2048));
        assert_eq!(back.path, PathBuf::new());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_none(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            is_ours in any::<bool>(),
        ) {
            if let (true, Some(first)) = (is_ours, bytes.first_mut()) {
                *first = VERSION;
            }
            if let Some(event) = Event::decode(&bytes) {
                prop_assert_eq!(Event::decode(&event.encode()), Some(event));
            }
        }
    }
}
