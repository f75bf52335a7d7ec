//! Scripts whose first line names an interpreter.
//!
//! ```text
//! #!/srv/app/bin/python3.12 -I          the plain form
//! #!/bin/sh                             when the path has a space, or more than 127 bytes
//! '''exec' "/my app/bin/python" "$0" "$@"
//! ```
//!
//! `#!/usr/bin/env python` leaves the choice to `PATH`, so it is no lead.

use std::path::{Path, PathBuf};

use super::super::Source;
use super::folders::{is_interpreter, subfolders_and_files};
use super::lead::{Leads, Target};
use super::places::shown;
use crate::fs::{self, Kind};
use crate::host::Host;
use crate::system::path_of;

/// A path has at most 4,096 bytes on Linux; hardly one has a quarter of it.
const START_BYTES: u64 = 1024;
/// Scripts that are looked at in one folder.
const SCRIPTS_MAX: usize = 4096;

/// Leads to the interpreters of scripts in the folders that users install programs into.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let mut folders: Vec<PathBuf> = ["XDG_BIN_HOME", "PIPX_BIN_DIR", "UV_TOOL_BIN_DIR"]
        .iter()
        .filter_map(|name| host.variable_path(name))
        .collect();
    folders.extend([".local/bin", "bin"].iter().filter_map(|name| host.home_place(name)));
    folders.push(host.place("/usr/local/bin"));

    // Hundreds of scripts share an interpreter: the first one is the reason.
    let mut seen = Vec::new();
    for folder in folders {
        for entry in subfolders_and_files(&folder).into_iter().take(SCRIPTS_MAX) {
            if !matches!(entry.kind, Kind::File | Kind::Link) || is_interpreter(&entry.name) {
                continue;
            }
            let script = folder.join(&entry.name);
            let Some(executable) = interpreter_of(&script) else { continue };
            if !seen.contains(&executable) {
                let detail = format!("{} starts with it", shown(host, &script));
                leads.add(Target::Executable(executable.clone()), Source::Shebang, None, detail);
                seen.push(executable);
            }
        }
    }
}

/// The Python that a script names, when it names one by its absolute path.
pub(super) fn interpreter_of(script: &Path) -> Option<PathBuf> {
    let start = fs::read_start(script, START_BYTES).ok()?;
    let path = named_in(&start)?;
    (path.is_absolute() && is_interpreter(path.file_name()?)).then_some(path)
}

fn named_in(start: &[u8]) -> Option<PathBuf> {
    let mut lines = start.split_inclusive(|byte| *byte == b'\n');
    let first = complete(lines.next()?)?.strip_prefix(b"#!")?.trim_ascii();
    let program = first.split(|byte| byte.is_ascii_whitespace()).next()?;
    if !matches!(program, b"/bin/sh" | b"/usr/bin/sh") {
        return path_of(program);
    }
    let command = complete(lines.next()?)?.strip_prefix(b"'''exec'")?.trim_ascii_start();
    let path = match command.first()? {
        quote @ (b'"' | b'\'') => command[1..].split(|byte| byte == quote).next()?,
        _ => command.split(|byte| byte.is_ascii_whitespace()).next()?,
    };
    // Relocatable scripts compute the path: `"$(dirname -- ...)"`.
    if path.starts_with(b"$") { None } else { path_of(path) }
}

/// A line with its end: without one, what was read may stop in the middle of a path.
fn complete(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::rooted;

    #[track_caller]
    fn check(start: &str, expected: Option<&str>) {
        assert_eq!(named_in(start.as_bytes()), expected.map(PathBuf::from), "{start}");
    }

    #[test]
    fn interpreters_are_read_from_first_lines() {
        check("#!/a/bin/python\nimport x\n", Some("/a/bin/python"));
        check("#! /a/bin/python3.12 -I\r\n", Some("/a/bin/python3.12"));
        check(
            "#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n",
            Some("/a b/bin/python"),
        );
        check("#!/bin/sh\n'''exec' '/a b/bin/python' \"$0\" \"$@\"\n", Some("/a b/bin/python"));
        check("#!/bin/sh\n'''exec' /a/bin/python \"$0\" \"$@\"\n", Some("/a/bin/python"));
        check("#!/bin/sh\n'''exec' \"$(dirname -- \"$0\")\"/'python' \"$0\" \"$@\"\n", None);
        check("#!/bin/sh\necho hello\n", None);
        check("#!/cut/off/in/the/mid", None);
        check("\u{7f}ELF", None);
        check("", None);
    }

    #[test]
    fn env_and_other_programs_are_no_interpreters() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("s");
        for (line, expected) in [
            ("/usr/bin/env python", false),
            ("/bin/bash", false),
            ("python", false),
            ("/x/python3-config", false),
            ("/x/python3.14t", true),
        ] {
            std::fs::write(&script, format!("#!{}\n", rooted(line))).unwrap();
            assert_eq!(interpreter_of(&script).is_some(), expected, "{line}");
        }
    }
}
