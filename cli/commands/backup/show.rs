//! `aios backup show`

use aios_core::Host;
use aios_core::environments::backup::Backup;

use super::{Error, Exit};
use crate::args::backup::Show;
use crate::output::{Page, backup as output};

pub(super) fn run(args: &Show) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.answer.view(), Vec::new());
    let backup = Backup::open(&host.absolute(&args.file))?;
    output::show(&backup, &args.answer, &page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}
