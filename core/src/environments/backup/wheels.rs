//! The wheels of a backup: for each distribution the one that it was installed from, where a cache of pip or uv has
//! it (`originals.rs`), else one that is built again of its files (`rebuilt.rs`).
//!
//! A wheel of a cache is taken byte for byte, so its hash is that of the index. It is untrusted: it names the files
//! that the installed RECORD names, with the same hashes, holds just these, and nothing else. What was edited in
//! the environment is in no wheel; that is said.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::Error;
use super::manifest::SavedWheel;
use super::originals::{Original, Originals};
use super::rebuilt::{Rebuilt, Unfit};
use super::write::Draft;
use crate::environments::Environment;
use crate::environments::distributions::{Distribution, Site};
use crate::environments::inspection::Progress;
use crate::environments::wheels::archive;
use crate::host::Host;

/// From here on a member may need sizes of 64 bits.
const LARGE_BYTES: u64 = 3 << 30;

/// How far it is; another thread may look.
#[derive(Debug, Default)]
pub struct Work {
    /// Bytes of all files that become wheels.
    pub total: AtomicU64,
    /// Bytes that were read so far.
    pub done: AtomicU64,
    /// Says when to end early: no backup is made then.
    pub progress: Arc<Progress>,
}

impl Work {
    pub(super) fn is_stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }
}

/// The wheels of a backup: one for each distribution that differs, however many environments have it.
#[derive(Debug)]
pub(super) struct Wheels {
    originals: Originals,
    /// By what is in them.
    known: HashMap<[u8; 32], usize>,
    names: HashSet<String>,
    all: Vec<Wheel>,
}

/// A member of the archive.
#[derive(Debug)]
struct Wheel {
    /// Its name.
    member: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Original(Original),
    Rebuilt(Rebuilt),
}

/// What is kept of a distribution.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) wheel: Option<SavedWheel>,
    /// Whether files are not as they were installed.
    pub(super) edited: bool,
    /// What is not kept, and why.
    pub(super) note: Option<String>,
}

impl Wheels {
    /// None yet. What is in the caches is listed.
    pub(super) fn of(host: &Host) -> Wheels {
        let (known, names, all) = (HashMap::new(), HashSet::new(), Vec::new());
        Wheels { originals: Originals::of(host), known, names, all }
    }

    /// Plans the wheel of a distribution.
    pub(super) fn plan(
        &mut self,
        environment: &Environment,
        site: &Site,
        one: &Distribution,
    ) -> Kept {
        let original = self.originals.find(environment, site, one);
        let rebuilt = Rebuilt::of(environment, site, one);
        let edited = matches!(rebuilt, Err(Unfit::Edited(_)));
        let pin = one.pin();
        let (content, note) = match (original, rebuilt) {
            (Some(original), Err(unfit @ Unfit::Edited(_))) => {
                let note = format!(
                    "the wheel of {pin} in the backup is the one that it was installed from, without the \
                     edits: {unfit}"
                );
                (Some(Content::Original(original)), Some(note))
            }
            (Some(original), _) => (Some(Content::Original(original)), None),
            (None, Ok(rebuilt)) => (Some(Content::Rebuilt(rebuilt)), None),
            (None, Err(unfit)) => {
                (None, Some(format!("no wheel of {pin} is in the backup: {unfit}")))
            }
        };
        let wheel = content.map(|content| {
            let rebuilt = matches!(content, Content::Rebuilt(_));
            SavedWheel { member: self.member(content), rebuilt }
        });
        Kept { wheel, edited, note }
    }

    /// The wheel that has this content, planned before or now.
    fn member(&mut self, content: Content) -> String {
        let key = content.key();
        if let Some(known) = self.known.get(&key) {
            return self.all[*known].member.clone();
        }
        // Of two builds with one name the second lies in a folder of its own.
        let places = std::iter::once("wheels".to_owned());
        let mut places = places.chain((2..).map(|number| format!("wheels/{number}")));
        let member = places
            .find_map(|place| {
                let member = format!("{place}/{}", content.name());
                self.names.insert(member.to_ascii_lowercase()).then_some(member)
            })
            .unwrap_or_default();
        self.known.insert(key, self.all.len());
        self.all.push(Wheel { member: member.clone(), content });
        member
    }

    /// Puts all of them into the archive.
    pub(super) fn write(&self, draft: &mut Draft, work: &Work) -> Result<(), Error> {
        let total = self.all.iter().map(|wheel| wheel.content.bytes()).sum();
        work.total.store(total, Ordering::Relaxed);
        for wheel in &self.all {
            let is_large = wheel.content.bytes() > LARGE_BYTES;
            draft.add_stream(&wheel.member, is_large, |out| wheel.write(out, work))?;
        }
        Ok(())
    }
}

impl Wheel {
    fn write(&self, out: &mut dyn Write, work: &Work) -> Result<(), Error> {
        let original = match &self.content {
            Content::Rebuilt(rebuilt) => return rebuilt.write(&self.member, out, work),
            Content::Original(original) => original,
        };
        let whole = archive::whole(&original.path);
        let copied = whole.and_then(|(mut wheel, _)| copy(&mut wheel, out, work));
        if work.is_stopped() {
            return Err(Error::Stopped);
        }
        let path = original.path.clone();
        copied.map(drop).map_err(|source| Error::Io { what: "read", path, source })
    }
}

impl Content {
    fn name(&self) -> &str {
        match self {
            Content::Original(original) => &original.name,
            Content::Rebuilt(rebuilt) => rebuilt.name(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Content::Original(original) => original.bytes,
            Content::Rebuilt(rebuilt) => rebuilt.bytes(),
        }
    }

    /// Equal ones have an equal key.
    fn key(&self) -> [u8; 32] {
        match self {
            Content::Original(original) => {
                Sha256::digest(original.path.as_os_str().as_encoded_bytes()).into()
            }
            Content::Rebuilt(rebuilt) => rebuilt.key(),
        }
    }
}

/// Copies all of a file, and gives its hash and size. An error when it is asked to end.
pub(super) fn copy(
    file: &mut dyn Read,
    out: &mut dyn Write,
    work: &Work,
) -> io::Result<(sha2::digest::Output<Sha256>, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hash.finalize(), bytes));
        }
        if work.is_stopped() {
            return Err(io::Error::other("it was asked to end"));
        }
        hash.update(&buffer[..read]);
        out.write_all(&buffer[..read])?;
        bytes += read as u64;
        work.done.fetch_add(read as u64, Ordering::Relaxed);
    }
}
