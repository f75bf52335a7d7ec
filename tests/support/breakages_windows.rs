//! Windows: environments have no links, and files no modes.

use aios_core::Code;

use super::{Breakage, Venv, breaks, write};

/// The codes that are not built here, and why.
pub(super) const NOT_BUILT: &[(Code, &str)] = &[
    (Code::PermissionDenied, "rights are not judged on Windows"),
    (Code::InterpreterDangling, "interpreters are copies on Windows, not links"),
    (Code::InterpreterSymlinkLoop, "interpreters are copies on Windows, not links"),
    (Code::InterpreterMinorMismatch, "interpreters are copies on Windows, not links"),
    (Code::InterpreterNotExecutable, "Windows has no execute bit"),
    (Code::ScriptNotExecutable, "Windows has no execute bit"),
    (Code::Lib64LinkMissing, "environments of Windows have no `lib64`"),
    (Code::ScriptShebangStale, "`windows::breakages` has it: launchers are built by installers"),
];

/// What happens to environments of this system alone.
pub(super) const BREAKAGES: &[Breakage] =
    &[breaks(Code::ForeignPlatform, "made on Linux and copied here", |home, _| {
        let foreign = Venv { prefix: home.join("foreign"), base: home.base() };
        let cfg = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.12.3\n";
        write(&foreign.cfg(), cfg);
        write(&foreign.prefix.join("bin/activate"), "VIRTUAL_ENV=/home/me/foreign\n");
        write(&foreign.prefix.join("lib/python3.12/site-packages/six.py"), "# six\n");
        Some(foreign)
    })
    .also(&[Code::InterpreterMissing, Code::PyvenvCfgHomeStale])];
