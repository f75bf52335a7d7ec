//! `aios serve`: runs until Ctrl-C, SIGTERM or `aios status --stop`, and says on stderr what it does.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aios_core::control::message::Status;
use aios_core::live::{self, Bounds, Instance, Options, State, Termination};
use aios_core::{Host, Problem};

use super::backup::rolling::Rolling;
use super::{Error, Exit, memory, scope};
use crate::args::Serve;
use crate::interrupt;
use crate::output::message;
use crate::output::text::{counted, quoted, shown};

pub(super) fn run(args: &Serve) -> Result<Exit, Error> {
    // Before there are threads: each does with signals as the one that starts it.
    let termination = Termination::hold();
    let host = Host::current().map_err(Error::Host)?;
    let folder = memory::place(&host)?;
    let mut missing = Vec::new();
    let mut workspaces = scope::existing(&host, &args.workspaces, &mut missing);
    if let Some(Problem { path, .. }) = missing.into_iter().next() {
        return Err(Error::NoSuchPath(path));
    }
    if args.workspaces.is_empty() {
        workspaces.push(host.current_dir.clone());
    }
    let instance = Instance::take(&host, &folder, now_ms())?;
    let options = Options {
        cache: scope::cache_file(&host),
        notifications: !args.poll,
        bounds: Bounds {
            sweep: Duration::from_secs(u64::from(args.sweep) * 60),
            ..Bounds::default()
        },
        workspaces,
        folder,
    };
    let say = |text: &str| {
        if !args.quiet {
            message::note(text);
        }
    };
    let termination = RefCell::new(termination);
    say(&beginning(&options, &instance));
    let mut rolling = Rolling::new(&host, &options.folder);
    let mut is_first = true;
    let ran = live::run(
        host,
        options,
        &instance,
        |running| {
            let stop = running.clone();
            interrupt::on_ctrl_c(move || stop.stop());
            let stop = running.clone();
            if let Some(termination) = termination.take() {
                termination.then(move || stop.stop());
            }
        },
        |state, status| {
            if std::mem::take(&mut is_first) {
                say(&looked(state, status));
            }
            rolling.consider(state, status);
        },
    );
    ran?;
    say("ended; its names are removed");
    Ok(Exit::Fine)
}

fn beginning(options: &Options, instance: &Instance) -> String {
    let workspaces: Vec<String> = options.workspaces.iter().map(|path| quoted(path)).collect();
    format!(
        "looks at the known places of this machine and at {}; remembers in {}, is asked at {}; Ctrl-C ends it",
        workspaces.join(", "),
        quoted(&options.folder),
        quoted(&instance.address()),
    )
}

fn looked(state: &State, status: &Status) -> String {
    let Status { healthy, warning, broken, watched, polled, .. } = status;
    let environments = counted(state.len(), "environment");
    let folders = counted(*watched, "folder");
    let mut text = format!(
        "{environments}: {broken} broken, {warning} with warnings, {healthy} healthy; watches {folders}"
    );
    if *polled > 0 {
        text.push_str(&format!(", and looks at {polled} now and then"));
    }
    if !status.segments.is_empty() {
        text.push_str(&format!("; publishes as {}", shown(status.segments.join(", "))));
    }
    text
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
