//! What a project says that its environment holds: `requirements.txt`, or `pylock.toml` (PEP 751).

use std::path::Path;

use crate::environments::distributions::{Requirement, metadata};
use crate::environments::health::Subject;
use crate::fs;

/// Lock files of large projects hold some MiB.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Files that include each other.
const MAX_FILES: usize = 8;

/// Files that are read here.
const FILES: [&str; 2] = ["requirements.txt", "pylock.toml"];

/// Files that are read by one program alone, and what it does with them.
const OF_TOOLS: [(&str, &str); 4] = [
    ("uv.lock", "uv sync"),
    ("poetry.lock", "poetry install"),
    ("pdm.lock", "pdm sync"),
    ("Pipfile.lock", "pipenv sync"),
];

/// What is to be installed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) requirements: Vec<Requirement>,
    /// Lines that name a folder, a file or an address, as written.
    pub(super) not_wheels: Vec<String>,
}

/// Reads what stands beside the environment. `Err` is a hint for when nothing there tells.
pub(super) fn read(subject: &Subject<'_>) -> Result<Wanted, String> {
    let project = project(subject);
    let mut wanted = Wanted::default();
    let mut left = MAX_FILES;
    let [requirements, lock] = FILES;
    let file = project.join(requirements);
    if fs::is_file(&file) {
        read_requirements(&file, &mut left, &mut wanted);
    } else if let Some(text) = fs::read_text(&project.join(lock), MAX_BYTES) {
        read_lock(&text, &mut wanted);
    }
    if !wanted.requirements.is_empty() {
        return Ok(wanted);
    }
    let tool = OF_TOOLS.iter().find(|(file, _)| fs::is_file(&project.join(file)));
    Err(match tool {
        Some((file, command)) => {
            format!("`{file}` says what was installed: `{command}` installs it")
        }
        None => format!(
            "no `requirements.txt` or lock file in `{}` says what was installed: bring one",
            project.display()
        ),
    })
}

/// The name of the file that tells what the project needs, where there is one.
pub(super) fn file(subject: &Subject<'_>) -> Option<&'static str> {
    let project = project(subject);
    let of_tools = OF_TOOLS.iter().map(|(file, _)| *file);
    FILES.into_iter().chain(of_tools).find(|file| fs::is_file(&project.join(file)))
}

/// The folder that the environment belongs to.
fn project<'a>(subject: &'a Subject<'_>) -> &'a Path {
    let prefix = &subject.facts.prefix;
    let project = subject.environment.project.as_deref().or_else(|| prefix.parent());
    project.unwrap_or(prefix)
}

fn read_requirements(file: &Path, left: &mut usize, wanted: &mut Wanted) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    let text = fs::read_text(file, MAX_BYTES).unwrap_or_default().replace("\\\n", " ");
    let folder = file.parent().unwrap_or(file);
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or(line).trim();
        let included = ["-r", "--requirement"].iter().find_map(|option| line.strip_prefix(option));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(other) = included {
            read_requirements(&folder.join(other.trim_start_matches('=').trim()), left, wanted);
        } else if line.starts_with("-e") || line.starts_with("--editable") {
            wanted.not_wheels.push(format!("`{line}`"));
        } else if line.starts_with('-') {
            // Where to look for wheels, and how.
        } else if is_place(line) {
            wanted.not_wheels.push(format!("`{line}`"));
        } else {
            let plain = line.split(" --").next().unwrap_or(line).trim();
            match metadata::requirement(plain) {
                Some(requirement) => wanted.requirements.push(requirement),
                None => wanted.not_wheels.push(format!("`{plain}`")),
            }
        }
    }
}

/// A folder, a file or an address in the place of a name.
fn is_place(line: &str) -> bool {
    let head = line.split(';').next().unwrap_or(line);
    line.starts_with(['.', '/']) || head.contains("://") || head.contains(" @ ")
}

fn read_lock(text: &str, wanted: &mut Wanted) {
    let Ok(lock) = text.parse::<toml::Table>() else { return };
    let packages = lock.get("packages").and_then(toml::Value::as_array);
    for package in packages.into_iter().flatten() {
        let field = |field: &str| package.get(field).and_then(toml::Value::as_str);
        let Some(name) = field("name") else { continue };
        let Some(version) = field("version") else {
            wanted.not_wheels.push(format!("`{name}`"));
            continue;
        };
        let marker = field("marker").map(|marker| format!(" ; {marker}")).unwrap_or_default();
        wanted.requirements.extend(metadata::requirement(&format!("{name}=={version}{marker}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &Wanted) -> Vec<String> {
        wanted.requirements.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_of_requirements() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("requirements.txt");
        std::fs::write(
            &main,
            "# all\nsix==1.17.0  # why\n--index-url https://example.org\n-r more.txt\n\
             idna==3.10 \\\n    --hash=sha256:00\n-e ./libs/x\nz @ https://example.org/z.whl\n",
        )
        .unwrap();
        std::fs::write(
            folder.path().join("more.txt"),
            "click>=8 ; os_name == 'nt'\n-r requirements.txt\n",
        )
        .unwrap();
        let mut wanted = Wanted::default();
        read_requirements(&main, &mut 2, &mut wanted);
        assert_eq!(names(&wanted), ["six==1.17.0", "click>=8 ; os_name == 'nt'", "idna==3.10"]);
        assert_eq!(wanted.not_wheels, ["`-e ./libs/x`", "`z @ https://example.org/z.whl`"]);
    }

    #[test]
    fn locks() {
        let mut wanted = Wanted::default();
        read_lock(
            "lock-version = '1.0'\n[[packages]]\nname = 'idna'\nversion = '3.10'\n\
             marker = \"os_name == 'posix'\"\n[[packages]]\nname = 'own'\n[packages.directory]\npath = '.'\n",
            &mut wanted,
        );
        assert_eq!(names(&wanted), ["idna==3.10 ; os_name == 'posix'"]);
        assert_eq!(wanted.not_wheels, ["`own`"]);
    }
}
