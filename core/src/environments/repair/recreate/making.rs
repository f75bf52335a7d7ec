//! What makes an empty environment: the program that made the old one, where it is on this machine, else the
//! base's own `venv`.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::environments::installation::Installation;
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::environments::repair::{Action, Step, programs};
use crate::host::Host;
use crate::process::{self, Program};

/// `venv` takes seconds on a cold network disk.
const TIME: Duration = Duration::from_secs(300);
const OUTPUT_BYTES: usize = 1024 * 1024;

/// The program that makes an environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Maker {
    /// Every Python 3 has it.
    #[default]
    Venv,
    /// Of the search path.
    Virtualenv,
    /// Of the search path.
    Uv,
}

/// How an environment is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Making {
    /// By this program, where it is on this machine and can; else by `venv`.
    pub maker: Maker,
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
        let maker = match (value("uv"), value("virtualenv")) {
            (Some(_), _) => Maker::Uv,
            (None, Some(_)) => Maker::Virtualenv,
            (None, None) => Maker::Venv,
        };
        Making {
            maker,
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
        let other = match self.maker {
            Maker::Venv => None,
            Maker::Virtualenv => programs::virtualenv(host, apart),
            Maker::Uv => programs::uv(host, apart),
        };
        if let Some(program) = other {
            let made = self.run(host, base, (self.maker, &program), new, apart, stop);
            // One of another year does not know each Python.
            if made.is_ok() || stop.load(Ordering::Relaxed) {
                return made;
            }
        }
        self.run(host, base, (Maker::Venv, &base.executable), new, apart, stop)
    }

    fn run(
        &self,
        host: &Host,
        base: &Installation,
        (maker, program): (Maker, &Path),
        new: &Path,
        apart: &[&Path],
        stop: &AtomicBool,
    ) -> Result<Step, String> {
        let ended = process::run(&Program {
            executable: program,
            arguments: self.arguments(host, base, maker, new),
            variables: programs::variables(host, apart),
            folder: new.parent().unwrap_or(new),
            system_root: host.variable_path("SYSTEMROOT").as_deref(),
            time: TIME,
            output_bytes: OUTPUT_BYTES,
            stop,
        })
        .map_err(|error| error.to_string())?;
        if ended.status.success() {
            return Ok(step(base, maker, program));
        }
        let said = String::from_utf8_lossy(&ended.errors);
        let last = said.trim().lines().last().unwrap_or("it says nothing");
        Err(format!("`{}` makes no environment: {last}", program.display()))
    }

    fn arguments(
        &self,
        host: &Host,
        base: &Installation,
        maker: Maker,
        new: &Path,
    ) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(Into::into));
        match maker {
            Maker::Venv => add(&["-I", "-m", "venv", "--without-pip"]),
            Maker::Virtualenv => {
                add(&["--quiet", "--no-seed", "--python"]);
                arguments.push(base.executable.clone().into());
            }
            Maker::Uv => {
                add(&["venv", "--quiet", "--color", "never", "--no-project"]);
                add(&["--no-python-downloads"]);
                if new.is_dir() {
                    add(&["--allow-existing"]);
                }
                add(&["--offline", "--python"]);
                arguments.push(base.executable.clone().into());
                arguments.extend(programs::uv_settings(host));
            }
        }
        if self.inherits {
            arguments.push("--system-site-packages".into());
        }
        // With `=`: a prompt may start with a dash.
        if let Some(prompt) = &self.prompt {
            arguments.push(format!("--prompt={prompt}").into());
        }
        if self.copies && maker != Maker::Uv {
            arguments.push("--copies".into());
        }
        arguments.push(new.into());
        arguments
    }
}

fn step(base: &Installation, maker: Maker, program: &Path) -> Step {
    let version = base.version.as_ref().map(|version| format!(" of Python {version}"));
    let version = version.unwrap_or_default();
    let with = match maker {
        Maker::Venv => format!("`{} -m venv`", base.executable.display()),
        _ => format!("`{}`, on `{}`", program.display(), base.executable.display()),
    };
    Step {
        action: Action::MakeEnvironment,
        reasons: Vec::new(),
        what: format!("makes an environment{version} with {with}"),
        changes: Vec::new(),
    }
}
