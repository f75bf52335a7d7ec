//! The arguments as they are typed. Nothing is resolved here.

use std::path::PathBuf;

use aios_core::Code;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

pub(crate) mod active;
pub(crate) mod backup;
pub(crate) mod exchange;
mod live;
mod memory;

pub(crate) use backup::Backup;
pub(crate) use live::{Serve, Status};
pub(crate) use memory::{
    Answer, Diff, History, List, Prune, Recall, Restore, Show, Snapshot, Take, Verify,
};

/// Finds every Python environment of a machine and says why a broken one is broken, from files
/// alone: nothing that is found is ever run.
#[derive(Debug, Parser)]
#[command(name = "aios", version, max_term_width = 100)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant for each subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the Python environments of this machine.
    Find(Find),
    /// Say what is wrong with them, what it causes and what to do. Exits with 1 when something is.
    Check(Check),
    /// Bring broken environments back in place. Shows what it would do, and asks first.
    Repair(Repair),
    /// Keep, list, compare and bring back states of the environments of this machine.
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Tell when an environment changed, what changed, when it broke and what changed just before.
    History(History),
    /// Say which remembered environment this is, or was: by what is left of it, or by packages.
    Recall(Recall),
    /// Make one file of what the environments are, to come back to after the system was installed anew.
    #[command(subcommand)]
    Backup(Backup),
    /// Say which environment is active, and how it is; choose one for `aios run`.
    Active(active::Active),
    /// Run a command in an environment, as if that were activated: with its programs first in `PATH`, and without
    /// variables that lead Python elsewhere. The exit code is that of the command.
    Run(active::Run),
    /// Look for the environments of a list that another program kept (`python_environments.json`), say what became
    /// of each, and remember what is there. Exits with 1 when one is not as the list has it.
    Import(exchange::Import),
    /// Write the environments of this machine in the form of another program.
    Export(exchange::Export),
    /// Keep what is known of the environments up to date, and publish it to other programs of this user.
    Serve(Serve),
    /// Say whether `aios serve` runs, and what it does.
    Status(Status),
    /// Show the environments live, as a running `aios serve` publishes them: on a terminal a screen with
    /// keys (`?` says which), else a line for each change.
    Watch(Watch),
}

/// Arguments of `find`.
#[derive(Debug, clap::Args)]
pub(crate) struct Find {
    #[command(flatten)]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) view: View,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) view: View,
    /// Compare each installed file with the hash in its RECORD. Reads every file: slow.
    #[arg(long)]
    pub(crate) deep: bool,
    /// Say what a finding's code means, what it causes and what to do, and look at nothing.
    #[arg(
        long,
        value_name = "CODE",
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(Code::ALL.iter().map(|code| code.as_str()))
            .try_map(|name| code_named(&name).ok_or("no such code")),
        conflicts_with_all = ["paths", "workspaces", "deep", "probe", "format"]
    )]
    pub(crate) explain: Option<Code>,
}

/// Arguments of `repair`.
#[derive(Debug, clap::Args)]
pub(crate) struct Repair {
    /// An environment, or a folder in which all are repaired.
    #[arg(value_name = "PATH", required_unless_present = "all")]
    pub(crate) paths: Vec<PathBuf>,
    /// Every broken environment of this machine that belongs to this user. Asks for each; a table at the
    /// end says what became of them.
    #[arg(long, conflicts_with = "paths")]
    pub(crate) all: bool,
    /// Show what would be done, with a diff of each text file, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do it without asking.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// The installation to stand on, where several fit: an interpreter or its prefix.
    #[arg(long, value_name = "PATH")]
    pub(crate) base: Option<PathBuf>,
    /// A folder with wheels to install damaged distributions from. May be repeated.
    #[arg(long = "wheelhouse", value_name = "DIR")]
    pub(crate) wheelhouses: Vec<PathBuf>,
    /// Whether wheels that this machine does not have may be fetched, by uv on `PATH` or by the pip of an
    /// installation, and never by anything of the environment. They come into a temporary folder, also
    /// with `--dry-run`.
    #[arg(long, value_enum, default_value_t = Network::Never, value_name = "WHEN")]
    pub(crate) network: Network,
    /// Make a new environment beside the broken one, with the same distributions and with the user's
    /// files, and let it take the place of the old one, which is kept beside. For what cannot be repaired
    /// in place; `--base` may name another version of Python.
    #[arg(long, conflicts_with_all = ["undo", "resume", "list", "all"])]
    pub(crate) recreate: bool,
    /// Bring distributions and `pyvenv.cfg` back to what a snapshot (its number, its name, or `last`) has of the
    /// environment, also where nothing is broken. What was added since stays.
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["recreate", "undo", "resume", "list", "all"]
    )]
    pub(crate) to: Option<String>,
    /// Start the interpreter of the environment after the repair (`-I -c pass`, half a minute at most), and
    /// take the repair back when it does not start. Also starts one that needs no repair. Only for
    /// environments that PATH names, that are your own, and that you trust: their code runs.
    #[arg(long, conflicts_with_all = ["undo", "resume", "list", "dry_run", "all"])]
    pub(crate) verify: bool,
    /// Take the last repair back, with all that it did, or one that was interrupted.
    #[arg(long, conflicts_with_all = ["resume", "list", "dry_run", "all"])]
    pub(crate) undo: bool,
    /// Go on with a repair that was interrupted.
    #[arg(long, conflicts_with_all = ["list", "dry_run", "all"])]
    pub(crate) resume: bool,
    /// List the repairs of these environments.
    #[arg(long, conflicts_with_all = ["dry_run", "all", "format"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) view: View,
}

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// Text for people, or a line of JSON for each change.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Whether to use colour: `auto` means on a terminal.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    Never,
    Allow,
}

/// Where to look; the same for `find` and `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Scope {
    /// An environment, an interpreter, or a folder to walk. Without any: every known place of this
    /// machine, and the current folder.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// One more folder to walk, beside the known places. May be repeated.
    #[arg(long = "workspace", value_name = "DIR", conflicts_with = "paths")]
    pub(crate) workspaces: Vec<PathBuf>,
    /// Start the interpreters that PATH names (`-I -S`, a few seconds at most) and compare what they
    /// say with the files. Only for environments that you trust: their code runs.
    #[arg(long)]
    pub(crate) probe: bool,
    /// Read everything again, and keep nothing: neither for the next run nor to remember it.
    #[arg(long)]
    pub(crate) no_cache: bool,
}

/// How to show it; the same for `find` and `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct View {
    /// Text for people, or one JSON document for programs.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Print only what is not healthy: no summary, no progress. JSON stays whole.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Whether to use colour: `auto` means on a terminal.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// What is written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

fn code_named(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str() == name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_code_can_be_explained() {
        for code in Code::ALL {
            let args = Args::try_parse_from(["aios", "check", "--explain", code.as_str()]).unwrap();
            let Command::Check(check) = args.command else { panic!("not a check") };
            assert_eq!(check.explain, Some(*code));
        }
    }
}
