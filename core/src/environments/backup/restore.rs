//! The way back: which interpreter each environment of a backup can stand on here, the environment made, what
//! was installed put into it, and all of it compared with the manifest.
//!
//! 1. [`plan`] reads, and writes nothing.
//! 2. [`restore`] makes one environment where nothing stands: the first thing that stands there is a mark, and it
//!    goes last, when all is durable. One with the mark was not finished, and is made again. What was installed is
//!    planned as for a repair that returns to a remembered state, and needs no journal.
//! 3. [`compare`] says what is not as it was. Nothing is called exact that was not compared.
//!
//! An environment that stands there is never changed; with `replace` it is renamed first, and kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::manifest::{Manifest, SavedEnvironment};
use super::places::Places;
use super::remembered::{self, place, tag};
use super::{Backup, Error, loose, secrets};
use crate::environments::PythonVersion;
use crate::environments::catalog::Catalog;
use crate::environments::distributions::{Distribution, direct_url};
use crate::environments::facts::Known;
use crate::environments::health::{Finding, Severity, Subject};
use crate::environments::inspection::{Earlier, examine_one};
use crate::environments::installation::Installation;
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::environments::repair::recreate::{Making, Names};
use crate::environments::repair::{
    self, Case, Disk, FOLDER, Fetched, Goal, Network, Options, Remembered, Session,
};
use crate::fs;
use crate::host::Host;

/// In [`FOLDER`] of an environment that is not all there yet: which backup it comes from.
const MARK: &str = "restoring";
const MAX_MARK_BYTES: u64 = 1024;
/// What one distribution requires is found out when it is there.
const MOST_ROUNDS: usize = 8;

/// One environment, and what can be made of it here.
#[derive(Debug)]
pub struct Target<'a> {
    /// What it was.
    pub saved: &'a SavedEnvironment,
    /// Where it will stand.
    pub prefix: PathBuf,
    /// What it can stand on, or why it cannot be made and what to do.
    pub base: Result<Arc<Installation>, Hindrance>,
    /// What stands there now.
    pub stand: Stand,
}

/// Why an environment cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// Why, in one sentence without a full stop.
    pub why: String,
    /// What to do; a command where there is one.
    pub hint: String,
}

/// What stands where an environment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Nothing.
    Free,
    /// An environment that a restore of this backup began.
    Begun,
    /// Something else.
    Taken,
}

/// What became of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is as the manifest says.
    Exact,
    /// It is there, and differs in these.
    Differs(Vec<String>),
    /// It is not there.
    NotRestored(Hindrance),
}

/// The environments that a backup can bring back: those that somebody made to install into.
pub fn plan<'a>(host: &Host, manifest: &'a Manifest, places: &Places) -> Vec<Target<'a>> {
    let known = Known::default();
    let catalog = Catalog::new(host, &known);
    let own = manifest.environments.iter().filter(|one| one.is_own);
    own.map(|saved| {
        let prefix = places.prefix(&saved.prefix);
        let base = place_here(host, manifest, &prefix)
            .and_then(|()| base(saved, manifest, &catalog, places));
        let stand = stand(&prefix, manifest, saved);
        Target { saved, prefix, base, stand }
    })
    .collect()
}

/// Whether an environment may stand there: a manifest is untrusted, and paths differ between systems.
fn place_here(host: &Host, manifest: &Manifest, prefix: &Path) -> Result<(), Hindrance> {
    let platform = manifest.machine.platform.as_str();
    if platform != host.platform.name() {
        return Err(Hindrance {
            why: format!("the backup is of another system ({platform})"),
            hint: "unpack it, and install from its lists of requirements".to_owned(),
        });
    }
    let is_plain = fs::is_local(prefix)
        && prefix.components().all(|part| !matches!(part, Component::ParentDir))
        && prefix.file_name().is_some();
    match is_plain {
        true => Ok(()),
        false => Err(Hindrance {
            why: format!("`{}` is no place for an environment", prefix.display()),
            hint: "`--to DIR` puts all of them into a folder".to_owned(),
        }),
    }
}

fn stand(prefix: &Path, manifest: &Manifest, saved: &SavedEnvironment) -> Stand {
    let folder = prefix.join(FOLDER);
    let mark = fs::read_text(&folder.join(MARK), MAX_MARK_BYTES).unwrap_or_default();
    let expected = mark_of(manifest, saved);
    // Killed before the mark was whole, it left nothing else.
    let is_bare =
        expected.starts_with(&mark) && [(prefix, FOLDER), (&folder, MARK)].iter().all(holds_only);
    match prefix.symlink_metadata() {
        Err(_) => Stand::Free,
        Ok(_) if mark == expected || is_bare => Stand::Begun,
        Ok(_) => Stand::Taken,
    }
}

/// Whether there is no such folder, or it holds nothing but this name.
fn holds_only((folder, name): &(&Path, &str)) -> bool {
    match folder.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::list_unsorted(folder)
            .is_ok_and(|entries| entries.iter().all(|entry| entry.name == *name)),
        Ok(_) => false,
        Err(error) => fs::missing(&error),
    }
}

fn mark_of(manifest: &Manifest, saved: &SavedEnvironment) -> String {
    format!("{} {}\n", manifest.created, saved.id)
}

/// The Python of the same minor version and ABI: the one at the same place, of the same release, or the newest.
fn base(
    saved: &SavedEnvironment,
    manifest: &Manifest,
    catalog: &Catalog<'_>,
    places: &Places,
) -> Result<Arc<Installation>, Hindrance> {
    if saved.is_of_conda() {
        return Err(of_conda(saved, places));
    }
    let unknown = || Hindrance {
        why: "the backup does not say of which Python it was".to_owned(),
        hint: "make it by hand, with its list of requirements".to_owned(),
    };
    let tag = tag(saved).ok_or_else(unknown)?;
    let mut fitting = catalog.fitting(tag);
    fitting.retain(|one| !one.conda);
    let version = saved.version.as_deref().and_then(|text| PythonVersion::from_str(text).ok());
    let place = saved.base_prefix.as_ref().map(|prefix| places.mapped(prefix));
    fitting.sort_by_key(|one| {
        let at_place = place.as_deref() == Some(one.prefix.as_path());
        (at_place, one.version.is_some() && one.version == version, one.version.clone())
    });
    fitting.pop().ok_or_else(|| lacking(saved, manifest))
}

fn lacking(saved: &SavedEnvironment, manifest: &Manifest) -> Hindrance {
    let version = saved.version.clone().unwrap_or_default();
    let minor = saved.minor().unwrap_or_default();
    let flags = &saved.abi_flags;
    let kind = manifest
        .interpreters
        .iter()
        .find(|one| one.needed_by.contains(&saved.id))
        .and_then(|one| one.kind.as_deref());
    let hint = match kind {
        Some("pyenv") => format!("`pyenv install {version}{flags}`, then the same again"),
        Some("uv-managed") => format!("`uv python install {version}{flags}`, then the same again"),
        _ => format!(
            "install Python {minor}{flags} (`uv python install {minor}{flags}` does it on any system), then the \
             same again"
        ),
    };
    Hindrance { why: format!("no Python {minor}{flags} is on this machine"), hint }
}

fn of_conda(saved: &SavedEnvironment, places: &Places) -> Hindrance {
    let prefix = crate::shell::word(&places.prefix(&saved.prefix).to_string_lossy()).into_owned();
    let hint = match &saved.conda_explicit {
        Some(list) => {
            format!("unpack the backup, then `conda create --prefix {prefix} --file {list}`")
        }
        None => "make it with conda, from what `aios backup show --format json` lists".to_owned(),
    };
    Hindrance { why: "conda makes it, not this program".to_owned(), hint }
}

/// Fetches such distributions for an environment (`idna==3.10`).
pub type Fetch<'a> = dyn Fn(&Case<'_>, &[String]) -> Fetched + 'a;

/// What a restore may use.
pub struct Means<'a> {
    /// This machine.
    pub host: &'a Host,
    /// Where things are now.
    pub places: &'a Places,
    /// The backup.
    pub backup: &'a Backup,
    /// A folder of the user's own, for wheels of the backup.
    pub scratch: &'a Path,
    /// Folders with wheels, asked first.
    pub wheelhouses: &'a [PathBuf],
    /// Fetches wheels that are lacking, where that is allowed.
    pub fetch: Option<&'a Fetch<'a>>,
    /// Whether what stands there gives way, and is kept beside.
    pub replace: bool,
    /// Changes the disk.
    pub disk: &'a dyn Disk,
    /// Ends it early.
    pub stop: &'a AtomicBool,
}

/// Makes one environment, and compares it with what it was.
pub fn restore(means: &Means<'_>, target: &Target<'_>) -> Result<Outcome, repair::Error> {
    let base = match &target.base {
        Ok(base) => base,
        Err(hindrance) => return Ok(Outcome::NotRestored(hindrance.clone())),
    };
    match target.stand {
        Stand::Free => {}
        // Half of one is of no use, and nobody else put anything there.
        Stand::Begun => Names::free(&target.prefix).clear(means.disk)?,
        Stand::Taken => {
            // What is there already need not be made.
            if compare(means.host, target, means.places).is_some_and(|found| found.is_empty()) {
                return Ok(Outcome::Exact);
            }
            if !means.replace {
                return Ok(Outcome::NotRestored(Hindrance {
                    why: "something else stands there".to_owned(),
                    hint: "`--replace` gives that another name first, and keeps it".to_owned(),
                }));
            }
            Names::free(&target.prefix).put_aside(means.disk)?;
        }
    }
    let remembered = match installed(means, target.saved) {
        Ok(remembered) => remembered,
        Err(error) => return Ok(of_damaged(&error)),
    };
    let (backup, saved, stop) = (means.backup, target.saved, means.stop);
    // While something else is done.
    std::thread::scope(|scope| {
        let checking = scope.spawn(|| check(backup, saved, stop));
        let checked = || checking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        make(means, (target, base), remembered, checked)
    })
}

fn of_damaged(error: &Error) -> Outcome {
    let hint = "`aios backup verify` says what is damaged".to_owned();
    Outcome::NotRestored(Hindrance { why: error.to_string(), hint })
}

/// The same where nothing stands. `checked` says whether the backup has what it lists.
fn make(
    means: &Means<'_>,
    (target, base): (&Target<'_>, &Installation),
    remembered: Remembered,
    checked: impl FnOnce() -> Result<(), Error>,
) -> Result<Outcome, repair::Error> {
    let manifest = means.backup.manifest();
    let mark = begin(means.disk, &target.prefix, &mark_of(manifest, target.saved))?;
    let (prefix, stop) = (target.prefix.as_path(), means.stop);
    let making = making(means.backup, target.saved);
    if let Err(why) = making.make(means.host, base, prefix, &[prefix], stop) {
        Names::free(prefix).clear(means.disk)?;
        let hint = "the same command again tries it again".to_owned();
        return Ok(Outcome::NotRestored(Hindrance { why, hint }));
    }
    put_loose(means, target)?;
    // Nobody repairs it meanwhile.
    let session = Session::begin(means.disk, prefix)?;
    let filled = fill(means, target, remembered, checked)?;
    drop(session);
    let (mut differences, unsolved) = match filled {
        Ok(compared) => compared,
        Err(error) => {
            Names::free(prefix).clear(means.disk)?;
            return Ok(of_damaged(&error));
        }
    };
    means.disk.remove_file(&mark).map_err(repair::Error::io("remove", &mark))?;
    if differences.is_empty() {
        return Ok(Outcome::Exact);
    }
    differences.extend(unsolved);
    Ok(Outcome::Differs(differences))
}

/// What belongs to no distribution comes first: a file that leads to a project is one of the things that are looked at.
fn put_loose(means: &Means<'_>, target: &Target<'_>) -> Result<(), repair::Error> {
    let all = target.saved.loose.as_slice();
    if all.is_empty() {
        return Ok(());
    }
    let earlier = Earlier::new(means.host, None);
    let site = examine_one(means.host, &target.prefix, &earlier, |subject, _| site(subject));
    match site.flatten() {
        Some(site) => loose::write(means.disk, &site, all, means.places),
        None => Ok(()),
    }
}

/// Where packages are installed.
fn site(subject: &Subject<'_>) -> Option<PathBuf> {
    subject.installed.sites.first().map(|site| site.folder.clone())
}

/// The mark comes first, and all else after it.
fn begin(disk: &dyn Disk, prefix: &Path, text: &str) -> Result<PathBuf, repair::Error> {
    let folder = prefix.join(FOLDER);
    let mark = folder.join(MARK);
    disk.make_folder(&folder).map_err(repair::Error::io("make", &folder))?;
    disk.create(&mark, text.as_bytes(), 0o600)
        .and_then(|()| disk.sync_folder(&folder))
        .and_then(|()| disk.sync_folder(prefix))
        .map_err(repair::Error::io("write", &mark))?;
    Ok(mark)
}

fn making(backup: &Backup, saved: &SavedEnvironment) -> Making {
    let bytes = saved.pyvenv_cfg.as_ref().and_then(|member| backup.member(member).ok());
    let cfg = bytes.map(|bytes| PyvenvCfg::parse(&bytes));
    Making::like(cfg.as_ref(), saved.is_copy)
}

/// What was installed, with the wheels of the backup where it has them: as they lie there, or unpacked.
fn installed(means: &Means<'_>, saved: &SavedEnvironment) -> Result<Remembered, Error> {
    remembered::installed(means.backup, saved, means.places, |wheel| {
        if let Some(location) = means.backup.wheel(&wheel.member) {
            return Ok(Some(location));
        }
        let to = means.scratch.join(&wheel.member);
        if !to.exists() {
            means.backup.unpack(&wheel.member, &to)?;
        }
        Ok(Some(to.into()))
    })
}

/// Compares the wheels that are read as they lie in the backup with their checksums.
fn check(backup: &Backup, saved: &SavedEnvironment, stop: &AtomicBool) -> Result<(), Error> {
    let wheels = saved.distributions.iter().filter_map(|one| one.wheel.as_ref());
    let mut there = wheels.filter(|one| backup.wheel(&one.member).is_some());
    // Whoever is told to end installs nothing of them.
    there.try_for_each(|wheel| match stop.load(Ordering::Relaxed) {
        true => Ok(()),
        false => backup.check(&wheel.member),
    })
}

/// In what an environment differs, and what cannot be done and what to do.
type Compared = (Vec<String>, Vec<String>);

/// Installs what is missing, in as many rounds as it takes, once the backup is known to be whole. All of it is durable
/// when this returns.
fn fill(
    means: &Means<'_>,
    target: &Target<'_>,
    remembered: Remembered,
    checked: impl FnOnce() -> Result<(), Error>,
) -> Result<Result<Compared, Error>, repair::Error> {
    let (disk, prefix) = (means.disk, target.prefix.as_path());
    let earlier = Earlier::new(means.host, None);
    let mut options = Options {
        wheelhouses: means.wheelhouses.to_vec(),
        network: means.fetch.map_or(Network::Never, |_| Network::Allowed(Fetched::default())),
        remembered: Some(remembered),
        goal: Goal::Remembered,
        ..Options::default()
    };
    let mut tried = BTreeSet::new();
    let mut left_out = Vec::new();
    let mut checked = Some(checked);
    let mut is_new = true;
    let mut round = 0;
    loop {
        round += 1;
        let is_last = round > MOST_ROUNDS;
        let mut look = || {
            examine_one(means.host, prefix, &earlier, |subject, findings| {
                let case = Case { subject, findings, options: &options };
                let fetch = means.fetch.filter(|_| !is_last);
                let fetched = fetch.and_then(|fetch| fetch_lacking(&case, fetch, &mut tried));
                (repair::plan(&case), fetched, differences(subject, findings, target, means.places))
            })
        };
        let settle = || disk.settle(prefix).map_err(repair::Error::io("make durable", prefix));
        // It becomes durable while it is looked at, once there is something in it.
        let looked = match is_new {
            true => look(),
            false => std::thread::scope(|scope| {
                let settling = scope.spawn(settle);
                let looked = look();
                let settled = settling.join();
                settled.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map(|()| looked)
            })?,
        };
        let Some((plan, fetched, differences)) = looked else {
            return Ok(Ok((vec!["it is no environment".to_owned()], left_out)));
        };
        if let Some(checked) = checked.take()
            && let Err(error) = checked()
        {
            return Ok(Err(error));
        }
        if let (Some(more), Network::Allowed(all)) = (fetched, &mut options.network) {
            all.wheelhouses.extend(more.wheelhouses);
            all.unavailable.extend(more.unavailable);
            continue;
        }
        // What was left out once would be so again.
        if plan.steps.is_empty() || is_last || !left_out.is_empty() {
            if is_new {
                settle()?;
            }
            left_out.extend(plan.unsolved.into_iter().map(|one| one.hint));
            return Ok(Ok((differences, left_out)));
        }
        is_new = false;
        left_out = repair::carry_out_fresh(disk, &plan, means.stop)?;
    }
}

/// Fetches wheels that are lacking and were not asked for yet.
fn fetch_lacking(
    case: &Case<'_>,
    fetch: &Fetch<'_>,
    tried: &mut BTreeSet<String>,
) -> Option<Fetched> {
    let mut lacking = repair::missing_wheels(case);
    lacking.retain(|pin| tried.insert(pin.clone()));
    (!lacking.is_empty()).then(|| fetch(case, &lacking))
}

/// What is not as it was, in words. `None` when no environment stands there.
pub fn compare(host: &Host, target: &Target<'_>, places: &Places) -> Option<Vec<String>> {
    let earlier = Earlier::new(host, None);
    examine_one(host, &target.prefix, &earlier, |subject, findings| {
        differences(subject, findings, target, places)
    })
}

fn differences(
    subject: &Subject<'_>,
    findings: &[Finding],
    target: &Target<'_>,
    places: &Places,
) -> Vec<String> {
    let mut found = Vec::new();
    of_python(subject, target.saved, &mut found);
    of_distributions(subject, target.saved, places, &mut found);
    found.extend(loose::differences(site(subject).as_deref(), &target.saved.loose, places));
    let errors = findings.iter().filter(|one| one.severity == Severity::Error);
    let is_new =
        |one: &&Finding| !target.saved.findings.iter().any(|code| code == one.code.as_str());
    found.extend(errors.filter(is_new).map(|one| format!("{}: {}", one.code, one.message)));
    found
}

fn of_python(subject: &Subject<'_>, saved: &SavedEnvironment, found: &mut Vec<String>) {
    let environment = subject.environment;
    let version = environment.version.as_ref().map(ToString::to_string);
    if version != saved.version || environment.abi_flags != saved.abi_flags {
        let text =
            |version: &Option<String>| version.clone().unwrap_or_else(|| "unknown".to_owned());
        found.push(format!("Python {} in the place of {}", text(&version), text(&saved.version)));
    }
    let maker =
        |by: &Option<String>| by.as_deref().and_then(|by| by.split(' ').next().map(str::to_owned));
    let (now, then) = (maker(&environment.created_by), maker(&saved.created_by));
    if now != then {
        let text = |maker: Option<String>| maker.unwrap_or_else(|| "an unknown program".to_owned());
        found.push(format!("made by {}, and was made by {}", text(now), text(then)));
    }
}

fn of_distributions(
    subject: &Subject<'_>,
    saved: &SavedEnvironment,
    places: &Places,
    found: &mut Vec<String>,
) {
    let mut now: BTreeMap<&str, &Distribution> = BTreeMap::new();
    for one in subject.installed.sites.iter().flat_map(|site| &site.distributions) {
        now.entry(one.name.as_str()).or_insert(one);
    }
    for then in &saved.distributions {
        let name = then.name.as_str();
        match now.remove(name) {
            None => found.push(format!("{name} {} is missing", then.version)),
            Some(one) if one.version != then.version => {
                found.push(format!("{name} {} in the place of {}", one.version, then.version));
            }
            Some(one) => {
                let file = one.info.join("direct_url.json");
                let origin = |bytes: &[u8]| direct_url::origin(&secrets::without(bytes));
                let here =
                    fs::read(&file, direct_url::MAX_BYTES).ok().and_then(|bytes| origin(&bytes));
                if here != place(then, places).and_then(|bytes| origin(&bytes)) {
                    found.push(format!("{name} {} is from another place", then.version));
                }
                if then.edited {
                    found.push(format!("{name} {} is without what was edited in it", then.version));
                }
            }
        }
    }
    found.extend(now.values().map(|one| format!("{} was not there", one.pin())));
}
