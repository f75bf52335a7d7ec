//! What no change within the environment repairs: only what the user can do about it.

use super::{Case, Plan, Unsolved};
use crate::environments::health::{Code, Finding};

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    for finding in case.findings {
        if let Some(hint) = hint(finding) {
            plan.unsolved.push(Unsolved { code: finding.code, hint });
        }
    }
}

fn hint(finding: &Finding) -> Option<String> {
    let first = || finding.paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    Some(match finding.code {
        Code::SitecustomizeBroken => format!(
            "`{}` is yours and is not touched: install what it imports, or correct it",
            first()
        ),
        Code::EnvVarPythonhome => {
            "the environment itself is not at fault: `unset PYTHONHOME`, also in the shell's start \
             files and in the service that sets it"
                .to_owned()
        }
        Code::EnvVarPythonpath => {
            "the environment itself is not at fault: `unset PYTHONPATH`, or take the folder out of it"
                .to_owned()
        }
        Code::ForeignPlatform => {
            "neither its interpreter nor its native packages can run here: create a new environment \
             on this system and install the same packages into it"
                .to_owned()
        }
        Code::EditableTargetMissing => {
            "bring the project's folder back to where it was, or uninstall the package".to_owned()
        }
        Code::RepairInterrupted => {
            let folder = finding.paths.first()?;
            let prefix = folder.ancestors().nth(2)?.display();
            format!(
                "end it first: `aios repair --resume {prefix}` goes on with it, `aios repair --undo \
                 {prefix}` takes it back"
            )
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fabricated::Broken;
    use super::*;

    #[test]
    fn hints() {
        let mut broken = Broken::new();
        broken.host.variables.insert("PYTHONHOME".into(), "/somewhere/else".into());
        let plan = broken.plan(plan);
        assert_eq!(plan.steps, []);
        let [unsolved] = plan.unsolved.as_slice() else { panic!("{plan:?}") };
        assert_eq!(unsolved.code, Code::EnvVarPythonhome);
        assert!(unsolved.hint.contains("unset PYTHONHOME"));
    }
}
