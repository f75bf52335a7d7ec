//! The command-line program: arguments in, exit code out.
//!
//! 0 means fine, 1 findings, 2 an error, 130 an interrupt. Data goes to stdout, messages to stderr.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod commands;
mod interrupt;
mod output;
mod progress;
mod watch;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let exit = commands::run(&args).unwrap_or_else(|error| {
        output::message::error(&error.to_string(), error.hint());
        commands::Exit::Error
    });
    ExitCode::from(exit as u8)
}
