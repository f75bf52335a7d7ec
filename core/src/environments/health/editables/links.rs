//! The files in site-packages that lead elsewhere: `.pth` lines and setuptools' finder modules.
//!
//! ```text
//! __editable__.labsrc-0.1.pth               /home/alice/proj/libs/labsrc/src
//! __editable___labfinder_0_1_finder.py      MAPPING: dict[str, str] = {'labfinder': '/home/...'}
//! ```

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::environments::distributions::{Distribution, Site, normalize};
use crate::fs::{self, Kind};
use crate::host::Platform;

/// A finder module of a project with thousands of modules stays below this.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Paths of one file.
const MAX_TARGETS: usize = 1000;

/// A path outside that site-packages leads to.
pub(super) struct Link<'a> {
    /// The editable install it belongs to, if to any.
    pub(super) owner: Option<&'a Distribution>,
    /// The file that names it.
    pub(super) file: PathBuf,
    /// The path, absolute.
    pub(super) target: PathBuf,
}

/// Every link of the folder.
pub(super) fn of(site: &Site) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    for entry in site.entries.iter().filter(|entry| entry.kind != Kind::Folder) {
        let Some(name) = entry.name.to_str() else { continue };
        let is_finder = name.starts_with("__editable__") && name.ends_with("_finder.py");
        if !is_finder && !name.ends_with(".pth") {
            continue;
        }
        let file = site.folder.join(name);
        let Some(text) = fs::read_text(&file, MAX_BYTES) else { continue };
        let targets = if is_finder { mapping(&text) } else { lines(&text) };
        for target in targets.into_iter().filter(|target| !is_foreign(target)) {
            let target = site.folder.join(target);
            let owner = owner(site, name, &target);
            links.push(Link { owner, file: file.clone(), target });
        }
    }
    links
}

/// The path lines of a `.pth` file, as `site.py` reads them: not comments, not imports.
fn lines(text: &str) -> Vec<String> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .filter(|line| !line.starts_with("import ") && !line.starts_with("import\t"))
        .filter(|line| !line.contains('\0'))
        .take(MAX_TARGETS)
        .map(str::to_owned)
        .collect()
}

/// The paths in a finder's `MAPPING`.
fn mapping(text: &str) -> Vec<String> {
    let Some(literal) = text.lines().find_map(|line| mapping_line(line, &["MAPPING"])) else {
        return Vec::new();
    };
    let mut strings = Vec::new();
    let mut rest = literal.trim();
    while strings.len() < 2 * MAX_TARGETS {
        let Some((string, span)) = next_string(rest) else { break };
        strings.push(string);
        rest = &rest[span.end..];
    }
    // Keys and values alternate.
    strings.into_iter().skip(1).step_by(2).collect()
}

/// The literal of a line that assigns to one of these names.
pub(crate) fn mapping_line<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    let (name, literal) = line.split_once('=')?;
    names.iter().any(|wanted| name.starts_with(wanted)).then_some(literal)
}

/// The next string literal of Python, as `repr` writes it, and where it stands with its quotes.
pub(crate) fn next_string(text: &str) -> Option<(String, Range<usize>)> {
    let start = text.find(['\'', '"'])?;
    let quote = text[start..].chars().next()?;
    let mut string = String::new();
    let mut characters = text[start + 1..].char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next()?.1 {
                'n' => string.push('\n'),
                't' => string.push('\t'),
                other => string.push(other),
            },
            _ if character == quote => return Some((string, start..start + 2 + at)),
            _ => string.push(character),
        }
    }
    None
}

/// A path of Windows on a system that has no drive letters.
fn is_foreign(target: &str) -> bool {
    let bytes = target.as_bytes();
    Platform::CURRENT != Platform::Windows
        && bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'/' | b'\\')
}

/// The editable install that a link belongs to: by RECORD, by the project's folder, by the file's
/// name. A wheel may add folders of its own (`pywin32.pth`); those lie inside.
fn owner<'a>(site: &'a Site, file: &str, target: &Path) -> Option<&'a Distribution> {
    if target.starts_with(&site.folder) {
        return None;
    }
    let lists = |one: &Distribution| {
        one.record.get().is_some_and(|record| record.files.iter().any(|line| line.path == file))
    };
    let is_of_project = |one: &Distribution| {
        one.editable.as_ref().is_some_and(|project| target.starts_with(project))
    };
    let is_named = |one: &Distribution| {
        let stem = file.strip_suffix(".pth").unwrap_or(file);
        let stem = stem.strip_prefix("__editable__").unwrap_or(stem).trim_matches(['.', '_']);
        let stem = normalize(stem);
        stem == one.name
            || stem.strip_prefix(&one.name).is_some_and(|rest| {
                rest.strip_prefix('-')
                    .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
            })
    };
    let candidates = || site.distributions.iter();
    candidates()
        .find(|one| lists(one))
        .or_else(|| candidates().find(|one| is_of_project(one)))
        .or_else(|| candidates().find(|one| is_named(one)))
}

#[cfg(test)]
mod unit {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pth_lines() {
        let check = |text: &str, expected: &[&str]| assert_eq!(lines(text), expected, "{text:?}");
        check("/home/alice/src\n", &["/home/alice/src"]);
        check("# comment\nimport x; x.install()\nimport\ty\n\n ../libs \r\n", &[" ../libs"]);
        check("", &[]);
    }

    #[test]
    fn mappings() {
        let check = |text: &str, expected: &[&str]| assert_eq!(mapping(text), expected, "{text:?}");
        check(
            "x = 1\nMAPPING: dict[str, str] = {'a': '/p/a', 'b': \"/it's/b\"}\n",
            &["/p/a", "/it's/b"],
        );
        check("MAPPING = {'a': 'C:\\\\p\\\\a'}\n", &["C:\\p\\a"]);
        check("MAPPING: dict[str, str] = {}\n", &[]);
        check("MAPPING = {'a': '/p", &[]);
        check("", &[]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(MAPPING)?.{0,200}") {
            let _ = mapping(&text);
            let _ = lines(&text);
        }
    }
}
