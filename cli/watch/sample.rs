//! Pictures to test with.

use std::path::PathBuf;

use aios_core::buffer::event::{Event, What};
use aios_core::{EnvironmentId, Severity, Status};

use super::picture::{Environment, Finding, Happened, Picture};

pub(crate) fn environment(id: &str, prefix: &str, status: Status) -> Environment {
    let finding = Finding {
        code: "pyvenv-cfg-missing".to_owned(),
        severity: Severity::Error,
        message: "there is no `pyvenv.cfg`".to_owned(),
        effect: "the interpreter is another one".to_owned(),
        remedy: "repair it".to_owned(),
        path: PathBuf::from(prefix).join("pyvenv.cfg"),
    };
    Environment {
        id: id.to_owned(),
        kind: "venv".to_owned(),
        version: "3.12.3".to_owned(),
        implementation: "cpython".to_owned(),
        prefix: PathBuf::from(prefix),
        base: PathBuf::from("/usr"),
        project: PathBuf::new(),
        manager: String::new(),
        status,
        findings: if status == Status::Healthy { Vec::new() } else { vec![finding] },
    }
}

pub(crate) fn picture(environments: Vec<Environment>) -> Picture {
    Picture { environments, problems: 0, time_ms: 0, snapshot: Some(3), engine: "0.1.0".to_owned() }
}

/// Four, in the order of their paths.
pub(crate) fn four() -> Picture {
    let mut all = picture(vec![
        environment("a", "/home/u/a", Status::Healthy),
        environment("b", "/home/u/b", Status::Broken),
        environment("c", "/home/u/c", Status::Healthy),
        environment("d", "/home/u/d", Status::Warning),
    ]);
    all.environments[0].version = "3.9.1".to_owned();
    all.environments[2].kind = "conda-env".to_owned();
    all
}

pub(crate) fn event(what: What, path: &str) -> Happened {
    let event = Event {
        environment: Some(EnvironmentId("b".to_owned())),
        before: Some(Status::Healthy),
        after: Some(Status::Broken),
        codes: vec!["pyvenv-cfg-missing".to_owned()],
        ..Event::new(what, path)
    };
    Happened::Event { time_ms: 0, event }
}
