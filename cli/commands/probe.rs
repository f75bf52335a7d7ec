//! `--probe`: starts the interpreters of the environments that were named, and no others.

use std::path::{Path, PathBuf};

use aios_core::environments::inspection::Inspection;
use aios_core::environments::probe::{ProbeLimits, Probed, probe_all};
use aios_core::{Environment, Host};

use crate::output::{ProbeOutcome, Probes};

/// Starts what `named` names and compares what it says with the files.
pub(super) fn start(host: &Host, inspection: &Inspection, named: &[PathBuf]) -> Probes {
    let chosen: Vec<(&Environment, PathBuf)> = inspection
        .environments
        .iter()
        .map(|inspected| &inspected.environment)
        .filter(|environment| is_named(environment, named))
        .filter_map(|environment| Some((environment, environment.executable.clone()?)))
        .collect();
    let executables: Vec<PathBuf> = chosen.iter().map(|(_, path)| path.clone()).collect();
    let answers = probe_all(&executables, &ProbeLimits::of(host));
    chosen
        .iter()
        .zip(answers)
        .map(|((environment, _), answer)| {
            let outcome = match answer {
                Ok(probed) => ProbeOutcome::Answered {
                    differs: differences(environment, &probed),
                    probed: Box::new(probed),
                },
                Err(error) => ProbeOutcome::Failed(error.to_string()),
            };
            (environment.id.clone(), outcome)
        })
        .collect()
}

/// Whether one of these names belongs to an environment that could be started.
pub(super) fn reaches(inspection: &Inspection, names: &[PathBuf]) -> bool {
    inspection.environments.iter().any(|inspected| is_named(&inspected.environment, names))
}

/// An environment is named by its folder, by another name of it, or by a program in its folder of
/// scripts. A folder above it does not name it: what a walk finds was chosen by nobody.
fn is_named(environment: &Environment, named: &[PathBuf]) -> bool {
    let scripts = |path: &Path| {
        path.parent().is_some_and(|folder| {
            ["bin", "Scripts"].iter().any(|name| folder.ends_with(name))
                && folder.parent().is_some_and(|prefix| environment.is_named(prefix))
        })
    };
    named.iter().any(|path| {
        environment.is_named(path)
            || environment.executable.as_deref() == Some(path)
            || scripts(path)
    })
}

/// The fields of the record that the interpreter contradicts.
fn differences(environment: &Environment, probed: &Probed) -> Vec<&'static str> {
    let [major, minor, patch] = probed.version;
    let same_version = environment.version.as_ref().is_none_or(|version| {
        (u64::from(version.major), u64::from(version.minor)) == (major, minor)
            && version.patch.is_none_or(|known| u64::from(known) == patch)
    });
    let same_place = |known: Option<&PathBuf>, said: &Path| {
        let said = aios_core::fs::canonical(said).unwrap_or_else(|_| said.to_path_buf());
        known.is_none_or(|known| *known == said)
    };
    let same_implementation =
        environment.implementation.is_none_or(|known| known.name() == probed.implementation);
    [
        ("version", same_version),
        ("prefix", same_place(Some(&environment.prefix), &probed.prefix)),
        ("base_prefix", same_place(environment.base_prefix.as_ref(), &probed.base_prefix)),
        ("implementation", same_implementation),
        ("abi_flags", environment.abi_flags.contains('t') == probed.abi_flags.contains('t')),
    ]
    .into_iter()
    .filter_map(|(field, same)| (!same).then_some(field))
    .collect()
}
