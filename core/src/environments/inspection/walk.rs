//! Walks folders in parallel, as deep as they go, within bounds; names what could be an environment.
//!
//! Links to folders are not followed, so that no cycle can hold the walk; a link to an environment
//! is one of its names. Folders that hold nothing but objects and caches are skipped by name.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::guard::guarded;
use super::{Limits, Progress};
use crate::environments::Problem;
use crate::environments::facts;
use crate::environments::repair::recreate::is_aside;
use crate::fs::{self, Entry, Folder, Kind, Stamp};
use crate::host::{Host, Platform};

/// What the walk asks of whoever wants its results. Called from several threads.
pub(super) trait Visit: Sync {
    /// A folder that could be an environment, with its entries. True when it is one: then only what
    /// no environment has of itself is walked below it.
    fn candidate(&self, folder: &Folder, entries: Vec<Entry>) -> Verdict;
    /// A link whose target holds `pyvenv.cfg`.
    fn link(&self, link: &Path);
    /// Any other folder that was listed, before its children. Its stamp is from before the listing.
    fn folder(&self, folder: &Path, stamp: Option<Stamp>, entries: &[Entry], candidate: bool);
    /// The stamp of a folder that is about to be looked into, if it will be asked for again.
    fn stamp(&self, folder: &Path) -> Option<Stamp>;
    /// What a walk goes into in a folder that is as the last run found it, so that it need not be
    /// listed, and whether it is an environment.
    fn remembered(&self, folder: &Path) -> Option<(bool, Vec<Entry>)>;
}

/// What the last run went into below an unchanged folder, or what `look` finds there now.
fn entries_below(
    folder: &Path,
    visit: &impl Visit,
    look: impl FnOnce() -> Vec<Entry>,
) -> Vec<Entry> {
    if let Some((_, entries)) = visit.remembered(folder) {
        return entries;
    }
    let stamp = visit.stamp(folder);
    let entries = look();
    visit.folder(folder, stamp, &entries, false);
    entries
}

/// What a candidate turned out to be.
pub(super) enum Verdict {
    /// An environment; its entries come back.
    Environment(Vec<Entry>),
    /// Something else; its entries come back.
    Nothing(Vec<Entry>),
}

/// One walk over several roots.
pub(super) struct Walk<'a> {
    host: &'a Host,
    limits: Limits,
    progress: &'a Progress,
    end: Instant,
    entries: AtomicUsize,
    /// Tasks that are queued or worked on; the walk ends when there are none.
    pending: AtomicUsize,
    cut_short: AtomicBool,
    foreign: HashSet<PathBuf>,
    problems: Mutex<Vec<Problem>>,
}

struct Task {
    folder: PathBuf,
    depth: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(host: &'a Host, limits: Limits, progress: &'a Progress) -> Walk<'a> {
        Walk {
            host,
            limits,
            progress,
            end: Instant::now() + limits.time,
            entries: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            cut_short: AtomicBool::new(false),
            foreign: foreign_mounts(host),
            problems: Mutex::default(),
        }
    }

    /// Walks the roots (canonical paths) and returns what could not be looked at.
    pub(super) fn run(self, roots: &[PathBuf], visit: &impl Visit) -> Vec<Problem> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        for root in roots {
            self.pending.fetch_add(1, Ordering::Relaxed);
            // The channel outlives the walk; sending cannot fail.
            let _ = sender.send(Task { folder: root.clone(), depth: 0 });
        }
        std::thread::scope(|scope| {
            for _ in 1..threads() {
                scope.spawn(|| self.work(&sender, &receiver, visit));
            }
            self.work(&sender, &receiver, visit);
        });
        if self.cut_short.load(Ordering::Relaxed) && !self.progress.stopped() {
            for root in roots {
                self.problem(
                    root,
                    "the walk ended early: the limit of entries or of time was reached",
                );
            }
        }
        self.problems.into_inner().unwrap_or_default()
    }

    fn work(&self, sender: &Sender<Task>, receiver: &Receiver<Task>, visit: &impl Visit) {
        let mut own: Vec<Task> = Vec::new();
        loop {
            let task = match own.pop() {
                Some(task) => task,
                None => match receiver.recv_timeout(Duration::from_millis(1)) {
                    Ok(task) => task,
                    Err(_) if self.pending.load(Ordering::Acquire) == 0 => return,
                    Err(_) => continue,
                },
            };
            let before = own.len();
            let panicked = guarded(&task.folder, || self.step(&task, visit, &mut own));
            if let (Some(problem), Ok(mut problems)) = (panicked, self.problems.lock()) {
                problems.push(problem);
            }
            self.pending.fetch_add(own.len() - before, Ordering::Relaxed);
            // Pairs with the Acquire load above: who sees zero sees all results.
            self.pending.fetch_sub(1, Ordering::AcqRel);
            // Keep the newest (the walk stays depth-first and its queue short), share the oldest.
            if own.len() > 1 && receiver.is_empty() {
                for task in own.drain(..own.len() / 2) {
                    let _ = sender.send(task);
                }
            }
        }
    }

    fn step(&self, task: &Task, visit: &impl Visit, own: &mut Vec<Task>) {
        let over =
            self.entries.load(Ordering::Relaxed) > self.limits.entries || Instant::now() > self.end;
        if over || self.progress.stopped() {
            self.cut_short.store(true, Ordering::Relaxed);
            return;
        }
        if task.depth > 0 && !self.foreign.is_empty() && self.foreign.contains(&task.folder) {
            let advice =
                "is a network or system mount and is not walked; name it to have it walked";
            return self.problem(&task.folder, advice);
        }
        if let Some((environment, entries)) = visit.remembered(&task.folder) {
            self.progress.folders.fetch_add(1, Ordering::Relaxed);
            return self.children(task, &entries, environment, visit, own);
        }
        let opened = Folder::open(task.folder.clone());
        let listed = opened.and_then(|folder| Ok((folder.stamp(), folder.entries()?, folder)));
        let (stamp, opened, entries) = match listed {
            Ok((stamp, entries, folder)) => (stamp.map(|(stamp, _)| stamp), folder, entries),
            // It vanished between the listing of its parent and now.
            Err(error) if fs::missing(&error) && task.depth > 0 => return,
            Err(error) => return self.problem(&task.folder, reason(&error)),
        };
        self.progress.folders.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_add(entries.len(), Ordering::Relaxed);
        let candidate = facts::could_be(&entries);
        let (environment, entries) = match candidate {
            true => match visit.candidate(&opened, entries) {
                Verdict::Environment(entries) => (true, entries),
                Verdict::Nothing(entries) => (false, entries),
            },
            false => (false, entries),
        };
        let entered = if is_build_output(&entries) { Vec::new() } else { entries };
        visit.folder(&task.folder, stamp, &entered, candidate);
        if task.depth >= self.limits.depth {
            return self.problem(
                &task.folder,
                "is as deep as a walk goes; what is below was not looked at",
            );
        }
        self.children(task, &entered, environment, visit, own);
    }

    fn children(
        &self,
        task: &Task,
        entries: &[Entry],
        environment: bool,
        visit: &impl Visit,
        own: &mut Vec<Task>,
    ) {
        for entry in entries {
            let path = || fs::below(&task.folder, &entry.name);
            match entry.kind {
                Kind::Folder if environment && part_of_environment(entry) => {}
                Kind::Folder if entry.name == "node_modules" => {
                    self.packages_of_node(&path(), 0, visit, own, task.depth);
                }
                Kind::Folder if is_heavy(self.host, &task.folder, entry) => {}
                Kind::Folder if is_aside(&task.folder, &entry.name) => {}
                Kind::Folder => own.push(Task { folder: path(), depth: task.depth + 1 }),
                Kind::Link if !environment && is_environment(&path()) => visit.link(&path()),
                _ => {}
            }
        }
    }

    /// `node_modules` holds a hundred thousand folders and now and then an environment directly in a
    /// package: one look for the usual names in each package, no walk.
    fn packages_of_node(
        &self,
        folder: &Path,
        level: usize,
        visit: &impl Visit,
        own: &mut Vec<Task>,
        depth: usize,
    ) {
        let list = || fs::list_unsorted(folder).unwrap_or_default();
        for entry in entries_below(folder, visit, list) {
            if entry.kind != Kind::Folder {
                continue;
            }
            let package = fs::below(folder, &entry.name);
            if level == 0 && entry.name.as_encoded_bytes().starts_with(b"@") {
                self.packages_of_node(&package, 1, visit, own, depth);
                continue;
            }
            let environments = || {
                let named = [".venv", "venv"].into_iter();
                let there = named.filter(|name| fs::is_folder(&fs::below(&package, name)));
                there
                    .map(|name| Entry { name: name.into(), kind: Kind::Folder, inode: 0 })
                    .collect()
            };
            for environment in entries_below(&package, visit, environments) {
                let folder = fs::below(&package, &environment.name);
                own.push(Task { folder, depth: depth + 3 });
            }
        }
    }

    fn problem(&self, path: &Path, message: impl Into<String>) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.push(Problem::new(path, message));
        }
    }
}

/// Whether a walk passes a folder by for its name.
pub(super) fn is_heavy(host: &Host, folder: &Path, entry: &Entry) -> bool {
    let Some(name) = entry.name.to_str() else { return false };
    let in_home = || host.home.as_deref() == Some(folder);
    HEAVY.contains(&name)
        || HEAVY_IN_HOME.contains(&name) && in_home()
        || HEAVY_PAIRS.iter().any(|(parent, child)| *child == name && folder.ends_with(parent))
}

impl Progress {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Work is short and waits for the disk now and then; more than eight threads gain nothing.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().clamp(1, 8))
}

pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::NotADirectory => "is not a folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

fn is_environment(link: &Path) -> bool {
    fs::is_file(&link.join("pyvenv.cfg"))
}

/// Cargo's output folder, whatever it is called.
pub(super) fn is_build_output(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.name == ".rustc_info.json")
}

/// What every environment has of its own: no project and no other environment is in there.
pub(super) fn part_of_environment(entry: &Entry) -> bool {
    const OWN: &[&str] = &[
        "bin",
        "lib",
        "lib64",
        "include",
        "share",
        "etc",
        "man",
        "Scripts",
        "Lib",
        "Include",
        "DLLs",
        "libs",
        "Tools",
        "tcl",
        "conda-meta",
        "condabin",
        "pkgs",
        "var",
        "ssl",
        "sbin",
        "libexec",
        "compiler_compat",
        "shell",
        "Library",
        "x86_64-conda-linux-gnu",
        "x86_64-conda_cos6-linux-gnu",
        "aarch64-conda-linux-gnu",
        "resources",
        "plugins",
        "mkspecs",
        "translations",
        "qml",
        "phrasebooks",
        "fonts",
        "lib-dynload",
        "__pycache__",
    ];
    entry.name.to_str().is_some_and(|name| OWN.contains(&name))
}

/// Stores of objects, caches and histories, wherever they are.
const HEAVY: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    "__pycache__",
    "site-packages",
    "dist-packages",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".terraform",
    ".gradle",
    ".m2",
    ".ivy2",
    ".nuget",
    ".npm",
    ".pnpm-store",
    ".yarn",
    ".bun",
    ".deno",
    ".rustup",
    ".cargo",
    ".stack",
    ".cabal",
    ".ghcup",
    ".opam",
    ".gem",
    ".dart_tool",
    ".pub-cache",
    "bower_components",
    "Pods",
    "DerivedData",
    ".Trash",
    ".Trashes",
    ".Spotlight-V100",
    ".fseventsd",
    "lost+found",
    "$RECYCLE.BIN",
    "System Volume Information",
    ".vscode-server",
    ".wine",
];

/// Directly below the home folder. What environments these hold, the stores' own sources name.
const HEAVY_IN_HOME: &[&str] =
    &[".cache", "snap", ".mozilla", ".thunderbird", ".steam", ".docker", ".minikube"];

/// A folder that is heavy below another one.
const HEAVY_PAIRS: &[(&str, &str)] = &[
    ("share", "Trash"),
    ("share", "containers"),
    ("share", "flatpak"),
    ("share", "Steam"),
    ("go", "pkg"),
    ("Library", "Caches"),
    ("Library", "Developer"),
    ("Library", "Mail"),
    ("AppData", "LocalLow"),
    ("Local", "Temp"),
    ("Local", "Microsoft"),
    ("Local", "Packages"),
];

/// Mount points of file systems that may hang (network) or that hold no files (`/proc`).
pub(super) fn foreign_mounts(host: &Host) -> HashSet<PathBuf> {
    const FOREIGN: &[&str] = &[
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "autofs",
        "davfs",
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.gvfsd-fuse",
        "fuse.davfs2",
        "proc",
        "sysfs",
        "devpts",
        "cgroup2",
        "cgroup",
        "debugfs",
        "tracefs",
    ];
    if host.platform != Platform::Linux {
        return HashSet::new();
    }
    // `36 35 98:0 / /mnt/point rw,noatime - nfs4 server:/path rw` (proc(5)).
    let text = std::fs::read_to_string(host.place("/proc/self/mountinfo")).unwrap_or_default();
    let point = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let kind = right.split(' ').next()?;
        let point = left.split(' ').nth(4)?;
        FOREIGN.contains(&kind).then(|| PathBuf::from(point.replace("\\040", " ")))
    };
    text.lines().filter_map(point).collect()
}
