//! The arguments of `import` and `export`: lists of environments of another program.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Answer;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file: `python_environments.json`, or a backup of it.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) answer: Answer,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// An environment, an interpreter, or a folder to walk. Without any: every known place of this
    /// machine, and the current folder.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The form to write, to stdout.
    #[arg(long, value_enum, default_value_t = Form::PythonEnvironments)]
    pub(crate) format: Form,
}

/// Forms of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// `python_environments.json`
    PythonEnvironments,
}
