//! `aios backup show`

use aios_core::Host;

use super::{Error, Exit, key};
use crate::args::backup::Show;
use crate::output::{Page, backup as output};

pub(super) fn run(args: &Show) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.answer.view(), Vec::new());
    let backup = key::open(&host, args.file.as_deref(), &args.unlock)?;
    output::show(&backup, &args.answer, &page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}
