//! Environments of Windows on a fabricated machine: what the layout of that system tells, on any.

use std::path::{Path, PathBuf};

use super::*;
use crate::environments::image::builder;
use crate::fs;
use crate::host::{Host, Platform};
use crate::registry::{Fabricated, Hive};

/// `base`, an installation of 3.12, and `env` on it, which has a launcher of pip.
struct Machine {
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonical(folder.path()).unwrap();
        let machine = Machine { root, _folder: folder };
        for program in ["base/python.exe", "base/python312.dll", "base/python3.dll"] {
            machine.write(program, builder::pe(0x8664));
        }
        machine.write("base/python312.zip", "");
        std::fs::create_dir_all(machine.root.join("base/Lib/site-packages")).unwrap();
        machine.write("env/Scripts/python.exe", builder::pe(0x8664));
        machine.write("env/Scripts/activate.bat", "@echo off\r\n");
        machine.launcher("pip.exe", &machine.root.join("env"));
        machine.launcher("pip3.12.exe", &machine.root.join("env"));
        machine.write("env/Lib/site-packages/pip/__init__.py", "");
        machine.write(
            "env/Lib/site-packages/pip-25.0.dist-info/METADATA",
            "Name: pip\nVersion: 25.0\n",
        );
        machine.write("env/Lib/site-packages/pip-25.0.dist-info/RECORD", "pip/__init__.py,,\n");
        let home = machine.root.join("base");
        machine.write("env/pyvenv.cfg", format!("home = {}\nversion = 3.12.1\n", home.display()));
        machine
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.root.join(name)).unwrap();
    }

    /// As distlib writes it, for an interpreter of this environment.
    fn launcher(&self, name: &str, env: &Path) {
        let python = env.join("Scripts").join("python.exe");
        let mut content = builder::pe(0x8664);
        content.extend(format!("#!{}\r\n", python.display()).into_bytes());
        content.extend(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        self.write(&format!("env/Scripts/{name}"), content);
    }

    /// The codes of `env`, and its version.
    fn check(&self) -> (Vec<&'static str>, String) {
        let mut host = Host::empty(Platform::Windows, &self.root);
        let key = r"Software\Python\PythonCore\3.12\InstallPath".to_owned();
        let base = self.root.join("base").display().to_string();
        let values = [((Hive::CurrentUser, key, String::new()), base)];
        host.registry = Arc::new(Fabricated { values: values.into() });
        let request = Request {
            paths: vec![self.root.join("env")],
            workspaces: Vec::new(),
            depth: Depth::Usual,
            limits: Limits::default(),
            cache: None,
            progress: Arc::default(),
        };
        let mut inspection = inspect(&host, &request);
        let inspected = inspection.environments.remove(0);
        let codes = inspected.findings.iter().map(|finding| finding.code.as_str()).collect();
        let version = inspected.environment.version.map(|version| version.to_string());
        (codes, version.unwrap_or_default())
    }
}

#[test]
fn environments_of_windows() {
    let check = |story: &str, expected: (&[&str], &str), apply: &dyn Fn(&Machine)| {
        let machine = Machine::new();
        apply(&machine);
        let (codes, version) = machine.check();
        assert_eq!((codes.as_slice(), version.as_str()), expected, "{story}");
    };
    check("untouched", (&[], "3.12.1"), &|_| {});
    // Without the marker, names tell the version: no folder of Windows does.
    check("no marker, launchers", (&["pyvenv-cfg-missing"], "3.12"), &|machine| {
        machine.remove("env/pyvenv.cfg");
    });
    check("no marker, a copy", (&["pyvenv-cfg-missing"], "3.12"), &|machine| {
        machine.remove("env/pyvenv.cfg");
        machine.remove("env/Scripts/pip3.12.exe");
        machine.write("env/Scripts/python312.dll", builder::pe(0x8664));
    });
    check("no marker, launchers of two", (&["pyvenv-cfg-missing"], ""), &|machine| {
        machine.remove("env/pyvenv.cfg");
        machine.launcher("pip3.11.exe", &machine.root.join("env"));
    });
    // A copied interpreter loads the library beside it.
    check("the library of a copy is gone", (&["interpreter-corrupt"], "3.12.1"), &|machine| {
        machine.write("env/Scripts/python3.dll", builder::pe(0x8664));
    });
    check("the library of a copy is cut", (&["interpreter-corrupt"], "3.12.1"), &|machine| {
        machine.write("env/Scripts/python312.dll", &builder::pe(0x8664)[..600]);
    });
    check("the library of the base is cut", (&["base-python-damaged"], "3.12.1"), &|machine| {
        machine.write("base/python312.dll", &builder::pe(0x8664)[..600]);
    });
    check("the library of the base is gone", (&["base-python-damaged"], "3.12.1"), &|machine| {
        machine.remove("base/python312.dll");
        machine.remove("base/python312.zip");
    });
    // Launchers name the interpreter that they start.
    check("launchers of another place", (&["env-moved"], "3.12.1"), &|machine| {
        for name in ["pip.exe", "pip3.12.exe"] {
            machine.launcher(name, &machine.root.join("old"));
        }
    });
    check("one launcher of another place", (&["script-shebang-stale"], "3.12.1"), &|machine| {
        machine.launcher("pip.exe", &machine.root.join("old"));
    });
}
