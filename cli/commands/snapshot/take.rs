//! `aios snapshot take`

use aios_core::Depth;
use aios_core::engine::{self, Engine};

use super::memory::{self, Selected};
use super::{Error, Exit, scope, show};
use crate::args::{Scope, Take};
use crate::output::memory::{self as output, Kept};
use crate::output::message;
use crate::output::text::{quoted, shown};

pub(super) fn run(args: &Take) -> Result<Exit, Error> {
    let name = args.name.as_deref().map(memory::checked_name).transpose()?;
    let scope =
        Scope { paths: args.paths.clone(), workspaces: Vec::new(), probe: false, no_cache: false };
    let Some(looked) = scope::look(&scope, &args.answer.view(), Depth::Usual)? else {
        return Ok(Exit::Interrupted);
    };
    let kept = keep(looked, name, args.paths.is_empty())?;
    output::taken(&kept, &args.answer, &looked.page).map_err(Error::Output)?;
    Ok(if looked.complete { Exit::Fine } else { Exit::Error })
}

fn keep(
    looked: &scope::Looked,
    name: Option<&str>,
    everything: bool,
) -> Result<Kept, memory::Error> {
    let folder = memory::place(&looked.host)?;
    let mut engine = Engine::open(&looked.host, &folder)?;
    let what = engine::Looked {
        depth: Depth::Usual,
        whole: everything && looked.complete,
        reason: "snapshot take",
    };
    let report = engine.keep(&looked.seen.inspection, what, name)?;
    for problem in &report.problems {
        message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
    }
    let all = engine.kept()?;
    let at = all.iter().position(|one| Some(one.snapshot.id) == report.snapshot);
    let Some(at) = at else { return Err(memory::Error::Nothing(folder)) };
    let before = at.checked_sub(1).map(|before| &all[before].snapshot);
    Ok(Kept {
        shown: show::shown(&all[at], &Selected::default())?,
        before: before.map(|before| (before.id, before.hash == all[at].snapshot.hash)),
        changed: report.changed,
        gone: report.gone,
    })
}
