//! `aios check`: what is wrong with the environments, and `--explain`: what a code means. What it saw is
//! remembered.

use aios_core::engine::Looked;
use aios_core::{Depth, Host};

use super::{Error, Exit, remember, scope};
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
    let Some(looked) = scope::look(&args.scope, &args.view, depth)? else {
        return Ok(Exit::Interrupted);
    };
    let seen = &looked.seen;
    output::print(seen, Question::Check, &args.view, &looked.page).map_err(Error::Output)?;
    if !args.scope.no_cache {
        let whole = args.scope.paths.is_empty() && looked.complete;
        let reason = Looked { depth, whole, reason: "check" };
        remember::record(&looked.host, &seen.inspection, reason, args.view.quiet);
    }
    Ok(if !looked.complete {
        Exit::Error
    } else if seen.inspection.environments.iter().all(|inspected| seen.is_fine(inspected)) {
        Exit::Fine
    } else {
        Exit::Findings
    })
}
