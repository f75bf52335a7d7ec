//! `aios backup verify`

use aios_core::Host;
use aios_core::engine::export;
use aios_core::environments::backup::Damaged;

use super::{Error, Exit, key};
use crate::args::backup::Verify;
use crate::output::{Page, backup as output};

pub(super) fn run(args: &Verify) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.answer.view(), Vec::new());
    let backup = key::open(&host, args.file.as_deref(), &args.unlock)?;
    let mut verified = backup.verify()?;
    // One that is as it was written has to be an image, too.
    if let Some(snapshot) = &backup.manifest().snapshot
        && verified.damaged.iter().all(|one| one.name != snapshot.member)
    {
        let bytes = backup.member(&snapshot.member)?;
        if let Err(error) = export::check(bytes) {
            let what = format!("holds no context: {error}");
            verified.damaged.push(Damaged { name: snapshot.member.clone(), what });
        }
    }
    output::verified(&backup, &verified, &args.answer, &page).map_err(Error::Output)?;
    Ok(if verified.damaged.is_empty() { Exit::Fine } else { Exit::Findings })
}
