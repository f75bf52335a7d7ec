//! `aios status`: whether a service runs, and what it does.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aios_core::Host;
use aios_core::control::message::{Reply, Request};
use aios_core::control::{self, Client};
use aios_core::live::instance;

use super::{Error, Exit, memory};
use crate::args::Status;
use crate::output::status::{Answered, Refreshed};
use crate::output::{self, message};

/// For what is answered at once.
const AT_ONCE: Duration = Duration::from_secs(10);
/// For a look at everything.
const REFRESH: Duration = Duration::from_secs(180);
/// When it is said that it takes so long.
const LONG: Duration = Duration::from_secs(2);
/// For the end of a service that said it ends.
const END: Duration = Duration::from_secs(60);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

pub(super) fn run(args: &Status) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let folder = memory::place(&host)?;
    let answered = answered(args, &host, &folder)?;
    let home = host.home.as_deref();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    output::status(&answered, args.format, args.color, home, now.as_millis() as u64)
        .map_err(Error::Output)?;
    Ok(match answered {
        Answered::No { stopped: false } => Exit::Findings,
        _ => Exit::Fine,
    })
}

fn answered(args: &Status, host: &Host, folder: &std::path::Path) -> Result<Answered, Error> {
    let Some(address) = instance::address(host, folder)? else {
        return Ok(Answered::No { stopped: false });
    };
    let mut client = match Client::connect(&address, &host.user) {
        Err(control::Error::NotRunning) => return Ok(Answered::No { stopped: false }),
        client => client?,
    };
    if args.stop {
        client.ask(&Request::Stop, AT_ONCE)?;
        let begun = Instant::now();
        let mut is_said = false;
        while instance::runs(host, folder) {
            if begun.elapsed() > LONG && !is_said {
                is_said = true;
                let limit = END.as_secs();
                message::note(&format!(
                    "the service ends what it is at and remembers what it saw; this waits {limit} seconds at most"
                ));
            }
            if begun.elapsed() > END {
                return Err(control::Error::Silent { path: address, limit: END }.into());
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
        return Ok(Answered::No { stopped: true });
    }
    let refreshed =
        match args.refresh.then(|| client.ask(&Request::Refresh, REFRESH)).transpose()? {
            Some(Reply::Refreshed { environments, changed, milliseconds }) => {
                Some(Refreshed { environments, changed, milliseconds })
            }
            Some(other) => return Err(control::Error::unexpected(&address, &other).into()),
            None => None,
        };
    match client.ask(&Request::Status, AT_ONCE)? {
        Reply::Status(status) => Ok(Answered::Runs { status, control: address, refreshed }),
        other => Err(control::Error::unexpected(&address, &other).into()),
    }
}
