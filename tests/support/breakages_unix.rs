//! Links and modes of Linux and macOS.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};

use aios_core::Code;

use super::super::system::{ACTIVATE, set_mode, symlink};
use super::super::tree;
use super::{Base, Breakage, Venv, breaks, copy_interpreter, write};

/// The codes that are not built here, and why.
pub(super) const NOT_BUILT: &[(Code, &str)] =
    &[(Code::PythonwMissing, "only Windows has an interpreter without a console")];

/// A user who is not root.
const NOBODY: u32 = 65534;

/// What happens to environments of this system alone.
pub(super) const BREAKAGES: &[Breakage] = &[
    breaks(
        Code::InterpreterDangling,
        "the base moved; the same minor is elsewhere",
        |home, venv| {
            Base::make(&home.join(".pyenv/versions/3.12.3"), "3.12.3");
            fs::rename(&venv.base.prefix, home.join("moved-base")).unwrap();
            None
        },
    )
    .also(&[Code::PyvenvCfgHomeStale]),
    breaks(Code::InterpreterSymlinkLoop, "a sync tool made the links circular", |_, venv| {
        fs::remove_file(venv.bin("python")).unwrap();
        symlink("python3", venv.bin("python")).unwrap();
        None
    }),
    breaks(Code::InterpreterNotExecutable, "a zip lost the execute bit of a copy", |_, venv| {
        copy_interpreter(venv, |image| image);
        set_mode(&venv.bin("python"), 0o644);
        None
    }),
    breaks(Code::InterpreterMinorMismatch, "python was linked to 3.11 by hand", |home, venv| {
        let other = Base::make(&home.join("opt/python-3.11"), "3.11.9");
        fs::remove_file(venv.bin("python")).unwrap();
        symlink(other.executable(), venv.bin("python")).unwrap();
        None
    }),
    breaks(Code::Lib64LinkMissing, "a checkout lost the link lib64", |_, venv| {
        fs::remove_file(venv.prefix.join("lib64")).unwrap();
        None
    })
    .stays(""),
    breaks(
        Code::ScriptShebangStale,
        "one script names an interpreter that is gone",
        |home, venv| {
            let text = fs::read_to_string(venv.bin("webtool")).unwrap();
            let (_, rest) = text.split_once('\n').unwrap();
            write(
                &venv.bin("webtool"),
                format!("#!{}\n{rest}", home.join("gone/python").display()),
            );
            None
        },
    ),
    breaks(Code::ScriptNotExecutable, "a zip lost the execute bits of scripts", |_, venv| {
        for name in ["pip", "pip3", "webtool"] {
            set_mode(&venv.bin(name), 0o644);
        }
        None
    }),
    breaks(Code::PermissionDenied, "idna/core.py was installed with another mask", |_, venv| {
        set_mode(&venv.site("idna/core.py"), 0o000);
        // What root may read does not matter: it asks on behalf of the owner.
        let is_root = fs::metadata(&venv.prefix).unwrap().uid() == 0;
        for path in tree(&venv.prefix).into_keys().chain([venv.prefix.clone()]) {
            if is_root {
                lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        None
    }),
    breaks(Code::FileTypeConflict, "a zip stored the link lib64 as a text", |_, venv| {
        fs::remove_file(venv.prefix.join("lib64")).unwrap();
        write(&venv.prefix.join("lib64"), "lib");
        None
    }),
    breaks(Code::ForeignPlatform, "made on Windows and copied here", |home, _| {
        let foreign = Venv { prefix: home.join("foreign"), base: home.base() };
        write(
            &foreign.cfg(),
            "home = C:\\Python312\r\ninclude-system-site-packages = false\r\nversion = 3.12.3\r\n",
        );
        write(&foreign.prefix.join("Scripts/python.exe"), "MZ");
        write(&foreign.prefix.join("Scripts/activate.bat"), "@echo off\r\n");
        write(&foreign.prefix.join("Lib/site-packages/six.py"), "# six\n");
        Some(foreign)
    })
    .also(&[Code::InterpreterMissing, Code::InterpreterCorrupt, Code::PyvenvCfgHomeStale])
    .stays("makes a new environment"),
    breaks(Code::PyvenvCfgVersionMismatch, "pyvenv.cfg of a colleague with 3.11", |home, venv| {
        let other = Base::make(&home.join("opt/python-3.11"), "3.11.9");
        let old = venv.base.prefix.display().to_string();
        venv.edit_cfg(|text| {
            text.replace(&old, &other.prefix.display().to_string()).replace("3.12.3", "3.11.9")
        });
        None
    }),
    breaks(Code::ActivatePathStale, "activate names the place of the build", |_, venv| {
        for (name, ..) in ACTIVATE {
            let text = fs::read_to_string(venv.bin(name)).unwrap();
            let here = venv.prefix.display().to_string();
            write(&venv.bin(name), text.replace(&here, "/build/venv"));
        }
        None
    }),
];
