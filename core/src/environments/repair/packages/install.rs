//! A whole distribution as its wheel says: what is as it should be stays, what is missing or damaged is
//! written, what an older state recorded and the wheel has not is moved away, and RECORD is written as
//! pip does.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::changes::Changes;
use super::folders::Folders;
use super::wheel::{Member, Wheel};
use super::wheels::Candidate;
use super::{Draft, record, scripts};
use crate::environments::distributions::{
    Distribution, Record, RecordedFile, Role, Site, normalize,
};
use crate::environments::health::Depth;
use crate::environments::health::packages::{Look, Places, Verdict, is_as_recorded, judge};
use crate::environments::repair::change::Content;
use crate::environments::repair::remembered::Pinned;
use crate::environments::scripts::is_generated;
use crate::fs;

/// Scripts and the small files of metadata.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What installers write into `.dist-info` beside what the wheel has.
pub(super) const OF_INSTALLERS: [&str; 4] =
    ["INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"];

/// What is to be installed, and what it takes the place of.
pub(super) struct Order<'a> {
    /// Site-packages.
    pub(super) site: &'a Path,
    /// The folders of metadata that stand for this distribution now.
    pub(super) old: Vec<&'a Distribution>,
    /// Whether somebody asked for it by name.
    pub(super) requested: bool,
    /// Whether files with other text give way: only where nobody edits them.
    pub(super) overwrite: bool,
    /// The state that it is to be in, instead of what stands there or the others tell.
    pub(super) remembered: Option<&'a Pinned>,
}

/// The changes by the first of these wheels that can be used, and that wheel. `Ok(None)` when there is none,
/// `Err` says why the last one cannot be used.
pub(super) fn by_first<'c>(
    draft: &Draft<'_>,
    candidates: impl IntoIterator<Item = &'c Candidate>,
    order: &Order<'_>,
) -> Result<Option<(Changes, Wheel)>, String> {
    let mut refused = None;
    for candidate in candidates {
        let Some(wheel) = draft.wheels.open(candidate) else { continue };
        match changes(draft, &wheel, order) {
            Ok(changes) => return Ok(Some((changes, wheel))),
            Err(reason) => refused = Some(format!("{}: {reason}", wheel.shown())),
        }
    }
    refused.map_or(Ok(None), Err)
}

/// The changes that make the distribution whole. `Err` says why the wheel cannot be used.
pub(super) fn changes(
    draft: &Draft<'_>,
    wheel: &Wheel,
    order: &Order<'_>,
) -> Result<Changes, String> {
    let folders = Folders::of_case(draft.case, order.site);
    let mut made = Installation {
        draft,
        wheel,
        order,
        changes: draft.changes(),
        lines: Vec::new(),
        kept: 0,
        other: 0,
        absent: None,
    };
    let mut members = wheel.members(&folders)?;
    // Metadata last: what is interrupted before is no installed distribution.
    members.sort_by_key(|member| wheel.info_of(&member.recorded));
    for member in &members {
        made.member(member)?;
    }
    if made.other > made.kept {
        return Err(format!("{} of the files on disk are not those of this version", made.other));
    }
    made.commands(&folders)?;
    made.metadata()?;
    made.remove_old(&folders);
    Ok(made.changes)
}

struct Installation<'a> {
    draft: &'a Draft<'a>,
    wheel: &'a Wheel,
    order: &'a Order<'a>,
    changes: Changes,
    /// Of the new RECORD.
    lines: Vec<RecordedFile>,
    /// Files that were there as the wheel has them, and files with other text that nothing recorded.
    kept: usize,
    other: usize,
    /// A folder that is not there.
    absent: Option<PathBuf>,
}

impl Installation<'_> {
    fn member(&mut self, member: &Member<'_>) -> Result<(), String> {
        if member.script {
            return self.script(member);
        }
        let line = RecordedFile::new(
            member.recorded.clone(),
            member.source.hash.clone(),
            member.source.bytes,
        );
        let is_absent = self.is_absent(&member.path);
        if !is_absent && is_whole(&member.path, member.source) {
            self.kept += 1;
        } else if is_absent || !self.is_users(member, &line) {
            let mode = self.wheel.is_executable(member.source).then_some(0o755);
            self.changes.write(&member.path, self.wheel.content(member.source)?, mode)?;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Whether nothing stands there. Of a folder that is not there, and all below, that is asked once.
    fn is_absent(&mut self, path: &Path) -> bool {
        if self.absent.as_deref().is_some_and(|absent| fs::relative(path, absent) != path) {
            return true;
        }
        let is_absent =
            |path: &Path| path.symlink_metadata().is_err_and(|error| fs::missing(&error));
        let folder = path.parent().filter(|folder| is_absent(folder));
        if let Some(folder) = folder {
            self.absent = Some(folder.to_path_buf());
        }
        folder.is_some() || is_absent(path)
    }

    /// Whether the file holds valid text that its user changed, and that no other build explains.
    fn is_users(&mut self, member: &Member<'_>, line: &RecordedFile) -> bool {
        let look = Look { depth: Depth::Deep, rewritten: false };
        if self.order.overwrite
            || self.wheel.info_of(&line.path)
            || judge(&member.path, line, look) != Verdict::Edited
        {
            return false;
        }
        let records = self.order.old.iter().filter_map(|old| old.record.get());
        let mut recorded = records.flat_map(|record| &record.files);
        match recorded.find(|file| file.path == line.path) {
            // The same build: only its user can have changed it.
            Some(old) => old.hash == line.hash,
            None => {
                self.other += 1;
                true
            }
        }
    }

    /// A script of the wheel, with this environment's interpreter in its first line.
    fn script(&mut self, member: &Member<'_>) -> Result<(), String> {
        let script = self.wheel.script(member.source, &self.draft.interpreter.shebang())?;
        self.generated(&member.path, member.recorded.clone(), script)
    }

    /// A file that is made for this environment: one that stands there already is kept when it is whole.
    fn generated(&mut self, path: &Path, recorded: String, bytes: Vec<u8>) -> Result<(), String> {
        match fs::read(path, MAX_BYTES) {
            Ok(present) if is_damaged(&present) => {}
            Ok(present) if present == bytes || is_generated(&present) => {
                self.lines.push(record::line_of(recorded, &present));
                return Ok(());
            }
            Err(error) if error.leads_nowhere() => {}
            // Somebody's own program of this name stays, and is none of the distribution's.
            _ if !self.is_recorded(&recorded) => return Ok(()),
            _ => {}
        }
        self.lines.push(record::line_of(recorded, &bytes));
        self.changes.write(path, Content::Bytes(bytes), Some(0o755))
    }

    fn is_recorded(&self, recorded: &str) -> bool {
        let records = self.order.old.iter().filter_map(|old| old.record.get());
        records.flat_map(|record| record.outside()).any(|file| file.path == recorded)
    }

    fn commands(&mut self, folders: &Folders) -> Result<(), String> {
        let is_pip = normalize(&self.wheel.metadata.name) == "pip";
        let mut commands = self.wheel.commands.clone();
        if is_pip {
            super::pip::name_commands(self.draft.case.subject.facts.tag, &mut commands);
        }
        for command in &commands {
            let path = folders.scripts.join(self.draft.interpreter.file_name(&command.name));
            let Some(recorded) = folders.recorded(&path) else { continue };
            let old = self.order.old.iter().filter_map(|old| old.record.get());
            let old = old.flat_map(|record| record.outside()).find(|file| file.path == recorded);
            let Some(bytes) = scripts::content(self.draft, command, old) else { continue };
            if self.draft.interpreter.is_windows()
                && let Ok(present) = fs::read(&path, MAX_BYTES)
                && present.starts_with(b"MZ")
            {
                // A launcher differs from ours by the version of its program, and works.
                self.lines.push(record::line_of(recorded, &present));
                continue;
            }
            self.generated(&path, recorded, bytes)?;
        }
        Ok(())
    }

    /// INSTALLER, REQUESTED and what else an installer left, and RECORD.
    fn metadata(&mut self) -> Result<(), String> {
        let info = self.order.site.join(&self.wheel.info);
        for name in OF_INSTALLERS {
            let recorded = format!("{}/{name}", self.wheel.info);
            let path = info.join(name);
            let Some(bytes) = self.left_by_installer(name) else {
                if self.order.remembered.is_some() && path.symlink_metadata().is_ok() {
                    self.changes.remove(&path);
                }
                continue;
            };
            if fs::read(&path, MAX_BYTES).ok().as_deref() != Some(bytes.as_slice()) {
                self.changes.write(&path, Content::Bytes(bytes.clone()), None)?;
            }
            self.lines.push(record::line_of(recorded, &bytes));
        }
        let text = record::write(std::mem::take(&mut self.lines), &self.wheel.info);
        self.changes.write(&info.join("RECORD"), Content::Bytes(text.clone()), None)?;
        self.lines = crate::environments::distributions::record::parse(&text)?.files;
        Ok(())
    }

    /// What an installer leaves in a file of this name.
    fn left_by_installer(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(remembered) = self.order.remembered {
            return remembered.left(name);
        }
        let old = self.order.old.iter().map(|old| old.info.join(name));
        let present = old.filter_map(|path| fs::read(&path, MAX_BYTES).ok()).next();
        match (name, present) {
            (_, Some(present)) if !present.contains(&0) => Some(present),
            ("INSTALLER", _) => Some(self.installer().to_vec()),
            ("REQUESTED", None) if self.order.requested => Some(Vec::new()),
            _ => None,
        }
    }

    /// What installed the others here, in the form that it writes.
    fn installer(&self) -> &'static [u8] {
        let all =
            self.draft.case.subject.installed.sites.iter().flat_map(|site| &site.distributions);
        let (uv, others): (Vec<&Distribution>, Vec<_>) = all
            .filter(|one| one.by_wheel_installer())
            .partition(|one| one.installer.as_deref() == Some("uv"));
        if uv.len() > others.len() { b"uv" } else { b"pip\n" }
    }

    /// Moves away what the old state recorded and the new one has not, and its folders of metadata.
    fn remove_old(&mut self, folders: &Folders) {
        let new: HashSet<String> = self.lines.iter().map(|line| line.path.clone()).collect();
        let sites = &self.draft.case.subject.installed.sites;
        let Some(site) = sites.iter().find(|site| site.folder == self.order.site) else { return };
        let places = Places::of_prefix(site, self.draft.case.prefix());
        let shared = recorded_by_others(site, &self.order.old);
        let info = folders.site.join(&self.wheel.info);
        for old in &self.order.old {
            let record: Option<&Record> = old.record.get();
            for file in record.into_iter().flat_map(|record| &record.files) {
                let is_kept = new.contains(&file.path)
                    || shared.contains(file.path.as_str())
                    || old.owns_metadata(&file.path) && old.info != info
                    || file.role == Role::Bytecode && new.contains(&source_of(&file.path));
                let path = places.resolve(file).filter(|_| !is_kept);
                let is_removable =
                    |path: &PathBuf| !folders.is_of_environment(path) && is_unchanged(path, file);
                if let Some(path) = path.filter(is_removable) {
                    self.changes.remove(&path);
                }
            }
            if old.info != info && old.info.symlink_metadata().is_ok() {
                self.changes.remove(&old.info);
            }
        }
    }
}

/// Whether all of the file is as recorded, however large it is.
fn is_whole(path: &Path, recorded: &RecordedFile) -> bool {
    let look = Look { depth: Depth::Deep, rewritten: false };
    is_as_recorded(path, recorded) && judge(path, recorded, look) == Verdict::Fine
}

/// Empty, or NULs where an installer wrote a script.
fn is_damaged(script: &[u8]) -> bool {
    script.iter().all(|byte| *byte == 0) || is_generated(script) && script.contains(&0)
}

/// Whether a file is there that nobody edited. A folder in RECORD (some tools list them) may hold what
/// others own.
fn is_unchanged(path: &Path, recorded: &RecordedFile) -> bool {
    let look = Look { depth: Depth::Deep, rewritten: false };
    path.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir())
        && judge(path, recorded, look) != Verdict::Edited
}

fn recorded_by_others<'a>(site: &'a Site, old: &[&Distribution]) -> HashSet<&'a str> {
    let others = site.distributions.iter().filter(|one| old.iter().all(|old| old.info != one.info));
    let records = others.filter_map(|one| one.record.get());
    records.flat_map(|record| &record.files).map(|file| file.path.as_str()).collect()
}

/// `idna/core.py` of `idna/__pycache__/core.cpython-312.pyc`.
fn source_of(bytecode: &str) -> String {
    let (folder, name) = bytecode.rsplit_once("__pycache__/").unwrap_or(("", bytecode));
    format!("{folder}{}.py", name.split('.').next().unwrap_or(name))
}

impl Wheel {
    /// Whether the recorded path is one of its metadata.
    fn info_of(&self, recorded: &str) -> bool {
        recorded.strip_prefix(&self.info).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Whether the bytes on disk of a file are those that a member of the wheel has.
pub(super) fn is_same_build(source: &RecordedFile, installed: &RecordedFile) -> bool {
    match (&source.hash, &installed.hash) {
        (Some(a), Some(b)) => a.trim_end_matches('=') == b.trim_end_matches('='),
        _ => false,
    }
}
