//! `aios repair`: a plan first, then the plan carried out, then the same check again.

use aios_core::Host;
use aios_core::environments::repair::Options;

use super::{Error, Exit};
use crate::args::{Format, Repair};
use crate::output::repair::{self as report, Outcome, Repaired};
use crate::output::{Page, message};

mod ask;
mod one;
mod past;
mod search;

pub(super) fn run(args: &Repair) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.view, Vec::new());
    let prefixes = search::prefixes(&host, args)?;
    if args.list {
        return past::list(&prefixes, args, &page);
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
    };
    let mut all = Vec::new();
    for prefix in &prefixes {
        let repaired = if args.undo || args.resume {
            past::end(prefix, args)
        } else {
            one::repair(&host, prefix, args, &options, &page)
        };
        if args.view.format == Format::Human {
            report::print_one(&repaired, &args.view, &page).map_err(Error::Output)?;
        }
        all.push(repaired);
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
