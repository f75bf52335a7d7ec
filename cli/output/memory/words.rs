//! What changed, in the words of its user: one line for each thing.

use aios_core::Status;
use aios_core::engine::Found;
use aios_core::engine::changes::Change;
use aios_core::index::fractal::Severity;
use anstyle::{AnsiColor, Style};

use crate::output::text::{counted, shown};

pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

pub(in crate::output) fn color_of(status: Status) -> Style {
    match status {
        Status::Healthy => AnsiColor::Green.on_default(),
        Status::Warning => AnsiColor::Yellow.on_default(),
        Status::Broken => AnsiColor::Red.on_default().bold(),
    }
}

/// The worst of findings in one word.
pub(super) fn severity(of: Severity) -> &'static str {
    match of {
        Severity::None => "none",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// What happened. Every name is safe to show.
pub(super) fn happened(change: &Change) -> String {
    match change {
        Change::Fact { field, before, after } => {
            let text = |value: &Option<String>| value.as_deref().map_or("none".to_owned(), shown);
            format!("{}: {} -> {}", fact(field), text(before), text(after))
        }
        Change::Added(one) => format!("{} {} installed", shown(&one.name), shown(&one.version)),
        Change::Removed(one) => format!("{} {} removed", shown(&one.name), shown(&one.version)),
        Change::Version { name, before, after } => {
            format!("{} {} -> {}", shown(name), shown(before), shown(after))
        }
        Change::Files { installed, files } => {
            let what = format!("{} {}", shown(&installed.name), shown(&installed.version));
            match files {
                0 => format!("{what}: other files"),
                files => format!("{what}: {} changed", counted(*files, "file")),
            }
        }
        Change::Conda { name, is_there } => {
            format!("{} {} by conda", shown(name), if *is_there { "installed" } else { "removed" })
        }
        Change::File { path, is_new } => {
            let what = match is_new {
                Some(true) => "added",
                Some(false) => "removed",
                None => "changed",
            };
            format!("{} {what}", shown(path))
        }
        Change::Appeared(found) => found_in_words(found),
        Change::Gone(found) => format!("no longer: {}", shown(&found.code)),
    }
}

/// The same in as few words as possible.
pub(super) fn brief(change: &Change) -> String {
    match change {
        Change::Appeared(found) => format!("{} {}", severity(found.severity), shown(&found.code)),
        Change::Gone(found) => format!("no longer {}", shown(&found.code)),
        change => happened(change),
    }
}

fn found_in_words(found: &Found) -> String {
    format!("{}: {}: {}", severity(found.severity), shown(&found.code), shown(&found.message))
}

fn fact(field: &str) -> String {
    match field {
        "abi-flags" => "ABI flags".to_owned(),
        "base-executable" => "base interpreter".to_owned(),
        "base-prefix" => "base".to_owned(),
        "created-by" => "made by".to_owned(),
        "executable" => "interpreter".to_owned(),
        "made-as" => "made as".to_owned(),
        _ => shown(field),
    }
}

/// Findings first, then what a user did, then what follows from it.
pub(super) fn in_order(changes: &[Change]) -> Vec<&Change> {
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by_key(|change| match change {
        Change::Appeared(_) | Change::Gone(_) => 0,
        Change::Added(_) | Change::Removed(_) | Change::Version { .. } => 1,
        Change::Files { .. } => 2,
        Change::Conda { .. } => 3,
        Change::File { .. } => 4,
        Change::Fact { .. } => 5,
    });
    ordered
}

/// What is no finding.
pub(super) fn causes(changes: &[Change]) -> Vec<&Change> {
    let is_finding = |change: &&Change| matches!(change, Change::Appeared(_) | Change::Gone(_));
    in_order(changes).into_iter().filter(|change| !is_finding(change)).collect()
}

/// `a, b and 3 more`
pub(super) fn some(items: &[String], most: usize) -> String {
    let named = items.len().min(most);
    let mut text = items[..named].join(", ");
    if items.len() > named {
        text.push_str(&format!(" and {} more", items.len() - named));
    }
    text
}

/// Keys of an entry as people read them.
pub(super) fn entry(path: &[Vec<u8>]) -> String {
    let keys: Vec<String> =
        path.iter().map(|key| shown(String::from_utf8_lossy(key).as_ref())).collect();
    keys.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_many_is_counted() {
        let items: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(some(&items, 3), "a, b, c");
        assert_eq!(some(&items, 1), "a and 2 more");
        assert_eq!(some(&[], 1), "");
    }

    #[test]
    fn nothing_from_a_store_is_shown_raw() {
        let evil = "a\x1b[31m\nb".to_owned();
        let found = Found {
            code: evil.clone(),
            severity: Severity::Error,
            message: evil.clone(),
            paths: Vec::new(),
        };
        let one = aios_core::engine::Installed {
            name: evil.clone(),
            version: evil.clone(),
            folder: evil.clone(),
        };
        let (name, before, after) = (evil.clone(), evil.clone(), evil.clone());
        let all = [
            Change::Fact { field: evil.clone(), before: Some(evil.clone()), after: None },
            Change::Added(one.clone()),
            Change::Removed(one.clone()),
            Change::Version { name, before, after },
            Change::Files { installed: one, files: 1 },
            Change::Conda { name: evil.clone(), is_there: true },
            Change::File { path: evil, is_new: None },
            Change::Appeared(found.clone()),
            Change::Gone(found),
        ];
        for change in &all {
            for text in [happened(change), brief(change)] {
                assert!(!text.contains(['\x1b', '\n']) && text.contains("\\u{1b}"), "{text:?}");
            }
        }
        assert!(!entry(&[b"\x1b[2J".to_vec()]).contains('\x1b'));
    }
}
