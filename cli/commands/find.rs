//! `aios find`: which environments there are.

use aios_core::Depth;

use super::{Error, Exit, scope};
use crate::args::Find;
use crate::output::{self, Page, Question};

pub(super) fn run(args: &Find) -> Result<Exit, Error> {
    let Some(seen) = scope::look(&args.scope, &args.view, Depth::Outline)? else {
        return Ok(Exit::Interrupted);
    };
    let page = Page::new(&seen.host, &args.view, seen.named);
    output::print(&seen.inspection, Question::Find, &args.view, &page).map_err(Error::Output)?;
    Ok(if seen.complete { Exit::Fine } else { Exit::Error })
}
