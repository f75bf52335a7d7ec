//! From a path of RECORD to a path on disk, and whether anything stands there, at the least cost.
//!
//! RECORD is untrusted: a path that leads out of the environment is not followed.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use crate::environments::distributions::{RecordedFile, Site};
use crate::fs::{self, Seen, Stamp};
use crate::system;

/// Resolves the paths of RECORDs of one site-packages folder.
pub(in crate::environments) struct Places<'a> {
    site: &'a Site,
    /// Folders that paths may lead into beside site-packages.
    roots: Vec<&'a Path>,
    /// Folders known to be absent: nothing below them is looked for.
    absent: RefCell<HashSet<PathBuf>>,
    /// The last first name that was looked up: the files of a package follow each other.
    last_top: Cell<Option<(&'a str, bool)>>,
}

impl<'a> Places<'a> {
    /// Only site-packages itself.
    pub(super) fn of_site(site: &'a Site) -> Places<'a> {
        Places { site, roots: Vec::new(), absent: RefCell::default(), last_top: Cell::new(None) }
    }

    /// Site-packages and the prefix that it belongs to.
    pub(in crate::environments) fn of_prefix(site: &'a Site, prefix: &'a Path) -> Places<'a> {
        Places { site, roots: vec![prefix], absent: RefCell::default(), last_top: Cell::new(None) }
    }

    /// The folder of packages.
    pub(super) fn site(&self) -> &'a Site {
        self.site
    }

    /// Where the recorded file belongs. `None` when that is outside the environment or no path.
    pub(in crate::environments) fn resolve(&self, recorded: &RecordedFile) -> Option<PathBuf> {
        if recorded.plain {
            return Some(fs::below(&self.site.folder, &recorded.path));
        }
        // A name that was not UTF-8 was replaced when RECORD was read, and cannot be found.
        if recorded.path.contains(['\u{fffd}', '\0']) {
            return None;
        }
        let path = collapse(&self.site.folder.join(&recorded.path))?;
        // The folder itself is no file of a distribution.
        let inside = |root: &Path| path.starts_with(root) && !self.site.folder.starts_with(&path);
        (inside(&self.site.folder) || self.roots.iter().any(|root| inside(root))).then_some(path)
    }

    /// What stands there, a link itself; nothing for a path that leads nowhere.
    pub(super) fn look(&self, recorded: &RecordedFile) -> Option<Seen> {
        if recorded.plain {
            return self.site.look_at_link(&recorded.path).ok();
        }
        let found = self.resolve(recorded)?.symlink_metadata().ok()?;
        Some(Seen::from(&found))
    }

    /// The stamp of what stands there, links followed.
    pub(super) fn stamp(&self, recorded: &RecordedFile) -> Option<Stamp> {
        if recorded.plain {
            return self.site.look(&recorded.path).ok().map(|seen| seen.stamp);
        }
        Stamp::of(&self.resolve(recorded)?)
    }

    /// Whether the listing of site-packages tells that the file is absent: its first folder is not
    /// in it. Costs no call of the system.
    pub(super) fn is_unlisted(&self, recorded: &'a RecordedFile) -> bool {
        if !recorded.plain {
            return false;
        }
        let top = top_of(recorded);
        match self.last_top.get() {
            Some((last, absent)) if last == top => absent,
            _ => {
                let absent = self.topmost_is_absent(top);
                self.last_top.set(Some((top, absent)));
                absent
            }
        }
    }

    /// Whether a folder on the way was found to be absent.
    pub(super) fn is_below_absent(&self, path: &Path) -> bool {
        let absent = self.absent.borrow();
        !absent.is_empty()
            && path
                .ancestors()
                .skip(1)
                .take_while(|ancestor| *ancestor != self.site.folder)
                .any(|ancestor| absent.contains(ancestor))
    }

    fn topmost_is_absent(&self, top: &str) -> bool {
        // On a file system that ignores case the listing may spell it differently.
        !self.site.has(top)
            && (!system::IGNORES_CASE
                || !self.site.entries.iter().any(|entry| entry.name.eq_ignore_ascii_case(top)))
    }

    /// The file that stands where a folder on the way to an absent file belongs, if one does.
    pub(super) fn file_on_the_way(&self, recorded: &'a RecordedFile) -> Option<PathBuf> {
        let highest = self.highest_absent(recorded);
        let above = highest.parent()?;
        (above != self.site.folder && fs::is_file(above)).then(|| above.to_path_buf())
    }

    /// The highest folder on the way to an absent file that is absent too, or the file itself.
    pub(super) fn highest_absent(&self, recorded: &'a RecordedFile) -> PathBuf {
        if self.is_unlisted(recorded) {
            return self.site.folder.join(top_of(recorded));
        }
        let path = self.resolve(recorded).unwrap_or_else(|| self.site.folder.join(&recorded.path));
        let known = {
            let absent = self.absent.borrow();
            path.ancestors()
                .skip(1)
                .find(|ancestor| absent.contains(*ancestor))
                .map(Path::to_path_buf)
        };
        if let Some(folder) = known {
            return folder;
        }
        let mut highest = path.as_path();
        for ancestor in path.ancestors().skip(1) {
            if ancestor == self.site.folder || ancestor.symlink_metadata().is_ok() {
                break;
            }
            highest = ancestor;
        }
        if highest != path {
            self.absent.borrow_mut().insert(highest.to_path_buf());
        }
        highest.to_path_buf()
    }
}

fn top_of(recorded: &RecordedFile) -> &str {
    recorded.path.split('/').next().unwrap_or(&recorded.path)
}

/// Removes `..` by name: the links on the way are those of the environment itself.
fn collapse(path: &Path) -> Option<PathBuf> {
    let mut collapsed = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                if !collapsed.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            other => collapsed.push(other),
        }
    }
    Some(collapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside() {
        let site = Site {
            folder: PathBuf::from("/env/lib/python3.12/site-packages"),
            entries: Vec::new(),
            distributions: Vec::new(),
            open: None,
            looks: None,
        };
        let places = Places::of_prefix(&site, Path::new("/env"));
        let check = |recorded: &str, expected: Option<&str>| {
            let found = places.resolve(&RecordedFile::new(recorded.to_owned(), None, None));
            assert_eq!(found, expected.map(PathBuf::from), "{recorded}");
        };
        check("idna/core.py", Some("/env/lib/python3.12/site-packages/idna/core.py"));
        check("../../../bin/tabulate", Some("/env/bin/tabulate"));
        check("/env/bin/tabulate", Some("/env/bin/tabulate"));
        check("../../../../etc/passwd", None);
        check("/etc/passwd", None);
        check("a/../../../../../../../../../x", None);
        check("a\u{fffd}.py", None);
        check("", None);
    }
}
