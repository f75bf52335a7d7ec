//! What is compiled for one system alone: where it may stand, and which tests Windows lacks and why.

use std::fs;
use std::path::{Path, PathBuf};

use crate::layers::below;

/// The files of the program that may differ by system; the rest asks them, or the host.
const MAY_DIFFER: &[&str] = &[
    "core/src/system/mod.rs",
    "core/src/system/local_unix.rs",
    "core/src/system/named_unix.rs",
    "core/src/system/process_unix.rs",
    "core/src/system/unix.rs",
    "core/src/system/windows.rs",
    // A folder that is kept open.
    "core/src/fs/mod.rs",
    "core/src/fs/folder_unix.rs",
    // Mode bits.
    "core/src/environments/health/rights/mod.rs",
    "core/src/environments/repair/rights.rs",
];

const NAMES: &[&str] = &["windows", "unix", "target_os", "target_family", "target_env"];

#[test]
fn few_files_differ_by_system() {
    let mut wrong = Vec::new();
    for source in ["core/src", "cli", "ffi/src"].iter().flat_map(|folder| below(folder)) {
        let text = fs::read_to_string(&source).unwrap();
        let code = text.split("mod tests {").next().unwrap();
        let differs = code.lines().any(|line| {
            let line = line.trim_start();
            let asks = ["cfg(", "cfg!(", "cfg_attr("].iter().any(|words| line.contains(words));
            asks && !line.starts_with("//")
                && !names(line, "test")
                && NAMES.iter().any(|name| names(line, name))
        });
        let is_test = source.components().any(|part| part.as_os_str() == "tests")
            || source.file_name().unwrap().to_string_lossy().starts_with("tests");
        if differs && !is_test && !MAY_DIFFER.iter().any(|name| source.ends_with(name)) {
            wrong.push(source);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `cfg(unix)`, `cfg(not(windows))`, `cfg!(target_os = "macos")`.
fn names(line: &str, name: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// A test that Windows lacks is rare, and says why in a comment above it, or above its module:
/// `// Not on Windows: no folder holds a fifo.`
#[test]
fn few_tests_are_not_on_windows() {
    let (mut all, mut lacking, mut silent) = (0, Vec::new(), Vec::new());
    for source in ["core/src", "cli", "ffi/src", "tests"].iter().flat_map(|folder| below(folder)) {
        let text = fs::read_to_string(&source).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let whole_module = is_of_unix(&source);
        let mut inside = false;
        for (at, line) in lines.iter().enumerate() {
            inside |= line.starts_with("#[cfg(all(test, unix))]");
            if *line != "#[test]" {
                continue;
            }
            all += 1;
            let above = above(&lines, at);
            if whole_module || inside || above.contains(&"#[cfg(unix)]") {
                let name = format!("{}:{}", source.display(), at + 2);
                let said = above.iter().any(|line| line.starts_with(REASON));
                let of_module = lines[..at].iter().any(|line| line.starts_with(WHOLE_REASON));
                if !said && !of_module {
                    silent.push(name.clone());
                }
                lacking.push(name);
            }
        }
    }
    assert!(all > 250, "only {all} tests were found");
    assert!(silent.is_empty(), "no reason why Windows lacks them: {silent:#?}");
    assert!(lacking.len() * 9 < all, "{} of {all}: {lacking:#?}", lacking.len());
    println!("{} of {all} tests are not on Windows", lacking.len());
}

const REASON: &str = "// Not on Windows: ";
/// In the head of a module.
const WHOLE_REASON: &str = "//! Not on Windows: ";

/// Whether a file is a module for Unix alone.
fn is_of_unix(source: &Path) -> bool {
    let starts_so = || {
        let text = fs::read_to_string(source).unwrap();
        let is_of = |line: &str| names(line, "unix") || names(line, "linux");
        text.lines().any(|line| line.starts_with("#![cfg(") && is_of(line))
    };
    source.file_name().is_some_and(|name| name == "unix.rs") || starts_so()
}

/// Attributes and comments above a line.
fn above<'a>(lines: &[&'a str], at: usize) -> Vec<&'a str> {
    let belongs = |line: &&&str| line.starts_with("//") || line.starts_with("#[");
    lines[..at].iter().rev().take_while(belongs).copied().collect()
}

#[test]
fn modules_of_one_system_are_found() {
    let modules: Vec<PathBuf> =
        below("tests").into_iter().filter(|path| is_of_unix(path)).collect();
    assert!(modules.len() >= 2, "{modules:?}");
}
