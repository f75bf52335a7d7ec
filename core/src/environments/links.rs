//! Follows the links of an interpreter to their end, without running what is there.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::facts::LinkEnd;
use super::image;
use crate::fs::{self, Entry, Folder, Kind};
use crate::system::is_executable;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Ends of links that were followed before: thousands of environments link to a few interpreters.
#[derive(Debug, Default)]
pub struct Ends {
    /// By the bytes of the path: hashing a `Path` walks its components.
    known: Mutex<HashMap<OsString, LinkEnd>>,
}

impl Ends {
    /// Where `path` ends.
    pub fn follow(&self, path: &Path) -> LinkEnd {
        let lock = |ends: &Ends| -> Option<LinkEnd> {
            ends.known.lock().ok()?.get(path.as_os_str()).cloned()
        };
        if let Some(end) = lock(self) {
            return end;
        }
        let end = follow(path);
        if let Ok(mut known) = self.known.lock() {
            known.insert(path.as_os_str().to_owned(), end.clone());
        }
        end
    }

    /// Where each of these names of `folder` ends, and the target of its link as written, in turn. A
    /// link is read when it is first come to, and once; links to siblings are followed at no further
    /// cost.
    pub fn follow_names<'a>(
        &'a self,
        folder: &'a Folder,
        names: &'a [&'a Entry],
    ) -> impl Iterator<Item = (Option<PathBuf>, LinkEnd)> + 'a {
        let written: Vec<OnceCell<Option<PathBuf>>> = vec![OnceCell::new(); names.len()];
        (0..names.len()).map(move |at| {
            let written = |at: usize| {
                let read = || match names[at].kind {
                    Kind::Link => folder.read_link(&names[at].name),
                    _ => None,
                };
                written[at].get_or_init(read).as_deref()
            };
            (written(at).map(Path::to_path_buf), self.end_of_name(folder, names, at, written))
        })
    }

    fn end_of_name<'a>(
        &self,
        folder: &Folder,
        names: &[&Entry],
        mut at: usize,
        written: impl Fn(usize) -> Option<&'a Path>,
    ) -> LinkEnd {
        for _ in 0..MOST_LINKS {
            let Some(target) = written(at) else {
                return follow(&fs::below(folder.path(), &names[at].name));
            };
            match names.iter().position(|entry| target.as_os_str() == entry.name) {
                Some(sibling) => at = sibling,
                None => return self.follow(&fs::below(folder.path(), target)),
            }
        }
        LinkEnd::Loop
    }
}

/// Follows every link of the path.
fn follow(path: &Path) -> LinkEnd {
    let canonical = match fs::canonical(path) {
        Ok(canonical) => canonical,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return LinkEnd::Denied(path.to_path_buf());
        }
        Err(error) if fs::missing(&error) => return LinkEnd::Gone(first_missing(path)),
        // ELOOP; its `ErrorKind` is not stable yet.
        Err(_) => return LinkEnd::Loop,
    };
    let metadata = match std::fs::metadata(&canonical) {
        Ok(metadata) => metadata,
        Err(error) if fs::missing(&error) => return LinkEnd::Gone(canonical),
        Err(_) => return LinkEnd::Denied(canonical),
    };
    if !metadata.is_file() {
        return LinkEnd::NotAFile(fs::what_is(metadata.file_type()));
    }
    let image = match image::read(&canonical) {
        Err(_)
            if fs::open(&canonical).is_err_and(|error| error.is_denied() || error.is_in_use()) =>
        {
            // What may be run and not read (mode 711) is no defect.
            if !is_executable(&metadata) {
                return LinkEnd::Denied(canonical);
            }
            Ok(image::Image { format: image::Format::Unread, architecture: None, shebang: None })
        }
        image => image,
    };
    LinkEnd::File { bytes: metadata.len(), executable: is_executable(&metadata), canonical, image }
}

/// The first path of a chain of links at which nothing stands: what a message should name.
fn first_missing(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().map(|folder| folder.join(&target)).unwrap_or(target),
            Err(_) => break,
        }
    }
    path
}

#[cfg(all(test, unix))]
mod tests {
    //! Not on Windows: a link takes a right that users lack, and Wine makes none.

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn ends_of_links() {
        let temporary = tempfile::tempdir().unwrap();
        let root = fs::canonical(temporary.path()).unwrap();
        std::fs::write(root.join("script"), "#!/bin/sh\n").unwrap();
        symlink("script", root.join("direct")).unwrap();
        symlink("direct", root.join("chain")).unwrap();
        symlink("gone", root.join("dangling")).unwrap();
        symlink("dangling", root.join("chain-to-nothing")).unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        symlink(".", root.join("folder")).unwrap();
        let entries = fs::list(&root).unwrap();
        let names: Vec<&Entry> = entries.iter().collect();
        let folder = Folder::open(root.clone()).unwrap();
        let ends = Ends::default();
        let check = |name: &str, expected: &str| {
            let at = entries.iter().position(|entry| entry.name == name).unwrap();
            let end = match ends.follow_names(&folder, &names).nth(at).unwrap().1 {
                LinkEnd::File { canonical, .. } => {
                    format!("file {}", canonical.strip_prefix(&root).unwrap().display())
                }
                LinkEnd::Gone(path) => {
                    format!("gone {}", path.strip_prefix(&root).unwrap().display())
                }
                LinkEnd::Loop => "loop".to_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(end, expected, "{name}");
        };
        check("script", "file script");
        check("direct", "file script");
        check("chain", "file script");
        check("dangling", "gone gone");
        check("chain-to-nothing", "gone gone");
        check("a", "loop");
        check("folder", "NotAFile(\"a folder\")");
    }
}
