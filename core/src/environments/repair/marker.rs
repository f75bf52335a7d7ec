//! `pyvenv.cfg`: as it is remembered or else written again from evidence, or corrected with everything else
//! in it kept.

use std::path::Path;

use super::base::Base;
use super::change::{Change, Content};
use super::{Action, Case, Plan, Step};
use crate::environments::facts::{Marker, Scheme, Shape};
use crate::environments::health::Code;
use crate::environments::pyvenv_cfg::{Defect, PyvenvCfg};
use crate::fs;

/// What is repaired by writing it.
pub(super) const CODES: &[Code] = &[
    Code::PyvenvCfgMissing,
    Code::PyvenvCfgEmpty,
    Code::PyvenvCfgGarbled,
    Code::PyvenvCfgHomeMissing,
    Code::PyvenvCfgHomeStale,
    Code::PyvenvCfgVersionMismatch,
];

/// An activate script is a few KB.
const MAX_ACTIVATE_BYTES: u64 = 64 * 1024;

/// `base` is what the environment is to stand on.
pub(super) fn plan(case: &Case<'_>, base: &Base, plan: &mut Plan) {
    let facts = case.subject.facts;
    if facts.shape != Shape::Virtual {
        return;
    }
    let then = || as_remembered(case, base);
    let (content, what) = match &facts.marker {
        Marker::Missing | Marker::NotAFile(_) | Marker::TooLarge(_) => {
            then().unwrap_or_else(|| rebuilt(case, base))
        }
        Marker::Read(cfg) => match cfg.defect {
            Some(Defect::ByteOrderMark | Defect::Utf16) => {
                let (content, _) = corrected(cfg, base);
                (content, "writes `pyvenv.cfg` as plain UTF-8, with all that it holds".to_owned())
            }
            Some(_) => then().unwrap_or_else(|| rebuilt(case, base)),
            None => corrected(cfg, base),
        },
        Marker::Denied | Marker::Unreadable(_) => return,
    };
    if facts.marker.cfg().is_some_and(|cfg| cfg.defect.is_none() && cfg.edited(&[]) == content) {
        return;
    }
    write(case, content, what, plan);
}

/// Puts the file back that is remembered, where it says something else than the present one.
pub(super) fn plan_return(case: &Case<'_>, base: &Base, plan: &mut Plan) {
    let facts = case.subject.facts;
    if facts.shape != Shape::Virtual || facts.marker.cfg().is_none_or(|cfg| cfg.defect.is_some()) {
        return;
    }
    let Some((content, what)) = as_remembered(case, base) else { return };
    let then = PyvenvCfg::parse(content.as_bytes());
    if facts.marker.cfg().is_some_and(|cfg| !cfg.says_the_same(&then)) {
        write(case, content, what, plan);
    }
}

fn write(case: &Case<'_>, content: String, what: String, plan: &mut Plan) {
    let path = case.prefix().join("pyvenv.cfg");
    let reasons: Vec<Code> = CODES.iter().copied().filter(|code| case.has(&[*code])).collect();
    let mut changes = Vec::new();
    if matches!(&case.subject.facts.marker, Marker::NotAFile("a folder")) {
        changes.push(Change::Remove { path: path.clone() });
    }
    changes.push(Change::Write { path, content: Content::Bytes(content.into_bytes()), mode: None });
    plan.steps.push(Step { action: Action::WriteMarker, reasons, what, changes });
}

/// Only what is wrong is changed: a `home` that leads elsewhere, a version of another minor.
fn corrected(cfg: &PyvenvCfg, base: &Base) -> (String, String) {
    let leads_there = |home: &Path| {
        fs::canonical(home).ok() == fs::canonical(base.home()).ok() && fs::is_folder(home)
    };
    let other_home = !cfg.home().is_some_and(|home| leads_there(&home));
    let (content, keys) = edited(cfg, base, other_home);
    let what = format!(
        "sets {keys} in `pyvenv.cfg` for `{}`: {}",
        base.executable.display(),
        base.evidence
    );
    (content, what)
}

/// The file of the last healthy state, with what it says of the base corrected for the present one.
fn as_remembered(case: &Case<'_>, base: &Base) -> Option<(String, String)> {
    let remembered = case.remembered()?;
    let cfg = remembered.cfg()?;
    let (content, keys) =
        edited(&cfg, base, !super::base::is_home_of(case, &cfg, &base.installation));
    let what = format!("writes `pyvenv.cfg` as remembered by {}", remembered.source);
    let what = match keys.as_str() {
        "" => what,
        keys => {
            let executable = base.executable.display();
            format!("{what}, with {keys} for `{executable}`: {}", base.evidence)
        }
    };
    Some((content, what))
}

/// The text with what is said of the base corrected, and the keys that are.
fn edited(cfg: &PyvenvCfg, base: &Base, other_home: bool) -> (String, String) {
    let mut values: Vec<(&str, String)> = Vec::new();
    if other_home {
        values.push(("home", base.home().display().to_string()));
    }
    if let Some(version) = base.version() {
        let is_other = |text: &str| {
            text.parse::<crate::environments::PythonVersion>()
                .is_ok_and(|own| (own.major, own.minor) != (version.major, version.minor))
        };
        for key in ["version", "version_info"] {
            if cfg.get(key).is_some_and(is_other) {
                values.push((key, version.to_string()));
            }
        }
    }
    if other_home {
        // What venv and virtualenv note beside `home`; only where it is noted.
        let executable = base.installation.executable.display().to_string();
        let prefix = base.installation.prefix.display().to_string();
        for (key, value) in [
            ("executable", &executable),
            ("base-executable", &executable),
            ("base-prefix", &prefix),
            ("base-exec-prefix", &prefix),
        ] {
            if cfg.get(key).is_some() {
                values.push((key, value.clone()));
            }
        }
    }
    let keys: Vec<&str> = values.iter().map(|(key, _)| *key).collect();
    let pairs: Vec<(&str, &str)> =
        values.iter().map(|(key, value)| (*key, value.as_str())).collect();
    (cfg.edited(&pairs), keys.join(", "))
}

/// A new file in the form of the tool that made the environment.
fn rebuilt(case: &Case<'_>, base: &Base) -> (String, String) {
    let facts = case.subject.facts;
    let executable = base.executable.display();
    let version = base.version().map(ToString::to_string).unwrap_or_default();
    let mut lines = vec![format!("home = {}", base.home().display())];
    // virtualenv and uv put this module into every environment that they make.
    let by_venv = !facts.site_packages().any(|site| fs::is_file(&site.join("_virtualenv.py")));
    if by_venv {
        lines.push("include-system-site-packages = false".to_owned());
        lines.push(format!("version = {version}"));
        if base.version().is_some_and(|version| (version.major, version.minor) >= (3, 11)) {
            lines.push(format!("executable = {}", base.installation.executable.display()));
            lines.push(format!("command = {executable} -m venv {}", facts.prefix.display()));
        }
    } else {
        lines.push("implementation = CPython".to_owned());
        lines.push(format!("version_info = {version}"));
        lines.push("include-system-site-packages = false".to_owned());
    }
    if let Some(prompt) = prompt(case) {
        lines.push(if by_venv {
            format!("prompt = '{prompt}'")
        } else {
            format!("prompt = {prompt}")
        });
    }
    let end = if facts.scheme == Scheme::Windows { "\r\n" } else { "\n" };
    let what = format!("writes `pyvenv.cfg` for `{executable}`: {}", base.evidence);
    (lines.iter().map(|line| format!("{line}{end}")).collect(), what)
}

/// The prompt that the activate script sets, when it was given one of its own.
fn prompt(case: &Case<'_>) -> Option<String> {
    let facts = case.subject.facts;
    let script = facts.scripts.as_ref()?.join("activate");
    let text = fs::read_text(&script, MAX_ACTIVATE_BYTES)?;
    let line = text.lines().map(str::trim).find_map(|line| {
        line.strip_prefix("VIRTUAL_ENV_PROMPT=").filter(|value| !value.contains('$'))
    })?;
    let prompt =
        line.trim_matches(['"', '\'']).trim().trim_start_matches('(').trim_end_matches(')');
    let made_as = crate::environments::scripts::virtual_env(text.as_bytes());
    let is_name = |path: &Path| path.file_name().is_some_and(|name| name == prompt);
    let own = is_name(&facts.prefix) || made_as.as_deref().is_some_and(is_name);
    (!prompt.is_empty() && !own && !prompt.contains('\'')).then(|| prompt.to_owned())
}
