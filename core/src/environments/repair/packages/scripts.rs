//! The scripts of declared commands, as installers write them.
//!
//! RECORD has the hash of the script that was there: of the forms that pip, uv and others write, the one
//! with that hash is written, so that it is the same script to the byte. Without such a hash pip's form
//! is taken.

use std::path::{Path, PathBuf};

use super::Draft;
use super::launcher;
use super::record;
use crate::environments::distributions::entry_points::{self, Command};
use crate::environments::distributions::{Distribution, RecordedFile, Site};
use crate::environments::facts::{Facts, Scheme};
use crate::environments::health::Code;
use crate::environments::health::packages::{Places, are_as_recorded};
use crate::environments::repair::Action;
use crate::environments::repair::change::Content;
use crate::environments::scripts;
use crate::fs;
use crate::host::Platform;

/// Larger ones are not of this kind.
const MAX_ENTRY_POINTS_BYTES: u64 = 4 * 1024 * 1024;

/// Scripts whose first lines are looked at to learn which name of the interpreter installers took.
const MAX_SIBLINGS: usize = 200;

/// What a script of an environment starts with.
#[derive(Debug, Clone)]
pub(super) struct Interpreter {
    /// The names that its scripts may start, the likeliest first.
    paths: Vec<PathBuf>,
    platform: Platform,
    scheme: Scheme,
}

impl Interpreter {
    /// The name that most of the environment's own scripts start comes first.
    pub(super) fn of(facts: &Facts) -> Interpreter {
        let folder =
            facts.scripts.clone().unwrap_or_else(|| facts.prefix.join(facts.scheme.scripts()));
        let mut names: Vec<String> = match facts.scheme {
            Scheme::Windows => vec!["python.exe".to_owned()],
            Scheme::Posix => vec!["python".to_owned(), "python3".to_owned()],
        };
        names
            .extend(facts.tag.filter(|_| facts.scheme == Scheme::Posix).map(|tag| tag.to_string()));
        let mut counts = vec![0_usize; names.len()];
        for entry in facts.script_entries.iter().take(MAX_SIBLINGS) {
            let head = fs::read_start(&folder.join(&entry.name), scripts::HEAD_BYTES);
            let Some(head) = head.ok().filter(|head| scripts::is_generated(head)) else { continue };
            let started = scripts::shebang(&head).map(|shebang| shebang.program);
            let name = started.as_deref().and_then(Path::file_name);
            if let Some(at) = names.iter().position(|one| name.is_some_and(|name| name == &**one)) {
                counts[at] += 1;
            }
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(counts[*at]));
        Interpreter {
            paths: order.into_iter().map(|at| folder.join(&names[at])).collect(),
            platform: match (facts.scheme, Platform::CURRENT) {
                (Scheme::Windows, _) => Platform::Windows,
                (Scheme::Posix, Platform::Windows) => Platform::Linux,
                (Scheme::Posix, here) => here,
            },
            scheme: facts.scheme,
        }
    }

    /// The first line of a Python script, or the lines that stand for it where the kernel takes none
    /// with blanks or of that length (as distlib writes them).
    pub(super) fn shebang(&self) -> Vec<u8> {
        self.paths.first().map(|path| shebang(path, self.platform)).unwrap_or_default()
    }

    /// The path that scripts start.
    pub(super) fn program(&self) -> Option<&Path> {
        self.paths.first().map(PathBuf::as_path)
    }

    /// The same, once the environment stands elsewhere.
    pub(super) fn moved(mut self, from: &Path, to: &Path) -> Interpreter {
        for path in &mut self.paths {
            if let Ok(rest) = path.strip_prefix(from) {
                *path = to.join(rest);
            }
        }
        self
    }

    pub(super) fn is_windows(&self) -> bool {
        self.scheme == Scheme::Windows
    }

    /// The name of the file of a command.
    pub(super) fn file_name(&self, command: &str) -> String {
        if self.is_windows() { format!("{command}.exe") } else { command.to_owned() }
    }

    /// The script of a command; the one that was recorded, where its form is known. `None` for a command
    /// that names no function.
    pub(super) fn script(
        &self,
        command: &Command,
        recorded: Option<&RecordedFile>,
    ) -> Option<Vec<u8>> {
        let (module, function) = command.function()?;
        let forms = FORMS.iter().map(|form| form.fill(module, function));
        let mut all = forms.flat_map(|body| {
            self.paths.iter().map(move |path| [shebang(path, self.platform), body.clone()].concat())
        });
        let same =
            recorded.and_then(|line| all.find(|text| are_as_recorded(text, line) == Some(true)));
        Some(same.unwrap_or_else(|| [self.shebang(), FORMS[0].fill(module, function)].concat()))
    }

    /// What a launcher on Windows runs.
    pub(super) fn main_of(command: &Command) -> Option<Vec<u8>> {
        let (module, function) = command.function()?;
        Some(FORMS[0].fill(module, function))
    }
}

fn shebang(interpreter: &Path, platform: Platform) -> Vec<u8> {
    let path = interpreter.as_os_str().as_encoded_bytes();
    let limit = if platform == Platform::MacOs { 512 } else { 127 };
    let has_blank = path.contains(&b' ');
    if platform == Platform::Windows {
        let quote: &[u8] = if has_blank { b"\"" } else { b"" };
        return [b"#!", quote, path, quote, b"\r\n"].concat();
    }
    if !has_blank && path.len() + 3 <= limit {
        return [b"#!", path, b"\n"].concat();
    }
    let quote: &[u8] = if has_blank { b"\"" } else { b"" };
    [b"#!/bin/sh\n'''exec' ", quote, path, quote, b" \"$0\" \"$@\"\n' '''\n"].concat()
}

/// A script without its first line, as one installer writes it.
struct Form(&'static str);

impl Form {
    fn fill(&self, module: &str, function: &str) -> Vec<u8> {
        let imported = function.split('.').next().unwrap_or(function);
        let text = self.0.replace("{module}", module).replace("{imported}", imported);
        text.replace("{function}", function).into_bytes()
    }
}

/// pip first.
const FORMS: [Form; 5] = [
    Form(
        "# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {module} import {imported}\n\
         if __name__ == '__main__':\n    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    \
         sys.exit({function}())\n",
    ),
    // pip from 25.1 on.
    Form(
        "import sys\nfrom {module} import {imported}\nif __name__ == '__main__':\n    \
         if sys.argv[0].endswith('.exe'):\n        sys.argv[0] = sys.argv[0][:-4]\n    \
         sys.exit({function}())\n",
    ),
    // pip from 25.2 on.
    Form(
        "import sys\nfrom {module} import {imported}\nif __name__ == '__main__':\n    \
         sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    sys.exit({function}())\n",
    ),
    // uv.
    Form(
        "# -*- coding: utf-8 -*-\nimport sys\nfrom {module} import {imported}\n\
         if __name__ == \"__main__\":\n    if sys.argv[0].endswith(\"-script.pyw\"):\n        \
         sys.argv[0] = sys.argv[0][:-11]\n    elif sys.argv[0].endswith(\".exe\"):\n        \
         sys.argv[0] = sys.argv[0][:-4]\n    sys.exit({function}())\n",
    ),
    // Poetry and PDM, by way of `installer`.
    Form(
        "# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {module} import {imported}\n\
         if __name__ == \"__main__\":\n    sys.argv[0] = re.sub(r\"(-script\\.pyw|\\.exe)?$\", \"\", sys.argv[0])\n    \
         sys.exit({function}())\n",
    ),
];

/// Writes the scripts that are missing of the distributions that are reported for it.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let reported: Vec<&Path> = draft
        .of(Code::EntryScriptMissing)
        .flat_map(|finding| finding.paths.iter().map(PathBuf::as_path))
        .collect();
    if reported.is_empty() {
        return;
    }
    for (site, current) in draft.case.subject.families.current() {
        for distribution in current {
            let places = Places::of_prefix(site, draft.case.prefix());
            let record = distribution.record.get();
            let is_reported = record.is_some_and(|record| {
                record
                    .outside()
                    .filter_map(|file| places.resolve(file))
                    .any(|path| reported.contains(&path.as_path()))
            });
            if is_reported && !draft.settled.contains(&distribution.name) {
                plan_distribution(draft, site, distribution);
            }
        }
    }
}

fn plan_distribution(draft: &mut Draft<'_>, site: &Site, distribution: &Distribution) {
    match missing_scripts(draft, site, distribution) {
        Ok((changes, written)) => {
            let what = format!(
                "write the script of {} again, as `entry_points.txt` of {} declares it",
                written.join(", "),
                distribution.pin()
            );
            draft.step(Action::WriteScript, &[Code::EntryScriptMissing], what, changes);
        }
        Err(hint) => draft.unsolved(Code::EntryScriptMissing, hint),
    }
}

fn missing_scripts(
    draft: &Draft<'_>,
    site: &Site,
    distribution: &Distribution,
) -> Result<(super::Changes, Vec<String>), String> {
    let places = Places::of_prefix(site, draft.case.prefix());
    let declared = commands_of(distribution);
    let mut changes = draft.changes();
    let mut written = Vec::new();
    let mut lines = draft.record_lines(distribution);
    let mut is_changed = false;
    for line in &mut lines {
        let name = line.path.rsplit('/').next().unwrap_or(&line.path);
        let is_own = |command: &&Command| draft.interpreter.file_name(&command.name) == name;
        let Some(command) = declared.iter().find(is_own) else { continue };
        let Some(path) = places.resolve(line).filter(|path| is_gone(path)) else { continue };
        let bytes = content(draft, command, Some(line)).ok_or_else(|| {
            format!(
                "`{}` of {} cannot be written: {}",
                command.name,
                distribution.pin(),
                NO_LAUNCHER
            )
        })?;
        if are_as_recorded(&bytes, line) != Some(true) {
            *line = record::line_of(line.path.clone(), &bytes);
            is_changed = true;
        }
        changes.write(&path, Content::Bytes(bytes), Some(0o755))?;
        written.push(format!("`{}`", command.name));
    }
    if is_changed {
        let record = Content::Bytes(record::as_written(&lines));
        changes.write(&distribution.info.join("RECORD"), record, None)?;
    }
    Ok((changes, written))
}

const NO_LAUNCHER: &str =
    "its entry point names no function, or no wheel of pip with launchers for Windows is at hand";

/// What `entry_points.txt` of an installed distribution declares.
pub(super) fn commands_of(distribution: &Distribution) -> Vec<Command> {
    let path = distribution.info.join("entry_points.txt");
    let bytes = fs::read(&path, MAX_ENTRY_POINTS_BYTES).unwrap_or_default();
    entry_points::commands(&bytes)
}

/// The file of a command: a script, or on Windows a launcher.
pub(super) fn content(
    draft: &Draft<'_>,
    command: &Command,
    recorded: Option<&RecordedFile>,
) -> Option<Vec<u8>> {
    if draft.interpreter.is_windows() {
        launcher::of(draft, command)
    } else {
        draft.interpreter.script(command, recorded)
    }
}

/// Nothing there, or a link that leads nowhere.
fn is_gone(path: &Path) -> bool {
    path.metadata().is_err_and(|error| fs::leads_nowhere(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let check = |path: &str, platform: Platform, expected: &str| {
            let written = shebang(Path::new(path), platform);
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        };
        check("/a/bin/python", Platform::Linux, "#!/a/bin/python\n");
        check(
            "/a b/bin/python",
            Platform::Linux,
            "#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n",
        );
        let longest = format!("/{}", "a".repeat(123));
        check(&longest, Platform::Linux, &format!("#!{longest}\n"));
        let too_long = format!("/{}", "a".repeat(124));
        check(
            &too_long,
            Platform::Linux,
            &format!("#!/bin/sh\n'''exec' {too_long} \"$0\" \"$@\"\n' '''\n"),
        );
        check(&too_long, Platform::MacOs, &format!("#!{too_long}\n"));
        check("C:\\a b\\python.exe", Platform::Windows, "#!\"C:\\a b\\python.exe\"\r\n");
    }
}
