//! What makes an empty environment: the base's own `venv`, or uv.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::environments::installation::Installation;
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::environments::repair::{Action, Step, programs};
use crate::host::Host;
use crate::process::{self, Program};

/// `venv` takes seconds on a cold network disk.
const TIME: Duration = Duration::from_secs(300);
const OUTPUT_BYTES: usize = 1024 * 1024;

/// How an environment is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Making {
    /// By uv, where that is on this machine; else by `venv`, which every Python has.
    pub by_uv: bool,
    /// Whether it sees the packages of its base.
    pub inherits: bool,
    /// What shells show while it is active.
    pub prompt: Option<String>,
    /// Whether its interpreter is a copy, where it could be a link.
    pub copies: bool,
}

impl Making {
    /// As the one with this `pyvenv.cfg` was made.
    pub fn like(cfg: Option<&PyvenvCfg>, copies: bool) -> Making {
        let value = |key| cfg.and_then(|cfg| cfg.get(key));
        let inherits = value("include-system-site-packages");
        let prompt =
            value("prompt").map(|text| text.trim_matches('\'').trim_matches('"').to_owned());
        Making {
            by_uv: value("uv").is_some(),
            inherits: inherits.is_some_and(|value| value.eq_ignore_ascii_case("true")),
            prompt,
            copies,
        }
    }

    /// Makes it at `new`, where nothing stands, or a folder without an environment. Nothing that is in `apart` is
    /// run. `Err` says why there is none.
    pub fn make(
        &self,
        host: &Host,
        base: &Installation,
        new: &Path,
        apart: &[&Path],
        stop: &AtomicBool,
    ) -> Result<Step, String> {
        if !programs::may_run(host, apart, &base.executable) {
            return Err(format!(
                "`{}` is not run: others than root and you can change it, or it is of this environment",
                base.executable.display()
            ));
        }
        let uv = self.by_uv.then(|| programs::uv(host, apart)).flatten();
        let program = uv.clone().unwrap_or_else(|| base.executable.clone());
        let ended = process::run(&Program {
            executable: &program,
            arguments: self.arguments(host, base, new, uv.is_some()),
            variables: programs::variables(host, apart),
            folder: new.parent().unwrap_or(new),
            system_root: host.variable_path("SYSTEMROOT").as_deref(),
            time: TIME,
            output_bytes: OUTPUT_BYTES,
            stop,
        })
        .map_err(|error| error.to_string())?;
        if ended.status.success() {
            return Ok(step(base, uv));
        }
        let said = String::from_utf8_lossy(&ended.errors);
        let last = said.trim().lines().last().unwrap_or("it says nothing");
        Err(format!("`{}` makes no environment: {last}", program.display()))
    }

    fn arguments(
        &self,
        host: &Host,
        base: &Installation,
        new: &Path,
        by_uv: bool,
    ) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(Into::into));
        if by_uv {
            add(&["venv", "--quiet", "--color", "never", "--no-project", "--no-python-downloads"]);
            if new.is_dir() {
                add(&["--allow-existing"]);
            }
            add(&["--offline", "--python"]);
            arguments.push(base.executable.clone().into());
            arguments.extend(programs::uv_settings(host));
        } else {
            add(&["-I", "-m", "venv", "--without-pip"]);
        }
        if self.inherits {
            arguments.push("--system-site-packages".into());
        }
        // With `=`: a prompt may start with a dash.
        if let Some(prompt) = &self.prompt {
            arguments.push(format!("--prompt={prompt}").into());
        }
        if self.copies && !by_uv {
            arguments.push("--copies".into());
        }
        arguments.push(new.into());
        arguments
    }
}

fn step(base: &Installation, uv: Option<PathBuf>) -> Step {
    let version = base.version.as_ref().map(|version| format!(" of Python {version}"));
    let version = version.unwrap_or_default();
    let with = match uv {
        Some(uv) => format!("`{}`, on `{}`", uv.display(), base.executable.display()),
        None => format!("`{} -m venv`", base.executable.display()),
    };
    Step {
        action: Action::MakeEnvironment,
        reasons: Vec::new(),
        what: format!("makes an environment{version} with {with}"),
        changes: Vec::new(),
    }
}
