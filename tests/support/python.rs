//! A Python of this machine, for what only a real one shows. Where there is none a test says that it skips.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Home;

/// An interpreter with pip that pyenv installed.
pub(crate) struct Python {
    pub(crate) executable: PathBuf,
    minor: &'static str,
}

impl Python {
    /// One of this minor version. `None`, after it was said, where there is none.
    pub(crate) fn find(minor: &'static str) -> Option<Python> {
        let versions = std::env::home_dir().map(|home| home.join(".pyenv/versions"));
        let folders = versions.and_then(|versions| std::fs::read_dir(versions).ok());
        let executable = folders
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.file_name().is_some_and(|name| of_minor(name, minor)))
            .map(|path| path.join("bin").join(format!("python{minor}")))
            .find(|path| path.is_file());
        if executable.is_none() {
            eprintln!("skipped: no Python {minor} in ~/.pyenv/versions");
        }
        executable.map(|executable| Python { executable, minor })
    }

    /// One that a test made.
    #[cfg(target_os = "linux")]
    pub(crate) fn at(executable: PathBuf, minor: &'static str) -> Python {
        Python { executable, minor }
    }

    /// Runs it, with nothing of this process's environment, and expects success.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, home: &Home, args: impl IntoIterator<Item = S>) {
        succeeds(&self.executable, home, args);
    }

    /// A virtual environment without pip.
    #[track_caller]
    pub(crate) fn venv(&self, home: &Home, name: &str, options: &[&str]) -> PathBuf {
        let prefix = home.join(name);
        let to = prefix.to_str().unwrap();
        self.run(home, ["-I", "-m", "venv", "--without-pip", to].iter().chain(options));
        prefix
    }

    /// Its folder of packages in an environment.
    pub(crate) fn site(&self, prefix: &Path) -> PathBuf {
        prefix.join(format!("lib/python{}/site-packages", self.minor))
    }

    /// Installs from a folder of wheels into an environment, as a user would.
    #[track_caller]
    pub(crate) fn install(&self, home: &Home, prefix: &Path, wheels: &Path, names: &[&str]) {
        let python = prefix.join("bin/python");
        let fixed =
            ["-I", "-m", "pip", "--python", python.to_str().unwrap(), "install", "--no-index"];
        let from = ["--quiet", "--find-links", wheels.to_str().unwrap()];
        self.run(home, fixed.iter().chain(&from).chain(names));
    }

    /// Writes a wheel of one module.
    #[track_caller]
    pub(crate) fn wheel(
        &self,
        home: &Home,
        folder: &Path,
        name: &str,
        version: &str,
        module: &str,
    ) {
        std::fs::create_dir_all(folder).unwrap();
        let args = ["-I", "-c", WHEEL, folder.to_str().unwrap(), name, version, module];
        self.run(home, args);
    }
}

/// `3.12` and `3.12.1`, not `3.1`.
fn of_minor(name: &OsStr, minor: &str) -> bool {
    let name = name.to_string_lossy();
    name.strip_prefix(minor).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What a program prints, run with nothing of this process's environment.
#[track_caller]
pub(crate) fn succeeds<S: AsRef<OsStr>>(
    program: &Path,
    home: &Home,
    args: impl IntoIterator<Item = S>,
) -> String {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("HOME", home.path()).current_dir(home.path());
    // gcc finds its own parts by it.
    command.env("PATH", "/usr/bin:/bin");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const WHEEL: &str = r"
import base64, hashlib, sys, zipfile
folder, name, version, module = sys.argv[1:]
info = '%s-%s.dist-info' % (name, version)
files = {
    name + '/__init__.py': module,
    name + '/data.bin': 'data of %s\0' % name,
    info + '/METADATA': 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' % (name, version),
    info + '/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    info + '/entry_points.txt': '[console_scripts]\n%s-tool = %s:main\n' % (name, name),
}
record = ''
with zipfile.ZipFile('%s/%s-%s-py3-none-any.whl' % (folder, name, version), 'w') as wheel:
    for path, text in files.items():
        data = text.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
        record += '%s,sha256=%s,%d\n' % (path, digest, len(data))
        wheel.writestr(path, data)
    wheel.writestr(info + '/RECORD', record + info + '/RECORD,,\n')
";
