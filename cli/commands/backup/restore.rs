//! `aios backup restore`: the plan, then one environment after the other, each compared with the backup.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aios_core::engine::active::{self, Choice};
use aios_core::environments::backup::places::Places;
use aios_core::environments::backup::restore::{self, Hindrance, Means, Outcome};
use aios_core::environments::backup::{self, Backup, Manifest};
use aios_core::environments::inspection::Progress;
use aios_core::environments::repair::{self, Case, Disk, Fetched, RealDisk};
use aios_core::{Environment, Host, Status};
use tempfile::TempDir;

use super::{Error, Exit, key, memory};
use crate::args::backup::Restore;
use crate::args::{Format, Network};
use crate::output::backup::{self as output, Restored};
use crate::output::text::{shown, shown_path};
use crate::output::{Page, message};
use crate::{commands, interrupt, progress};

pub(super) fn run(args: &Restore) -> Result<Exit, Error> {
    let asked = Arc::new(Progress::default());
    interrupt::stop_on_ctrl_c(&asked);
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.answer.view(), Vec::new());
    let backup = key::open(&host, args.file.as_deref(), &args.unlock)?;
    let places = places(args, &host, &backup);
    let targets = restore::plan(&host, backup.manifest(), &places);
    if let Some(gone) = args.wheelhouses.iter().find(|path| !host.absolute(path).is_dir()) {
        return Err(Error::NoSuchPath(gone.clone()));
    }
    if args.dry_run {
        output::planned(&targets, &args.answer, &page).map_err(Error::Output)?;
        let can_all_be = targets.iter().all(|target| target.base.is_ok());
        return Ok(if can_all_be { Exit::Fine } else { Exit::Findings });
    }
    let scratch = Scratch::make()?;
    let wheelhouses: Vec<PathBuf> =
        args.wheelhouses.iter().map(|folder| host.absolute(folder)).collect();
    let fetched = RefCell::new(Vec::new());
    let fetch = |case: &Case<'_>, pins: &[String]| fetch(case, pins, &fetched, &asked);
    let means = Means {
        host: &host,
        places: &places,
        backup: &backup,
        scratch: &scratch.place,
        wheelhouses: &wheelhouses,
        fetch: (args.network == Network::Allow).then_some(&fetch),
        replace: args.replace,
        disk: &RealDisk,
        stop: &asked.stop,
    };
    let mut all = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        if asked.stop.load(Ordering::Relaxed) {
            break;
        }
        let path = shown_path(&target.prefix, page.home.as_deref());
        let line = format!("{} of {}: restoring {path}", at + 1, targets.len());
        let shown_line = progress::show_line(move || line.clone());
        let outcome = restore::restore(&means, target).unwrap_or_else(|error| failed(&error));
        drop(shown_line);
        let restored = Restored { target, outcome };
        if args.answer.format == Format::Human {
            output::restored_one(&restored, &args.answer, &page).map_err(Error::Output)?;
        }
        all.push(restored);
    }
    interrupt::end_at_once_from_now();
    choose_again(&host, backup.manifest(), &all, &page);
    output::restored(&all, targets.len(), &args.answer, &page).map_err(Error::Output)?;
    Ok(if asked.stop.load(Ordering::Relaxed) {
        Exit::Interrupted
    } else if all.iter().all(|one| one.outcome == Outcome::Exact) {
        Exit::Fine
    } else {
        Exit::Findings
    })
}

/// Chooses the environment that was chosen then, where it is back and none was chosen since.
fn choose_again(host: &Host, manifest: &Manifest, all: &[Restored<'_>], page: &Page) {
    let is_back = |one: &&Restored<'_>| matches!(one.outcome, Outcome::Exact | Outcome::Differs(_));
    let of_then = |one: &&Restored<'_>| manifest.active.as_ref() == Some(&one.target.saved.id);
    let Some(restored) = all.iter().filter(is_back).find(of_then) else { return };
    let Ok(folder) = memory::place(host) else { return };
    let Ok(inspected) = commands::active::one(host, &restored.target.prefix) else { return };
    if inspected.status() == Status::Broken || !matches!(active::read(&folder), Ok(None)) {
        return;
    }
    let Environment { id, prefix, .. } = inspected.environment;
    let path = shown_path(&prefix, page.home.as_deref());
    match active::set(host, &folder, &Choice { id, prefix }) {
        Ok(()) => message::note(&format!("{path} is the active environment, as it was")),
        Err(error) => message::note(&format!("{path} is not active: {}", shown(error.to_string()))),
    }
}

fn failed(error: &repair::Error) -> Outcome {
    let hint = "the same command again goes on; what is whole stays".to_owned();
    Outcome::NotRestored(Hindrance { why: shown(error.to_string()), hint })
}

fn places(args: &Restore, host: &Host, backup: &Backup) -> Places {
    let home = backup.manifest().machine.home.as_ref();
    Places {
        maps: args.maps.iter().map(|(old, new)| (old.clone(), host.absolute(new))).collect(),
        to: args.to.as_ref().map(|to| {
            let to = host.absolute(to);
            aios_core::fs::canonical(&to).unwrap_or(to)
        }),
        home: home.map(|home| home.to_path_buf()),
    }
}

/// A folder of this user alone, which goes away with the run.
struct Scratch {
    place: PathBuf,
    _folder: TempDir,
}

impl Scratch {
    fn make() -> Result<Scratch, backup::Error> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| backup::Error::Io { what: "make a folder in", path, source }
        };
        let made = tempfile::Builder::new().prefix("aios-").tempdir();
        let folder = made.map_err(failed(&std::env::temp_dir()))?;
        RealDisk.set_mode(folder.path(), 0o700).map_err(failed(folder.path()))?;
        // Without links, as other programs name it.
        let place = aios_core::fs::canonical(folder.path());
        let place = place.unwrap_or_else(|_| folder.path().to_path_buf());
        Ok(Scratch { place, _folder: folder })
    }
}

fn fetch(
    case: &Case<'_>,
    pins: &[String],
    kept: &RefCell<Vec<Scratch>>,
    asked: &Progress,
) -> Fetched {
    message::note(&format!("fetching {}", shown(pins.join(", "))));
    match Scratch::make() {
        Ok(scratch) => {
            let fetched = repair::fetch(case, pins, &scratch.place, &asked.stop);
            kept.borrow_mut().push(scratch);
            fetched
        }
        Err(error) => Fetched {
            wheelhouses: Vec::new(),
            unavailable: pins.iter().map(|pin| (pin.clone(), error.to_string())).collect(),
        },
    }
}
