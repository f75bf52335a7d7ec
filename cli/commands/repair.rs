//! `aios repair`: a plan first, then the plan carried out, then the same check again.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use aios_core::environments::inspection::{
    Inspected, Limits, Progress, Request, examine_one, inspect, is_prefix,
};
use aios_core::environments::repair::{
    self, Case, Ended, Fetched, Network, Options, Plan, RealDisk, Session,
};
use aios_core::{Depth, Environment, Finding, Host, Severity};

use self::network::Fetching;
use super::{Error, Exit};
use crate::args::{self, Format, Repair};
use crate::output::repair::{self as report, Outcome, Repaired};
use crate::output::{Page, message};

mod network;
mod recreate;

/// A repair may uncover what another fault hid; so often it is looked at again.
const MOST_ROUNDS: usize = 4;

/// Repairs that are kept to be taken back.
const KEPT: usize = 10;

pub(super) fn run(args: &Repair) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.view, Vec::new());
    let prefixes = prefixes(&host, args)?;
    if args.list {
        return list(&prefixes, args, &page);
    }
    if prefixes.is_empty() && args.view.format == Format::Human && !args.view.quiet {
        message::note("nothing there is broken: there is nothing to repair");
    }
    if let Some(gone) =
        args.wheelhouses.iter().chain(&args.base).find(|path| !host.absolute(path).exists())
    {
        return Err(Error::NoSuchPath(gone.clone()));
    }
    let options = Options {
        base: args.base.as_deref().map(|base| host.absolute(base)),
        wheelhouses: args.wheelhouses.iter().map(|folder| host.absolute(folder)).collect(),
        network: match args.network {
            args::Network::Never => Network::Never,
            args::Network::Allow => Network::Allowed(Fetched::default()),
        },
        replaces: None,
    };
    let mut fetching = Fetching::new(args.view.quiet);
    let mut all = Vec::new();
    for prefix in &prefixes {
        let repaired = if args.undo || args.resume {
            recreate::past(prefix, args).unwrap_or_else(|| past(prefix, args))
        } else if args.recreate {
            recreate::one(&host, prefix, args, options.clone(), &mut fetching, &page)
        } else {
            one(&host, prefix, args, options.clone(), &mut fetching, &page)
        };
        if args.view.format == Format::Human {
            report::print_one(&repaired, &args.view, &page).map_err(Error::Output)?;
        }
        all.push(repaired);
        if fetching.is_interrupted() {
            return Ok(Exit::Interrupted);
        }
    }
    if args.view.format == Format::Json {
        report::print_json(&all).map_err(Error::Output)?;
    }
    Ok(exit(&all))
}

fn exit(all: &[Repaired]) -> Exit {
    let has = |outcome| all.iter().any(|one| one.outcome == outcome);
    if has(Outcome::Failed) {
        Exit::Error
    } else if [Outcome::Partly, Outcome::Refused, Outcome::Planned].into_iter().any(has) {
        Exit::Findings
    } else {
        Exit::Fine
    }
}

/// What is to be repaired: what the paths name, or what a walk below them finds broken.
fn prefixes(host: &Host, args: &Repair) -> Result<Vec<PathBuf>, Error> {
    let paths: Vec<PathBuf> = args.paths.iter().map(|path| host.absolute(path)).collect();
    for path in &paths {
        if path.symlink_metadata().is_err() && !recreate::is_interrupted(path) {
            return Err(Error::NoSuchPath(path.clone()));
        }
    }
    // A prefix that is named needs no search; nor does one whose repair is to be ended.
    let of_past = args.undo || args.resume || args.list;
    let named: Vec<PathBuf> =
        paths.iter().filter_map(|path| prefix_of(host, path, of_past)).collect();
    if !paths.is_empty() && named.len() == paths.len() {
        return Ok(named);
    }
    let request = Request {
        workspaces: if args.all { vec![host.current_dir.clone()] } else { Vec::new() },
        paths,
        depth: Depth::Usual,
        limits: Limits::default(),
        cache: None,
        progress: Progress::default().into(),
    };
    let inspection = inspect(host, &request);
    let is_own = |inspected: &Inspected| {
        let owner = inspected.environment.owner;
        !args.all || owner.is_none() || owner == host.user.uid
    };
    let broken = inspection.environments.iter().filter(|inspected| {
        let own = inspected.environment.is_repairable()
            && is_own(inspected)
            && !repair::recreate::is_aside(&inspected.environment.prefix);
        own && (needs_repair(&inspected.findings) || of_past)
    });
    let found: Vec<PathBuf> = broken.map(|one| one.environment.prefix.clone()).collect();
    if found.is_empty() && inspection.environments.is_empty() && !args.all {
        return Err(Error::NoEnvironment(args.paths.clone()));
    }
    Ok(found)
}

/// The prefix that a path names: itself, or that of an interpreter in its folder of scripts.
fn prefix_of(host: &Host, path: &Path, of_past: bool) -> Option<PathBuf> {
    if path.symlink_metadata().is_err() && recreate::is_interrupted(path) {
        let folder = aios_core::fs::canonical(path.parent()?).ok()?;
        return Some(folder.join(path.file_name()?));
    }
    let above = || path.parent()?.parent();
    let prefix =
        [Some(path), above().filter(|_| !path.is_dir())].into_iter().flatten().find(|prefix| {
            is_prefix(host, prefix) || of_past && prefix.join(repair::FOLDER).is_dir()
        })?;
    aios_core::fs::canonical(prefix).ok()
}

fn needs_repair(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity > Severity::Info)
}

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// What one look at an environment tells.
struct Look {
    findings: Vec<Finding>,
    plan: Plan,
    /// The wheels that the plan lacks, where they may be fetched.
    missing: Vec<String>,
    /// Why it is not touched.
    refusal: Option<String>,
}

fn look(host: &Host, prefix: &Path, options: &Options) -> Option<Look> {
    examine_one(host, prefix, |subject, findings| {
        let case = Case { subject, findings, options };
        Look {
            findings: findings.to_vec(),
            plan: repair::plan(&case),
            missing: match options.network {
                Network::Never => Vec::new(),
                Network::Allowed(_) => repair::missing_wheels(&case),
            },
            refusal: refusal(host, subject.environment),
        }
    })
}

fn one(
    host: &Host,
    prefix: &Path,
    args: &Repair,
    mut options: Options,
    fetching: &mut Fetching,
    page: &Page,
) -> Repaired {
    let mut repaired = Repaired::new(prefix);
    if let Some(hint) = recreate::interrupted(prefix) {
        return repaired.ended(Outcome::Failed, hint);
    }
    let Some(look) = look(host, prefix, &options) else {
        return repaired.ended(Outcome::Failed, "there is no environment any more");
    };
    let look = fetching.complete(look, host, prefix, &mut options);
    let Look { findings, plan, refusal, .. } = look;
    if !needs_repair(&findings) {
        return repaired.ended(Outcome::NothingToDo, "");
    }
    repaired.remaining = findings;
    repaired.hints(&plan);
    if let Some(reason) = refusal {
        return repaired.ended(Outcome::Refused, &reason);
    }
    if fetching.is_interrupted() {
        return repaired.ended(Outcome::Refused, "it was interrupted, and nothing was changed");
    }
    if plan.steps.is_empty() {
        return repaired.ended(Outcome::Refused, "");
    }
    repaired.plan(&plan);
    if args.dry_run {
        return repaired.ended(Outcome::Planned, "");
    }
    if !args.yes {
        match confirmed(&repaired, args, page) {
            Ok(true) => {}
            Ok(false) => return repaired.ended(Outcome::Planned, "nothing was changed"),
            Err(hint) => return repaired.ended(Outcome::Planned, hint),
        }
    }
    carry_out(host, repaired, plan, options, fetching)
}

/// Plans again after each round: what one fault hid comes to light when that one is gone.
fn carry_out(
    host: &Host,
    mut repaired: Repaired,
    mut plan: Plan,
    mut options: Options,
    fetching: &mut Fetching,
) -> Repaired {
    let prefix = repaired.prefix.clone();
    let session = match Session::begin(&RealDisk, &prefix) {
        Ok(session) => session,
        Err(error) => return repaired.failed(&error),
    };
    for round in 0..MOST_ROUNDS {
        if round > 0 {
            repaired.plan(&plan);
        }
        let before = errors(&repaired.remaining);
        let mut next = None;
        let ended = session.carry_out(&plan, || {
            next = look(host, &prefix, &options);
            next.as_ref().is_some_and(|next: &Look| errors(&next.findings) <= before)
        });
        match ended {
            Ok(Ended::Kept) => repaired.done(),
            Ok(Ended::RolledBack) => {
                repaired.undone();
                let hint = "the repair made things worse, and was taken back";
                return repaired.ended(Outcome::Failed, hint);
            }
            Err(error) => return repaired.failed(&error),
        }
        let Some(next) = next else { break };
        let next = fetching.complete(next, host, &prefix, &mut options);
        let Look { findings, plan: following, .. } = next;
        let progress = findings != repaired.remaining;
        repaired.remaining = findings;
        repaired.hints(&following);
        if following.steps.is_empty() || !progress {
            break;
        }
        plan = following;
    }
    // What is older than the last ones is of no use any more; failing to remove it is no loss.
    let _ = session.prune(KEPT);
    let healthy = !needs_repair(&repaired.remaining);
    repaired.ended(if healthy { Outcome::Repaired } else { Outcome::Partly }, "")
}

fn refusal(host: &Host, environment: &Environment) -> Option<String> {
    if !environment.is_repairable() {
        let reason = "it is an installation, and those are repaired by what installed them";
        return Some(reason.to_owned());
    }
    let is_root = host.user.uid == Some(0);
    let foreign = environment.owner.is_some() && environment.owner != host.user.uid && !is_root;
    foreign.then(|| "it belongs to another user; let that user repair it".to_owned())
}

/// Shows the plan and asks. `Err` says how to go on where nobody can answer.
fn confirmed(repaired: &Repaired, args: &Repair, page: &Page) -> Result<bool, &'static str> {
    if !std::io::stdin().is_terminal() || args.view.format == Format::Json {
        return Err("nothing was changed: add `--yes` to have it done without a question");
    }
    let shown = report::print_one(repaired, &args.view, page);
    let mut stderr = std::io::stderr();
    if shown.is_err() || write!(stderr, "Do this? [y/N] ").and_then(|()| stderr.flush()).is_err() {
        return Ok(false);
    }
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// `--undo` and `--resume`.
fn past(prefix: &Path, args: &Repair) -> Repaired {
    let mut repaired = Repaired::new(prefix);
    if !prefix.join(repair::FOLDER).exists() {
        return repaired.ended(Outcome::NothingToDo, "it was never repaired");
    }
    let session = match Session::begin(&RealDisk, prefix) {
        Ok(session) => session,
        Err(error) => return repaired.failed(&error),
    };
    let ended = if args.undo { session.undo() } else { session.resume() };
    match ended {
        Ok(Some(past)) => {
            repaired.past(&past);
            let hint = if args.undo { "everything is as it was before the repair" } else { "" };
            let outcome = if args.undo { Outcome::Undone } else { Outcome::Repaired };
            repaired.ended(outcome, hint)
        }
        Ok(None) if args.undo => {
            repaired.ended(Outcome::NothingToDo, "there is no repair to take back")
        }
        Ok(None) => repaired.ended(Outcome::NothingToDo, "no repair was interrupted"),
        Err(error) => repaired.failed(&error),
    }
}

fn list(prefixes: &[PathBuf], args: &Repair, page: &Page) -> Result<Exit, Error> {
    for prefix in prefixes {
        match repair::list(prefix) {
            Ok(past) => {
                report::print_list(prefix, &past, &args.view, page).map_err(Error::Output)?
            }
            Err(error) => {
                message::error(&error.to_string(), None);
                return Ok(Exit::Error);
            }
        }
    }
    Ok(Exit::Fine)
}
