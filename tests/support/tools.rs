//! uv, virtualenv and setuptools, fetched once by pip: the versions of `tools.txt`, with their hashes.
//!
//! Without the network tests of them are skipped, but never in continuous integration.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::python::Python;

pub(crate) struct Tools {
    /// With `uv` and `virtualenv`.
    pub(crate) bin: PathBuf,
    /// With the wheel of each.
    pub(crate) wheels: PathBuf,
}

impl Tools {
    /// `None` where they cannot be had, after that was said.
    pub(crate) fn fetched() -> Option<&'static Tools> {
        static TOOLS: OnceLock<Option<Tools>> = OnceLock::new();
        TOOLS.get_or_init(fetch).as_ref()
    }
}

fn fetch() -> Option<Tools> {
    let python = Python::find("3.12")?;
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tools.txt");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    let (wheels, prefix) = (folder.join("wheels"), folder.join("venv"));
    let tools = Tools { bin: prefix.join("bin"), wheels };
    let text = std::fs::read(&list).unwrap();
    let mark = folder.join("done");
    std::fs::create_dir_all(&folder).unwrap();
    // Processes of tests run side by side; the first one fetches.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if std::fs::read(&mark).is_ok_and(|done| done == text) {
        return Some(tools);
    }
    let pip = ["-I", "-m", "pip", "--quiet", "--disable-pip-version-check"];
    let run = |program: &Path, before: &[&str], paths: &[&Path]| {
        let output = Command::new(program).args(before).args(paths).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or(said)
    };
    let download = ["download", "--require-hashes", "--no-deps", "--only-binary", ":all:"];
    let arguments = [&pip[..], &download, &["--requirement"]].concat();
    let to: [&Path; 3] = [&list, Path::new("--dest"), &tools.wheels];
    if let Err(why) = run(&python.executable, &arguments, &to) {
        assert!(std::env::var_os("CI").is_none(), "tools cannot be fetched: {why}");
        println!("skipped: tools cannot be fetched: {why}");
        return None;
    }
    let installed =
        run(&python.executable, &["-I", "-m", "venv", "--clear"], &[&prefix]).and_then(|()| {
            let install = ["install", "--no-index", "--no-deps", "uv", "virtualenv", "distlib"];
            let more = ["filelock", "packaging", "platformdirs", "python-discovery"];
            let arguments = [&pip[..], &install, &more, &["--find-links"]].concat();
            run(&prefix.join("bin/python"), &arguments, &[&tools.wheels])
        });
    installed.unwrap();
    std::fs::write(&mark, text).unwrap();
    Some(tools)
}
