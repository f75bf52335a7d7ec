//! A home folder with environments of each kind is lost, its user is called otherwise, one Python is gone and of
//! another one there is only another release: what can be comes back without network, and the rest is said.
//!
//! Environments are made by the programs themselves: `venv`, virtualenv, uv, pip, setuptools.
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
use crate::support::tools::Tools;
use crate::support::{Answer, Home, write};

const MANY: usize = 100;
const MODULE: &str = "def main():\n    print('it works')\n";
/// What an editable install builds in place.
const EXTENSION: &str = r#"
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_speed", 0, -1, methods};
PyMODINIT_FUNC PyInit__speed(void) { return PyModule_Create(&module); }
"#;

const PROJECT: &str = r#"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "speed"
version = "0.1"
[tool.setuptools]
package-dir = {"" = "src"}
packages = ["speed"]
ext-modules = [{name = "speed._speed", sources = ["src/speed/_speed.c"]}]
"#;

/// A home folder, and what makes environments in it.
struct Lost {
    home: Home,
    tools: &'static Tools,
    python: Python,
    /// One whose release is not on the other machine.
    older: Python,
    /// One that is gone there.
    gone: Python,
    index: PathBuf,
}

impl Lost {
    fn new() -> Option<Lost> {
        let (python, tools) = (Python::find("3.12")?, Tools::fetched()?);
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
        Some(Lost { home, tools, python, older, gone, index })
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
        let uv = ["venv", "--quiet", "--offline", "--no-config", "--python"];
        self.made_by("uv", &uv, "work/uv/.venv", "first");
        // With the pip that virtualenv brings.
        self.made_by("virtualenv", &["--quiet", "--python"], "work/virtualenv/.venv", "second");
        self.environment(python, ".virtualenvs/wrapped", &[], &["tool"]);
        self.environment(&self.older, "work/older/.venv", &[], &["first"]);
        self.environment(&self.gone, "work/gone/.venv", &[], &["first"]);
    }

    /// By a program that takes the Python and the place.
    fn made_by(&self, program: &str, args: &[&str], name: &str, installed: &str) {
        let (python, prefix) = (&self.python, self.home.join(name));
        let places = [&python.executable, &prefix].map(|path| path.to_str().unwrap());
        succeeds(&self.tools.bin.join(program), &self.home, args.iter().chain(&places));
        python.install(&self.home, &prefix, &self.index, &[installed]);
    }

    /// An editable install of a project with a module in C, built by setuptools.
    fn editable(&self, prefix: &Path) {
        let project = self.home.join("work/speed");
        write(&project.join("src/speed/__init__.py"), "from speed._speed import answer\n");
        write(&project.join("src/speed/_speed.c"), EXTENSION);
        write(&project.join("pyproject.toml"), PROJECT);
        self.python.install(&self.home, prefix, &self.tools.wheels, &["setuptools"]);
        let project = project.to_str().unwrap();
        let editable = ["--no-build-isolation", "--editable", project];
        self.python.install(&self.home, prefix, &self.index, &editable);
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

/// Another machine, with a backup and the projects that are elsewhere too: the same Python, and a newer release of
/// another one.
fn machine(lost: &Lost, backup: &Path) -> Home {
    let later = Home::forgetful();
    fs::copy(backup, later.join("before.aiosb")).unwrap();
    fs::create_dir_all(later.join("work/speed")).unwrap();
    for name in ["work/speed/src", "work/speed/pyproject.toml"] {
        let [from, to] = [lost.home.join(name), later.join(name)];
        let copied = Command::new("cp").arg("-r").args([from, to]).status();
        assert!(copied.unwrap().success());
    }
    let versions = later.join(".pyenv/versions");
    fs::create_dir_all(&versions).unwrap();
    for minor in ["3.12", "3.11"] {
        let python = Python::find(minor).unwrap();
        let base = python.executable.ancestors().nth(2).unwrap().to_path_buf();
        std::os::unix::fs::symlink(&base, versions.join(base.file_name().unwrap())).unwrap();
    }
    later
}

/// What a restore says of each environment.
struct Restored {
    later: Home,
    rows: Vec<Value>,
}

impl Restored {
    /// With these folders in the search path.
    fn on(later: Home, old_home: &Path, path: &str) -> Restored {
        let map = format!("{}={}", old_home.display(), later.path().display());
        let args = ["backup", "restore", "before.aiosb", "--map", &map, "--format", "json"];
        let answer = later.command().env("PATH", path).args(args).output().unwrap();
        let document = Answer::of(answer).exits_with(1).json();
        let rows = document["environments"].as_array().unwrap().clone();
        assert_eq!(rows.len(), NAMES.len());
        Restored { later, rows }
    }

    fn row(&self, name: &str) -> &Value {
        let prefix = self.later.join(name);
        let is_it = |one: &&Value| Path::new(one["prefix"].as_str().unwrap()) == prefix;
        self.rows.iter().find(is_it).unwrap()
    }

    /// All are exact, but these and the one whose Python is gone.
    #[track_caller]
    fn all_are_exact_but(&self, differing: &[(&str, &str)]) {
        for name in NAMES {
            let row = self.row(name);
            let differs = differing.iter().find(|(one, _)| *one == name);
            match differs {
                _ if name == "work/gone/.venv" => {
                    assert_eq!(row["outcome"], "not-restored");
                    assert!(row["why"].as_str().unwrap().contains("no Python 3.10"), "{row}");
                    assert!(!self.later.join("work/gone").exists());
                }
                Some((_, how)) => {
                    assert_eq!(row["outcome"], "differs", "{row}");
                    let differences = row["differences"].as_array().unwrap();
                    assert_eq!(differences.len(), 1, "{row}");
                    assert!(differences[0].as_str().unwrap().contains(how), "{row}");
                }
                None => assert_eq!(row["outcome"], "exact", "{row}"),
            }
        }
    }
}

#[test]
fn all_that_can_be_comes_back_and_the_rest_is_said() {
    let Some(lost) = Lost::new() else { return };
    lost.make_all();
    let old_home = lost.home.path().to_path_buf();
    let frozen: BTreeMap<&str, String> =
        NAMES.map(|name| (name, lost.frozen(&old_home, &lost.home.join(name)))).into();
    assert_eq!(frozen["work/many/.venv"].lines().count(), MANY);
    assert!(frozen["work/speed/.venv"].contains("-e HOME/work/speed"), "{frozen:?}");
    assert!(frozen["work/virtualenv/.venv"].contains("pip=="), "{frozen:?}");
    let create = ["backup", "create", "before.aiosb", "--wheels"];
    lost.home.aios(create.iter().chain(&NAMES)).exits_with(0);

    let backup = lost.home.join("before.aiosb");
    let [later, bare] = [(); 2].map(|()| machine(&lost, &backup));
    for name in ["work", ".virtualenvs", "index", ".pyenv", "before.aiosb"] {
        let path = lost.home.join(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    let older = ("work/older/.venv", "in the place of 3.11.");
    let tools = format!("{}:/usr/bin:/bin", lost.tools.bin.display());
    let restored = Restored::on(later, &old_home, &tools);
    restored.all_are_exact_but(&[older]);
    // Without the programs, `venv` makes them, and that is said.
    Restored::on(bare, &old_home, "/usr/bin:/bin").all_are_exact_but(&[
        older,
        ("work/uv/.venv", "made by venv, and was made by uv"),
        ("work/virtualenv/.venv", "made by venv, and was made by virtualenv"),
    ]);

    let later = restored.later;
    for name in NAMES.iter().filter(|name| **name != "work/gone/.venv") {
        assert_eq!(frozen[name], lost.frozen(later.path(), &later.join(name)), "{name}");
    }
    let run = |name: &str, code: &str| {
        succeeds(&later.join(name).join("bin/python"), &later, ["-I", "-c", code])
    };
    assert_eq!(run("work/api/.venv", "import first, tool; first.main()"), "it works\n");
    assert_eq!(run("work/older/.venv", "import first; first.main()"), "it works\n");
    assert_eq!(run("work/uv/.venv", "import first; first.main()"), "it works\n");
    assert_eq!(run("work/virtualenv/.venv", "import pip, second; second.main()"), "it works\n");
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
