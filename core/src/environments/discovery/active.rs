//! What is active in this process: `VIRTUAL_ENV` and `CONDA_PREFIX`.

use super::super::Source;
use super::lead::{Leads, Target};
use crate::host::Host;

/// Leads to the active environments.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(prefix) = host.variable_path(name) {
            leads.add(Target::Prefix(prefix), Source::Active, None, format!("`{name}` names it"));
        }
    }
}
