//! Entries of other programs in the context: put, got, removed, and made durable together.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;

use aios_core::engine::layout::CONTEXT;
use aios_core::index::fractal::{MAX_KEY_BYTES, MAX_PATH_KEYS, MAX_VALUE_BYTES, Value};

use crate::blob::{Blob, aios_blob};
use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::handle;
use crate::status::{Error, aios_status};
use crate::view::{aios_bytes, list};

/// The most that is put and not committed, in bytes of keys and values: what commits it has it in memory.
const MOST_PENDING_BYTES: usize = 256 << 20;

type Path = Vec<Vec<u8>>;

/// Entries that were put or removed and are not committed, in the order of their paths: what removes a
/// whole level comes before what was put there after.
#[derive(Default)]
pub(crate) struct Pending {
    entries: BTreeMap<Path, Option<(u16, Vec<u8>)>>,
    bytes: usize,
}

/// What is pending of a path.
enum Found {
    Value(u16, Vec<u8>),
    Removed,
    Nothing,
}

impl Pending {
    fn set(&mut self, path: Path, value: Option<(u16, Vec<u8>)>) -> Result<(), Error> {
        let bytes = weight(&path, &value);
        let before = self.entries.get(&path).map_or(0, |before| weight(&path, before));
        if self.bytes - before + bytes > MOST_PENDING_BYTES {
            let message = format!("more than {MOST_PENDING_BYTES} bytes are not committed");
            let hint = "`aios_context_commit` makes them durable, and there is room again";
            return Err(Error::new(aios_status::Argument, message, hint));
        }
        self.bytes = self.bytes - before + bytes;
        self.entries.insert(path, value);
        Ok(())
    }

    /// What was put below is not to be, nor what is committed there.
    fn remove(&mut self, path: Path) -> Result<(), Error> {
        let below: Vec<Path> = self
            .entries
            .range(path.clone()..)
            .map(|(other, _)| other)
            .take_while(|other| other.starts_with(&path))
            .cloned()
            .collect();
        for other in below {
            if let Some(value) = self.entries.remove(&other) {
                self.bytes -= weight(&other, &value);
            }
        }
        self.set(path, None)
    }

    fn find(&self, path: &[Vec<u8>]) -> Found {
        match self.entries.get(path) {
            Some(Some((tag, bytes))) => Found::Value(*tag, bytes.clone()),
            Some(None) => Found::Removed,
            None => {
                let above = |keys: usize| matches!(self.entries.get(&path[..keys]), Some(None));
                if (1..path.len()).any(above) { Found::Removed } else { Found::Nothing }
            }
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

fn weight(path: &[Vec<u8>], value: &Option<(u16, Vec<u8>)>) -> usize {
    let keys: usize = path.iter().map(Vec::len).sum();
    keys + value.as_ref().map_or(0, |(_, bytes)| bytes.len())
}

/// The keys that lead to an entry, checked here, so that a commit does not fail for one of them.
fn path_of(keys: *const aios_bytes, key_count: usize) -> Result<Path, Error> {
    let keys = list(keys, key_count, "`keys`")?;
    if keys.is_empty() || keys.len() > MAX_PATH_KEYS - 2 {
        let most = MAX_PATH_KEYS - 2;
        return Err(Error::argument(format_args!("{} keys: 1 to {most} are possible", keys.len())));
    }
    let key = |key: &aios_bytes| {
        let bytes = key.read("a key")?;
        match bytes.len() {
            1..=MAX_KEY_BYTES => Ok(bytes.to_vec()),
            odd => {
                let message =
                    format!("a key has {odd} bytes, and 1 to {MAX_KEY_BYTES} are possible");
                Err(Error::argument(message))
            }
        }
    };
    keys.iter().map(key).collect()
}

/// Puts an entry, in the place of one that is there: `key_count` keys lead to it, one for each level. `tag`
/// says what the bytes are, in numbers of the caller's own. It is durable, and seen by others, when
/// `aios_context_commit` returns.
#[unsafe(no_mangle)]
pub extern "C" fn aios_context_put(
    engine: *mut aios_engine,
    keys: *const aios_bytes,
    key_count: usize,
    tag: u16,
    value: aios_bytes,
) -> aios_status {
    guard("aios_context_put", || {
        let engine = handle::get::<Engine>(engine)?;
        let (path, bytes) = (path_of(keys, key_count)?, value.read("`value`")?);
        if bytes.len() > MAX_VALUE_BYTES {
            let long = bytes.len();
            let message = format!("the value has {long} bytes, and {MAX_VALUE_BYTES} are possible");
            return Err(Error::argument(message));
        }
        engine.pending().set(path, Some((tag, bytes.to_vec())))
    })
}

/// The bytes and tag of an entry: what was put with this engine last, else what is committed.
/// `AIOS_STATUS_NOT_FOUND` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn aios_context_get(
    engine: *const aios_engine,
    keys: *const aios_bytes,
    key_count: usize,
    value: Option<&mut MaybeUninit<*mut aios_blob>>,
) -> aios_status {
    guard("aios_context_get", || {
        let out = needed(value, "`value`")?;
        let engine = handle::get::<Engine>(engine)?;
        let path = path_of(keys, key_count)?;
        let pending = engine.pending().find(&path);
        let blob = match pending {
            Found::Value(tag, bytes) => Some(Blob { bytes, tag }),
            Found::Removed => None,
            Found::Nothing => committed(&engine, &path)?,
        };
        let blob = blob.ok_or_else(|| Error::not_found("there is no such entry"))?;
        out.write(handle::open(blob));
        Ok(())
    })
}

fn committed(engine: &Engine, path: &Path) -> Result<Option<Blob>, Error> {
    let Some(memory) = engine.memory()? else { return Ok(None) };
    let present = memory.present()?;
    let value = present.get(&below(path))?;
    Ok(value.map(|value| Blob { bytes: value.bytes.to_vec(), tag: value.tag }))
}

/// Removes an entry, or all that begin with these keys. That there is none is fine.
#[unsafe(no_mangle)]
pub extern "C" fn aios_context_remove(
    engine: *mut aios_engine,
    keys: *const aios_bytes,
    key_count: usize,
) -> aios_status {
    guard("aios_context_remove", || {
        let engine = handle::get::<Engine>(engine)?;
        let path = path_of(keys, key_count)?;
        engine.pending().remove(path)
    })
}

/// Makes what was put and removed with this engine durable, all of it or nothing. After a failure it is still to
/// be committed, or to be given up by `aios_context_discard`.
#[unsafe(no_mangle)]
pub extern "C" fn aios_context_commit(engine: *mut aios_engine) -> aios_status {
    guard("aios_context_commit", || {
        let engine = handle::get::<Engine>(engine)?;
        let mut pending = engine.pending();
        if pending.entries.is_empty() {
            return Ok(());
        }
        let mut writer = engine.writer()?;
        for (path, value) in &pending.entries {
            match value {
                Some((tag, bytes)) => {
                    writer.context().put(&below(path), &Value::of(*tag, bytes))?;
                }
                None => writer.context().remove(&below(path))?,
            }
        }
        writer.commit()?;
        pending.clear();
        Ok(())
    })
}

/// Forgets what was put and removed with this engine and is not committed.
#[unsafe(no_mangle)]
pub extern "C" fn aios_context_discard(engine: *mut aios_engine) -> aios_status {
    guard("aios_context_discard", || {
        handle::get::<Engine>(engine)?.pending().clear();
        Ok(())
    })
}

/// Where entries of other programs are.
fn below(path: &[Vec<u8>]) -> Vec<&[u8]> {
    std::iter::once(CONTEXT).chain(path.iter().map(Vec::as_slice)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(keys: &str) -> Path {
        keys.split('/').map(|key| key.as_bytes().to_vec()).collect()
    }

    #[test]
    fn what_is_pending_is_found_before_it_is_committed() {
        let mut pending = Pending::default();
        let put = |pending: &mut Pending, keys: &str, text: &str| {
            pending.set(path(keys), Some((1, text.as_bytes().to_vec()))).ok().unwrap();
        };
        let find = |pending: &Pending, keys: &str| match pending.find(&path(keys)) {
            Found::Value(_, bytes) => String::from_utf8(bytes).unwrap(),
            Found::Removed => "removed".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        };
        put(&mut pending, "a/b/c", "one");
        put(&mut pending, "a/bb", "two");
        assert_eq!(find(&pending, "a/b/c"), "one");
        assert_eq!(find(&pending, "a/b"), "nothing");
        pending.remove(path("a/b")).ok().unwrap();
        assert_eq!(find(&pending, "a/b/c"), "removed");
        assert_eq!(find(&pending, "a/bb"), "two", "only its name begins so");
        put(&mut pending, "a/b/c", "three");
        assert_eq!(find(&pending, "a/b/c"), "three");
        assert_eq!(find(&pending, "a/b/d"), "removed");
        assert_eq!(pending.entries.keys().next(), Some(&path("a/b")), "removed first");
        let counted: usize = pending.entries.iter().map(|(path, value)| weight(path, value)).sum();
        assert_eq!(pending.bytes, counted);
        pending.clear();
        assert_eq!(find(&pending, "a/b/c"), "nothing");
    }
}
