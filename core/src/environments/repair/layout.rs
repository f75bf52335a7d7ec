//! Folders and links of the layout.

use super::change::Change;
use super::{Action, Case, Plan, Step, Unsolved};
use crate::environments::health::Code;
use crate::fs::Kind;

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    let facts = case.subject.facts;
    let is_text = |name: &str| {
        facts.entries.iter().any(|entry| entry.name == name && entry.kind == Kind::File)
    };
    for finding in case.of(Code::FileTypeConflict) {
        let lib64 = facts.prefix.join("lib64");
        if finding.paths.contains(&lib64) && is_text("lib64") {
            plan.steps.push(Step {
                action: Action::RestoreLayout,
                reasons: vec![Code::FileTypeConflict],
                what: "makes `lib64` a link to `lib` again".to_owned(),
                changes: vec![Change::Link { path: lib64, target: "lib".into() }],
            });
        } else if !finding.paths.contains(&facts.prefix.join("pyvenv.cfg")) {
            plan.unsolved.push(Unsolved {
                code: Code::FileTypeConflict,
                hint: format!("{}; move it away and check again", finding.message),
            });
        }
    }
}
