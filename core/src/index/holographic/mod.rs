//! An associative index over superposed high-dimensional vectors: given part of a set of tokens, with some
//! wrong ones among them, it names the sets that it was told of which are most like it.
//!
//! A *state* is a set of up to [`MAX_TOKENS`] tokens with a name of the caller's; a *token* is the hash of
//! something that a state has: a distribution of some version, a file, a finding. What is asked for is the
//! state with the highest Jaccard similarity to the *cue*: tokens that both have, of those that either has.
//!
//! - **Postings** name the groups of 64 states that have a token. They bound how alike the states of each group
//!   can be, so that a query compares a few groups of thousands.
//! - **Sketches** are the majority of random vectors of 8192 signs, one for each token: every
//!   bit is about the whole set. They answer where postings are damaged, by a scan: O(states).
//! - **Tokens** themselves, each with the 64 bits of the states of a group that have it, give the exact
//!   similarity of all 64 states at once.
//!
//! Sketches and tokens are cut into 16 *stripes*, which lie apart: a page has 512 bits of the sketch of each state
//! of a group, those of its tokens whose hashes begin alike, and what its states are called. A lost page takes
//! a sixteenth of what is known of 64 states, so that what is left still answers for everything, less
//! certainly. It is the striping that supplies most of that: tokens that were striped without any sketch would
//! lose as slowly. What sketches add is that each stripe is about all tokens, when few stripes are
//! left, and that a scan of two of 16 stripes is enough for candidates.
//!
//! The index can be made anew from what it was told of, so that no damage is an obstacle: what cannot be
//! read is left out and counted ([`Index::health`]), and a file that is no index is an empty one.
//!
//! A query takes the index as it was opened. [`Index::save`] appends what changed since, or writes all of it
//! anew when much has changed; a kill at any moment leaves what was saved before. Several processes may
//! save: each adds to what the others did. `docs/format.md` has every byte.
//!
//! ```
//! use aios_core::index::holographic::{Index, StateId, Token};
//!
//! let folder = tempfile::tempdir()?;
//! let mut index = Index::open(folder.path())?;
//! let token = |name: &str| Token::of("distribution", name.as_bytes());
//! index.insert(StateId(1), &["numpy 2.1.0", "pandas 2.2.3", "six 1.16.0"].map(token));
//! index.insert(StateId(2), &["django 5.1", "sqlparse 0.5.1", "asgiref 3.8.1"].map(token));
//! index.save()?;
//!
//! // What is left of a broken environment.
//! let index = Index::open(folder.path())?;
//! let found = index.query(&["sqlparse 0.5.1", "asgiref 3.8.1", "noise 1.0"].map(token), 1);
//! assert_eq!((found[0].state, found[0].shared), (StateId(2), 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod base;
mod best;
mod build;
mod files;
mod fresh;
#[cfg(test)]
mod hostile;
mod page;
mod recall;
mod sketch;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_damage;
#[cfg(test)]
mod tests_format;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
mod tests_kill;

use base::Base;
use best::Best;
use files::{Change, Place, io_error};
use fresh::Fresh;
use recall::Cue;
pub use sketch::{STRIPE_BITS, STRIPES, Sketch};

use crate::store::Reading;
use crate::store::storage::{Folder, Storage};

/// The most tokens of a state that count: those with the least hashes.
pub const MAX_TOKENS: usize = 1 << 16;

/// So many changes are kept beside the base, and as many more as a quarter of its states.
const CHANGES: usize = 64;
/// More are never kept: a query goes through all of them.
const MOST_CHANGES: usize = 1 << 16;
/// How long to wait for another process that saves.
const PATIENCE: Duration = Duration::from_secs(2);

/// The hash of something that a state has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

impl Token {
    /// The first eight bytes of the BLAKE3 of the length of `kind` as u64, `kind` and `text`, as a
    /// little-endian number: the same on each machine.
    pub fn of(kind: &str, text: &[u8]) -> Token {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(kind.len() as u64).to_le_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(text);
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Token(u64::from_le_bytes(first))
    }

    fn stripe(self) -> usize {
        (self.0 >> 60) as usize
    }

    fn bucket(self, buckets: usize) -> usize {
        ((u128::from(self.0) * buckets as u128) >> 64) as usize
    }
}

/// What a caller calls a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(pub u64);

/// A state that is like a cue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Which one.
    pub state: StateId,
    /// Tokens of the cue that it has.
    pub shared: usize,
    /// Tokens that it has in all.
    pub state_tokens: usize,
    /// Tokens that both have, of those that either has: 0 to 1.
    pub similarity: f64,
    /// Whether `shared` and `similarity` were counted; else they are estimated from what is left of a damaged
    /// index.
    pub exact: bool,
}

/// Why an index could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "open", "write", ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A later program wrote it. It is left as it is.
    #[error("`{}` has version {version} of the format, and this program reads up to {}", path.display(), build::VERSION)]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version that it has.
        version: u32,
    },
    /// Another process has been saving for so long that this one waits no longer.
    #[error("another process writes to `{}`", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
}

/// How many pages there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pages {
    /// Of them, those that cannot be read.
    pub damaged: usize,
    /// All of them.
    pub total: usize,
}

/// What can be read of an index. All pages are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Which groups of states have a token.
    pub postings: Pages,
    /// Sketches and tokens, of each stripe.
    pub stripes: [Pages; STRIPES],
    /// Changes since the file was written that are known to be lost. While there are any, nothing is exact.
    pub lost_changes: usize,
    /// Stretches of the file that are no page: what a killed writer left, or damage.
    pub stray: usize,
    /// Whether the file no longer says what it should hold: then pages may be missing that are not counted.
    pub is_headless: bool,
}

impl Health {
    /// Whether something is lost, so that a rebuild would bring it back.
    pub fn is_damaged(&self) -> bool {
        let damaged = |pages: &Pages| pages.damaged > 0;
        damaged(&self.postings)
            || self.stripes.iter().any(damaged)
            || self.lost_changes > 0
            || self.is_headless
    }
}

/// An index in a folder of its own.
#[derive(Debug)]
pub struct Index {
    storage: Box<dyn Storage>,
    reading: Reading,
    place: Place,
    base: Base,
    fresh: Fresh,
    lost_changes: usize,
    stray: usize,
    /// What is not saved yet, in order.
    pending: Vec<Change>,
    /// Whether the next save writes everything: the index was rebuilt, or there is no file to add to.
    rebuilt: bool,
    /// Whether nobody knows what the last save left.
    failed: bool,
}

impl Index {
    /// The index of a folder, in place. A folder that is not there, or holds none, is an empty one: the folder
    /// is made when something is saved.
    pub fn open(folder: &Path) -> Result<Index, Error> {
        Index::open_as(folder, Reading::Mapped)
    }

    /// The same, read as told.
    pub fn open_as(folder: &Path, reading: Reading) -> Result<Index, Error> {
        Index::on(Box::new(Folder::existing(folder)), reading)
    }

    fn on(storage: Box<dyn Storage>, reading: Reading) -> Result<Index, Error> {
        let read = files::read(&*storage, reading)?;
        let mut index = Index {
            storage,
            reading,
            place: Place::default(),
            base: Base::empty(),
            fresh: Fresh::default(),
            lost_changes: 0,
            stray: 0,
            pending: Vec::new(),
            rebuilt: false,
            failed: false,
        };
        index.adopt(read);
        Ok(index)
    }

    fn adopt(&mut self, read: files::Read) {
        self.place = read.place;
        self.base = read.base;
        self.fresh = Fresh::default();
        self.lost_changes = read.lost_changes;
        self.stray = read.stray;
        for (state, tokens) in read.changes {
            self.fresh.change(state, tokens.map(different));
        }
    }

    /// Puts a state, in place of the one with the same id.
    pub fn insert(&mut self, state: StateId, tokens: &[Token]) {
        let tokens = different(tokens.to_vec());
        self.fresh.change(state, Some(tokens.clone()));
        self.pending.push((state, Some(tokens)));
    }

    /// Removes a state, if it is there.
    pub fn remove(&mut self, state: StateId) {
        self.fresh.change(state, None);
        self.pending.push((state, None));
    }

    /// The states that are most like the cue, best first; of equal ones the larger id. States that share no
    /// token with it are not among them.
    pub fn query(&self, cue: &[Token], limit: usize) -> Vec<Match> {
        let tokens = different(cue.to_vec());
        let cue = Cue::of(&tokens);
        let mut best = Best::new(limit.min(self.base.capacity() + self.fresh.len()));
        let exact = self.lost_changes == 0;
        self.fresh.recall(cue.tokens(), exact, &mut best);
        recall::recall(&self.base, &cue, &|state| self.fresh.has_changed(state), &mut best);
        let mut matches = best.into_matches();
        matches.iter_mut().for_each(|found| found.exact &= exact);
        matches
    }

    /// Every state that can be named.
    pub fn states(&self) -> Vec<StateId> {
        let in_base = (0..self.base.groups()).filter_map(|group| self.base.ids(group)).flatten();
        let kept = in_base.filter(|state| !self.fresh.has_changed(*state));
        kept.chain(self.fresh.states().map(|(state, _)| state)).collect()
    }

    /// What can be read of it.
    pub fn health(&self) -> Health {
        let (postings, stripes) = self.base.check();
        Health {
            postings,
            stripes,
            lost_changes: self.lost_changes,
            stray: self.stray,
            is_headless: !self.base.is_described(),
        }
    }

    /// Forgets everything, and puts these states.
    pub fn rebuild(&mut self, states: impl IntoIterator<Item = (StateId, Vec<Token>)>) {
        let mut last: HashMap<StateId, Vec<Token>> = HashMap::new();
        last.extend(states.into_iter().map(|(state, tokens)| (state, different(tokens))));
        self.base = build::build(last.into_iter().collect());
        self.fresh = Fresh::default();
        self.pending.clear();
        (self.lost_changes, self.stray) = (0, 0);
        self.rebuilt = true;
    }

    /// Makes what changed durable, together with what other processes saved meanwhile. Of a state that several
    /// changed, the one that saves last counts. After an error the next save tries all of it again.
    pub fn save(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() && !self.rebuilt {
            return Ok(());
        }
        let _lock = self.lock()?;
        self.catch_up()?;
        let many = self.fresh.len() > MOST_CHANGES.min(CHANGES + self.base.capacity() / 4);
        let nothing_to_add_to = self.place.generation == 0 || self.base.is_unreadable();
        let failed = std::mem::replace(&mut self.failed, true);
        let is_replaced = match many || self.rebuilt || failed || nothing_to_add_to {
            true => self.replace()?,
            false => false,
        };
        match is_replaced {
            true => self.adopt(files::read(&*self.storage, self.reading)?),
            false => self.append()?,
        }
        self.pending.clear();
        (self.rebuilt, self.failed) = (false, false);
        Ok(())
    }

    /// Takes in what other processes saved since, and puts what is pending on top.
    fn catch_up(&mut self) -> Result<(), Error> {
        if self.rebuilt {
            self.place.generation = files::newest(&*self.storage)?;
            return Ok(());
        }
        if self.failed || !files::is_current(&*self.storage, self.place)? {
            self.adopt(files::read(&*self.storage, self.reading)?);
            for (state, tokens) in &self.pending {
                self.fresh.change(*state, tokens.clone());
            }
        }
        Ok(())
    }

    /// Writes a file with all states, unless some of them are damaged.
    fn replace(&self) -> Result<bool, Error> {
        let Some(pieces) = self.all() else { return Ok(false) };
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
        files::replace(&*self.storage, self.place.generation + 1, &pieces)?;
        Ok(true)
    }

    /// The bytes of a file with all states. `None` where some are damaged: they would be written as if they
    /// were whole.
    fn all(&self) -> Option<Vec<Cow<'_, [u8]>>> {
        if self.rebuilt && self.fresh.len() == 0 {
            return Some(vec![Cow::Borrowed(self.base.bytes())]);
        }
        if self.lost_changes > 0 {
            return None;
        }
        let mut states = Vec::new();
        for group in 0..self.base.groups() {
            let own = self.base.states(group)?;
            states.extend(own.into_iter().filter(|(state, _)| !self.fresh.has_changed(*state)));
        }
        states.extend(self.fresh.states().map(|(state, tokens)| (state, tokens.to_vec())));
        Some(build::pieces(states).into_iter().map(Cow::Owned).collect())
    }

    fn append(&mut self) -> Result<(), Error> {
        let mut pages = Vec::new();
        for (state, tokens) in &self.pending {
            pages.extend(page::change(self.place.next_change, *state, tokens.as_deref()));
            self.place.next_change += 1;
        }
        files::append(&*self.storage, &mut self.place, &pages)
    }

    fn lock(&self) -> Result<Box<dyn std::fmt::Debug + Send + Sync>, Error> {
        let place = self.storage.place();
        let until = Instant::now() + PATIENCE;
        loop {
            match self.storage.lock() {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(None) => return Err(Error::Busy { path: place.to_path_buf() }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Folder::create(place).map_err(io_error("create", place))?;
                }
                Err(error) => return Err(io_error("lock", place)(error)),
            }
        }
    }
}

fn different(mut tokens: Vec<Token>) -> Vec<Token> {
    tokens.sort_unstable();
    tokens.dedup();
    tokens.truncate(MAX_TOKENS);
    tokens
}
