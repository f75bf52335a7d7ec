//! A home folder with environments of each kind is lost, its user is called otherwise, one Python is gone and of
//! another one there is only another release: what can be comes back without network, and the rest is said.
//!
//! Not on Windows: environments are made by the Pythons of pyenv, and with links.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::wheels::write_wheel;
use crate::support::python::{Python, succeeds};
use crate::support::{Home, write};

const MANY: usize = 100;
const MODULE: &str = "def main():\n    print('it works')\n";
/// What `setup.py develop` builds in place.
const EXTENSION: &str = r#"
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_speed", 0, -1, methods};
PyMODINIT_FUNC PyInit__speed(void) { return PyModule_Create(&module); }
"#;

/// Home folders of before and after, and what makes environments in them.
struct Lost {
    home: Home,
    python: Python,
    /// One whose release is not on the other machine.
    older: Python,
    /// One that is gone there.
    gone: Python,
    index: PathBuf,
}

impl Lost {
    fn new() -> Option<Lost> {
        let python = Python::find("3.12")?;
        let (older, gone) = (Python::find("3.11")?, Python::find("3.10")?);
        let home = Home::forgetful();
        let older = another_release(&home, &older);
        let index = home.join("index");
        for name in ["first", "second"] {
            python.wheel(&home, &index, name, "1.0", MODULE);
        }
        for number in 0..MANY {
            write_plain(&index, &format!("many_{number:03}"));
        }
        super::wheels::write_tool(&index);
        Some(Lost { home, python, older, gone, index })
    }

    fn environment(
        &self,
        of: &Python,
        name: &str,
        options: &[&str],
        installed: &[&str],
    ) -> PathBuf {
        let prefix = of.venv(&self.home, name, options);
        if !installed.is_empty() {
            // Of the one with pip for all: it is the same that is installed.
            self.python.install(&self.home, &prefix, &self.index, installed);
        }
        prefix
    }

    fn make_all(&self) {
        let python = &self.python;
        self.environment(python, "work/api/.venv", &["--prompt", "api"], &["first", "tool"]);
        self.environment(python, "work/copies/.venv", &["--copies"], &["first"]);
        self.environment(python, "work/system/.venv", &["--system-site-packages"], &["second"]);
        self.environment(python, "work/odd ñame/.venv", &[], &["first", "second", "tool"]);
        self.environment(python, "work/empty/.venv", &[], &[]);
        let many: Vec<String> = (0..MANY).map(|number| format!("many_{number:03}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        self.environment(python, "work/many/.venv", &[], &many);
        let edited = self.environment(python, "work/speed/.venv", &[], &["first"]);
        self.editable(&edited);
        let by_uv = self.environment(python, "work/uv/.venv", &[], &["first"]);
        made_by(&by_uv, "uv = 0.9.2\nversion_info = 3.12\n");
        let by_virtualenv = self.environment(python, "work/virtualenv/.venv", &[], &["second"]);
        made_by(&by_virtualenv, "virtualenv = 20.29.1\nversion_info = 3.12\n");
        self.environment(python, ".virtualenvs/wrapped", &[], &["tool"]);
        self.environment(&self.older, "work/older/.venv", &[], &["first"]);
        self.environment(&self.gone, "work/gone/.venv", &[], &["first"]);
    }

    /// An editable install of a project with a module in C.
    fn editable(&self, prefix: &Path) {
        let project = self.home.join("work/speed");
        write(&project.join("src/speed/__init__.py"), "from speed._speed import answer\n");
        write(&project.join("src/speed/_speed.c"), EXTENSION);
        let base = self.python.executable.ancestors().nth(2).unwrap();
        let name = "_speed.cpython-312-x86_64-linux-gnu.so";
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-I"])
            .arg(base.join("include/python3.12"))
            .arg(project.join("src/speed/_speed.c"))
            .arg("-o")
            .arg(project.join("src/speed").join(name))
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        let site = self.python.site(prefix);
        let info = site.join("speed-0.1.dist-info");
        let url = format!("file://{}", project.display());
        write(&site.join("__editable__.speed-0.1.pth"), format!("{}/src\n", project.display()));
        write(&info.join("METADATA"), "Metadata-Version: 2.1\nName: speed\nVersion: 0.1\n");
        write(
            &info.join("WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        );
        write(&info.join("INSTALLER"), "pip\n");
        write(
            &info.join("direct_url.json"),
            format!("{{\"dir_info\": {{\"editable\": true}}, \"url\": \"{url}\"}}"),
        );
        let files = ["METADATA", "WHEEL", "INSTALLER", "direct_url.json", "RECORD"];
        let lines = files.map(|name| format!("speed-0.1.dist-info/{name},,\n")).concat();
        write(&info.join("RECORD"), format!("__editable__.speed-0.1.pth,,\n{lines}"));
    }

    /// What pip says is installed.
    fn frozen(&self, home: &Path, prefix: &Path) -> String {
        let program = prefix.join("bin/python");
        let pip = ["-I", "-m", "pip", "--python", program.to_str().unwrap(), "freeze", "--all"];
        let said = succeeds(&self.python.executable, &self.home, pip);
        said.replace(home.to_str().unwrap(), "HOME")
    }
}

/// Its files say that they are of the release before.
fn another_release(home: &Home, python: &Python) -> Python {
    let base = python.executable.ancestors().nth(2).unwrap();
    let name = base.file_name().unwrap().to_str().unwrap();
    let (minor, patch) = name.rsplit_once('.').unwrap();
    let older = format!("{minor}.{}", patch.parse::<u32>().unwrap() - 1);
    let prefix = home.join(".pyenv/versions").join(&older);
    let headers = format!("include/python{minor}/patchlevel.h");
    let text = fs::read_to_string(base.join(&headers)).unwrap();
    write(&prefix.join(&headers), text.replace(name, &older));
    let library = format!("lib/python{minor}");
    fs::create_dir_all(prefix.join("lib")).unwrap();
    fs::create_dir_all(prefix.join("bin")).unwrap();
    std::os::unix::fs::symlink(base.join(&library), prefix.join(&library)).unwrap();
    let executable = prefix.join(format!("bin/python{minor}"));
    fs::copy(&python.executable, &executable).unwrap();
    Python::at(executable, "3.11")
}

/// As another program writes its file.
fn made_by(prefix: &Path, lines: &str) {
    let cfg = prefix.join("pyvenv.cfg");
    let text = fs::read_to_string(&cfg).unwrap();
    let home = text.lines().find(|line| line.starts_with("home")).unwrap();
    let text =
        format!("{home}\nimplementation = CPython\n{lines}include-system-site-packages = false\n");
    fs::write(cfg, text).unwrap();
}

fn write_plain(folder: &Path, name: &str) {
    let module = format!("{name}/__init__.py");
    let info = |file: &str| format!("{name}-1.0.dist-info/{file}");
    let metadata =
        format!("Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n", name.replace('_', "-"));
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let files =
        [(module.as_str(), MODULE), (&info("METADATA"), &metadata), (&info("WHEEL"), wheel)];
    write_wheel(&folder.join(format!("{name}-1.0-py3-none-any.whl")), &files);
}

const NAMES: [&str; 12] = [
    ".virtualenvs/wrapped",
    "work/api/.venv",
    "work/copies/.venv",
    "work/empty/.venv",
    "work/gone/.venv",
    "work/many/.venv",
    "work/odd ñame/.venv",
    "work/older/.venv",
    "work/speed/.venv",
    "work/system/.venv",
    "work/uv/.venv",
    "work/virtualenv/.venv",
];

#[test]
fn all_that_can_be_comes_back_and_the_rest_is_said() {
    let Some(lost) = Lost::new() else { return };
    lost.make_all();
    let old_home = lost.home.path().to_path_buf();
    let frozen: BTreeMap<&str, String> =
        NAMES.map(|name| (name, lost.frozen(&old_home, &lost.home.join(name)))).into();
    assert_eq!(frozen["work/many/.venv"].lines().count(), MANY);
    let create = ["backup", "create", "before.aiosb", "--wheels"];
    lost.home.aios(create.iter().chain(&NAMES)).exits_with(0);

    // A new machine: the same projects, the same Python and a newer release of another one.
    let later = Home::forgetful();
    fs::copy(lost.home.join("before.aiosb"), later.join("before.aiosb")).unwrap();
    fs::create_dir_all(later.join("work")).unwrap();
    let moved = Command::new("cp")
        .arg("-r")
        .args([lost.home.join("work/speed/src"), later.join("work/speed/src")].map(|path| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        }))
        .status();
    assert!(moved.unwrap().success());
    let versions = later.join(".pyenv/versions");
    fs::create_dir_all(&versions).unwrap();
    for minor in ["3.12", "3.11"] {
        let python = Python::find(if minor == "3.12" { "3.12" } else { "3.11" }).unwrap();
        let base = python.executable.ancestors().nth(2).unwrap().to_path_buf();
        std::os::unix::fs::symlink(&base, versions.join(base.file_name().unwrap())).unwrap();
    }
    for name in ["work", ".virtualenvs", "index", ".pyenv", "before.aiosb"] {
        let path = lost.home.join(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    let map = format!("{}={}", old_home.display(), later.path().display());
    let args = ["backup", "restore", "before.aiosb", "--map", &map, "--format", "json"];
    let answer = later.aios(args).exits_with(1);
    let document = answer.json();
    let rows = document["environments"].as_array().unwrap();
    assert_eq!(rows.len(), NAMES.len());
    let row = |name: &str| -> &Value {
        let prefix = later.join(name);
        rows.iter().find(|one| Path::new(one["prefix"].as_str().unwrap()) == prefix).unwrap()
    };
    let said = |name: &str| row(name)["differences"].to_string();
    for name in NAMES {
        let outcome = match name {
            "work/gone/.venv" => "not-restored",
            "work/older/.venv" | "work/uv/.venv" | "work/virtualenv/.venv" => "differs",
            _ => "exact",
        };
        assert_eq!(row(name)["outcome"], outcome, "{}", row(name));
    }
    assert!(row("work/gone/.venv")["why"].as_str().unwrap().contains("no Python 3.10"));
    assert!(!later.join("work/gone").exists());
    assert!(said("work/older/.venv").contains("in the place of 3.11."), "{rows:?}");
    assert!(said("work/uv/.venv").contains("made by venv, and was made by uv"), "{rows:?}");
    for name in ["work/older/.venv", "work/uv/.venv", "work/virtualenv/.venv"] {
        assert_eq!(row(name)["differences"].as_array().unwrap().len(), 1, "{}", said(name));
    }
    for name in NAMES.iter().filter(|name| **name != "work/gone/.venv") {
        assert_eq!(frozen[name], lost.frozen(later.path(), &later.join(name)), "{name}");
    }

    let run = |name: &str, code: &str| {
        succeeds(&later.join(name).join("bin/python"), &later, ["-I", "-c", code])
    };
    assert_eq!(run("work/api/.venv", "import first, tool; first.main()"), "it works\n");
    assert_eq!(run("work/older/.venv", "import first; first.main()"), "it works\n");
    assert_eq!(run("work/speed/.venv", "import speed; print(speed.answer())"), "42\n");
    let all = format!(
        "import {}",
        (0..MANY).map(|one| format!("many_{one:03}")).collect::<Vec<_>>().join(",")
    );
    assert_eq!(run("work/many/.venv", &all), "");
    for name in NAMES.iter().filter(|name| **name != "work/gone/.venv") {
        let checked = later.aios(["check", "--deep", "--format", "json", name]);
        let findings = checked.findings(&later.join(name));
        assert!(findings.iter().all(|(_, severity)| severity != "error"), "{name}: {findings:?}");
    }
}
