//! Machines of each system, fabricated below a root folder: what a repair writes in the layout of each.
//!
//! Not on Windows: interpreters of the other systems are links. Its own are in `tests/windows/`.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use aios_core::environments::inspection::{Earlier, examine_one};
use aios_core::environments::repair::{self, Case, Options, Plan, RealDisk, Session, Verdict};
use aios_core::{Host, Platform, Severity};

use crate::support::{differences, elf, pe, system, timeless, tree, write};

pub(super) struct Machine {
    pub(super) host: Host,
    _folder: tempfile::TempDir,
}

impl Machine {
    pub(super) fn new(platform: Platform) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let root = aios_core::fs::canonical(folder.path()).unwrap();
        let mut host = Host::empty(platform, root);
        host.home = Some(host.place("/home/me"));
        let local = host.place("/home/me/AppData/Roaming");
        host.variables.insert("APPDATA".into(), local.into());
        Machine { host, _folder: folder }
    }

    pub(super) fn at(&self, place: &str) -> PathBuf {
        self.host.place(place)
    }

    fn link(&self, place: &str, target: &Path) {
        fs::create_dir_all(self.at(place).parent().unwrap()).unwrap();
        system::symlink(target, self.at(place)).unwrap();
    }

    /// An installation; `name` is `python3.12`. Gives its interpreter.
    pub(super) fn python(&self, prefix: &str, name: &str, version: &str) -> PathBuf {
        let prefix = self.at(prefix);
        let windows = self.host.platform == Platform::Windows;
        let (library, executable) = match windows {
            true => (prefix.join("Lib"), prefix.join("python.exe")),
            false => (prefix.join("lib").join(name), prefix.join("bin").join(name)),
        };
        for module in ESSENTIAL {
            write(&library.join(module), "# part of the standard library\n");
        }
        let image = match self.host.platform {
            Platform::Linux => elf(62, version),
            Platform::MacOs => system::macho(),
            Platform::Windows => pe(0x8664, version),
        };
        write(&executable, &image);
        if windows {
            let digits = name.trim_start_matches("python").replace('.', "");
            write(&prefix.join(format!("python{digits}.dll")), &image);
            write(&prefix.join("pythonw.exe"), &image);
            for name in ["venvlauncher.exe", "venvwlauncher.exe"] {
                write(&library.join("venv/scripts/nt").join(name), &image);
            }
        } else {
            system::set_mode(&executable, 0o755);
        }
        let header = format!("#define PY_VERSION \"{version}\"\n");
        let include = if windows { "include".to_owned() } else { format!("include/{name}") };
        write(&prefix.join(include).join("patchlevel.h"), header);
        executable
    }

    /// `~/work/<name>` of `name` (`python3.12`), with an extension whose tag tells what it is for.
    pub(super) fn venv(&self, name: &str, python: &str, target: &Path) -> PathBuf {
        let prefix = self.at("/home/me/work").join(name);
        let digits = python.trim_start_matches("python").replace('.', "");
        let (site, image) = match self.host.platform {
            Platform::Windows => {
                for program in ["python.exe", "pythonw.exe", &format!("{python}.exe")] {
                    write(&prefix.join("Scripts").join(program), pe(0x8664, "a program"));
                }
                let place = format!("@echo off\r\nset \"VIRTUAL_ENV={}\"\r\n", prefix.display());
                write(&prefix.join("Scripts/activate.bat"), place);
                let name = format!("fast.cp{digits}-win_amd64.pyd");
                (prefix.join("Lib/site-packages"), (name, pe(0x8664, "PyInit_fast\0")))
            }
            platform => {
                let place = format!("VIRTUAL_ENV='{}'\n", prefix.display());
                write(&prefix.join("bin/activate"), place);
                system::symlink(target, prefix.join("bin/python")).unwrap();
                for other in ["python3", python] {
                    system::symlink("python", prefix.join("bin").join(other)).unwrap();
                }
                let site = prefix.join("lib").join(python).join("site-packages");
                match platform {
                    Platform::Linux => {
                        system::symlink("lib", prefix.join("lib64")).unwrap();
                        let name = format!("fast.cpython-{digits}-x86_64-linux-gnu.so");
                        (site, (name, elf(62, "PyInit_fast\0")))
                    }
                    _ => (site, (format!("fast.cpython-{digits}-darwin.so"), system::macho())),
                }
            }
        };
        write(&site.join(image.0), image.1);
        prefix
    }

    fn look(&self, prefix: &Path) -> (Plan, Vec<String>) {
        self.look_with(prefix, &Options::default())
    }

    /// The plan, and the codes of what is wrong.
    pub(super) fn look_with(&self, prefix: &Path, options: &Options) -> (Plan, Vec<String>) {
        examine_one(&self.host, prefix, &Earlier::new(&self.host, None), |subject, findings| {
            let plan = repair::plan(&Case { subject, findings, options });
            let bad = findings.iter().filter(|finding| finding.severity > Severity::Info);
            (plan, bad.map(|finding| finding.code.as_str().to_owned()).collect())
        })
        .expect("an environment")
    }

    /// Repairs it, looks again, and says what is in `pyvenv.cfg` after it.
    fn repaired(&self, prefix: &Path, codes: &[&str]) -> String {
        let (plan, found) = self.look(prefix);
        assert_eq!(found, codes);
        assert_eq!(plan.unsolved, [], "{plan:#?}");
        let session = Session::begin(&RealDisk, prefix).unwrap();
        session.carry_out(&plan, || Verdict::Keep).unwrap();
        drop(session);
        assert_eq!(self.look(prefix).1, Vec::<String>::new(), "{plan:#?}");
        fs::read_to_string(prefix.join("pyvenv.cfg")).unwrap()
    }

    /// What it says is missing; nothing is planned.
    fn refused(&self, prefix: &Path) -> String {
        let before = tree(prefix);
        let (plan, _) = self.look(prefix);
        assert_eq!(plan.steps, []);
        assert_eq!(differences(&timeless(&before), &timeless(&tree(prefix))), "");
        plan.unsolved.into_iter().map(|one| format!("{}: {}\n", one.code, one.hint)).collect()
    }
}

/// Without these no interpreter starts.
const ESSENTIAL: [&str; 14] = [
    "os.py",
    "site.py",
    "codecs.py",
    "io.py",
    "abc.py",
    "stat.py",
    "types.py",
    "genericpath.py",
    "encodings/__init__.py",
    "encodings/aliases.py",
    "encodings/utf_8.py",
    "importlib/__init__.py",
    "collections/__init__.py",
    "functools.py",
];

const UV: &str = "/home/me/.local/share/uv/python";
const UV_ON_WINDOWS: &str = "/home/me/AppData/Roaming/uv/python";

/// A free-threaded environment lost its marker; the same minor version with the GIL does not fit.
#[test]
fn a_free_threaded_environment_without_its_marker() {
    let machine = Machine::new(Platform::Linux);
    machine.python(&format!("{UV}/cpython-3.14.2-linux-x86_64-gnu"), "python3.14", "3.14.2");
    let free = format!("{UV}/cpython-3.14.2+freethreaded-linux-x86_64-gnu");
    let python = machine.python(&free, "python3.14t", "3.14.2");
    let prefix = machine.venv(".venv314t", "python3.14t", &python);
    let cfg = machine.repaired(&prefix, &["pyvenv-cfg-missing"]);
    let expected = format!(
        "home = {home}\ninclude-system-site-packages = false\nversion = 3.14.2\n\
         executable = {python}\ncommand = {python} -m venv {prefix}\n",
        home = python.parent().unwrap().display(),
        python = python.display(),
        prefix = prefix.display()
    );
    assert_eq!(cfg, expected);
}

#[test]
fn without_a_free_threaded_base_it_is_refused() {
    let machine = Machine::new(Platform::Linux);
    let gil =
        machine.python(&format!("{UV}/cpython-3.14.2-linux-x86_64-gnu"), "python3.14", "3.14.2");
    for target in [machine.at("/gone/bin/python3.14t"), gil] {
        let prefix = machine.venv(".venv314t", "python3.14t", &target);
        let hint = machine.refused(&prefix);
        assert!(hint.contains("install Python 3.14 (free-threaded)"), "{hint}");
        assert!(hint.contains("`uv python install 3.14t`"), "{hint}");
        fs::remove_dir_all(prefix).unwrap();
    }
}

/// The same in the layout of Windows, where the interpreter is a program that reads the marker.
#[test]
fn the_same_on_windows() {
    let machine = Machine::new(Platform::Windows);
    let gil = format!("{UV_ON_WINDOWS}/cpython-3.14.2-windows-x86_64-none");
    machine.python(&gil, "python3.14", "3.14.2");
    let prefix = machine.venv(".venv314t", "python3.14t", Path::new(""));
    let hint = machine.refused(&prefix);
    assert!(hint.contains("install Python 3.14 (free-threaded)"), "{hint}");

    let free = format!("{UV_ON_WINDOWS}/cpython-3.14.2+freethreaded-windows-x86_64-none");
    let python = machine.python(&free, "python3.14t", "3.14.2");
    let cfg = machine.repaired(&prefix, &["pyvenv-cfg-missing"]);
    let expected = format!(
        "home = {home}\r\ninclude-system-site-packages = false\r\nversion = 3.14.2\r\n\
         executable = {python}\r\ncommand = {python} -m venv {prefix}\r\n",
        home = python.parent().unwrap().display(),
        python = python.display(),
        prefix = prefix.display()
    );
    assert_eq!(cfg, expected);
}

#[test]
fn an_interpreter_without_a_console_is_given_back() {
    let machine = Machine::new(Platform::Windows);
    let base = format!("{UV_ON_WINDOWS}/cpython-3.12.4-windows-x86_64-none");
    let python = machine.python(&base, "python3.12", "3.12.4");
    let prefix = machine.venv("lost", "python3.12", Path::new(""));
    let home = python.parent().unwrap();
    write(&prefix.join("pyvenv.cfg"), format!("home = {}\nversion = 3.12.4\n", home.display()));
    assert_eq!(machine.look(&prefix), (empty(&prefix), Vec::new()));
    let before = tree(&prefix);
    let pythonw = prefix.join("Scripts/pythonw.exe");
    fs::remove_file(&pythonw).unwrap();
    machine.repaired(&prefix, &["pythonw-missing"]);
    let launcher = home.join("Lib/venv/scripts/nt/venvwlauncher.exe");
    assert_eq!(fs::read(&pythonw).unwrap(), fs::read(launcher).unwrap());
    let others = |mut tree: crate::support::Tree| {
        tree.remove(&pythonw);
        tree
    };
    assert_eq!(differences(&others(before), &others(tree(&prefix))), "");
    // A base without one makes environments without one.
    fs::remove_file(home.join("pythonw.exe")).unwrap();
    fs::remove_file(&pythonw).unwrap();
    assert_eq!(machine.look(&prefix), (empty(&prefix), Vec::new()));
}

/// python.org's installer.
#[test]
fn a_framework_of_macos() {
    let machine = Machine::new(Platform::MacOs);
    let framework = "/Library/Frameworks/Python.framework/Versions/3.12";
    let python = machine.python(framework, "python3.12", "3.12.4");
    let home = format!("home = {}\n", python.parent().unwrap().display());

    let lost = machine.venv("lost", "python3.12", &python);
    let cfg = machine.repaired(&lost, &["pyvenv-cfg-missing"]);
    assert!(cfg.starts_with(&home), "{cfg}");
    assert!(cfg.contains(&format!("executable = {}\n", python.display())), "{cfg}");

    // It stood on another one, which was uninstalled.
    let gone = machine.at("/opt/local/Library/Frameworks/Python.framework/Versions/3.12/bin");
    let dangling = machine.venv("dangling", "python3.12", &gone.join("python3.12"));
    write(&dangling.join("pyvenv.cfg"), format!("home = {}\nversion = 3.12.1\n", gone.display()));
    let cfg = machine.repaired(&dangling, &["pyvenv-cfg-home-stale", "interpreter-dangling"]);
    assert_eq!(cfg, format!("{home}version = 3.12.1\n"));
    assert_eq!(fs::read_link(dangling.join("bin/python")).unwrap(), python);
}

/// Homebrew keeps one release of each minor version: an upgrade removes the folder of the old one.
#[test]
fn a_keg_of_homebrew_was_upgraded() {
    let machine = Machine::new(Platform::MacOs);
    let framework = "Frameworks/Python.framework/Versions/3.12";
    let keg = |release: &str| format!("/opt/homebrew/Cellar/python@3.12/{release}");
    let new = machine.python(&format!("{}/{framework}", keg("3.12.5")), "python3.12", "3.12.5");
    let in_framework = Path::new("..").join(framework).join("bin/python3.12");
    machine.link(&format!("{}/bin/python3.12", keg("3.12.5")), &in_framework);
    machine.link("/opt/homebrew/opt/python@3.12", Path::new("../Cellar/python@3.12/3.12.5"));
    machine.link(
        "/opt/homebrew/bin/python3.12",
        Path::new("../Cellar/python@3.12/3.12.5/bin/python3.12"),
    );
    let stable = machine.at("/opt/homebrew/opt/python@3.12/bin");

    // By the name that survives upgrades: nothing is wrong with it, nor does it change when it is repaired.
    let healthy = machine.venv("healthy", "python3.12", &stable.join("python3.12"));
    let cfg = format!("home = {}\nversion = 3.12.1\n", stable.display());
    write(&healthy.join("pyvenv.cfg"), &cfg);
    assert_eq!(machine.look(&healthy), (empty(&healthy), Vec::new()));
    fs::remove_file(healthy.join("pyvenv.cfg")).unwrap();
    let cfg = machine.repaired(&healthy, &["pyvenv-cfg-missing"]);
    assert!(cfg.starts_with(&format!("home = {}\n", stable.display())), "{cfg}");
    assert!(cfg.contains("version = 3.12.5\n"), "{cfg}");

    // By the name of its release, which is gone.
    let old = machine.at(&format!("{}/{framework}/bin", keg("3.12.1")));
    let stale = machine.venv("stale", "python3.12", &old.join("python3.12"));
    write(&stale.join("pyvenv.cfg"), format!("home = {}\nversion = 3.12.1\n", old.display()));
    let cfg = machine.repaired(&stale, &["pyvenv-cfg-home-stale", "interpreter-dangling"]);
    let link = fs::read_link(stale.join("bin/python")).unwrap();
    assert_eq!(aios_core::fs::canonical(&link).unwrap(), new);
    assert_eq!(link, stable.join("python3.12"), "the next upgrade does not break it again");
    assert_eq!(cfg, format!("home = {}\nversion = 3.12.1\n", stable.display()));
}

fn empty(prefix: &Path) -> Plan {
    Plan { prefix: prefix.to_path_buf(), ..Plan::default() }
}
