//! `aios run`: a command in an environment, as if that were activated.

use aios_core::Host;
use aios_core::engine::active as chosen;
use aios_core::environments::activated;

use super::{Error, Exit, active, memory};
use crate::args::active::Run;
use crate::interrupt;

pub(super) fn run(args: &Run) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let path = match &args.env {
        Some(path) => path.clone(),
        None => {
            let choice = chosen::read(&memory::place(&host)?).ok().flatten();
            choice.ok_or(Error::NoneActive)?.prefix
        }
    };
    let inspected = active::one(&activated::undirected(&host), &path)?;
    active::refuse_broken(&inspected)?;
    let variables = activated::variables(&host, &inspected.environment);
    let (command, arguments) = args.command.split_first().ok_or(Error::NoneActive)?;
    let program = activated::program(&host, &variables, command)
        .ok_or_else(|| Error::NoProgram(command.clone()))?;
    // Where two processes run from here on, Ctrl-C is for the other one.
    interrupt::leave_to_another();
    match activated::run(&program, arguments, &variables) {
        Ok(code) => std::process::exit(code),
        Err(source) => Err(Error::Start(program, source)),
    }
}
