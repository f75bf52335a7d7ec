//! A remembered state as evidence for a repair.

use std::path::Path;

use super::recall::{self, Cue, Recalled};
use super::record::OF_INSTALLERS;
use super::state::State;
use super::{Error, Kept, history, identities};
use crate::environments::PythonTag;
use crate::environments::repair::{Remembered, RememberedDistribution, RememberedFile};
use crate::index::fractal;
use crate::index::holographic::Index;

/// What is less like an environment is not taken for what it was.
const ALIKE: f64 = 0.5;

/// What a state says, for the plan of a repair; `source` is which one it is, for people.
pub fn of(state: &State, source: String) -> Result<Remembered, fractal::Error> {
    let text = |field| state.fact(field);
    let version = text("version")?.and_then(|text| text.parse().ok());
    let mut distributions = Vec::new();
    for installed in state.distributions()? {
        let of_installer = |name| state.of_installer(&installed.folder, name);
        let installer = of_installer("INSTALLER")?;
        let content = state.content_of(&installed.folder)?.into_iter();
        let files = content.filter(|(path, _)| !OF_INSTALLERS.contains(&path.as_str()));
        distributions.push(RememberedDistribution {
            requested: of_installer("REQUESTED")?.is_some(),
            installer: installer.map(|text| String::from_utf8_lossy(&text).trim().to_owned()),
            direct_url: of_installer("direct_url.json")?,
            wheel: None,
            files: files.map(|(path, content)| RememberedFile { path, content }).collect(),
            name: installed.name,
            version: installed.version,
        });
    }
    Ok(Remembered {
        source,
        base: state.path("base-executable")?,
        tag: tag(state)?,
        version,
        pyvenv_cfg: state.pyvenv_cfg()?,
        distributions,
    })
}

/// `python3.14t`, of the version and the ABI flags.
fn tag(state: &State) -> Result<Option<PythonTag>, fractal::Error> {
    let Some(version) = state.fact("version")? else { return Ok(None) };
    let stem = match state.fact("implementation")?.as_deref() {
        None | Some("cpython") => "python",
        Some("pypy") => "pypy",
        Some("graalpy") => "graalpy",
        Some(_) => return Ok(None),
    };
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let flags = state.fact("abi-flags")?.unwrap_or_default();
    Ok(PythonTag::from_name(&format!("{stem}{}{flags}", minor.join("."))))
}

/// The last state of the environment at this prefix in which nothing was broken, and when that was.
pub fn last_whole(kept: &[Kept], prefix: &Path) -> Result<Option<history::Moment>, Error> {
    for id in identities(kept, prefix)? {
        if let Some(moment) = history::of(kept, &id)?.last_whole() {
            return Ok(Some(moment.clone()));
        }
    }
    Ok(None)
}

/// A state of another environment that this one is likely to have been: what is left of it is for the most
/// part the same, and nothing that was there stands at its place any more, or nothing but a copy could.
pub fn moved_here(kept: &[Kept], index: &Index, left: &State) -> Result<Option<Recalled>, Error> {
    let prefix = left.prefix()?;
    for found in recall::like(kept, index, &Cue::of(left)?, 4)? {
        let of = found.state.prefix()?;
        let was_here = left.path("made-as")?.is_some_and(|place| place == of);
        if of != prefix && found.found.similarity >= ALIKE && (was_here || !of.exists()) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
