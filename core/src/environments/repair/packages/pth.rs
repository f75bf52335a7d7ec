//! `.pth` files that fail at every start of the interpreter.

use std::collections::HashSet;
use std::path::Path;

use super::{Draft, restore, split_pin};
use crate::environments::health::Code;
use crate::environments::pth::{self, PthLine};
use crate::environments::repair::Action;
use crate::fs;

/// A file of an installed distribution is given back; one that only starts what is no longer installed
/// is moved away; what else stands in one is somebody's.
pub(super) fn plan(draft: &mut Draft<'_>) {
    for finding in draft.of(Code::PthBroken) {
        let Some(path) = finding.paths.first() else { continue };
        let name = path.file_name().unwrap_or_default().display().to_string();
        let owner = finding.repair.distributions.first();
        if draft.is_written(path, Code::PthBroken) {
            continue;
        }
        if let Some(pin) = owner {
            restore_file(draft, pin, path);
        } else if is_orphan(path) {
            let mut changes = draft.changes();
            changes.remove(path);
            let what = format!("move `{name}` away: what it starts is no longer installed");
            draft.step(Action::RemoveLeftover, &[Code::PthBroken], what, changes);
        } else {
            let hint = format!("`{name}` belongs to no distribution: correct or remove its line");
            draft.unsolved(Code::PthBroken, hint);
        }
    }
}

fn restore_file(draft: &mut Draft<'_>, pin: &str, path: &Path) {
    let name = split_pin(pin).0;
    if draft.settled.contains(name) {
        return;
    }
    if let Some(hint) = restore::not_ours(draft, pin, &restore::members(draft, name)) {
        return draft.unsolved(Code::PthBroken, hint);
    }
    let patched = draft.current(name).and_then(|(site, distribution)| {
        restore::patch(draft, site, distribution, &HashSet::from([path]))
    });
    match patched {
        Some((changes, what)) => {
            draft.step(Action::RestoreFiles, &[Code::PthBroken], what, changes);
        }
        None => draft.wanting(&[Code::PthBroken], &[pin.to_owned()]),
    }
}

/// Holds one line, which imports what is gone, or nothing but NULs.
fn is_orphan(path: &Path) -> bool {
    let Ok(bytes) = fs::read(path, pth::MAX_BYTES) else { return false };
    if bytes.iter().all(|byte| *byte == 0) {
        return true;
    }
    let parsed = pth::parse(&bytes);
    let is_import = |line: &PthLine| matches!(line, PthLine::Code { imports, defect: None, .. } if !imports.is_empty());
    parsed.defect.is_none() && parsed.lines.len() == 1 && parsed.lines.iter().all(is_import)
}
