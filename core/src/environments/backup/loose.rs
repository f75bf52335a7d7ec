//! What lies in site-packages and belongs to no distribution: somebody put it there by hand, as a `.pth` file that
//! leads to a project. Small texts come along; of all else it is said that it is not in the backup.

use std::collections::HashSet;
use std::path::Path;

use super::directory::is_plain;
use super::manifest::SavedLoose;
use super::places::Places;
use super::secrets;
use crate::environments::Problem;
use crate::environments::distributions::Site;
use crate::environments::repair::{self, Disk};
use crate::fs::{self, Kind};

/// Of one environment.
const MOST: usize = 200;
const MAX_BYTES: u64 = 64 * 1024;
const MODE: u32 = 0o644;

/// Those of one folder of packages, and what is said of those that stay behind.
pub(super) fn of(site: &Site) -> (Vec<SavedLoose>, Option<Problem>) {
    let records = site.distributions.iter().filter_map(|one| one.record.get());
    let files = records.flat_map(|record| &record.files);
    let owned: HashSet<&str> =
        files.filter_map(|file| file.path.split('/').next()).filter(|top| *top != "..").collect();
    // Of what has no RECORD nobody knows the files.
    let all_told =
        site.distributions.iter().all(|one| one.record.get().is_some() || one.editable.is_some());
    let mut loose = Vec::new();
    for entry in &site.entries {
        let name = entry.name.to_string_lossy().into_owned();
        let is_link = name.ends_with(".pth") || name.ends_with(".egg-link");
        if owned.contains(name.as_str()) || is_made(&name) || !(all_told || is_link) {
            continue;
        }
        let path = site.folder.join(&entry.name);
        let content = match entry.kind {
            Kind::Folder if !holds_files(&path) => continue,
            Kind::File if is_name(&name) => fs::read_text(&path, MAX_BYTES),
            _ => None,
        };
        let content = content.map(|text| secrets::without_text(&text));
        loose.push(SavedLoose { name, content });
    }
    loose.truncate(MOST);
    let left: Vec<String> = loose
        .iter()
        .filter(|one| one.content.is_none())
        .map(|one| format!("`{}`", one.name))
        .collect();
    let message = format!("of no distribution, and not in the backup: {}", left.join(", "));
    let problem = (!left.is_empty()).then(|| Problem::new(&site.folder, message));
    (loose, problem)
}

/// Puts them into a folder of packages, beside what stands there.
pub(super) fn write(
    disk: &dyn Disk,
    site: &Path,
    loose: &[SavedLoose],
    places: &Places,
) -> Result<(), repair::Error> {
    // A manifest is untrusted.
    for one in loose.iter().filter(|one| is_name(&one.name) && !is_made(&one.name)) {
        let path = site.join(&one.name);
        if let Some(content) = &one.content
            && path.symlink_metadata().is_err()
        {
            let made = disk.create(&path, places.in_text(content).as_bytes(), MODE);
            made.map_err(repair::Error::io("write", &path))?;
        }
    }
    Ok(())
}

/// Which of them are not there, or others.
pub(super) fn differences<'a>(
    site: Option<&'a Path>,
    loose: &'a [SavedLoose],
    places: &'a Places,
) -> impl Iterator<Item = String> + 'a {
    loose.iter().filter_map(move |one| {
        let name = &one.name;
        let path = site.filter(|_| is_name(name)).map(|site| site.join(name));
        let path = path.filter(|path| path.symlink_metadata().is_ok());
        match (path, &one.content) {
            (None, None) => Some(format!("`{name}` is missing: it is not in the backup")),
            (None, Some(_)) => Some(format!("`{name}` is missing")),
            (Some(path), Some(then)) => (fs::read_text(&path, MAX_BYTES)? != places.in_text(then))
                .then(|| format!("`{name}` has other content")),
            (Some(_), None) => None,
        }
    })
}

/// Of a file in the folder itself, on any system.
fn is_name(name: &str) -> bool {
    is_plain(name) && !name.contains('/')
}

/// What installers and those that make environments put there, or left.
fn is_made(name: &str) -> bool {
    let ends = [".dist-info", ".egg-info", ".egg", ".virtualenv"];
    name == "__pycache__"
        || name.starts_with('~')
        || name.starts_with("_virtualenv.")
        || ends.iter().any(|end| name.ends_with(end))
}

/// Whether there is more in it than bytecode that an installer left.
fn holds_files(folder: &Path) -> bool {
    let entries = fs::list_unsorted(folder).unwrap_or_default();
    entries.iter().any(|entry| entry.name != "__pycache__")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environments::repair::RealDisk;

    #[test]
    fn nothing_is_written_elsewhere_or_over_anything() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site-packages");
        std::fs::create_dir_all(site.join("idna")).unwrap();
        std::fs::write(site.join("there.pth"), "mine\n").unwrap();
        let names = [
            "../out.pth",
            "/out.pth",
            "idna/core.py",
            "C:out.pth",
            "a\\b",
            "..",
            "there.pth",
            "~x",
            "idna-3.7.dist-info",
            "__pycache__",
            "",
            "good.pth",
        ];
        let one =
            |name: &str| SavedLoose { name: name.to_owned(), content: Some("x\n".to_owned()) };
        let loose: Vec<SavedLoose> = names.iter().map(|name| one(name)).collect();
        write(&RealDisk, &site, &loose, &Places::default()).unwrap();
        let names_in = |folder: &Path| -> Vec<String> {
            let entries = fs::list(folder).unwrap();
            entries.iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names_in(folder.path()), ["site-packages"]);
        assert_eq!(names_in(&site), ["good.pth", "idna", "there.pth"]);
        assert_eq!(names_in(&site.join("idna")), [""; 0]);
        assert_eq!(std::fs::read_to_string(site.join("there.pth")).unwrap(), "mine\n");
        let differing: Vec<String> = differences(
            Some(&site),
            &[one("good.pth"), one("there.pth"), one("gone.pth")],
            &Places::default(),
        )
        .collect();
        assert_eq!(differing, ["`there.pth` has other content", "`gone.pth` is missing"]);
    }
}
