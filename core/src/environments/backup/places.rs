//! Where things of the old machine are on this one: `--map OLD=NEW`, `--to DIR`.

use std::path::{Component, Path, PathBuf};

/// Where things are now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Folders of the old machine, and what they are called here. The longest that fits counts.
    pub maps: Vec<(PathBuf, PathBuf)>,
    /// Where all environments go, by their paths from the old home folder, or from the root.
    pub to: Option<PathBuf>,
    /// The old home folder.
    pub home: Option<PathBuf>,
}

impl Places {
    /// What a path of the old machine is here.
    pub fn mapped(&self, path: &Path) -> PathBuf {
        let fitting = self.maps.iter().filter(|(old, _)| path.starts_with(old));
        match fitting.max_by_key(|(old, _)| old.as_os_str().len()) {
            Some((old, new)) => joined(new, path.strip_prefix(old).unwrap_or(path)),
            None => path.to_path_buf(),
        }
    }

    /// Where an environment of the old machine will stand.
    pub fn prefix(&self, path: &Path) -> PathBuf {
        let Some(to) = &self.to else { return self.mapped(path) };
        let below = self.home.as_deref().and_then(|home| path.strip_prefix(home).ok());
        // Nothing of it leads out of the folder.
        let names = below.unwrap_or(path).components();
        let names = names.filter(|part| matches!(part, Component::Normal(_)));
        joined(to, &names.collect::<PathBuf>())
    }

    /// A text with the paths in it as they are here: whole names, as `.pth` files and modules have them.
    pub fn in_text(&self, text: &str) -> String {
        let mut maps: Vec<(&str, &str)> = self
            .maps
            .iter()
            .filter_map(|(old, new)| Some((old.to_str()?, new.to_str()?)))
            .collect();
        maps.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
        let mut result = String::new();
        let mut rest = text;
        let mut before = None;
        while let Some(c) = rest.chars().next() {
            let starts = before.is_none_or(|before: char| !is_of_name(before));
            let found = maps.iter().find(|(old, _)| {
                let after = rest.strip_prefix(old);
                starts && after.is_some_and(|after| !after.starts_with(is_of_name))
            });
            let length = match found {
                Some((old, new)) => {
                    result.push_str(new);
                    old.len()
                }
                None => {
                    result.push(c);
                    c.len_utf8()
                }
            };
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        result
    }
}

/// Joined with nothing a path would end in a separator.
fn joined(folder: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { folder.to_path_buf() } else { folder.join(below) }
}

/// What a name goes on with: a separator ends one, and starts the next.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(maps: &[(&str, &str)]) -> Places {
        let maps = maps.iter().map(|(old, new)| (old.into(), new.into())).collect();
        Places { maps, ..Places::default() }
    }

    #[test]
    fn paths_are_mapped() {
        let check = |path: &str, expected: &str| {
            let places = places(&[("/home/old", "/home/new"), ("/home/old/work", "/data")]);
            assert_eq!(places.mapped(Path::new(path)), Path::new(expected));
        };
        check("/home/old/x/.venv", "/home/new/x/.venv");
        check("/home/old", "/home/new");
        check("/home/old/work/api", "/data/api");
        check("/home/older", "/home/older");
    }

    #[test]
    fn all_into_one_folder() {
        let check = |path: &str, expected: &str| {
            let (to, home) = (Some("/to".into()), Some("/home/old".into()));
            let places = Places { to, home, maps: Vec::new() };
            assert_eq!(places.prefix(Path::new(path)), Path::new(expected));
        };
        check("/home/old/x/.venv", "/to/x/.venv");
        check("/opt/x", "/to/opt/x");
        check("/opt/../../x", "/to/opt/x");
    }

    #[test]
    fn whole_names_in_texts() {
        let check = |text: &str, expected: &str| {
            assert_eq!(places(&[("/home/old", "/home/new")]).in_text(text), expected);
        };
        check("/home/old/x/src\n", "/home/new/x/src\n");
        check("MAPPING = {'x': '/home/old'}", "MAPPING = {'x': '/home/new'}");
        check("/home/older /mnt/home/old/x", "/home/older /mnt/home/old/x");
        check("file:///home/old/x", "file:///home/new/x");
        check("é/home/old", "é/home/old");
    }
}
