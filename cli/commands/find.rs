//! `aios find`: which environments there are.

use aios_core::Depth;

use super::{Error, Exit, scope};
use crate::args::Find;
use crate::output::{self, Question};

pub(super) fn run(args: &Find) -> Result<Exit, Error> {
    let Some(looked) = scope::look(&args.scope, &args.view, Depth::Outline)? else {
        return Ok(Exit::Interrupted);
    };
    output::print(&looked.seen, Question::Find, &args.view, &looked.page).map_err(Error::Output)?;
    Ok(if looked.complete { Exit::Fine } else { Exit::Error })
}
