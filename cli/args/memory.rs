//! The arguments of `snapshot`, `history` and `recall`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Color, Format, Network, View};

/// One variant for each subcommand of `snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// Look at the environments, as `check` does, and keep what they are.
    Take(Take),
    /// List the snapshots, with what changed in each and what it costs.
    List(List),
    /// Show the environments of a snapshot, or one of them in full.
    Show(Show),
    /// Say what changed from one snapshot to another.
    Diff(Diff),
    /// Bring the entries of other programs back to those of a snapshot, and say what it would take to bring its
    /// environments back.
    Restore(Restore),
    /// Remove old snapshots. What repairs go by stays: the last healthy state of each environment.
    Prune(Prune),
    /// Compare all that is remembered with its checksums. Exits with 1 when something is damaged.
    Verify(Verify),
}

/// Arguments of `snapshot take`.
#[derive(Debug, clap::Args)]
pub(crate) struct Take {
    /// What to call it. Snapshots with a name are never pruned.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// An environment, an interpreter, or a folder to walk. Without any: every known place of this
    /// machine, and the current folder. What is not looked at is kept as it was seen last.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `snapshot list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `snapshot show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// A snapshot: its number, its name, or `last`.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// An environment or an interpreter, shown in full, or a folder with environments. It may be gone from
    /// disk.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `snapshot diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The snapshot to begin with: its number, its name, or `last`.
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// The snapshot to end with, `last` by default; then environments, or folders with environments. What
    /// is no snapshot is a path.
    #[arg(value_name = "B] [PATH")]
    pub(crate) rest: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `snapshot restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// A snapshot: its number, its name, or `last`.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Only these environments, and no entries of other programs.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Bring the environments back as well, as `aios repair --to ID` does: with a plan, a question, and a way
    /// back. As JSON, the document is that of `repair`.
    #[arg(long)]
    pub(crate) apply: bool,
    /// With `--apply`: do it without asking.
    #[arg(long, short, requires = "apply")]
    pub(crate) yes: bool,
    /// With `--apply`: a folder with wheels. May be repeated.
    #[arg(long = "wheelhouse", value_name = "DIR", requires = "apply")]
    pub(crate) wheelhouses: Vec<PathBuf>,
    /// With `--apply`: whether wheels that this machine does not have may be fetched.
    #[arg(long, value_enum, default_value_t = Network::Never, value_name = "WHEN", requires = "apply")]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `snapshot prune`.
#[derive(Debug, clap::Args)]
pub(crate) struct Prune {
    /// Keep so many of the newest.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) keep: usize,
    /// Keep the last one of each day (UTC), for so many days.
    #[arg(long, value_name = "D", default_value_t = 30)]
    pub(crate) days: u64,
    /// Say what would go, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `snapshot verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Put whole copies in the place of what is damaged: what stands on disk as it was remembered is such a
    /// copy, so environments are looked at again.
    #[arg(long)]
    pub(crate) heal: bool,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `history`.
#[derive(Debug, clap::Args)]
pub(crate) struct History {
    /// An environment or an interpreter, or a folder with environments. It may be gone from disk.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `recall`.
#[derive(Debug, clap::Args)]
pub(crate) struct Recall {
    /// An environment, or what is left of it. It is looked at and remembered; one that is gone is recalled as
    /// it was last.
    #[arg(value_name = "PATH", required_unless_present = "packages")]
    pub(crate) paths: Vec<PathBuf>,
    /// A package that the environment had: `numpy`, or `numpy==1.26.4`. May be repeated.
    #[arg(
        long = "package",
        value_name = "NAME",
        num_args = 1..,
        conflicts_with = "paths",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) packages: Vec<String>,
    /// How many environments to name.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) most: u16,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// How to show what is remembered.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Answer {
    /// Text for people, or one JSON document for programs.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Whether to use colour: `auto` means on a terminal.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

impl Answer {
    /// The same for what looks at the disk first.
    pub(crate) fn view(self) -> View {
        View { format: self.format, quiet: false, color: self.color }
    }
}
