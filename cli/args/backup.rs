//! The arguments of `backup`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Answer;

/// One variant for each subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Look at the environments, as `check` does, and write a file with what they are: distributions with
    /// versions and places, files beside projects that say what to install, what is remembered. Names and
    /// passwords in URLs are left out. Nothing is run.
    Create(Create),
    /// Show what is in a backup.
    Show(Show),
    /// Compare everything in a backup with its checksums. Exits with 1 when something is damaged.
    Verify(Verify),
}

/// Arguments of `backup create`.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The file to write, where nothing stands: `before.aiosb`. An ordinary zip archive.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// An environment, an interpreter, or a folder to walk. Without any: every known place of this
    /// machine, and the current folder.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// One more folder to walk, beside the known places. May be repeated.
    #[arg(long = "workspace", value_name = "DIR", conflicts_with = "paths")]
    pub(crate) workspaces: Vec<PathBuf>,
    /// Put what is installed into the file too, as wheels, so that coming back needs no network. They are built
    /// again from what stands on disk; what was edited is left out, and named.
    #[arg(long)]
    pub(crate) wheels: bool,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `backup show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// A backup.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `backup verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// A backup.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) answer: Answer,
}
