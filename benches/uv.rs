//! uv, and the Python that it makes environments with.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// uv with a cache of its own.
pub(crate) struct Uv {
    pub(crate) program: PathBuf,
    pub(crate) cache: PathBuf,
    /// The interpreter that environments are made with, by its own name.
    pub(crate) python: PathBuf,
}

impl Uv {
    /// uv of `PATH`, else one that pip installs below this folder. `None`, after it was said, where there is none.
    /// The base is `AIOS_BENCH_PYTHON` (`python3`), the cache `UV_CACHE_DIR`, else one below the folder.
    pub(crate) fn find(folder: &Path) -> io::Result<Option<Uv>> {
        let python = base()?;
        let Some(program) = program(folder, &python) else {
            eprintln!("uv is neither on PATH nor can pip install it: nothing was measured");
            return Ok(None);
        };
        let cache = std::env::var_os("UV_CACHE_DIR");
        let cache = cache.map_or_else(|| folder.join("cache"), PathBuf::from);
        Ok(Some(Uv { program, cache, python }))
    }

    /// Runs it, and gives what it prints.
    pub(crate) fn run(&self, args: &[OsString]) -> io::Result<String> {
        let output = Command::new(&self.program)
            .args(args)
            .env("UV_CACHE_DIR", &self.cache)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!("uv {args:?}: {}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What makes an empty environment, in the place of what stands there.
    pub(crate) fn make(&self, environment: &Path) -> Vec<OsString> {
        let places = [self.python.as_os_str(), environment.as_os_str()];
        words(&["venv", "--clear", "--quiet", "--python"], &places)
    }

    /// What `uv pip` does in an environment, with these options.
    pub(crate) fn pip(&self, command: &str, environment: &Path, rest: &[&OsStr]) -> Vec<OsString> {
        let places = [&[environment.as_os_str()], rest].concat();
        words(&["pip", command, "--quiet", "--python"], &places)
    }

    /// Makes an environment with these packages and what they need. Gives what is installed then.
    pub(crate) fn fill(&self, environment: &Path, packages: &[&str]) -> io::Result<String> {
        self.run(&self.make(environment))?;
        let packages: Vec<&OsStr> = packages.iter().map(OsStr::new).collect();
        self.run(&self.pip("install", environment, &packages))?;
        self.run(&self.pip("freeze", environment, &[]))
    }
}

fn words(words: &[&str], rest: &[&OsStr]) -> Vec<OsString> {
    let words = words.iter().map(OsString::from);
    words.chain(rest.iter().map(|one| (*one).to_owned())).collect()
}

fn program(folder: &Path, python: &Path) -> Option<PathBuf> {
    let works = |uv: &Path| {
        let version = Command::new(uv).arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    if works(Path::new("uv")) {
        return Some(PathBuf::from("uv"));
    }
    let tools = folder.join("tools");
    let steps = [
        (python.to_path_buf(), words(&["-m", "venv"], &[tools.as_os_str()])),
        (tools.join("bin/pip"), words(&["install", "--quiet", "uv"], &[])),
    ];
    let done = steps.iter().all(|(program, args)| {
        Command::new(program).args(args).status().is_ok_and(|status| status.success())
    });
    let uv = tools.join("bin/uv");
    (done && works(&uv)).then_some(uv)
}

fn base() -> io::Result<PathBuf> {
    let python = std::env::var_os("AIOS_BENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let program = "import sys; print(sys.executable)";
    let output = Command::new(python).args(["-c", program]).output()?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// How many files and links are in a folder and those below.
pub(crate) fn files_below(folder: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        files += if kind.is_dir() { files_below(&entry.path())? } else { 1 };
    }
    Ok(files)
}
