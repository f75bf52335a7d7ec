//! How a distribution that is remembered comes back: from a wheel as an index has it, from the file that it
//! came from, by its link to a project, or by hand.
//!
//! What was built from sources is not taken from an index: what would install it again is said.

use std::path::Path;

use super::Draft;
use super::wheel::Wheel;
use super::wheels::{Candidate, Origin};
use crate::environments::distributions::direct_url;
use crate::environments::distributions::normalize;
use crate::environments::repair::change::State;
use crate::environments::repair::remembered::{Contents, Installer, Pinned, Place, Remembered};
use crate::environments::repair::{programs, typed};
use crate::fs::{self, is_local};

/// How a distribution comes back.
pub(super) enum Way {
    /// From the first of these that can be used.
    Wheels(Vec<Candidate>),
    /// By its link to a project, which stands where it stood.
    Link(Box<Wheel>),
    /// No wheel of it is on this machine.
    Lacking,
    /// No wheel brings it: what the user can do.
    ByHand(String),
    /// Conda installed it.
    Conda,
}

/// What is the same for all distributions of a state.
pub(super) struct Memory<'a> {
    pub(super) source: &'a str,
    has_pip: bool,
}

impl<'a> Memory<'a> {
    pub(super) fn of(remembered: &'a Remembered, contents: &Contents) -> Memory<'a> {
        let has_pip = contents.pinned.iter().any(|one| one.name == "pip");
        Memory { source: &remembered.source, has_pip }
    }

    pub(super) fn way(&self, draft: &Draft<'_>, pinned: &Pinned) -> Way {
        let (pin, source) = (pinned.pin(), self.source);
        if pinned.installer == Installer::Conda {
            return Way::Conda;
        }
        if let Some(own) = own_wheel(draft, pinned) {
            return Way::Wheels(vec![own]);
        }
        let named = match &pinned.place {
            Place::Index => {
                return match draft.wheels.whole_of_version(&pinned.name, &pinned.version) {
                    found if found.is_empty() => Way::Lacking,
                    found => Way::Wheels(found),
                };
            }
            Place::Named(direct_url::Origin::File { path, sha256 }) => {
                match wheel_at(draft, pinned, path, *sha256) {
                    Ok(candidate) => return Way::Wheels(vec![candidate]),
                    Err(reason) => {
                        let again = self.command(draft, &typed(path));
                        format!("the file `{}`, which {reason}: {again}", path.display())
                    }
                }
            }
            Place::Named(direct_url::Origin::Folder { path, editable }) => {
                if let Some(wheel) = link_to(pinned, path).filter(|_| *editable) {
                    return Way::Link(Box::new(wheel));
                }
                self.of_folder(draft, path, *editable)
            }
            Place::Named(direct_url::Origin::Address(address)) if is_address(address) => {
                let requirement = format!("{} @ {address}", pinned.name);
                self.command(draft, &typed(Path::new(&requirement)))
            }
            Place::Named(direct_url::Origin::Address(_)) | Place::Untold => {
                "a place that its `direct_url.json` does not tell: install it from there".to_owned()
            }
        };
        Way::ByHand(format!("{pin} was installed, as remembered by {source}, from {named}"))
    }

    fn of_folder(&self, draft: &Draft<'_>, path: &Path, editable: bool) -> String {
        let shown = path.display();
        let what = if editable { "the project" } else { "the folder" };
        // An editable install is a link that the tool that builds the project makes.
        let option = if editable { "-e " } else { "" };
        let again = self.command(draft, &format!("{option}{}", typed(path)));
        match is_local(path) && fs::is_folder(path) {
            true => format!("{what} `{shown}`: {again}"),
            false => format!("{what} `{shown}`, which is gone: bring it back, then {again}"),
        }
    }

    /// What installs it again, as a clause.
    pub(super) fn command(&self, draft: &Draft<'_>, what: &str) -> String {
        let facts = draft.case.subject.facts;
        let usual = facts.prefix.join(facts.scheme.scripts()).join("python");
        let python = typed(draft.interpreter.program().unwrap_or(&usual));
        match self.has_pip {
            true => format!("`{python} -m pip install --no-deps {what}` installs it again"),
            false => {
                format!("`uv pip install --python {python} --no-deps {what}` installs it again")
            }
        }
    }
}

/// The editable install of the project, where this stands and the files that lead to it are remembered.
fn link_to(pinned: &Pinned, project: &Path) -> Option<Wheel> {
    if pinned.links.is_empty() || !is_local(project) || !fs::is_folder(project) {
        return None;
    }
    let wheel = Wheel::of_links(project, pinned.links.clone()).ok()?;
    let is_same = normalize(&wheel.metadata.name) == pinned.name
        && pinned.has_version(&wheel.metadata.version);
    is_same.then_some(wheel)
}

/// The very wheel that it was installed as, where that is known and fits.
fn own_wheel(draft: &Draft<'_>, pinned: &Pinned) -> Option<Candidate> {
    let own = draft.wheels.at(pinned.wheel.clone()?, Origin::Own)?;
    let is_same =
        own.wheel.name == pinned.name && pinned.has_version(&own.wheel.version.to_string());
    (is_same && draft.wheels.is_usable(&own)).then_some(own)
}

/// The wheel that it was installed from, where that is still the same. `Err` says why not.
fn wheel_at(
    draft: &Draft<'_>,
    pinned: &Pinned,
    path: &Path,
    sha256: Option<[u8; 32]>,
) -> Result<Candidate, String> {
    if path.extension().is_none_or(|extension| extension != "whl") {
        return Err("is no wheel".to_owned());
    }
    if !is_local(path) || !fs::is_file(path) {
        return Err("is gone".to_owned());
    }
    match sha256 {
        Some(hash) => {
            let now = fs::canonical(path).and_then(|path| State::of(&path));
            if now.ok().and_then(State::hash) != Some(hash) {
                return Err("is another file now".to_owned());
            }
        }
        // Nothing tells whether it is the same: at least nobody else put it there.
        None if !programs::is_guarded(draft.case.subject.host, path) => {
            return Err("others than root and you can change".to_owned());
        }
        None => {}
    }
    let candidate = draft
        .wheels
        .at(path.to_path_buf().into(), Origin::Wheelhouse)
        .ok_or("does not fit this Python")?;
    let is_same = candidate.wheel.name == pinned.name
        && pinned.has_version(&candidate.wheel.version.to_string());
    let is_usable = is_same && draft.wheels.is_usable(&candidate);
    if is_usable { Ok(candidate) } else { Err(format!("is no whole wheel of {}", pinned.pin())) }
}

/// Whether it is made of what addresses are made of: nothing that a shell obeys within quotes.
fn is_address(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!&()*+,;=%".contains(c))
}
