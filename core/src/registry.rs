//! The Windows registry behind one small interface: PEP 514 reads four levels of keys and no more.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// Which hive and view a key is read from (PEP 514 asks for all of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hive {
    /// `HKEY_CURRENT_USER`; its two views are one.
    CurrentUser,
    /// `HKEY_LOCAL_MACHINE`, 64-bit view.
    LocalMachine64,
    /// `HKEY_LOCAL_MACHINE`, 32-bit view (`WOW6432Node`).
    LocalMachine32,
}

/// Reads registry keys. Keys are `\`-separated, without the hive.
pub trait Registry: Debug + Send + Sync {
    /// Names of the keys directly below `key`; empty when there is no such key.
    fn subkeys(&self, hive: Hive, key: &str) -> Vec<String>;
    /// The text of a value; the name `""` is the default value.
    fn value(&self, hive: Hive, key: &str, name: &str) -> Option<String>;
}

/// A registry made of entries: empty on other systems, filled by tests.
#[derive(Debug, Clone, Default)]
pub struct Fabricated {
    /// (hive, key, value name) to text.
    pub values: BTreeMap<(Hive, String, String), String>,
}

impl Registry for Fabricated {
    fn subkeys(&self, hive: Hive, key: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .values
            .keys()
            .filter(|(h, k, _)| {
                *h == hive
                    && k.len() > key.len()
                    && k.starts_with(key)
                    && k.as_bytes()[key.len()] == b'\\'
            })
            .filter_map(|(_, k, _)| k[key.len() + 1..].split('\\').next().map(str::to_owned))
            .collect();
        names.dedup();
        names
    }

    fn value(&self, hive: Hive, key: &str, name: &str) -> Option<String> {
        self.values.get(&(hive, key.to_owned(), name.to_owned())).cloned()
    }
}
