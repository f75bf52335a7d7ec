//! Arguments of the service and of what asks it.

use std::path::PathBuf;

use super::{Color, Format};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Folders to walk and to watch, beside the known places of this machine. Without any: the current
    /// folder.
    #[arg(value_name = "WORKSPACE")]
    pub(crate) workspaces: Vec<PathBuf>,
    /// Minutes between two looks at everything. In between, only what changes is looked at.
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) sweep: u32,
    /// Look for changes every two seconds, instead of having the system tell them: for folders on a network.
    #[arg(long)]
    pub(crate) poll: bool,
    /// Say nothing but errors.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Have it look at everything again, and wait until it has.
    #[arg(long, conflicts_with = "stop")]
    pub(crate) refresh: bool,
    /// Have it end.
    #[arg(long)]
    pub(crate) stop: bool,
    /// Text for people, or one JSON document for programs.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Whether to use colour: `auto` means on a terminal.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}
