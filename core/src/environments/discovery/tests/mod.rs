//! Fabricated machines, and the leads that the sources name on them.
//!
//! An expected lead is a line: source, kind or `-`, form, and the path below the machine's root.

mod linux;
mod macos;
mod projects;
mod stores;
mod windows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Leads, Target, sources};
use crate::fs;
use crate::host::{Host, Platform};
use crate::registry::{Fabricated, Hive};
use crate::system::IGNORES_CASE;

/// A machine in a temporary folder.
struct Machine {
    folder: tempfile::TempDir,
    host: Host,
    registry: Fabricated,
}

impl Machine {
    fn new(platform: Platform) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        // On macOS the temporary folder is named by a link.
        let root = fs::canonical(folder.path()).unwrap();
        let mut host = Host::empty(platform, &root);
        let home = root.join(match platform {
            Platform::Linux => "home/me",
            Platform::MacOs => "Users/me",
            Platform::Windows => "C/Users/me",
        });
        std::fs::create_dir_all(&home).unwrap();
        host.home = Some(home);
        let mut machine = Machine { folder, host, registry: Fabricated::default() };
        if platform == Platform::Windows {
            for (name, below) in [
                ("SYSTEMDRIVE", "C"),
                ("PROGRAMFILES", "C/Program Files"),
                ("PROGRAMFILES(X86)", "C/Program Files (x86)"),
                ("PROGRAMDATA", "C/ProgramData"),
                ("LOCALAPPDATA", "C/Users/me/AppData/Local"),
                ("APPDATA", "C/Users/me/AppData/Roaming"),
            ] {
                machine.variable(name, below);
            }
        }
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.host.root.join(below)
    }

    /// A file, and the folders above it. `{root}` in its text stands for the machine's root.
    fn file(&self, below: &str, text: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Backslashes would be escapes in most of these files; Windows takes both.
        let root = self.host.root.to_str().unwrap().replace('\\', "/");
        std::fs::write(path, text.replace("{root}", &root)).unwrap();
    }

    /// Empty files.
    fn files(&self, below: &[&str]) {
        for file in below {
            self.file(file, "");
        }
    }

    /// A link. What is expected of it starts with `link: `, and is not on Windows: a link takes a
    /// right there that users lack.
    #[cfg(windows)]
    fn link(&self, _below: &str, _target: &str) {}

    #[cfg(unix)]
    fn link(&self, below: &str, target: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let target = target.replace("{root}", self.host.root.to_str().unwrap());
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// A variable that names a path below the root.
    fn variable(&mut self, name: &str, below: &str) {
        let path = self.path(below);
        self.host.variables.insert(name.into(), path.into());
    }

    /// A variable that names several folders.
    fn search_path(&mut self, name: &str, below: &[&str]) {
        let folders = below.iter().map(|folder| self.path(folder));
        let value = std::env::join_paths(folders).unwrap();
        self.host.variables.insert(name.into(), value);
    }

    /// A value of the registry that names a path below the root.
    fn key(&mut self, hive: Hive, key: &str, name: &str, below: &str) {
        let path = self.path(below).to_str().unwrap().to_owned();
        self.registry.values.insert((hive, key.to_owned(), name.to_owned()), path);
        self.host.registry = Arc::new(self.registry.clone());
    }

    /// Leads as lines, walks left out.
    fn lines(&self, leads: &Leads) -> Vec<String> {
        let mut lines: Vec<String> = leads
            .leads
            .iter()
            .filter_map(|lead| {
                let (form, path) = match &lead.target {
                    Target::Prefix(path) => ("prefix", path),
                    Target::Executable(path) => ("executable", path),
                    Target::Children(path) => ("children", path),
                    Target::Tree(_) => return None,
                };
                let kind = lead.kind.map_or("-", |kind| kind.as_str());
                let path = below_root(&self.host, path);
                Some(format!("{} {kind} {form} {path}", lead.source))
            })
            .collect();
        lines.sort();
        if IGNORES_CASE {
            // `Envs` and `envs` are one folder, and both are asked for.
            lines.reverse();
            lines.dedup_by_key(|line| line.to_lowercase());
            lines.reverse();
        }
        lines
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let leads = sources(&self.host);
        assert_eq!(leads.problems, [], "no problems");
        self.compare(&leads, expected);
    }

    #[track_caller]
    fn compare(&self, leads: &Leads, expected: &[&str]) {
        let mut expected: Vec<&str> = expected
            .iter()
            .filter_map(|line| match line.strip_prefix("link: ") {
                Some(_) if Platform::CURRENT == Platform::Windows => None,
                Some(line) => Some(line),
                None => Some(*line),
            })
            .collect();
        expected.sort_unstable();
        assert_eq!(self.lines(leads), expected);
    }

    /// The reasons given for the leads of one source.
    fn details(&self, source: super::Source) -> Vec<String> {
        let leads = sources(&self.host).leads;
        leads.into_iter().filter(|lead| lead.source == source).map(|lead| lead.detail).collect()
    }
}

/// A path below the machine's root, with slashes on every system.
fn below_root(host: &Host, path: &Path) -> String {
    path.strip_prefix(&host.root).unwrap_or(path).to_str().unwrap().replace('\\', "/")
}

#[test]
fn an_empty_machine_has_walks_and_nothing_else() {
    for platform in [Platform::Linux, Platform::MacOs, Platform::Windows] {
        let machine = Machine::new(platform);
        machine.check(&[]);
        let targets: Vec<Target> =
            sources(&machine.host).leads.into_iter().map(|lead| lead.target).collect();
        let home = machine.host.home.clone().unwrap();
        assert_eq!(targets, [Target::Tree(machine.host.root.clone()), Target::Tree(home)]);
        assert!(machine.folder.path().exists());
    }
}

#[test]
fn a_machine_without_home_and_a_service_in_the_root_have_no_walks() {
    let mut host = Host::empty(Platform::Linux, "/nowhere");
    host.current_dir = PathBuf::from("/");
    assert!(sources(&host).leads.is_empty());
}

#[test]
fn a_home_with_everything_is_named_in_the_order_of_precedence() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("VIRTUAL_ENV", "home/me/work/.venv");
    machine.search_path("PATH", &["usr/bin"]);
    machine.files(&[
        "usr/bin/python3.11",
        "home/me/work/.venv/pyvenv.cfg",
        "home/me/.pyenv/versions/3.12.1/bin/python",
        "home/me/.local/share/uv/tools/ruff/pyvenv.cfg",
        "home/me/miniforge3/envs/data/conda-meta/history",
        "home/me/.pixi/envs/ipython/conda-meta/history",
        "home/me/.cache/pypoetry/virtualenvs/shop/pyvenv.cfg",
        "home/me/.asdf/installs/python/3.10.1/bin/python",
        "home/linuxbrew/.linuxbrew/Cellar/python@3.12/3.12.1/bin/python3.12",
    ]);
    machine.file("home/me/bin/app", "#!{root}/srv2/bin/python\n");
    machine.file("usr/share/jupyter/kernels/k/kernel.json", "{\"argv\": [\"{root}/k/python3\"]}");
    machine.file("home/me/.config/Code/User/settings.json", "{\"python.venvPath\": \"~/v\"}");
    machine.file("etc/systemd/system/a.service", "ExecStart={root}/u/bin/python3\n");
    let leads = sources(&machine.host);
    assert_eq!(leads.problems, []);
    let order: Vec<&str> = leads.leads.iter().map(|lead| lead.source.as_str()).collect();
    let expected = "active path pyenv uv conda pixi store installer homebrew system shebang \
                    kernelspec editor unit workspace workspace";
    assert_eq!(order.join(" "), expected);
}
