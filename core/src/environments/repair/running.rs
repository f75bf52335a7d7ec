//! Which running processes use an environment: what they have loaded stays as it was, and what they
//! load next is what a repair left.
//!
//! Told from `/proc`, so on Linux alone; elsewhere nothing is said. A process counts when its program
//! lies in the environment, when it was started by a name in it (`.venv/bin/python` is a link to the
//! base's), or when a file of it is mapped. `VIRTUAL_ENV` is no proof: whatever is started from an
//! activated shell has it. Nor is the current folder, which a repair leaves where it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::fs;
use crate::host::{Host, Platform};
use crate::system;

/// Looked at, of all processes.
const MOST_PROCESSES: usize = 4096;

/// Named.
const MOST_NAMED: usize = 5;

/// Arguments and variables of a process; what follows tells nothing.
const MAX_BYTES: u64 = 64 * 1024;

/// A process with a thousand libraries has a list of about 500 KB.
const MAX_MAPS_BYTES: u64 = 1024 * 1024;

/// A process that uses an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// What was started: a path in the environment, or of the program that has a file of it mapped.
    pub program: PathBuf,
}

/// At most five processes that use the environment, by number. `prefix` is canonical.
pub fn running(host: &Host, prefix: &Path) -> Vec<Process> {
    if host.platform != Platform::Linux {
        return Vec::new();
    }
    let folder = host.place("/proc");
    let own = std::fs::read_link(folder.join("self")).ok();
    let number = |name: &OsStr| name.to_str()?.parse::<u32>().ok();
    let entries = fs::list_unsorted(&folder).unwrap_or_default();
    let mut pids: Vec<u32> = entries
        .iter()
        .filter(|entry| own.as_deref() != Some(Path::new(&entry.name)))
        .filter_map(|entry| number(&entry.name))
        .take(MOST_PROCESSES)
        .collect();
    pids.sort_unstable();
    let using = pids.into_iter().filter_map(|pid| {
        let program = used_by(&folder.join(pid.to_string()), prefix)?;
        Some(Process { pid, program })
    });
    using.take(MOST_NAMED).collect()
}

/// What a process was started as, when it uses the environment.
fn used_by(process: &Path, prefix: &Path) -> Option<PathBuf> {
    // Threads of the kernel have none; those of other users show none.
    let program = std::fs::read_link(process.join("exe")).ok();
    if let Some(program) = program.as_ref().filter(|program| program.starts_with(prefix)) {
        return Some(program.clone());
    }
    if let Some(name) = started_as(process, program.as_deref()).filter(|name| is_in(name, prefix)) {
        return Some(name);
    }
    let program = program?;
    let maps = fs::read_start(&process.join("maps"), MAX_MAPS_BYTES).ok()?;
    let folder = [b" ", prefix.as_os_str().as_encoded_bytes(), b"/"].concat();
    memchr::memmem::find(&maps, &folder).map(|_| program)
}

/// The path that a process was started by, links not followed, as Python itself tells it: the first
/// argument, searched for in `PATH` when it is a plain name.
fn started_as(process: &Path, program: Option<&Path>) -> Option<PathBuf> {
    let arguments = fs::read_start(&process.join("cmdline"), MAX_BYTES).ok()?;
    let first = path_of(arguments.split(|byte| *byte == 0).next()?)?;
    let cwd = || std::fs::read_link(process.join("cwd")).ok();
    if first.is_absolute() {
        return Some(first);
    }
    if first.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) {
        return Some(cwd()?.join(first));
    }
    let is_python = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        [&b"python"[..], b"pypy"].iter().any(|start| name.starts_with(start))
    };
    program?.file_name().filter(|name| is_python(name))?;
    let variables = fs::read_start(&process.join("environ"), MAX_BYTES).ok()?;
    let mut variables = variables.split(|byte| *byte == 0);
    let folders = path_of(variables.find_map(|one| one.strip_prefix(b"PATH="))?)?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(&first))
        .find(|path| path.is_absolute() && path.symlink_metadata().is_ok())
}

fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    system::path_of(bytes).filter(|path| !path.as_os_str().is_empty())
}

/// Whether a path lies in the environment, the links to its folder followed and its own not.
fn is_in(path: &Path, prefix: &Path) -> bool {
    let folder = path.parent().and_then(|folder| fs::canonical(folder).ok());
    folder.is_some_and(|folder| folder.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with processes: number, program, arguments, variables, maps.
    struct Machine {
        folder: tempfile::TempDir,
        host: Host,
        prefix: PathBuf,
    }

    impl Machine {
        /// `None` where users may make no links.
        fn new() -> Option<Machine> {
            if !system::HAS_LINKS {
                return None;
            }
            let folder = tempfile::tempdir().unwrap();
            let root = fs::canonical(folder.path()).unwrap();
            let prefix = root.join("home/alice/.venv");
            std::fs::create_dir_all(prefix.join("bin")).unwrap();
            std::fs::create_dir_all(root.join("usr/bin")).unwrap();
            std::fs::write(root.join("usr/bin/python3.12"), "").unwrap();
            system::symlink(&root.join("usr/bin/python3.12"), &prefix.join("bin/python")).unwrap();
            let host = Host::empty(Platform::Linux, root);
            Some(Machine { folder, host, prefix })
        }

        /// `exe` and what is in the texts below the root.
        fn start(&self, pid: u32, exe: &str, arguments: &str, variables: &str, maps: &str) {
            let process = self.host.place(&format!("/proc/{pid}"));
            std::fs::create_dir_all(&process).unwrap();
            let root = self.host.root.display().to_string();
            let text = |text: &str| text.replace("ROOT", &root).replace(' ', "\0");
            system::symlink(&self.host.place(exe), &process.join("exe")).unwrap();
            system::symlink(&self.host.place("/home/alice"), &process.join("cwd")).unwrap();
            std::fs::write(process.join("cmdline"), text(arguments)).unwrap();
            std::fs::write(process.join("environ"), text(variables)).unwrap();
            std::fs::write(process.join("maps"), maps.replace("ROOT", &root)).unwrap();
        }

        fn pids(&self) -> Vec<u32> {
            running(&self.host, &self.prefix).iter().map(|process| process.pid).collect()
        }
    }

    const PYTHON: &str = "/usr/bin/python3.12";

    #[test]
    fn each_proof_counts() {
        let Some(machine) = Machine::new() else { return };
        machine.start(2, "/home/alice/.venv/bin/node", "node", "", "");
        machine.start(3, PYTHON, "ROOT/home/alice/.venv/bin/python -m http.server", "", "");
        machine.start(4, PYTHON, ".venv/bin/python x.py", "", "");
        machine.start(5, PYTHON, "python x.py", "A=1 PATH=/usr/bin:ROOT/home/alice/.venv/bin", "");
        let map = "7f00-7f01 r-xp 0 08:01 7 ROOT/home/alice/.venv/lib/python3.12/x.so\n";
        machine.start(6, "/usr/sbin/uwsgi", "uwsgi", "", map);
        assert_eq!(machine.pids(), [2, 3, 4, 5, 6]);
        let of = |at: usize| running(&machine.host, &machine.prefix)[at].program.clone();
        assert_eq!(of(1), machine.prefix.join("bin/python"));
        assert_eq!(of(4), machine.host.place("/usr/sbin/uwsgi"));
        // No more than a few are named.
        machine.start(7, "/home/alice/.venv/bin/node", "node", "", "");
        assert_eq!(machine.pids(), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_proves_nothing() {
        let Some(machine) = Machine::new() else { return };
        let variable = "VIRTUAL_ENV=ROOT/home/alice/.venv PATH=ROOT/home/alice/.venv/bin";
        machine.start(2, "/bin/bash", "python", variable, "");
        machine.start(3, PYTHON, "python3.12 x.py", variable, "");
        let map = "7f00-7f01 r-xp 0 08:01 7 ROOT/home/alice/.venv2/lib/python3.12/x.so\n";
        machine.start(4, PYTHON, "ROOT/usr/bin/python3.12 ROOT/home/alice/.venv/x", "", map);
        // It is gone by the time it is looked at.
        std::fs::create_dir_all(machine.host.place("/proc/5")).unwrap();
        // This program itself.
        machine.start(6, "/home/alice/.venv/bin/aios", "aios", "", "");
        system::symlink(Path::new("6"), &machine.host.place("/proc/self")).unwrap();
        assert!(machine.pids().is_empty(), "{:?}", machine.pids());
    }

    #[test]
    fn another_platform_has_no_such_folder() {
        let Some(mut machine) = Machine::new() else { return };
        machine.start(2, "/home/alice/.venv/bin/node", "node", "", "");
        assert_eq!(machine.pids(), [2]);
        machine.host.platform = Platform::MacOs;
        assert!(machine.pids().is_empty(), "{:?}", machine.pids());
        machine.host.platform = Platform::Linux;
        machine.host.root = machine.folder.path().join("home");
        assert!(machine.pids().is_empty(), "{:?}", machine.pids());
    }
}
