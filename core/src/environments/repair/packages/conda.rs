//! Records of conda packages: only conda itself writes them.

use super::Draft;
use crate::environments::health::Code;

pub(super) fn plan(draft: &mut Draft<'_>) {
    let prefix = draft.case.prefix().display().to_string();
    for finding in draft.of(Code::CondaMetaCorrupt) {
        let specs: Vec<String> =
            finding.repair.distributions.iter().map(|pin| pin.replace("==", "=")).collect();
        let hint = format!("`conda install --force-reinstall -p \"{prefix}\" {}`", specs.join(" "));
        draft.unsolved(Code::CondaMetaCorrupt, hint);
    }
}
