//! Which installation an environment is to stand on: the one that it stood on, or one that fits exactly.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::change::State;
use super::{Case, Unsolved};
use crate::environments::facts::{Facts, InterpreterFile, LinkEnd, Scheme};
use crate::environments::health::Code;
use crate::environments::installation::Installation;
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::environments::{PythonTag, PythonVersion};
use crate::fs::is_local;

/// The base that was decided on.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) installation: Arc<Installation>,
    /// The interpreter by the name that survives upgrades: as it was written into the environment, where
    /// that still leads to it.
    pub(super) executable: PathBuf,
    /// Why this one, as the end of a sentence.
    pub(super) evidence: String,
}

impl Base {
    /// The folder that `home` in `pyvenv.cfg` names.
    pub(super) fn home(&self) -> &Path {
        self.executable.parent().unwrap_or(&self.installation.prefix)
    }

    pub(super) fn version(&self) -> Option<&PythonVersion> {
        self.installation.version.as_ref()
    }
}

/// Decides. An environment without a minor version of its own takes what it was told to stand on.
pub(super) fn decide(case: &Case<'_>) -> Result<Base, Unsolved> {
    let tag = tag(case.subject.facts);
    if let Some(named) = &case.options.base {
        return by_choice(case, named, tag);
    }
    by_interpreters(case, tag)
        .or_else(|| by_home(case, tag))
        .or_else(|| by_memory(case, tag))
        .map_or_else(|| by_machine(case, tag), Ok)
}

/// The Python that the files are for: the packages were installed for the minor version of their folder.
pub(super) fn tag(facts: &Facts) -> Option<PythonTag> {
    facts.libraries.iter().find_map(|library| library.tag).or(facts.tag)
}

/// Whole, and of the minor version and ABI that the packages are for.
fn fits(installation: &Installation, tag: Option<PythonTag>) -> bool {
    let whole = installation.stdlib.is_some() && installation.damage.is_none();
    whole && tag.is_none_or(|tag| installation.tag == Some(tag))
}

/// What the user names: an interpreter or the prefix of an installation.
fn by_choice(case: &Case<'_>, named: &Path, tag: Option<PythonTag>) -> Result<Base, Unsolved> {
    let found = named_installation(case, named, tag);
    let wanted = tag.map_or_else(|| "Python".to_owned(), |tag| tag.to_string());
    let hint = |reason: &str| Unsolved {
        code: Code::BasePythonMissing,
        hint: format!("`--base {}` {reason}; a whole {wanted} is needed", named.display()),
    };
    match found {
        None => Err(hint("is no Python installation")),
        Some((_, installation)) if !fits(&installation, tag) => {
            let is = installation.tag.map_or_else(|| "another".to_owned(), |tag| tag.to_string());
            let command = super::recreate::command(case.prefix());
            let command = command.replace("PYTHON", &named.display().to_string());
            Err(hint(&format!(
                "is {is}, or is not whole (`{command}` makes a new environment of it)"
            )))
        }
        Some((path, installation)) => {
            Ok(Base { executable: path, evidence: "`--base` names it".to_owned(), installation })
        }
    }
}

/// The installation that the user names, of whatever version.
pub(super) fn at(case: &Case<'_>, named: &Path) -> Option<Arc<Installation>> {
    named_installation(case, named, None).map(|(_, installation)| installation)
}

fn named_installation(
    case: &Case<'_>,
    named: &Path,
    tag: Option<PythonTag>,
) -> Option<(PathBuf, Arc<Installation>)> {
    let tried = [named.to_path_buf(), named.join(interpreter_below(case, tag))];
    tried.into_iter().find_map(|path| {
        let installation = case.subject.catalog.at(&path)?;
        Some((path, installation))
    })
}

fn interpreter_below(case: &Case<'_>, tag: Option<PythonTag>) -> PathBuf {
    match (case.subject.facts.scheme, tag) {
        (Scheme::Windows, _) => PathBuf::from("python.exe"),
        (Scheme::Posix, Some(tag)) => Path::new("bin").join(tag.to_string()),
        (Scheme::Posix, None) => PathBuf::from("bin/python3"),
    }
}

/// An interpreter of the environment that still leads to a base that fits.
fn by_interpreters(case: &Case<'_>, tag: Option<PythonTag>) -> Option<Base> {
    let facts = case.subject.facts;
    facts.interpreters.iter().find_map(|file| {
        let LinkEnd::File { canonical, image: Ok(_), .. } = &file.end else { return None };
        if canonical.starts_with(&facts.prefix) {
            return None;
        }
        let installation = case.subject.catalog.at(canonical)?;
        fits(&installation, tag).then(|| Base {
            executable: written_target(case, file).unwrap_or_else(|| canonical.clone()),
            evidence: format!("`{}/{}` links to it", facts.scheme.scripts(), file.name),
            installation,
        })
    })
}

/// The path outside of the environment that the links of an interpreter name first.
fn written_target(case: &Case<'_>, file: &InterpreterFile) -> Option<PathBuf> {
    let facts = case.subject.facts;
    let mut link = file.link.as_deref()?;
    for _ in 0..=facts.interpreters.len() {
        if link.is_absolute() {
            return Some(link.to_path_buf());
        }
        let sibling = facts.interpreters.iter().find(|other| Path::new(&other.name) == link)?;
        link = sibling.link.as_deref()?;
    }
    None
}

/// The folder that `home` names, or that the interpreter's link named: it may hold the right minor
/// version under another name (`/usr/bin`).
fn by_home(case: &Case<'_>, tag: Option<PythonTag>) -> Option<Base> {
    let facts = case.subject.facts;
    let home = facts.marker.cfg().and_then(PyvenvCfg::home).filter(|home| home.is_absolute());
    let linked = facts.interpreters.iter().find_map(|file| written_target(case, file));
    let linked = linked.and_then(|target| target.parent().map(Path::to_path_buf));
    let names = names(facts, tag);
    let folders = [
        (home, "`home` in `pyvenv.cfg` names its folder"),
        (linked, "it is in the folder that `python` linked to"),
    ];
    folders.into_iter().find_map(|(folder, evidence)| {
        let folder = folder.filter(|folder| !folder.starts_with(&facts.prefix))?;
        names.iter().find_map(|name| {
            let executable = folder.join(name);
            let installation = case.subject.catalog.at(&executable)?;
            fits(&installation, tag).then(|| Base {
                executable,
                evidence: evidence.to_owned(),
                installation,
            })
        })
    })
}

/// The names of an interpreter in the folder that `home` names.
fn names(facts: &Facts, tag: Option<PythonTag>) -> Vec<String> {
    match (facts.scheme, tag) {
        (Scheme::Windows, _) => vec!["python.exe".to_owned()],
        (Scheme::Posix, Some(tag)) => vec![tag.to_string(), "python3".to_owned()],
        (Scheme::Posix, None) => vec!["python3".to_owned()],
    }
}

/// The installation that it stood on when it was healthy, or else the folder that `home` named then.
fn by_memory(case: &Case<'_>, tag: Option<PythonTag>) -> Option<Base> {
    let remembered = case.remembered()?;
    let tag = tag.or(remembered.tag)?;
    let at = |path: &Path| {
        let found = is_local(path).then(|| case.subject.catalog.at(path)).flatten();
        found.filter(|one| fits(one, Some(tag)) && !one.executable.starts_with(case.prefix()))
    };
    let home = remembered.cfg().as_ref().and_then(PyvenvCfg::home).unwrap_or_default();
    let mut named = names(case.subject.facts, Some(tag)).into_iter().filter_map(|name| {
        let executable = home.join(name);
        at(&executable).map(|installation| (executable, installation))
    });
    let source = &remembered.source;
    if let Some(installation) = remembered.base.as_deref().and_then(at) {
        // As it was written into the environment, where that leads to the same one.
        let executable = named
            .find_map(|(path, own)| (own.prefix == installation.prefix).then_some(path))
            .or_else(|| lasting_name(case, &installation))
            .unwrap_or_else(|| installation.executable.clone());
        let evidence = format!("it stood on that, as remembered by {source}");
        return Some(Base { installation, executable, evidence });
    }
    let (executable, installation) = named.next()?;
    let evidence = format!("`home` in `pyvenv.cfg` named its folder, as remembered by {source}");
    Some(Base { installation, executable, evidence })
}

/// Whether `home` of a `pyvenv.cfg` is a folder of the installation.
pub(super) fn is_home_of(case: &Case<'_>, cfg: &PyvenvCfg, installation: &Installation) -> bool {
    let Some(home) = cfg.home().filter(|home| home.is_absolute()) else { return false };
    names(case.subject.facts, installation.tag)
        .iter()
        .filter_map(|name| case.subject.catalog.at(&home.join(name)))
        .any(|own| own.prefix == installation.prefix)
}

/// The only one of this machine that fits; among several the one of the same release.
fn by_machine(case: &Case<'_>, tag: Option<PythonTag>) -> Result<Base, Unsolved> {
    let facts = case.subject.facts;
    let remembered = case.remembered();
    let told = tag.is_some();
    let Some(tag) = tag.or_else(|| remembered?.tag) else {
        return Err(Unsolved {
            code: Code::BasePythonMissing,
            hint: "nothing tells the Python version of this environment; name its base with \
                   `--base PATH`"
                .to_owned(),
        });
    };
    let fitting = case.subject.catalog.fitting(tag);
    let of = |installation: &Arc<Installation>, evidence: String| Base {
        executable: lasting_name(case, installation)
            .unwrap_or_else(|| installation.executable.clone()),
        installation: Arc::clone(installation),
        evidence,
    };
    let source = remembered.map(|one| format!("as remembered by {}", one.source));
    let source = source.unwrap_or_default();
    let written = facts.marker.cfg().and_then(PyvenvCfg::version).filter(|v| v.patch.is_some());
    let is_written = written.is_some();
    let recorded = written.or_else(|| remembered?.version.clone().filter(|v| v.patch.is_some()));
    let same: Vec<_> =
        fitting.iter().filter(|one| recorded.is_some() && one.version == recorded).collect();
    let copied: Vec<_> = fitting.iter().filter(|one| is_copied(case, one)).collect();
    if let ([_, _, ..], [one]) = (fitting.as_slice(), copied.as_slice()) {
        return Ok(of(one, "`python` is a copy of it, byte for byte".to_owned()));
    }
    match (fitting.as_slice(), same.as_slice()) {
        ([], _) => {
            Err(Unsolved { code: Code::BasePythonMissing, hint: what_to_install(case, tag) })
        }
        ([one], _) if told => Ok(of(one, format!("it is the only {tag} of this machine"))),
        ([one], _) => {
            Ok(of(one, format!("it is the only {tag} of this machine, which it was for, {source}")))
        }
        (_, [one]) if is_written => {
            Ok(of(one, "it is the release that `pyvenv.cfg` names".to_owned()))
        }
        (_, [one]) => Ok(of(one, format!("it is the release that it stood on, {source}"))),
        (several, _) => {
            let candidates: Vec<String> =
                several.iter().map(|one| format!("--base {}", one.executable.display())).collect();
            Err(Unsolved {
                code: Code::BasePythonMissing,
                hint: format!("several {tag} fit; choose one: {}", candidates.join(", ")),
            })
        }
    }
}

/// Homebrew keeps one release of each minor version in `Cellar/python@3.12/3.12.1`, and a link to it that
/// survives an upgrade, `opt/python@3.12`.
fn lasting_name(case: &Case<'_>, installation: &Installation) -> Option<PathBuf> {
    let above: Vec<&Path> = installation.executable.ancestors().collect();
    let cellar = above.iter().position(|folder| folder.ends_with("Cellar"))?;
    let keg = above.get(cellar.checked_sub(1)?)?.file_name()?;
    let bin = above[cellar].parent()?.join("opt").join(keg).join("bin");
    let name = bin.join(installation.executable.file_name()?);
    let leads_there = case.subject.catalog.at(&name)?.prefix == installation.prefix;
    leads_there.then_some(name)
}

/// Whether an interpreter of the environment is a copy of the installation's own.
fn is_copied(case: &Case<'_>, installation: &Installation) -> bool {
    let own = case.subject.facts.interpreters.iter().filter_map(|file| match &file.end {
        LinkEnd::File { canonical, bytes, .. } if canonical.starts_with(case.prefix()) => {
            Some((canonical, *bytes))
        }
        _ => None,
    });
    own.take(1).any(|(copy, bytes)| {
        std::fs::metadata(&installation.executable).is_ok_and(|there| there.len() == bytes)
            && State::of(copy).ok().and_then(State::hash)
                == State::of(&installation.executable).ok().and_then(State::hash)
    })
}

fn what_to_install(case: &Case<'_>, tag: PythonTag) -> String {
    let free = if tag.free_threaded { "t" } else { "" };
    let what = if tag.free_threaded { " (free-threaded)" } else { "" };
    let version = format!("{}.{}{free}", tag.major, tag.minor);
    format!(
        "install Python {}.{}{what}, for example with `uv python install {version}` or `pyenv install \
         {version}`, then repair again; or let `{}` make a new environment of another version",
        tag.major,
        tag.minor,
        super::recreate::command(case.prefix())
    )
}
