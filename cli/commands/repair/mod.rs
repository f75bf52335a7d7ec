//! `aios repair`: a plan first, then the plan carried out, then the same check again.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aios_core::Host;
use aios_core::engine::Kept;
use aios_core::environments::inspection::{Earlier, Progress};
use aios_core::environments::repair::{self, Fetched, Goal, Network, Options};

use super::scope::cache_file;
use super::{Error, Exit};
use crate::args::{self, Format, Repair};
use crate::output::repair::{self as report, Outcome, Repaired};
use crate::output::text::shown_path;
use crate::output::{Page, message};
use crate::{interrupt, progress};
use ask::Leave;
use memory::Seen;
use network::Fetching;

mod ask;
mod memory;
mod network;
mod one;
mod past;
mod recreate;
mod search;
mod verify;

/// What all environments of one run have in common.
struct Job<'a> {
    host: &'a Host,
    args: &'a Repair,
    /// What was asked for, and for the environment whose turn it is what was fetched.
    asked: Options,
    options: RefCell<Options>,
    fetching: Fetching,
    page: Page,
    /// Its `stop` is set by Ctrl-C.
    progress: Arc<Progress>,
    leave: Cell<Leave>,
    /// The snapshot that is returned to.
    to: Option<Kept>,
    /// Of the environment whose turn it is.
    seen: RefCell<Seen>,
}

/// Which environment of how many.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: usize,
    of: usize,
}

impl Job<'_> {
    fn is_stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// What checks of the past found whole, for the looks at one environment.
    fn earlier(&self) -> Earlier {
        Earlier::new(self.host, cache_file(self.host).as_deref())
    }

    /// A line on a terminal while something is done that may take a while.
    fn shows(&self, doing: &str, prefix: &Path, at: Place) -> Option<progress::Shown> {
        let path = shown_path(prefix, self.page.home.as_deref());
        let line = match at.of {
            1 => format!("{doing} {path}"),
            of => format!("{} of {of}: {doing} {path}", at.number),
        };
        (!self.args.view.quiet).then(|| progress::show_line(move || line.clone())).flatten()
    }

    /// Whoever runs on with what it has loaded should know. What uses it is in the document too.
    fn warn_of_running(&self, repaired: &mut Repaired) {
        repaired.running = repair::running(self.host, &repaired.prefix);
        if !repaired.running.is_empty() {
            message::note(&report::in_use(repaired, &self.page));
        }
    }
}

pub(super) fn run(args: &Repair) -> Result<Exit, Error> {
    let progress = Arc::new(Progress::default());
    interrupt::stop_on_ctrl_c(&progress);
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.view, Vec::new());
    let prefixes = search::prefixes(&host, args, &progress)?;
    if args.list {
        return past::list(&prefixes, args, &page);
    }
    if progress.stop.load(Ordering::Relaxed) {
        message::note("interrupted: nothing was changed");
        return Ok(Exit::Interrupted);
    }
    if prefixes.is_empty() && args.view.format == Format::Human && !args.view.quiet {
        message::note("nothing there is broken: there is nothing to repair");
    }
    if let Some(gone) =
        args.wheelhouses.iter().chain(&args.base).find(|path| !host.absolute(path).exists())
    {
        return Err(Error::NoSuchPath(gone.clone()));
    }
    let asked = Options {
        base: args.base.as_deref().map(|base| host.absolute(base)),
        wheelhouses: args.wheelhouses.iter().map(|folder| host.absolute(folder)).collect(),
        network: match args.network {
            args::Network::Never => Network::Never,
            args::Network::Allow => Network::Allowed(Fetched::default()),
        },
        ..Options::default()
    };
    let leave = Cell::new(if args.yes { Leave::All } else { Leave::Ask });
    let options = RefCell::new(asked.clone());
    let fetching = Fetching::default();
    let to = args.to.as_deref().map(|id| super::memory::kept(&host, &args.view, id));
    let to = to.transpose()?;
    let seen = RefCell::default();
    let job = Job { host: &host, args, asked, options, fetching, page, progress, leave, to, seen };
    let mut all = Vec::new();
    for (at, prefix) in prefixes.iter().enumerate() {
        let repaired = next(&job, prefix, Place { number: at + 1, of: prefixes.len() });
        if args.view.format == Format::Human {
            report::print_one(&repaired, &args.view, &job.page).map_err(Error::Output)?;
        }
        all.push(repaired);
    }
    if args.view.format == Format::Json {
        report::print_json(&all).map_err(Error::Output)?;
    } else if all.len() > 1 && !args.view.quiet {
        report::print_summary(&all, &args.view, &job.page).map_err(Error::Output)?;
    }
    Ok(if job.is_stopped() { Exit::Interrupted } else { exit(&all) })
}

/// Whatever becomes of one environment, the next one has its turn, until the user ends it.
fn next(job: &Job<'_>, prefix: &Path, at: Place) -> Repaired {
    if job.is_stopped() || job.leave.get() == Leave::Quit {
        return Repaired::new(prefix).ended(Outcome::Skipped, "nothing was changed");
    }
    job.options.replace(job.asked.clone());
    job.seen.take();
    if job.args.undo || job.args.resume {
        return recreate::past(job, prefix).unwrap_or_else(|| past::end(job, prefix, at));
    }
    match &job.to {
        None => job.options.borrow_mut().remembered = job.remembered_at(prefix),
        Some(to) => {
            let Some(remembered) = job.remembered_in(to, prefix) else {
                let id = to.snapshot.id;
                let hint =
                    format!("snapshot {id} has nothing of it: `aios history` says which have");
                return Repaired::new(prefix).ended(Outcome::Refused, &hint);
            };
            let mut options = job.options.borrow_mut();
            (options.remembered, options.goal) = (Some(remembered), Goal::Remembered);
        }
    }
    let repaired = match job.args.recreate {
        true => recreate::recreate(job, prefix, at),
        false => one::repair(job, prefix, at),
    };
    job.keep_after(&repaired);
    repaired
}

fn exit(all: &[Repaired]) -> Exit {
    let has = |outcome| all.iter().any(|one| one.outcome == outcome);
    if has(Outcome::Failed) {
        Exit::Error
    } else if [Outcome::Partly, Outcome::Refused, Outcome::Planned, Outcome::Skipped]
        .into_iter()
        .any(has)
    {
        Exit::Findings
    } else {
        Exit::Fine
    }
}
