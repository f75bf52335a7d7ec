//! Ways to break real environments, as data: each is found, by its code, and nothing else is.

use std::fs;
use std::path::Path;

use aios_core::Code;

use super::pythons::{Pythons, Twin, check, replaced, rewrite};
use crate::support::Home;

struct Breakage {
    /// What `check` must report.
    code: Code,
    /// What happened to it.
    story: &'static str,
    /// The environment that is copied and broken.
    of: &'static str,
    /// What it may report as well: another view of the same damage.
    also: &'static [Code],
    apply: fn(&Pythons, &mut Twin),
}

const fn breaks(
    code: Code,
    story: &'static str,
    of: &'static str,
    apply: fn(&Pythons, &mut Twin),
) -> Breakage {
    Breakage { code, story, of, also: &[], apply }
}

impl Breakage {
    const fn also(mut self, codes: &'static [Code]) -> Breakage {
        self.also = codes;
        self
    }
}

const BREAKAGES: &[Breakage] = &[
    // Environment marker.
    breaks(Code::PyvenvCfgEmpty, "the disk was full", "redirect313", |_, twin| {
        rewrite(&twin.cfg(), "");
    }),
    breaks(Code::PyvenvCfgGarbled, "PowerShell wrote UTF-16", "redirect313", |_, twin| {
        let text = fs::read_to_string(twin.cfg()).unwrap();
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        rewrite(&twin.cfg(), bytes);
    }),
    breaks(Code::PyvenvCfgGarbled, "an old Notepad put a mark first", "copied-313", |_, twin| {
        twin.edit_cfg(|text| format!("\u{feff}{text}"));
    }),
    breaks(Code::PyvenvCfgHomeMissing, "the home line was lost", "redirect311", |_, twin| {
        twin.edit_cfg(|text| text.lines().skip(1).map(|line| format!("{line}\r\n")).collect());
    }),
    breaks(Code::PyvenvCfgHomeStale, "the base was uninstalled", "redirect311", |_, twin| {
        twin.edit_cfg(|text| text.replace("python311", "python3.11"));
    }),
    breaks(Code::PyvenvCfgHomeStale, "the drive is not there", "made-by-uv", |_, twin| {
        twin.edit_cfg(|text| {
            text.replace("home = Z:", "home = Q:").replace("home = C:", "home = Q:")
        });
    }),
    // Interpreter and base.
    breaks(
        Code::InterpreterMissing,
        "a virus scanner took the programs",
        "redirect313",
        |_, twin| {
            for name in ["python.exe", "pythonw.exe"] {
                fs::remove_file(twin.scripts(name)).unwrap();
            }
        },
    ),
    breaks(Code::PythonwMissing, "a virus scanner took pythonw.exe", "redirect311", |_, twin| {
        fs::remove_file(twin.scripts("pythonw.exe")).unwrap();
    }),
    breaks(Code::InterpreterMissing, "the whole folder was deleted", "redirect311", |_, twin| {
        fs::remove_dir_all(twin.scripts("")).unwrap();
    }),
    breaks(
        Code::InterpreterCorrupt,
        "python.exe is empty after a crash",
        "copied-313",
        |_, twin| {
            rewrite(&twin.scripts("python.exe"), "");
        },
    ),
    breaks(Code::InterpreterCorrupt, "python.exe is cut short", "redirect313", |_, twin| {
        cut(&twin.scripts("python.exe"));
    }),
    breaks(
        Code::InterpreterCorrupt,
        "the library of a copy is cut short",
        "copied-313",
        |_, twin| {
            cut(&twin.scripts("python313.dll"));
        },
    ),
    breaks(Code::InterpreterCorrupt, "the library of a copy is gone", "made-by-uv", |_, twin| {
        fs::remove_file(twin.scripts("python313.dll")).unwrap();
    }),
    // Layout and place.
    breaks(Code::SitePackagesMissing, "site-packages was deleted", "redirect311", |_, twin| {
        fs::remove_dir_all(twin.site("")).unwrap();
    }),
    breaks(Code::FileTypeConflict, "site-packages is a file", "redirect311", |_, twin| {
        fs::remove_dir_all(twin.site("")).unwrap();
        fs::write(twin.prefix.join("Lib/site-packages"), "").unwrap();
    }),
    breaks(Code::EnvMoved, "the folder was renamed", "redirect313", |_, twin| {
        twin.rename("renamed");
    }),
    breaks(Code::EnvMoved, "the folder of uv's was renamed", "made-by-uv", |_, twin| {
        twin.rename("renamed-uv");
    }),
    breaks(
        Code::EnvMoved,
        "renamed, and only launchers are left to tell",
        "copied-313",
        |_, twin| {
            for entry in fs::read_dir(twin.scripts("")).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().unwrap().to_str().unwrap().starts_with("activate") {
                    fs::remove_file(path).unwrap();
                }
            }
            twin.rename("renamed-launchers");
        },
    ),
    breaks(
        Code::ScriptShebangStale,
        "a launcher of another environment",
        "redirect313",
        |_, twin| {
            let other = twin.original().join(r"Scripts\wheel.exe");
            rewrite(&twin.scripts("wheel.exe"), fs::read(other).unwrap());
        },
    ),
    // Packages.
    breaks(Code::PipMissing, "pip was deleted, its launchers stayed", "redirect313", |_, twin| {
        fs::remove_dir_all(twin.site("pip")).unwrap();
        fs::remove_dir_all(twin.site("pip-25.0.1.dist-info")).unwrap();
    }),
    breaks(
        Code::PipBroken,
        "an upgrade of pip could not replace pip.exe",
        "copied-313",
        |_, twin| {
            fs::remove_dir_all(twin.site("pip/_internal")).unwrap();
        },
    )
    .also(&[Code::PackageFilesMissing]),
    breaks(Code::DistTildeLeftover, "pip was interrupted", "redirect311", |_, twin| {
        fs::create_dir_all(twin.site("~heel/cli")).unwrap();
        fs::write(twin.site("~heel/cli/__init__.py"), "# old\n").unwrap();
    }),
    breaks(Code::PipBroken, "dist-info of pip was deleted", "made-by-uv", |_, twin| {
        fs::remove_dir_all(twin.site("pip-25.0.1.dist-info")).unwrap();
    }),
    breaks(Code::DistMetadataMissing, "METADATA is gone", "redirect313", |_, twin| {
        fs::remove_file(twin.site("wheel-0.45.1.dist-info/METADATA")).unwrap();
    }),
    breaks(Code::DistRecordMissing, "RECORD is gone", "redirect313", |_, twin| {
        fs::remove_file(twin.site("wheel-0.45.1.dist-info/RECORD")).unwrap();
    }),
    breaks(Code::PackageFilesMissing, "a file was deleted", "made-by-uv", |_, twin| {
        fs::remove_file(twin.site("wheel/metadata.py")).unwrap();
    }),
    breaks(Code::PackageFileCorrupt, "a file is NULs after a crash", "redirect313", |_, twin| {
        let file = twin.site("wheel/metadata.py");
        let bytes = fs::metadata(&file).unwrap().len();
        rewrite(&file, vec![0; bytes as usize]);
    }),
    breaks(Code::PackageFileModified, "RECORD tells another size", "redirect313", |_, twin| {
        let record = twin.site("wheel-0.45.1.dist-info/RECORD");
        let text = fs::read_to_string(&record).unwrap();
        let line = text.lines().find(|line| line.starts_with("wheel/metadata.py,")).unwrap();
        let (start, _) = line.rsplit_once(',').unwrap();
        rewrite(&record, text.replace(line, &format!("{start},7")));
    }),
    breaks(Code::ExtensionCorrupt, "a .pyd is cut short", "redirect311", |_, twin| {
        cut(&twin.extension());
    }),
    breaks(Code::ExtensionCorrupt, "a .pyd is empty", "made-by-uv", |_, twin| {
        rewrite(&twin.extension(), "");
    }),
    breaks(Code::ExtensionWrongArch, "a .pyd is of a 32-bit Python", "redirect313", |_, twin| {
        let file = twin.extension();
        let amd64 = [b"PE\0\0".as_slice(), &0x8664_u16.to_le_bytes()].concat();
        let i386 = [b"PE\0\0".as_slice(), &0x014c_u16.to_le_bytes()].concat();
        rewrite(&file, replaced(&fs::read(&file).unwrap(), &amd64, &i386));
    }),
    breaks(
        Code::ExtensionAbiMismatch,
        "put on a newer Python by hand",
        "redirect311",
        |_, twin| {
            twin.edit_cfg(|text| {
                text.replace("python311", "python313").replace("3.11.9", "3.13.2")
            });
        },
    ),
    breaks(Code::EntryScriptMissing, "a launcher was quarantined", "made-by-uv", |_, twin| {
        fs::remove_file(twin.scripts("wheel.exe")).unwrap();
    }),
    // Start-up hooks.
    breaks(Code::PthBroken, "a .pth imports what is gone", "redirect311", |_, twin| {
        fs::write(twin.site("gone.pth"), "import a_module_that_is_gone\r\n").unwrap();
    }),
];

/// Half of the file, as an interrupted copy leaves it.
fn cut(path: &Path) {
    let content = fs::read(path).unwrap();
    rewrite(path, &content[..content.len() / 2]);
}

#[test]
fn each_is_found_and_nothing_else_is() {
    let Some(pythons) = Pythons::here() else { return };
    let failures: Vec<String> =
        BREAKAGES.iter().filter_map(|one| failure(&pythons, one).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        BREAKAGES.len(),
        failures.join("\n")
    );
}

fn failure(pythons: &Pythons, breakage: &Breakage) -> Result<(), String> {
    let home = Home::new();
    let mut twin = pythons.twin(breakage.of);
    (breakage.apply)(pythons, &mut twin);
    let answer = check(&home, &twin.prefix);
    let found = answer.findings(&twin.prefix);
    let name = format!("{} ({}, {})", breakage.code, breakage.story, breakage.of);
    if !found.iter().any(|(code, _)| code == breakage.code.as_str()) {
        return Err(format!("{name}: found {found:?}: {}", answer.stdout));
    }
    let accepted = |code: &str| {
        code == breakage.code.as_str() || breakage.also.iter().any(|also| also.as_str() == code)
    };
    match found.iter().find(|(code, severity)| severity != "info" && !accepted(code)) {
        Some((code, _)) => Err(format!("{name}: also reports {code}: {}", answer.stdout)),
        None => Ok(()),
    }
}

#[test]
fn a_twin_is_healthy() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, _) in super::pythons::ENVIRONMENTS {
        let twin = pythons.twin(name);
        let works = super::pythons::run(&twin.scripts("pip.exe"), &["--version"]);
        let works = works.exits_with(0);
        assert!(works.stdout.contains(twin.prefix.to_str().unwrap()), "{works:?}");
        assert_eq!(check(&home, &twin.prefix).findings(&twin.prefix), [], "{name}");
    }
}

/// Names of variables differ in case as people type them.
#[test]
fn variables_of_the_process_in_any_case() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let prefix = pythons.venv("redirect313");
    let codes = |name: &str| {
        let mut command = home.command();
        command.args(["check", "--format", "json"]).arg(&prefix).env(name, home.join("elsewhere"));
        crate::support::Answer::of(command.output().unwrap()).findings(&prefix)
    };
    assert_eq!(codes("PythonHome"), [("env-var-pythonhome".to_owned(), "error".to_owned())]);
    assert_eq!(codes("Unrelated"), []);
}
