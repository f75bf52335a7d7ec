//! pyenv, pyenv-virtualenv and pyenv-win: `PYENV_ROOT/versions`.
//!
//! `versions/*/envs/*` are pyenv-virtualenv's, with links to them in `versions`. Shims are no leads.

use std::path::PathBuf;

use super::super::{EnvironmentKind, Source};
use super::folders;
use super::lead::Leads;
use crate::host::{Host, Platform};

/// Leads to the versions and virtual environments of pyenv.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    for root in roots(host) {
        let versions = root.join("versions");
        folders::installations(host, leads, &versions, Some(EnvironmentKind::Pyenv), Source::Pyenv);
    }
}

/// The roots of pyenv, each once. pyenv-win sets `PYENV` and `PYENV_HOME` beside `PYENV_ROOT`, all to
/// the same folder.
fn roots(host: &Host) -> Vec<PathBuf> {
    let windows = host.platform == Platform::Windows;
    let variables: &[&str] =
        if windows { &["PYENV_ROOT", "PYENV_HOME", "PYENV"] } else { &["PYENV_ROOT"] };
    let default = if windows { ".pyenv/pyenv-win" } else { ".pyenv" };
    let mut roots = Vec::new();
    let named = variables.iter().filter_map(|name| host.variable_path(name));
    for root in named.chain(host.home_place(default)) {
        // Compared by parts: pyenv-win ends its values with a backslash.
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}
