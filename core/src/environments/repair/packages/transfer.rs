//! A new environment gets what an old one has: its distributions in the same versions, and the files of
//! its user.
//!
//! A distribution that is whole and fits the new Python is copied, whatever it was installed from; one
//! that is damaged, or built for another Python, comes from a wheel of its version. Bytecode and what the
//! tool that makes environments writes is not taken over.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::changes::Changes;
use super::folders::Folders;
use super::install::{self, Order};
use super::{Draft, record, requirements, scripts};
use crate::environments::distributions::entry_points::Command;
use crate::environments::distributions::{
    Distribution, Installed, RecordedFile, Role, Shared, Site, read,
};
use crate::environments::health::packages::{Look, Places, Verdict, judge};
use crate::environments::health::{Code, Depth, Families, Finding, Subject};
use crate::environments::repair::change::Content;
use crate::environments::repair::place::shebang;
use crate::environments::repair::{Action, Case, FOLDER, Plan, typed};
use crate::environments::scripts::{HEAD_BYTES, is_generated};
use crate::fs::{self, Kind};

/// Files of one environment; the largest have some hundred thousand.
const MAX_FILES: usize = 2_000_000;

/// Scripts are small.
const MAX_SCRIPT_BYTES: u64 = 16 * 1024 * 1024;

/// Findings by which the files of a distribution are not those that it needs, though each is whole.
const NOT_COPIED: [Code; 3] =
    [Code::ExtensionAbiMismatch, Code::ExtensionWrongArch, Code::ExtensionCorrupt];

/// Plans for an environment that was just made, for which the case is. `place` is where it will stand.
/// Gives the wheels that are lacking.
pub(in super::super) fn plan(
    case: &Case<'_>,
    (old, findings): (&Subject<'_>, &[Finding]),
    place: &Path,
    plan: &mut Plan,
) -> Vec<String> {
    let mut draft = Draft::new(case, plan);
    draft.interpreter = draft.interpreter.moved(case.prefix(), place);
    draft.again = format!("aios repair --recreate --network allow {}", typed(place));
    let Some(site) = draft.site() else {
        draft.unsolved(
            Code::SitePackagesMissing,
            "the new environment has no folder for packages".to_owned(),
        );
        return Vec::new();
    };
    let folders: Vec<PathBuf> = match old.facts.site_packages().next() {
        Some(_) => old.facts.site_packages().map(Path::to_path_buf).collect(),
        // Of another minor version than its interpreter is now.
        None => old
            .facts
            .libraries
            .iter()
            .find_map(|one| one.site_packages.clone())
            .into_iter()
            .collect(),
    };
    let (installed, _): (Installed, _) = read(&folders, &Shared::new());
    let of_others = findings.iter().filter(|finding| NOT_COPIED.contains(&finding.code));
    let mut transfer = Transfer {
        old,
        site,
        folders: Folders::of_case(case, site),
        not_copied: of_others.flat_map(|finding| finding.repair.distributions.clone()).collect(),
        taken: HashSet::new(),
    };
    for (from, families) in Families::of(&installed).iter() {
        // Of one that lost its metadata the name and version of the folder tell.
        let all = families.iter().filter_map(|one| one.current.or(one.gutted.first().copied()));
        // What is no wheel (an egg, a link to a project) is carried over as it stands.
        for distribution in all.filter(|one| one.is_dist_info()) {
            transfer.distribution(&mut draft, from, distribution);
        }
    }
    if findings.iter().any(|finding| finding.code == Code::SitePackagesMissing) {
        requirements::plan_wanted(&mut draft, old, site);
    }
    transfer.carry(&mut draft, &installed);
    let mut lacking = std::mem::take(&mut draft.lacking);
    lacking.sort();
    lacking.dedup();
    lacking
}

struct Transfer<'a> {
    old: &'a Subject<'a>,
    /// Site-packages of the new environment.
    site: &'a Path,
    folders: Folders,
    /// `ujson==5.10.0`
    not_copied: HashSet<String>,
    /// Files of the old environment that belong to a distribution.
    taken: HashSet<PathBuf>,
}

impl Transfer<'_> {
    fn distribution(&mut self, draft: &mut Draft<'_>, from: &Site, distribution: &Distribution) {
        let old: &Subject<'_> = self.old;
        let places = Places::of_prefix(from, &old.facts.prefix);
        self.taken.insert(distribution.info.clone());
        let recorded = distribution.record.get().into_iter().flat_map(|record| &record.files);
        self.taken.extend(recorded.filter_map(|file| places.resolve(file)));
        let pin = distribution.pin();
        let (changes, what) = match self.copied(draft, from, distribution) {
            Ok(changes) => (changes, format!("copies {pin} from the old environment")),
            Err(reason) => match self.installed(draft, distribution) {
                Ok(Some(installed)) => installed,
                Ok(None) => return draft.wanting(&[Code::PackageFilesMissing], &[pin]),
                Err(other) => {
                    let hint = format!("{pin} cannot be copied ({reason}) or installed: {other}");
                    return draft.unsolved(Code::PackageFilesMissing, hint);
                }
            },
        };
        draft.step(Action::CopyDistribution, &[], what, changes);
    }

    fn prefix(&self) -> &Path {
        &self.old.facts.prefix
    }

    /// `Err` says why it is not copied.
    fn copied(
        &self,
        draft: &Draft<'_>,
        from: &Site,
        distribution: &Distribution,
    ) -> Result<Changes, String> {
        let record = distribution.record.get().ok_or("it has no RECORD")?;
        if self.not_copied.contains(&distribution.pin()) || !fits(draft, distribution) {
            return Err("it is built for another Python".to_owned());
        }
        let places = Places::of_prefix(from, self.prefix());
        let is_pip = distribution.name == "pip";
        let mut commands = scripts::commands_of(distribution);
        if is_pip {
            super::pip::name_commands(draft.case.subject.facts.tag, &mut commands);
        }
        let info = distribution.folder_name();
        let mut changes = draft.changes();
        let mut lines: Vec<RecordedFile> = Vec::with_capacity(record.files.len());
        for file in record.files.iter().filter(|file| file.role != Role::Bytecode) {
            if file.path == format!("{info}/RECORD") {
                continue;
            }
            let outside = || format!("it lists `{}`, which is not in the environment", file.path);
            let path = places.resolve(file).ok_or_else(outside)?;
            let in_scripts = path.parent() == self.old.facts.scripts.as_deref();
            if in_scripts && (is_pip || commands.iter().any(|one| is_file_of(one, &path))) {
                continue;
            }
            let to = self.mapped(&path, Some(&from.folder)).ok_or_else(outside)?;
            let look = Look { depth: Depth::Deep, rewritten: in_scripts };
            if !matches!(
                judge(&path, file, look),
                Verdict::Fine | Verdict::Unknown | Verdict::Edited
            ) || !fs::is_file(&path)
            {
                return Err(format!("`{}` is missing or damaged", path.display()));
            }
            if self.folders.is_of_environment(&to) {
                return Err(format!("it lists `{}`, which is the environment's own", file.path));
            }
            let recorded = self.folders.recorded(&to).ok_or_else(outside)?;
            let mode = crate::system::mode(&path.metadata().map_err(|error| error.to_string())?);
            match self.script(draft, &path).filter(|_| in_scripts) {
                Some(bytes) => {
                    lines.push(record::line_of(recorded, &bytes));
                    changes.write(&to, Content::Bytes(bytes), Some(mode))?;
                }
                None => {
                    lines.push(RecordedFile::new(recorded, file.hash.clone(), file.bytes));
                    changes.write(&to, Content::File(path), Some(mode))?;
                }
            }
        }
        for command in &commands {
            let of_command = |file: &&RecordedFile| {
                places.resolve(file).is_some_and(|path| {
                    path.parent() == self.old.facts.scripts.as_deref() && is_file_of(command, &path)
                })
            };
            let recorded = record.files.iter().find(of_command);
            if recorded.is_none() && !is_pip {
                continue;
            }
            let to = self.folders.scripts.join(draft.interpreter.file_name(&command.name));
            let unknown = || format!("its command `{}` cannot be written", command.name);
            let bytes = scripts::content(draft, command, recorded).ok_or_else(unknown)?;
            let line = self.folders.recorded(&to).ok_or_else(unknown)?;
            lines.push(record::line_of(line, &bytes));
            changes.write(&to, Content::Bytes(bytes), Some(0o755))?;
        }
        let text = record::write(lines, &info);
        let to = self.site.join(&info).join("RECORD");
        changes.write(&to, Content::Bytes(text), None)?;
        Ok(changes)
    }

    /// A script that starts an interpreter of the old environment starts that of the new one.
    fn script(&self, draft: &Draft<'_>, path: &Path) -> Option<Vec<u8>> {
        let head = fs::read_start(path, HEAD_BYTES).ok()?;
        let started = crate::environments::scripts::shebang(&head)?.program;
        if started.parent() != self.old.facts.scripts.as_deref() {
            return None;
        }
        let script = fs::read(path, MAX_SCRIPT_BYTES).ok()?;
        let program = draft.interpreter.program()?.as_os_str().as_encoded_bytes();
        shebang::rewritten(&script, program, draft.case.subject.host.platform)
    }

    /// From a wheel of its version. `None` when there is none, `Err` says why it cannot be used.
    fn installed(
        &self,
        draft: &Draft<'_>,
        distribution: &Distribution,
    ) -> Result<Option<(Changes, String)>, String> {
        if distribution.info.join("direct_url.json").is_file() {
            return Err(
                "it was installed from the place in its `direct_url.json`: install it from there \
                        again once the environment works"
                    .to_owned(),
            );
        }
        let requested = distribution.info.join("REQUESTED").is_file();
        let (old, overwrite, remembered) = (Vec::new(), false, None);
        let order = Order { site: self.site, old, requested, overwrite, remembered };
        let candidates = draft.wheels.of_version(&distribution.name, &distribution.version);
        let made = install::by_first(draft, candidates, &order)?;
        Ok(made.map(|(changes, wheel)| {
            (changes, format!("installs {} from {}", distribution.pin(), wheel.shown()))
        }))
    }

    /// Where a file of the old environment belongs in the new one.
    fn mapped(&self, path: &Path, from: Option<&Path>) -> Option<PathBuf> {
        let library = |site: &Path| site.parent().map(Path::to_path_buf);
        let scripts = self.old.facts.scripts.clone();
        let pairs = [
            from.map(|from| (from.to_path_buf(), self.site.to_path_buf())),
            from.and_then(library).zip(library(self.site)),
            scripts.map(|scripts| (scripts, self.folders.scripts.clone())),
            Some((self.prefix().to_path_buf(), self.new_prefix().to_path_buf())),
        ];
        pairs.into_iter().flatten().find_map(|(old, new)| {
            let rest = path.strip_prefix(&old).ok()?;
            // Joined with nothing a path would end in a separator.
            Some(if rest.as_os_str().is_empty() { new } else { new.join(rest) })
        })
    }

    fn new_prefix(&self) -> &Path {
        self.folders.prefix()
    }

    /// What belongs to no distribution and that nobody generates is the user's, and comes along.
    fn carry(&self, draft: &mut Draft<'_>, installed: &Installed) {
        let from = installed.sites.first();
        let written: HashSet<PathBuf> = draft
            .plan
            .steps
            .iter()
            .flat_map(|step| &step.changes)
            .flat_map(|change| change.paths())
            .map(Path::to_path_buf)
            .collect();
        let mut changes = draft.changes();
        let mut count = 0_usize;
        let mut open = vec![self.prefix().to_path_buf()];
        let mut seen = 0_usize;
        while let Some(folder) = open.pop() {
            for entry in fs::list(&folder).unwrap_or_default() {
                seen += 1;
                let path = folder.join(&entry.name);
                if seen > MAX_FILES || self.is_left(&path) {
                    continue;
                }
                let Some(to) = self.mapped(&path, from.map(|from| from.folder.as_path())) else {
                    continue;
                };
                if entry.kind == Kind::Folder {
                    open.push(path);
                    continue;
                }
                // What the new environment has of its own is right.
                if self.folders.is_of_environment(&to)
                    || self.is_of_installer(&path)
                    || written.contains(&to)
                    || to.symlink_metadata().is_ok()
                {
                    continue;
                }
                let made = match entry.kind {
                    Kind::File => self.carried_file(draft, &path, &to, &mut changes),
                    Kind::Link => match std::fs::read_link(&path) {
                        Ok(target) => changes.link(&to, &target),
                        Err(error) => Err(error.to_string()),
                    },
                    _ => continue,
                };
                match made {
                    Ok(()) => count += 1,
                    Err(reason) => {
                        let hint = format!("`{}` cannot be carried over: {reason}", path.display());
                        draft.unsolved(Code::PackageFilesMissing, hint);
                    }
                }
            }
        }
        let files = if count == 1 { "file that belongs" } else { "files that belong" };
        let what = format!("carries over {count} {files} to no distribution");
        draft.step(Action::CarryFiles, &[], what, changes);
    }

    fn carried_file(
        &self,
        draft: &Draft<'_>,
        path: &Path,
        to: &Path,
        changes: &mut Changes,
    ) -> Result<(), String> {
        let mode = crate::system::mode(&path.metadata().map_err(|error| error.to_string())?);
        let in_scripts = path.parent() == self.old.facts.scripts.as_deref();
        let content = match self.script(draft, path).filter(|_| in_scripts) {
            Some(bytes) => Content::Bytes(bytes),
            None => Content::File(path.to_path_buf()),
        };
        changes.write(to, content, Some(mode))
    }

    /// A script of a command: those of the distributions that are here are written anew.
    fn is_of_installer(&self, path: &Path) -> bool {
        path.parent() == self.old.facts.scripts.as_deref()
            && fs::read_start(path, HEAD_BYTES).is_ok_and(|head| is_generated(&head))
    }

    /// What no user wrote: bytecode, what belongs to distributions, what interrupted installers and
    /// repairs left.
    fn is_left(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == "__pycache__"
            || name == FOLDER && path.parent() == Some(self.prefix())
            || name.starts_with('~')
            || self.taken.contains(path)
    }
}

/// Whether the file is the script of the command, or its launcher.
fn is_file_of(command: &Command, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".exe").unwrap_or(&name) == command.name
}

/// Whether the files of the distribution are for the Python of the new environment.
fn fits(draft: &Draft<'_>, distribution: &Distribution) -> bool {
    let tags = distribution.wheel.iter().flat_map(|wheel| &wheel.tags);
    let tags: Vec<&String> = tags.collect();
    if tags.is_empty() {
        let record = distribution.record.get().into_iter().flat_map(|record| &record.files);
        let native = [".so", ".pyd", ".dylib"];
        return !record.into_iter().any(|file| native.iter().any(|end| file.path.ends_with(end)));
    }
    let target = draft.wheels.target.as_ref();
    target.is_some_and(|target| tags.iter().any(|tag| target.rank(tag).is_some()))
}
