//! Wheels that are not on this machine, fetched by pip or uv into a folder of the caller's.
//!
//! What runs is the pip of an installation, or uv: never anything of the environment, and only what
//! nobody but root and the user can change. It starts in an empty folder, gets the settings of the user
//! that say from where to fetch, and no others; what it may take of time and output is bounded.
//!
//! What comes is a wheelhouse like any other: whether a wheel fits, and whether its files are those that
//! RECORD names, is judged where wheels are judged.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pep508_rs::VersionOrUrl;

use super::tags::Target;
use crate::environments::distributions::metadata;
use crate::environments::installation::Installation;
use crate::environments::repair::{Case, programs};
use crate::fs;
use crate::process::{self, Program};

/// The largest wheels have 3 GiB.
const TIME: Duration = Duration::from_secs(1800);

/// What pip prints of a hundred wheels stays far below.
const OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// Of what a program printed, in a hint.
const MAX_QUOTED: usize = 400;

/// What became of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Folders with what came.
    pub wheelhouses: Vec<PathBuf>,
    /// What did not come, as it was asked for, and why.
    pub unavailable: Vec<(String, String)>,
}

/// Fetches what [`super::missing_wheels`] lists into `folder`, which is empty and the user's own. `stop`
/// ends it.
pub(in super::super) fn fetch(
    case: &Case<'_>,
    pins: &[String],
    folder: &Path,
    stop: &AtomicBool,
) -> Fetched {
    let mut fetched = Fetched::default();
    let mut refuse = |pins: &[String], reason: &str| {
        let refused = pins.iter().map(|pin| (pin.clone(), reason.to_owned()));
        fetched.unavailable.extend(refused);
    };
    let (named, odd): (Vec<String>, Vec<String>) =
        pins.iter().cloned().partition(|pin| is_by_name(pin));
    refuse(&odd, "what requires it names no distribution of an index");
    if named.is_empty() {
        return fetched;
    }
    let Some(target) = Target::of(case.subject) else {
        refuse(&named, "it is not known which Python the environment is for");
        return fetched;
    };
    let Some(tool) = Tool::choose(case, &target) else {
        refuse(
            &named,
            "no pip of an installation, and no uv on `PATH`, is here that only root and you can change",
        );
        return fetched;
    };
    let errand = Errand { case, target: &target, tool: &tool, folder, stop };
    match errand.run(&named) {
        Ok(()) => {}
        // One that is not there keeps all others from coming.
        Err(Failure { is_unknown: true, .. }) if named.len() > 1 => {
            for pin in &named {
                if let Err(failure) = errand.run(std::slice::from_ref(pin)) {
                    refuse(std::slice::from_ref(pin), &failure.reason);
                }
            }
        }
        Err(failure) => refuse(&named, &failure.reason),
    }
    fetched.wheelhouses = errand.wheelhouses();
    fetched
}

/// Whether an installer takes it for a name with a version, and for nothing else: it comes from files
/// of the environment.
fn is_by_name(pin: &str) -> bool {
    metadata::requirement(pin).is_some_and(|requirement| {
        !matches!(requirement.version_or_url, Some(VersionOrUrl::Url(_)))
            && pin.starts_with(|first: char| first.is_ascii_alphanumeric())
    })
}

/// What fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tool {
    /// `python -I -m pip download`; `native` when it is a Python like that of the environment.
    Pip { python: PathBuf, native: bool, version_2: bool },
    /// uv has no command that only fetches: it installs into a folder, and its cache has the wheels.
    Uv { uv: PathBuf, python: PathBuf },
}

impl Tool {
    /// Of pip and uv the one that installed the environment, because the settings of that one say from
    /// where; the other one where it is not there.
    fn choose(case: &Case<'_>, target: &Target) -> Option<Tool> {
        let pythons = programs::pythons(case);
        let uv = || Tool::uv(case, target, &pythons);
        let pip = || Tool::pip(target, &pythons);
        if by_uv(case) { uv().or_else(pip) } else { pip().or_else(uv) }
    }

    fn pip(target: &Target, pythons: &[Arc<Installation>]) -> Option<Tool> {
        let with_pip = || pythons.iter().filter(|python| has_pip(python));
        let of = |python: &Arc<Installation>, native| Tool::Pip {
            python: python.executable.clone(),
            native,
            version_2: python.tag.is_some_and(|tag| tag.major == 2),
        };
        let same = with_pip().find(|python| is_like(python, target)).map(|one| of(one, true));
        same.or_else(|| {
            target.pip_arguments(None)?;
            // The newest pip knows the newest tags.
            with_pip().max_by_key(|python| python.tag).map(|one| of(one, false))
        })
    }

    fn uv(case: &Case<'_>, target: &Target, pythons: &[Arc<Installation>]) -> Option<Tool> {
        let python = pythons.iter().find(|python| is_like(python, target))?.executable.clone();
        Some(Tool::Uv { uv: programs::uv(case.subject.host, &case.broken())?, python })
    }

    fn executable(&self) -> &Path {
        match self {
            Tool::Pip { python, .. } => python,
            Tool::Uv { uv, .. } => uv,
        }
    }
}

fn by_uv(case: &Case<'_>) -> bool {
    let sites = &case.subject.installed.sites;
    let all = sites.iter().flat_map(|site| &site.distributions);
    let (uv, others): (Vec<_>, Vec<_>) = all
        .filter(|one| one.by_wheel_installer())
        .partition(|one| one.installer.as_deref() == Some("uv"));
    uv.len() > others.len()
}

fn is_like(python: &Installation, target: &Target) -> bool {
    python.tag == Some(target.tag)
        && python.architecture.is_none_or(|architecture| architecture == target.architecture)
}

/// Whether the interpreter finds a pip beside its standard library, where `-I` lets it look.
fn has_pip(python: &Installation) -> bool {
    let library = python.stdlib.iter().map(|library| library.join("site-packages"));
    let tag = python.tag.map(|tag| tag.to_string()).unwrap_or_default();
    let of_debian = [
        python.prefix.join("lib/python3/dist-packages"),
        python.prefix.join("local/lib").join(tag).join("dist-packages"),
    ];
    library.chain(of_debian).any(|site| fs::is_file(&site.join("pip/__main__.py")))
}

/// Why a run of the tool brought nothing.
struct Failure {
    /// Whether the tool looked, and there is no such wheel.
    is_unknown: bool,
    reason: String,
}

/// One way to fetch, ready to be gone.
struct Errand<'a> {
    case: &'a Case<'a>,
    target: &'a Target,
    tool: &'a Tool,
    folder: &'a Path,
    stop: &'a AtomicBool,
}

impl Errand<'_> {
    fn run(&self, pins: &[String]) -> Result<(), Failure> {
        let host = self.case.subject.host;
        let mut variables = programs::variables(host, &self.case.broken());
        // What they leave behind goes with the folder.
        variables.extend(["TMPDIR", "TEMP", "TMP"].map(|name| (name.into(), self.folder.into())));
        let ended = process::run(&Program {
            executable: self.tool.executable(),
            arguments: self.arguments(pins),
            variables,
            // No modules and no settings of others are found there.
            folder: self.folder,
            system_root: host.variable_path("SYSTEMROOT").as_deref(),
            time: TIME,
            output_bytes: OUTPUT_BYTES,
            stop: self.stop,
        })
        .map_err(|error| Failure { is_unknown: false, reason: error.to_string() })?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.errors);
        let is_unknown = lacks_wheel(&said);
        let program = self.tool.executable().display();
        let reason = match (is_unknown, pins) {
            (true, [pin]) => format!(
                "`{program}` finds no wheel for {} ({}); where it is published as source alone, build \
                 one with `pip wheel {pin}` and bring it with `--wheelhouse DIR`",
                self.target.describe(),
                quoted(&said)
            ),
            _ => format!("`{program}` failed: {}", quoted(&said)),
        };
        Err(Failure { is_unknown, reason })
    }

    fn wheelhouses(&self) -> Vec<PathBuf> {
        let folder = match self.tool {
            Tool::Pip { .. } => self.wheels(),
            Tool::Uv { .. } => self.uv_cache().join("archive-v0"),
        };
        if fs::is_folder(&folder) { vec![folder] } else { Vec::new() }
    }

    fn wheels(&self) -> PathBuf {
        self.folder.join("wheels")
    }

    fn uv_cache(&self) -> PathBuf {
        self.folder.join("uv")
    }

    fn arguments(&self, pins: &[String]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(Into::into));
        match self.tool {
            Tool::Pip { native, version_2, .. } => {
                add(if *version_2 { &["-E", "-s"] } else { &["-I"] });
                add(&["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]);
                add(&["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--quiet"]);
                let patch = self.case.subject.environment.version.as_ref().and_then(|v| v.patch);
                if !native {
                    let told = self.target.pip_arguments(patch);
                    add(&told.iter().flatten().map(String::as_str).collect::<Vec<_>>());
                }
                add(&["--dest"]);
                arguments.push(self.wheels().into());
            }
            Tool::Uv { python, .. } => {
                add(&["pip", "install", "--no-deps", "--only-binary", ":all:", "--no-progress"]);
                add(&["--color", "never", "--no-python-downloads", "--target"]);
                arguments.push(self.folder.join("installed").into());
                arguments.extend(["--cache-dir".into(), self.uv_cache().into()]);
                arguments.extend(["--python".into(), python.clone().into()]);
                arguments.extend(programs::uv_settings(self.case.subject.host));
            }
        }
        arguments.extend(pins.iter().map(Into::into));
        arguments
    }
}

/// How pip tells of an index that it cannot reach, before it says that there is no such distribution.
const BROKEN: &str = "connection broken by ";

/// Whether the program asked, and was told that there is none.
fn lacks_wheel(said: &str) -> bool {
    let words = ["No matching distribution found", "No solution found"];
    words.iter().any(|words| said.contains(words)) && !said.contains(BROKEN)
}

/// What a program said, in one line.
fn quoted(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let broken = lines.iter().find_map(|line| line.split_once(BROKEN));
    // pip's errors; of uv's lines the first says which Python it found.
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("ERROR: ")).collect();
    let all = match (broken, errors.as_slice()) {
        (Some((_, reason)), _) => format!("connection broken by {reason}"),
        (None, []) => lines
            .iter()
            .copied()
            .filter(|line| !line.starts_with("Using "))
            .collect::<Vec<_>>()
            .join(" "),
        (None, errors) => errors.join("; "),
    };
    match all.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{} ...", &all[..end]),
        None if all.is_empty() => "it says nothing".to_owned(),
        None => all,
    }
}

#[cfg(test)]
mod tests;
