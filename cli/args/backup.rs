//! The arguments of `backup`.

use std::path::PathBuf;

use aios_core::environments::backup::sealed::Recipient;
use clap::Subcommand;

use super::{Answer, Network};

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
    /// Make the environments of a backup again, with the same versions, and compare each with the backup. Exits
    /// with 0 only when all are exactly as they were.
    Restore(Restore),
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
    /// Put what is installed into the file too, as wheels, so that coming back needs no network. They are those of
    /// pip's and uv's caches that it was installed from, or are built again from what stands on disk; what was
    /// edited is left out, and named.
    #[arg(long)]
    pub(crate) wheels: bool,
    /// Encrypt the file with a passphrase, which is asked for on the terminal. `age` opens it too.
    #[arg(long, conflicts_with = "recipients")]
    pub(crate) encrypt: bool,
    /// Encrypt it with the passphrase in the first line of this file; `-` is stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "recipients")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Encrypt it for whoever has this key (`age1...`, from `age-keygen`). May be repeated: each of them opens it.
    #[arg(long = "recipient", value_name = "KEY")]
    pub(crate) recipients: Vec<Recipient>,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// What opens an encrypted backup.
#[derive(Debug, clap::Args)]
pub(crate) struct Unlock {
    /// A file of `age-keygen` with the key of an encrypted backup. May be repeated.
    #[arg(long = "identity", value_name = "FILE", conflicts_with = "passphrase_file")]
    pub(crate) identities: Vec<PathBuf>,
    /// A file whose first line is the passphrase of an encrypted backup; `-` is stdin. Without it, it is asked for
    /// on the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Arguments of `backup show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// A backup. Without it, the newest whole one of those that `aios serve` makes unasked.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `backup verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// A backup. Without it, the newest whole one of those that `aios serve` makes unasked.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `backup restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// A backup. Without it, the newest whole one of those that `aios serve` makes unasked.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Put all environments into this folder, by their paths from the home folder that they were in.
    #[arg(long, value_name = "DIR", conflicts_with = "maps")]
    pub(crate) to: Option<PathBuf>,
    /// What a folder of the old machine is called here: `/home/old=/home/new`. Environments go there, and links to
    /// projects lead there. May be repeated.
    #[arg(long = "map", value_name = "OLD=NEW", value_parser = map)]
    pub(crate) maps: Vec<(PathBuf, PathBuf)>,
    /// Show which Python serves which environment, and what is missing, and make nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A folder with wheels, asked after those of the backup. May be repeated.
    #[arg(long = "wheelhouse", value_name = "DIR")]
    pub(crate) wheelhouses: Vec<PathBuf>,
    /// Whether wheels that are neither in the backup nor on this machine may be fetched, by the pip of an
    /// installation or by uv.
    #[arg(long, value_enum, default_value_t = Network::Never, value_name = "WHEN")]
    pub(crate) network: Network,
    /// Give what stands at the place of an environment another name, and keep it. Without it, it stays where it is.
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// `OLD=NEW`, both not empty.
fn map(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.into(), new.into())),
        _ => {
            Err("two folders with `=` between them are expected: `/home/old=/home/new`".to_owned())
        }
    }
}
