//! `aios check`: what is wrong with the environments, and `--explain`: what a code means.

use aios_core::{Depth, Host, Status};

use super::{Error, Exit, scope};
use crate::args::Check;
use crate::output::{self, Page, Question};

pub(super) fn run(args: &Check) -> Result<Exit, Error> {
    if let Some(code) = args.explain {
        let host = Host::current().map_err(Error::Host)?;
        let page = Page::new(&host, &args.view, Vec::new());
        output::explain(code, &args.view, &page).map_err(Error::Output)?;
        return Ok(Exit::Fine);
    }
    let depth = if args.deep { Depth::Deep } else { Depth::Usual };
    let Some(seen) = scope::look(&args.scope, &args.view, depth)? else {
        return Ok(Exit::Interrupted);
    };
    let page = Page::new(&seen.host, &args.view, seen.named);
    output::print(&seen.inspection, Question::Check, &args.view, &page).map_err(Error::Output)?;
    let healthy =
        |one: &aios_core::environments::inspection::Inspected| one.status() == Status::Healthy;
    Ok(if !seen.complete {
        Exit::Error
    } else if seen.inspection.environments.iter().all(healthy) {
        Exit::Fine
    } else {
        Exit::Findings
    })
}
