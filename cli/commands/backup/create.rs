//! `aios backup create`

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use aios_core::engine::{Looked, Memory, active, export};
use aios_core::environments::backup::{self, Content, Image, Work};
use aios_core::environments::inspection::Inspection;
use aios_core::{Depth, EnvironmentId, Host};

use super::{Error, Exit, key, memory, remember, scope};
use crate::args::Scope;
use crate::args::backup::Create;
use crate::output::text::{bytes, shown};
use crate::output::{backup as output, message, time};
use crate::{interrupt, progress};

pub(super) fn run(args: &Create) -> Result<Exit, Error> {
    // Before it takes long: whoever is asked is still there.
    let lock = key::lock(&Host::current().map_err(Error::Host)?, args)?;
    let scope = Scope {
        paths: args.paths.clone(),
        workspaces: args.workspaces.clone(),
        probe: false,
        no_cache: false,
    };
    let Some(looked) = scope::look(&scope, &args.answer.view(), Depth::Usual)? else {
        return Ok(Exit::Interrupted);
    };
    if !looked.complete {
        message::note("no backup is written, since it would lack what was named");
        return Ok(Exit::Error);
    }
    let (host, seen) = (&looked.host, &looked.seen.inspection);
    if seen.environments.is_empty() && !args.paths.is_empty() {
        return Err(Error::NoEnvironment(args.paths.clone()));
    }
    let whole = args.paths.is_empty();
    let what = Looked { depth: Depth::Usual, whole, reason: "backup create" };
    let recorded = remember::record(host, seen, what, false);
    let only = (!whole).then(|| seen.environments.iter().map(|one| one.environment.id.clone()));
    let image = match recorded {
        // It was said already why nothing is remembered.
        None => None,
        Some(_) => image(host, only.map(Iterator::collect).as_ref()).unwrap_or_else(|error| {
            message::note(&format!(
                "what is remembered is not in the backup: {}",
                shown(error.to_string())
            ));
            None
        }),
    };
    let created = time::utc(time::now_ms());
    let work = Arc::new(Work { progress: Arc::clone(&looked.progress), ..Work::default() });
    let wheels = args.wheels.then_some(&*work);
    let active = active(host, seen);
    let lock = lock.as_ref();
    let content = Content { host, seen, created: &created, active, image, wheels, lock };
    interrupt::stop_again();
    let begun = Instant::now();
    let of_line = Arc::clone(&work);
    let shown_line = args.wheels.then(|| progress::show_line(move || how_far(&of_line, begun)));
    let made = backup::create(&host.absolute(&args.file), &content);
    drop(shown_line);
    interrupt::end_at_once_from_now();
    let made = match made {
        Err(backup::Error::Stopped) => {
            message::note("interrupted: no backup is written");
            return Ok(Exit::Interrupted);
        }
        made => made?,
    };
    output::created(&made, &args.answer, &looked.page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}

/// Which of them is chosen.
pub(super) fn active(host: &Host, seen: &Inspection) -> Option<EnvironmentId> {
    let choice = active::read(&memory::place(host).ok()?).ok()??;
    seen.environments.iter().any(|one| one.environment.id == choice.id).then_some(choice.id)
}

/// `wheels: 12.3 MiB of 1.2 GiB, 34 s left`
fn how_far(work: &Work, begun: Instant) -> String {
    let [total, done] = [&work.total, &work.done].map(|bytes| bytes.load(Ordering::Relaxed));
    let left = match done {
        0 => String::new(),
        done => {
            let seconds =
                begun.elapsed().as_secs_f64() / done as f64 * total.saturating_sub(done) as f64;
            format!(", {seconds:.0} s left")
        }
    };
    format!("wheels: {} of {}{left}", bytes(done), bytes(total))
}

/// The newest snapshot, as it may leave this machine.
pub(super) fn image(
    host: &Host,
    only: Option<&HashSet<EnvironmentId>>,
) -> Result<Option<Image>, memory::Error> {
    let folder = memory::place(host)?;
    let Some(memory) = Memory::open(&folder)? else { return Ok(None) };
    let all = memory.kept()?;
    let Some(last) = all.last() else { return Ok(None) };
    let bytes = export::image(last, only)?;
    let snapshot = &last.snapshot;
    Ok(Some(Image { number: snapshot.id.0, created: time::utc(snapshot.about.time_ms), bytes }))
}
