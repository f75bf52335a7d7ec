//! The arguments of `active` and `run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Subcommand;

use super::Answer;

/// Arguments of `active`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Active {
    #[command(subcommand)]
    pub(crate) action: Option<Choose>,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// What to do about the choice.
#[derive(Debug, Subcommand)]
pub(crate) enum Choose {
    /// Choose an environment. One that is broken is refused, with the command that repairs it.
    Set(Set),
    /// Choose none.
    Clear(Clear),
}

/// Arguments of `active set`.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// An environment, or its interpreter.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `active clear`.
#[derive(Debug, clap::Args)]
pub(crate) struct Clear {
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The environment, or its interpreter. Without it, the active one.
    #[arg(long, value_name = "PATH")]
    pub(crate) env: Option<PathBuf>,
    /// The program, by its name or its path, and its arguments: `-- python -m pytest`.
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<OsString>,
}
