//! From an inspection to a backup: what each environment has, as its files tell.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use super::checkout;
use super::conda;
use super::manifest::{
    Interpreter, LeftOut, Machine, Manifest, SCHEMA, SavedDistribution, SavedEnvironment,
    SavedLink, SavedSnapshot,
};
use super::read::Backup;
use super::saved_path::SavedPath;
use super::sealed::Lock;
use super::wheels::{Wheels, Work};
use super::write::Draft;
use super::{Error, loose, projects, recover, requirements, secrets};
use crate::environments::distributions::{self, Distribution, Installed, Shared, direct_url};
use crate::environments::health::Severity;
use crate::environments::inspection::{Inspected, Inspection};
use crate::environments::{Environment, EnvironmentId, Problem, pyvenv_cfg};
use crate::fs::{self, Kind};
use crate::host::Host;

/// Of an editable install what leads to the project: a file or two, and metadata.
const MOST_LINKS: usize = 64;
const MAX_LINK_BYTES: u64 = 256 * 1024;
/// Distributions of one environment.
const MOST_DISTRIBUTIONS: usize = 10_000;
/// Letters of the name of a folder in the archive.
const MAX_NAME_BYTES: usize = 48;

const SNAPSHOT: &str = "snapshot.aios";
const RECOVER: &str = "RECOVER.txt";

/// What a backup is made of.
#[derive(Debug)]
pub struct Content<'a> {
    /// This machine.
    pub host: &'a Host,
    /// Its environments, as a usual look found them.
    pub seen: &'a Inspection,
    /// The time, as `2026-11-22T06:14:09.123Z`.
    pub created: &'a str,
    /// The one of them that the user chose.
    pub active: Option<EnvironmentId>,
    /// What is remembered of them, where anything is.
    pub image: Option<Image>,
    /// Whether what is installed comes along, as wheels; how far that is, for whoever shows it.
    pub wheels: Option<&'a Work>,
    /// What the file is encrypted with, where it is.
    pub lock: Option<&'a Lock>,
}

/// What was remembered last, without secrets.
#[derive(Debug)]
pub struct Image {
    /// The number of the snapshot.
    pub number: u64,
    /// When it was taken, as `2026-11-22T06:14:09.123Z`.
    pub created: String,
    /// An image of a context.
    pub bytes: Vec<u8>,
}

/// Writes a backup to a file that does not exist yet, and reads it again.
pub fn create(path: &Path, content: &Content<'_>) -> Result<Backup, Error> {
    let mut draft = Draft::begin(path, content.lock)?;
    let mut left_out: Vec<LeftOut> = content.seen.problems.iter().map(LeftOut::from).collect();
    let shared = Shared::new();
    let mut wheels = content.wheels.map(|_| Wheels::of(content.host));
    let mut environments = Vec::new();
    for inspected in &content.seen.environments {
        let (saved, problems) = environment(inspected, &shared, wheels.as_mut());
        left_out.extend(problems.iter().map(LeftOut::from));
        environments.push(saved);
    }
    if let (Some(wheels), Some(work)) = (&wheels, content.wheels) {
        wheels.write(&mut draft, work)?;
    }
    for (at, (saved, inspected)) in
        environments.iter_mut().zip(&content.seen.environments).enumerate()
    {
        add(saved, at + 1, &inspected.environment, &mut draft)?;
    }
    let all: Vec<&Environment> =
        content.seen.environments.iter().map(|one| &one.environment).collect();
    let projects = projects::add(&all, &mut draft, &mut left_out)?;
    let snapshot = match &content.image {
        None => None,
        Some(image) => {
            draft.add(SNAPSHOT, &image.bytes)?;
            let (number, created) = (image.number, image.created.clone());
            Some(SavedSnapshot { member: SNAPSHOT.to_owned(), number, created })
        }
    };
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        written_by: concat!("aios ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: content.created.to_owned(),
        machine: machine(content.host),
        active: content.active.clone(),
        interpreters: interpreters(&all),
        environments,
        projects,
        snapshot,
        left_out,
        members: Vec::new(),
    };
    draft.add(RECOVER, recover::text(&manifest).as_bytes())?;
    draft.finish(manifest)
}

fn machine(host: &Host) -> Machine {
    Machine {
        platform: host.platform.name().to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        home: host.home.as_ref().map(SavedPath::from),
    }
}

/// Puts the files of an environment into the archive, and names them.
fn add(
    saved: &mut SavedEnvironment,
    number: usize,
    environment: &Environment,
    draft: &mut Draft,
) -> Result<(), Error> {
    let folder = format!("environments/{number:02}-{}", name_of(&environment.prefix));
    let cfg = fs::read(&environment.prefix.join("pyvenv.cfg"), pyvenv_cfg::MAX_BYTES).ok();
    if let Some(bytes) = cfg.filter(|_| environment.is_virtual()) {
        let member = format!("{folder}/pyvenv.cfg");
        draft.add(&member, &secrets::without(&bytes))?;
        saved.pyvenv_cfg = Some(member);
    }
    let lines = requirements::of(saved);
    if !lines.is_empty() {
        let member = format!("{folder}/requirements.txt");
        draft.add(&member, lines.as_bytes())?;
        saved.requirements = Some(member);
    }
    let lines = requirements::of_wheels(saved);
    if !lines.is_empty() {
        let member = format!("{folder}/wheels.txt");
        draft.add(&member, lines.as_bytes())?;
        saved.wheels = Some(member);
    }
    if let Some(list) = conda::explicit(&saved.conda) {
        let member = format!("{folder}/conda-explicit.txt");
        draft.add(&member, list.as_bytes())?;
        saved.conda_explicit = Some(member);
    }
    Ok(())
}

fn environment(
    inspected: &Inspected,
    shared: &Shared,
    wheels: Option<&mut Wheels>,
) -> (SavedEnvironment, Vec<Problem>) {
    let environment = &inspected.environment;
    // Of an installation, its installer brings what it needs.
    let wheels = wheels.filter(|_| environment.is_repairable());
    let (installed, mut problems) = distributions::read(&environment.site_packages, shared);
    let distributions = distributions(environment, &installed, wheels, &mut problems);
    let conda = conda::packages(&environment.prefix);
    let site = installed.sites.first();
    let site = site.filter(|_| environment.is_repairable() && conda.is_empty());
    let (loose, left) = site.map(loose::of).unwrap_or_default();
    problems.extend(left);
    let grave = inspected.findings.iter().filter(|one| one.severity > Severity::Info);
    let mut findings: Vec<String> = grave.map(|one| one.code.as_str().to_owned()).collect();
    findings.sort_unstable();
    findings.dedup();
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(SavedPath::from);
    let is_link = environment.executable.as_deref().and_then(|path| path.symlink_metadata().ok());
    let saved = SavedEnvironment {
        id: environment.id.clone(),
        kind: environment.kind.as_str().to_owned(),
        name: environment.name.clone(),
        prefix: SavedPath::from(&environment.prefix),
        executable: path(&environment.executable),
        version: environment.version.as_ref().map(ToString::to_string),
        implementation: environment.implementation.map(|one| one.name().to_owned()),
        abi_flags: environment.abi_flags.clone(),
        architecture: environment.architecture.map(|one| one.as_str().to_owned()),
        base_prefix: path(&environment.base_prefix),
        base_executable: path(&environment.base_executable),
        manager: environment.manager.clone(),
        project: path(&environment.project),
        created_by: environment.created_by.clone(),
        externally_managed: environment.externally_managed,
        status: inspected.status(),
        findings,
        is_own: environment.is_repairable(),
        is_copy: is_link.is_some_and(|metadata| Kind::from(metadata.file_type()) == Kind::File),
        pyvenv_cfg: None,
        requirements: None,
        wheels: None,
        conda_explicit: None,
        distributions,
        loose,
        conda,
    };
    (saved, problems)
}

/// By name; `lib` and `lib64` of one environment may both have one.
fn distributions(
    environment: &Environment,
    installed: &Installed,
    mut wheels: Option<&mut Wheels>,
    problems: &mut Vec<Problem>,
) -> Vec<SavedDistribution> {
    let mut found: BTreeMap<(String, String), SavedDistribution> = BTreeMap::new();
    for site in &installed.sites {
        for one in site.distributions.iter().take(MOST_DISTRIBUTIONS) {
            let Entry::Vacant(place) = found.entry((one.name.clone(), one.version.clone())) else {
                continue;
            };
            let saved = place.insert(distribution(one, &site.folder));
            // An editable install comes back by its links, what conda installed with conda.
            let is_wheel = one.editable.is_none() && !one.by_conda();
            let Some(wheels) = wheels.as_mut().filter(|_| is_wheel) else { continue };
            let kept = wheels.plan(environment, site, one);
            (saved.wheel, saved.edited) = (kept.wheel, kept.edited);
            problems.extend(kept.note.map(|note| Problem::new(&one.info, note)));
        }
    }
    found.into_values().collect()
}

fn distribution(one: &Distribution, site: &Path) -> SavedDistribution {
    let file = |name: &str, limit| fs::read(&one.info.join(name), limit).ok();
    let has_origin = one.listed.iter().any(|(name, _)| name == "direct_url.json");
    let direct_url = has_origin.then(|| file("direct_url.json", direct_url::MAX_BYTES)).flatten();
    let direct_url =
        direct_url.and_then(|bytes| serde_json::from_slice(&secrets::without(&bytes)).ok());
    SavedDistribution {
        name: one.name.clone(),
        version: one.version.clone(),
        installer: one.installer.clone(),
        requested: one.is_dist_info() && fs::is_file(&one.info.join("REQUESTED")),
        tags: one.wheel.as_ref().map(|wheel| wheel.tags.clone()).unwrap_or_default(),
        direct_url,
        checkout: one.editable.as_deref().filter(|path| fs::is_local(path)).and_then(checkout::of),
        edited: false,
        wheel: None,
        links: if one.editable.is_some() { links(one, site) } else { Vec::new() },
    }
}

/// The files of an editable install that are the same wherever it is.
fn links(one: &Distribution, site: &Path) -> Vec<SavedLink> {
    let files = one.record.get().map(|record| record.files.as_slice()).unwrap_or_default();
    let lasting = files.iter().filter(|file| {
        let own = file.path.rsplit('/').next().unwrap_or_default();
        let of_install = one.owns_metadata(&file.path)
            && ["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"].contains(&own);
        file.plain && !of_install && !file.path.contains("__pycache__/")
    });
    let read = |path: &str| {
        let text = fs::read_text(&site.join(path), MAX_LINK_BYTES)?;
        Some(secrets::without_text(&text))
    };
    lasting
        .take(MOST_LINKS)
        .filter_map(|file| Some(SavedLink { path: file.path.clone(), content: read(&file.path)? }))
        .collect()
}

/// One for each Python that environments stand on.
fn interpreters(environments: &[&Environment]) -> Vec<Interpreter> {
    let mut found: Vec<Interpreter> = Vec::new();
    for one in environments.iter().filter(|one| one.is_virtual()) {
        let base = environments.iter().find(|base| Some(&base.id) == one.base_id.as_ref());
        let of = base.unwrap_or(one);
        let interpreter = Interpreter {
            version: one.version.as_ref().map(ToString::to_string),
            implementation: one.implementation.map(|one| one.name().to_owned()),
            abi_flags: one.abi_flags.clone(),
            architecture: of.architecture.map(|one| one.as_str().to_owned()),
            prefix: one.base_prefix.as_ref().map(SavedPath::from),
            kind: base.map(|base| base.kind.as_str().to_owned()),
            needed_by: vec![one.id.clone()],
        };
        let same = |other: &&mut Interpreter| {
            (&other.version, &other.implementation, &other.abi_flags, &other.prefix)
                == (
                    &interpreter.version,
                    &interpreter.implementation,
                    &interpreter.abi_flags,
                    &interpreter.prefix,
                )
        };
        match found.iter_mut().find(same) {
            Some(there) => there.needed_by.push(one.id.clone()),
            None => found.push(interpreter),
        }
    }
    found
}

/// What an environment is called among the others: `api-venv` of `/home/me/api/.venv`.
fn name_of(prefix: &Path) -> String {
    let own = prefix.file_name().unwrap_or_default().to_string_lossy();
    let says_little = ["venv", "env", "virtualenv"].contains(&own.trim_start_matches('.'));
    match prefix.parent().filter(|_| says_little) {
        Some(above) => plain(&[above, prefix]),
        None => plain(&[prefix]),
    }
}

/// The last names of these paths, as one that may be used anywhere.
pub(super) fn plain(paths: &[&Path]) -> String {
    let names = paths.iter().filter_map(|path| path.file_name());
    let joined =
        names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>().join("-");
    let mut name = String::new();
    for c in joined.to_ascii_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
        if name.len() >= MAX_NAME_BYTES {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders() {
        let check = |path: &str, expected: &str| assert_eq!(name_of(Path::new(path)), expected);
        check("/home/me/Api Server/.venv", "api-server-venv");
        check("/home/me/envs/ml", "ml");
        check("/home/me/..\u{202e}/.venv", "venv");
        check("/", "unnamed");
        check(&format!("/home/{}", "é".repeat(200)), "unnamed");
        check(&format!("/home/{}", "a".repeat(200)), &"a".repeat(48));
    }
}
