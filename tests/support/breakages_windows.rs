//! Windows: environments have no links, and files no modes.

use aios_core::Code;

use super::{Breakage, Venv, breaks, system, write};

/// The codes that are not built here, and why.
pub(super) const NOT_BUILT: &[(Code, &str)] = &[
    (Code::PermissionDenied, "rights are not judged on Windows"),
    (Code::InterpreterDangling, "interpreters are copies on Windows, not links"),
    (Code::InterpreterSymlinkLoop, "interpreters are copies on Windows, not links"),
    (Code::InterpreterMinorMismatch, "interpreters are copies on Windows, not links"),
    (Code::InterpreterNotExecutable, "Windows has no execute bit"),
    (Code::ScriptNotExecutable, "Windows has no execute bit"),
    (Code::Lib64LinkMissing, "environments of Windows have no `lib64`"),
    (Code::PyvenvCfgVersionMismatch, "`Lib` of Windows does not say which version it is of"),
];

/// What happens to environments of this system alone.
pub(super) const BREAKAGES: &[Breakage] = &[
    breaks(Code::ForeignPlatform, "made on Linux and copied here", |home, _| {
        let foreign = Venv { prefix: home.join("foreign"), base: home.base() };
        let cfg = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.12.3\n";
        write(&foreign.cfg(), cfg);
        write(&foreign.prefix.join("bin/activate"), "VIRTUAL_ENV=/home/me/foreign\n");
        write(&foreign.prefix.join("lib/python3.12/site-packages/six.py"), "# six\n");
        Some(foreign)
    })
    .also(&[Code::InterpreterMissing, Code::PyvenvCfgHomeStale])
    .stays("makes a new environment"),
    breaks(Code::PythonwMissing, "a virus scanner took pythonw.exe", |_, venv| {
        std::fs::remove_file(venv.bin("pythonw.exe")).unwrap();
        None
    }),
    breaks(
        Code::ScriptShebangStale,
        "one launcher starts an interpreter that is gone",
        |home, venv| {
            let gone = Venv { prefix: home.join("gone"), base: venv.base.clone() };
            write(&venv.bin("webtool.exe"), system::content_of_script(&gone, "webtool"));
            None
        },
    ),
    breaks(Code::ActivatePathStale, "activate names the place of the build", |_, venv| {
        for (name, ..) in system::ACTIVATE {
            let text = std::fs::read_to_string(venv.bin(name)).unwrap();
            let here = venv.prefix.display().to_string();
            write(&venv.bin(name), text.replace(&here, r"D:\build\venv"));
        }
        None
    }),
];
