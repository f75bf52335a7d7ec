//! Mode bits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::change::{Change, Content};
use super::super::{Action, Case, Plan, Step, Unsolved};
use crate::environments::distributions::Part;
use crate::environments::facts::LinkEnd;
use crate::environments::health::rights::Asker;
use crate::environments::health::{Code, Scripts};
use crate::fs::{self, Kind};
use crate::system;

/// Files of an environment that are looked at.
const MAX_FILES: usize = 500_000;

/// A file with several names that is larger keeps them.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    if case.has(&[Code::InterpreterNotExecutable]) {
        interpreters(case, plan);
    }
    if let (true, Some(folder)) =
        (case.has(&[Code::ScriptNotExecutable]), case.subject.facts.scripts.as_deref())
    {
        let scripts = Scripts::read(case.subject.facts, folder).not_executable;
        execute_bits(case, Code::ScriptNotExecutable, scripts, "script", plan);
    }
    if let (true, Some(asker)) = (case.has(&[Code::PermissionDenied]), Asker::of(case.subject)) {
        read_bits(case, &asker, plan);
    }
}

/// Every name of an interpreter in the environment: an unpacked archive lost the bits of all of them.
fn interpreters(case: &Case<'_>, plan: &mut Plan) {
    let mut files: Vec<PathBuf> = Vec::new();
    for interpreter in &case.subject.facts.interpreters {
        if let LinkEnd::File { canonical, executable: false, .. } = &interpreter.end
            && !files.contains(canonical)
        {
            files.push(canonical.clone());
        }
    }
    execute_bits(case, Code::InterpreterNotExecutable, files, "interpreter", plan);
}

fn execute_bits(case: &Case<'_>, code: Code, files: Vec<PathBuf>, what: &str, plan: &mut Plan) {
    let mut changes = Vec::new();
    for path in files {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if !path.starts_with(case.prefix()) || !metadata.is_file() {
            let hint = format!(
                "`{}` is not part of the environment: `chmod +x` it, or install it again",
                path.display()
            );
            plan.unsolved.push(Unsolved { code, hint });
        } else if !may_change(case, &metadata) {
            plan.unsolved.push(Unsolved { code, hint: owner_hint(&path, &metadata) });
        } else {
            let mode = system::mode(&metadata);
            // Whoever may read it may run it.
            changes.push(with_mode(path, &metadata, mode | (mode & 0o444) >> 2 | 0o100));
        }
    }
    if !changes.is_empty() {
        let many = if changes.len() == 1 { "" } else { "s" };
        plan.steps.push(Step {
            action: Action::MakeExecutable,
            reasons: vec![code],
            what: format!("make {} {what}{many} executable", changes.len()),
            changes,
        });
    }
}

fn read_bits(case: &Case<'_>, asker: &Asker, plan: &mut Plan) {
    let mut changes = Vec::new();
    // What folders will give, top down: a file is opened as far as its folder is.
    let mut planned: BTreeMap<PathBuf, u32> = BTreeMap::new();
    let mut foreign: Option<(PathBuf, u32)> = None;
    for path in candidates(case) {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let regular = metadata.is_dir() || metadata.is_file();
        if !regular || asker.may_read(&metadata) {
            continue;
        }
        if !may_change(case, &metadata) {
            foreign.get_or_insert_with(|| (path.clone(), metadata.uid()));
            continue;
        }
        let around = path
            .parent()
            .and_then(|folder| planned.get(folder).copied().or_else(|| mode_of(folder)));
        let mode = opened(&metadata, around.filter(|_| !asker.owns(&metadata)));
        if mode != system::mode(&metadata) {
            planned.insert(path.clone(), mode);
            changes.push(with_mode(path, &metadata, mode));
        }
    }
    unsolved(case, foreign, changes.is_empty(), plan);
    if !changes.is_empty() {
        plan.steps.push(Step {
            action: Action::GiveRights,
            reasons: vec![Code::PermissionDenied],
            what: format!(
                "give back the right to read {} installed files and folders, as the folders around \
                 them have it",
                changes.len()
            ),
            changes,
        });
    }
}

fn unsolved(case: &Case<'_>, foreign: Option<(PathBuf, u32)>, nothing: bool, plan: &mut Plan) {
    let code = Code::PermissionDenied;
    let outside = case.of(code).flat_map(|finding| &finding.paths);
    let outside: Vec<&PathBuf> = outside.filter(|path| !path.starts_with(case.prefix())).collect();
    let hint = if let Some((path, owner)) = foreign {
        format!(
            "`{}` belongs to user {owner}: run the repair as that user or as root",
            path.display()
        )
    } else if let Some(path) = outside.first() {
        format!(
            "`{}` is not part of the environment: its owner can give the right to read it with \
             `chmod a+rX`",
            path.display()
        )
    } else if nothing {
        "what cannot be read was not put there by an installer: its owner can give the right with \
         `chmod u+rwX`, or `a+rX`"
            .to_owned()
    } else {
        return;
    };
    plan.unsolved.push(Unsolved { code, hint });
}

/// The bits with those that reading needs: for the owner, and as far as the folder around gives them
/// also for group and others.
fn opened(metadata: &Metadata, around: Option<u32>) -> u32 {
    let mode = system::mode(metadata);
    let runs = metadata.is_dir() || mode & 0o111 != 0;
    let owner = if metadata.is_dir() { 0o700 } else { 0o600 };
    let others = match around {
        Some(around) if runs => around & 0o055,
        // To search a folder is to read the files in it.
        Some(around) => (around & 0o011) << 2,
        None => 0,
    };
    mode | owner | others
}

/// What an installer puts into an environment, and the folders down to it; parents first.
fn candidates(case: &Case<'_>) -> BTreeSet<PathBuf> {
    let facts = case.subject.facts;
    let prefix = case.prefix();
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    let mut add = |path: &Path| {
        let below = path.ancestors().take_while(|above| above.starts_with(prefix));
        for above in below {
            if found.len() >= MAX_FILES || !found.insert(above.to_path_buf()) {
                break;
            }
        }
    };
    add(&prefix.join("pyvenv.cfg"));
    facts.scripts.iter().for_each(|folder| add(folder));
    for library in &facts.libraries {
        add(library.site_packages.as_ref().unwrap_or(&library.folder));
    }
    for interpreter in &facts.interpreters {
        add(&interpreter.path);
    }
    for site in &case.subject.installed.sites {
        for distribution in &site.distributions {
            walk(&distribution.info, &mut add);
            let Part::Read(record) = &distribution.record else { continue };
            for file in record.files.iter().filter(|file| !file.path.contains("..")) {
                add(&site.folder.join(&file.path));
            }
            for file in record.outside() {
                // Scripts: by their real place.
                add(&fs::canonical(&site.folder.join(&file.path)).unwrap_or_default());
            }
        }
        for finding in case.of(Code::PermissionDenied) {
            // Packages whose RECORD tells nothing.
            let packages =
                finding.paths.iter().filter(|path| path.parent() == Some(site.folder.as_path()));
            packages.for_each(|path| walk(path, &mut add));
        }
    }
    for path in case.of(Code::PermissionDenied).flat_map(|finding| &finding.paths) {
        add(path);
    }
    found
}

/// The path and all that is below it; links are not followed.
fn walk(path: &Path, add: &mut impl FnMut(&Path)) {
    let mut queue = vec![path.to_path_buf()];
    let mut left = MAX_FILES;
    while let Some(path) = queue.pop() {
        add(&path);
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let entries = if is_folder { fs::list(&path).unwrap_or_default() } else { Vec::new() };
        for entry in entries.iter().filter(|entry| entry.kind != Kind::Link).take(left) {
            left -= 1;
            queue.push(path.join(&entry.name));
        }
    }
}

/// A file with other names, as uv links those of its cache, becomes one of its own: bits are of the
/// file, not of the name, and the other names are not the environment's.
fn with_mode(path: PathBuf, metadata: &Metadata, mode: u32) -> Change {
    let shared = metadata.is_file() && metadata.nlink() > 1;
    match fs::read(&path, if shared { MAX_BYTES } else { 0 }) {
        Ok(bytes) if shared => {
            Change::Write { path, content: Content::Bytes(bytes), mode: Some(mode) }
        }
        _ => Change::Mode { path, mode },
    }
}

fn mode_of(path: &Path) -> Option<u32> {
    path.metadata().ok().map(|metadata| system::mode(&metadata))
}

/// Only its owner and root may change the bits of a file.
fn may_change(case: &Case<'_>, metadata: &Metadata) -> bool {
    let uid = case.subject.host.user.uid;
    uid == Some(0) || uid == Some(metadata.uid())
}

fn owner_hint(path: &Path, metadata: &Metadata) -> String {
    format!(
        "`{}` belongs to user {}: run the repair as that user or as root",
        path.display(),
        metadata.uid()
    )
}

#[cfg(test)]
mod tests {
    //! Not on Windows: rights are not modes there.

    use super::super::super::fabricated::Broken;
    use super::*;
    use crate::host::User;

    fn mode(broken: &Broken, path: &str) -> u32 {
        mode_of(&broken.prefix.join(path)).unwrap()
    }

    fn set(broken: &Broken, path: &str, mode: u32) {
        system::set_mode(&broken.prefix.join(path), mode).unwrap();
    }

    fn by_myself() -> Broken {
        let mut broken = Broken::new();
        broken.host.user = system::user();
        broken
    }

    #[test]
    fn execute_bits_are_given_back() {
        scripts_can_be_run_again();
        copies_of_the_interpreter_can_be_run_again();
        the_base_is_not_touched();
    }

    #[test]
    fn read_bits_are_given_back() {
        bits();
        root_opens_what_it_installed_for_others();
    }

    fn scripts_can_be_run_again() {
        let broken = by_myself();
        let place = broken.prefix.display();
        let script = format!("#!{place}/bin/python\nprint()\n");
        for (name, bits) in [("a", 0o644), ("b", 0o640), ("c", 0o600), ("d", 0o755)] {
            broken.write_mode(&format!("bin/{name}"), &script, bits);
        }
        broken.write_mode("bin/deploy.sh", "#!/bin/sh\n", 0o644);
        let cached = broken.root().join("cached");
        std::fs::hard_link(broken.prefix.join("bin/a"), &cached).unwrap();
        assert!(broken.has(Code::ScriptNotExecutable));
        let plan = broken.repair(super::plan);
        assert_eq!(plan.steps.len(), 1, "{plan:#?}");
        let modes =
            ["a", "b", "c", "d", "deploy.sh"].map(|name| mode(&broken, &format!("bin/{name}")));
        assert_eq!(modes, [0o755, 0o750, 0o700, 0o755, 0o644]);
        assert!(plan.steps[0].changes.iter().any(|change| matches!(change, Change::Write { .. })));
        assert_eq!(mode_of(&cached), Some(0o644));
        assert!(!broken.has(Code::ScriptNotExecutable));
    }

    fn copies_of_the_interpreter_can_be_run_again() {
        let broken = by_myself();
        // Any image will do.
        let image = std::fs::read("/proc/self/exe").or_else(|_| std::fs::read("/bin/sh")).unwrap();
        broken.write_mode("bin/python", &image, 0o644);
        broken.write_mode("bin/python3", &image, 0o644);
        if !broken.has(Code::InterpreterNotExecutable) {
            return;
        }
        broken.repair(super::plan);
        assert_eq!((mode(&broken, "bin/python"), mode(&broken, "bin/python3")), (0o755, 0o755));
        assert!(!broken.has(Code::InterpreterNotExecutable));
    }

    fn the_base_is_not_touched() {
        let broken = by_myself();
        let base = broken.root().join("python3.12");
        std::fs::write(&base, std::fs::read("/bin/sh").unwrap()).unwrap();
        system::set_mode(&base, 0o644).unwrap();
        std::fs::remove_file(broken.prefix.join("bin/python")).unwrap();
        system::symlink(&base, &broken.prefix.join("bin/python")).unwrap();
        assert!(broken.has(Code::InterpreterNotExecutable));
        let plan = broken.plan(super::plan);
        assert_eq!((plan.steps, plan.unsolved.len()), (Vec::new(), 1));
    }

    /// `sudo pip install` with umask 077, for an environment that stands open.
    fn masked(broken: &Broken) -> &'static str {
        let site = "lib/python3.12/site-packages";
        broken.install(
            "click",
            &[("click/__init__.py", b""), ("click/deep/a.py", b""), ("x.py", b"")],
        );
        broken.write(&format!("{site}/secret.txt"), "mine");
        broken.write("etc/key", "mine");
        let mut folders = vec![broken.prefix.clone()];
        folders.extend(broken.site().ancestors().take(2).map(Path::to_path_buf));
        let above = broken.prefix.ancestors().take_while(|path| path.starts_with(broken.root()));
        for folder in folders
            .iter()
            .map(PathBuf::as_path)
            .chain(above)
            .chain([broken.prefix.join("lib").as_path()])
        {
            system::set_mode(folder, 0o755).unwrap();
        }
        for path in [
            "click/__init__.py",
            "click/deep/a.py",
            "x.py",
            "secret.txt",
            "click-1.0.dist-info/METADATA",
            "click-1.0.dist-info/RECORD",
        ] {
            set(broken, &format!("{site}/{path}"), 0o600);
        }
        for path in ["click/deep", "click", "click-1.0.dist-info"] {
            set(broken, &format!("{site}/{path}"), 0o700);
        }
        set(broken, "etc/key", 0o600);
        site
    }

    fn root_opens_what_it_installed_for_others() {
        for owner in [Some(0), None] {
            let mut broken = Broken::new();
            let site = masked(&broken);
            broken.host.user = User { uid: Some(0), gids: vec![0] };
            let real = broken.prefix.metadata().unwrap().uid();
            // As root of this machine the environment is root's own; else it has another owner, who
            // may read everything already.
            if (real == 0) != (owner == Some(0)) {
                continue;
            }
            if real != 0 {
                assert!(!broken.has(Code::PermissionDenied));
                continue;
            }
            assert!(broken.has(Code::PermissionDenied));
            broken.repair(super::plan);
            let modes = |paths: &[&str]| -> Vec<u32> {
                paths.iter().map(|path| mode(&broken, &format!("{site}/{path}"))).collect()
            };
            assert_eq!(modes(&["click", "click/deep", "click-1.0.dist-info"]), [0o755; 3]);
            assert_eq!(
                modes(&[
                    "x.py",
                    "click/__init__.py",
                    "click/deep/a.py",
                    "click-1.0.dist-info/RECORD"
                ]),
                [0o644; 4]
            );
            // Nobody's business.
            assert_eq!(modes(&["secret.txt"]), [0o600]);
            assert_eq!(mode(&broken, "etc/key"), 0o600);
            assert!(!broken.has(Code::PermissionDenied));
        }
    }

    fn bits() {
        let folder = tempfile::tempdir().unwrap();
        let check = |is_folder: bool, mode: u32, around: Option<u32>, expected: u32| {
            let path = folder.path().join(format!("{is_folder}{mode:o}{around:?}"));
            if is_folder {
                std::fs::create_dir(&path).unwrap();
            } else {
                std::fs::write(&path, "").unwrap();
            }
            system::set_mode(&path, mode).unwrap();
            let found = opened(&path.metadata().unwrap(), around);
            assert_eq!(found, expected, "{is_folder} {mode:o} {around:?}: {found:o}");
            system::set_mode(&path, 0o700).unwrap();
        };
        check(false, 0o600, Some(0o755), 0o644);
        check(false, 0o700, Some(0o755), 0o755);
        check(false, 0o600, Some(0o750), 0o640);
        check(false, 0o000, None, 0o600);
        check(true, 0o700, Some(0o755), 0o755);
        check(true, 0o000, None, 0o700);
        check(true, 0o700, Some(0o777), 0o755);
        check(true, 0o1700, Some(0o755), 0o1755);
    }
}
