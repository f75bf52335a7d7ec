//! The installations of this machine that an environment could stand on, looked up only when an
//! environment lost its own.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::discovery::{self, Lead, Leads, Target};
use super::facts::Known;
use super::installation::Installation;
use super::{EnvironmentKind, PythonTag, Source};
use crate::fs;
use crate::host::{Host, Platform};

/// The installations of a machine, read at the first question.
#[derive(Debug)]
pub struct Catalog<'a> {
    host: &'a Host,
    known: &'a Known,
    installations: OnceLock<Vec<Arc<Installation>>>,
}

impl<'a> Catalog<'a> {
    /// Nothing is read yet.
    pub fn new(host: &'a Host, known: &'a Known) -> Catalog<'a> {
        Catalog { host, known, installations: OnceLock::new() }
    }

    /// Whole installations of exactly this minor version and ABI.
    pub fn fitting(&self, tag: PythonTag) -> Vec<Arc<Installation>> {
        self.all().iter().filter(|installation| installation.tag == Some(tag)).cloned().collect()
    }

    /// Whole installations of any version.
    pub fn all(&self) -> &[Arc<Installation>] {
        self.installations.get_or_init(|| collect(self.host, self.known))
    }

    /// The installation of the interpreter at this path, links followed.
    pub fn at(&self, executable: &Path) -> Option<Arc<Installation>> {
        self.known.installations.of(&self.known.ends.follow(executable))
    }
}

/// Whether it leads to installations that are made to stand on: not conda's, none that belongs to an
/// application, and nothing that is only referred to.
fn is_for_bases(lead: &Lead) -> bool {
    let is_embedded = lead.kind == Some(EnvironmentKind::Embedded);
    !is_embedded
        && matches!(
            lead.source,
            Source::Path
                | Source::Pyenv
                | Source::Uv
                | Source::Installer
                | Source::System
                | Source::Homebrew
                | Source::Registry
        )
}

fn collect(host: &Host, known: &Known) -> Vec<Arc<Installation>> {
    let Leads { leads, .. } = discovery::sources(host);
    let mut found: Vec<Arc<Installation>> = Vec::new();
    let mut add = |executable: &Path| {
        let end = known.ends.follow(executable);
        if let Some(installation) = known.installations.of(&end)
            && installation.stdlib.is_some()
            && installation.damage.is_none()
            && !fs::is_file(&installation.prefix.join("pyvenv.cfg"))
            && !found.iter().any(|other| other.executable == installation.executable)
        {
            found.push(installation);
        }
    };
    for lead in leads.iter().filter(|lead| is_for_bases(lead)) {
        match &lead.target {
            Target::Executable(executable) => add(executable),
            Target::Prefix(prefix) => in_prefix(host, prefix, &mut add),
            Target::Children(folder) => {
                for entry in fs::list(folder).unwrap_or_default() {
                    in_prefix(host, &folder.join(entry.name), &mut add);
                }
            }
            Target::Tree(_) => {}
        }
    }
    found
}

fn in_prefix(host: &Host, prefix: &Path, add: &mut impl FnMut(&Path)) {
    if host.platform == Platform::Windows {
        return add(&prefix.join("python.exe"));
    }
    let scripts = prefix.join("bin");
    for entry in fs::list(&scripts).unwrap_or_default() {
        if entry.name.to_str().is_some_and(|name| PythonTag::from_name(name).is_some()) {
            add(&scripts.join(entry.name));
        }
    }
}
