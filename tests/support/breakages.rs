//! Every way to break an environment that `health` knows, as data.

use std::fs;

use aios_core::Code;
use aios_core::environments::repair::FOLDER;

use super::environment::{line_of_record, write};
use super::{Base, Distribution, Home, Venv, system};

/// What happens to environments of this system alone.
#[cfg_attr(unix, path = "breakages_unix.rs")]
#[cfg_attr(windows, path = "breakages_windows.rs")]
mod of_this_system;

/// One way to break an environment.
pub(crate) struct Breakage {
    /// What `check` must report.
    pub(crate) code: Code,
    /// What happened to it.
    pub(crate) story: &'static str,
    /// What it may report as well: another view of the same damage.
    pub(crate) also: &'static [Code],
    /// Breaks it; `None` when it still stands where it was, else its new place.
    pub(crate) apply: fn(&Home, &Venv) -> Option<Venv>,
    /// How `check` is told to look.
    pub(crate) look: Look,
    /// A part of what `repair` says where it can do nothing; `None` when the environment is healthy after
    /// it, given wheels of what was installed.
    pub(crate) stays: Option<&'static str>,
}

/// How `check` is told to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// As usual.
    Usual,
    /// With `--deep`.
    Deep,
    /// With this variable set to `~/elsewhere`.
    Variable(&'static str),
}

/// All ways.
pub(crate) fn breakages() -> impl Iterator<Item = &'static Breakage> {
    BREAKAGES.iter().chain(of_this_system::BREAKAGES)
}

/// The codes that are not built here, and why.
pub(crate) fn not_built() -> impl Iterator<Item = &'static (Code, &'static str)> {
    of_this_system::NOT_BUILT.iter()
}

/// Short form of the usual case.
const fn breaks(
    code: Code,
    story: &'static str,
    apply: fn(&Home, &Venv) -> Option<Venv>,
) -> Breakage {
    Breakage { code, story, also: &[], apply, look: Look::Usual, stays: None }
}

impl Breakage {
    const fn also(mut self, codes: &'static [Code]) -> Breakage {
        self.also = codes;
        self
    }

    const fn looked_at(mut self, look: Look) -> Breakage {
        self.look = look;
        self
    }

    const fn stays(mut self, words: &'static str) -> Breakage {
        self.stays = Some(words);
        self
    }
}

/// Those of any system.
const BREAKAGES: &[Breakage] = &[
    // Environment marker.
    breaks(Code::PyvenvCfgMissing, "pyvenv.cfg was deleted", |_, venv| {
        fs::remove_file(venv.cfg()).unwrap();
        None
    }),
    breaks(Code::PyvenvCfgEmpty, "the disk was full", |_, venv| {
        write(&venv.cfg(), "");
        None
    }),
    breaks(Code::PyvenvCfgGarbled, "power was cut: NULs of the right length", |_, venv| {
        let length = fs::metadata(venv.cfg()).unwrap().len() as usize;
        write(&venv.cfg(), vec![0; length]);
        None
    }),
    breaks(Code::PyvenvCfgGarbled, "PowerShell wrote UTF-16", |_, venv| {
        let text = fs::read_to_string(venv.cfg()).unwrap();
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        write(&venv.cfg(), bytes);
        None
    }),
    breaks(Code::PyvenvCfgHomeMissing, "the home line was lost", |_, venv| {
        venv.edit_cfg(|text| text.lines().skip(1).map(|line| format!("{line}\n")).collect());
        None
    }),
    breaks(Code::PyvenvCfgHomeStale, "home names a folder that is gone", |home, venv| {
        let old = venv.base.prefix.display().to_string();
        let gone = home.join("gone").display().to_string();
        venv.edit_cfg(|text| text.replacen(&old, &gone, 1));
        None
    }),
    // Interpreter and base.
    breaks(Code::InterpreterMissing, "a virus scanner took the interpreter", |_, venv| {
        for name in system::INTERPRETERS {
            fs::remove_file(venv.bin(name)).unwrap();
        }
        None
    }),
    breaks(Code::InterpreterMissing, "the folder of scripts was deleted", |_, venv| {
        fs::remove_dir_all(venv.bin("")).unwrap();
        None
    })
    .also(&[Code::EntryScriptMissing, Code::PackageFilesMissing]),
    breaks(Code::InterpreterCorrupt, "a copied interpreter is empty after a crash", |_, venv| {
        copy_interpreter(venv, |_| Vec::new());
        None
    }),
    breaks(Code::InterpreterCorrupt, "a copied interpreter is cut short", |_, venv| {
        copy_interpreter(venv, |image| image[..100].to_vec());
        None
    }),
    breaks(Code::InterpreterWrongArch, "copied from another machine", |_, venv| {
        copy_interpreter(venv, |_| system::foreign_program());
        None
    }),
    breaks(Code::BasePythonDamaged, "the base lost its encodings", |_, venv| {
        fs::remove_dir_all(venv.base.library().join("encodings")).unwrap();
        None
    })
    .stays("install Python 3.12"),
    // Layout.
    breaks(Code::SitePackagesMissing, "site-packages was deleted", |_, venv| {
        fs::remove_dir_all(venv.site_packages()).unwrap();
        None
    })
    .stays("says what was installed: bring one"),
    breaks(Code::FileTypeConflict, "site-packages is a file", |_, venv| {
        fs::remove_dir_all(venv.site_packages()).unwrap();
        write(&venv.site_packages(), "");
        None
    })
    .stays("move it away and check again"),
    breaks(Code::RepairInterrupted, "power was cut while it was repaired", |home, venv| {
        system::tell_version(venv);
        fs::remove_file(venv.cfg()).unwrap();
        home.aios(["repair".as_ref(), "--yes".as_ref(), venv.prefix.as_os_str()]);
        let all = fs::read_dir(venv.prefix.join(FOLDER)).unwrap();
        for repair in all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            fs::rename(repair.join("done"), repair.join("open")).unwrap();
        }
        None
    })
    .stays("end it first: `aios repair --resume "),
    // Place.
    breaks(Code::EnvMoved, "the environment was renamed", |home, venv| {
        let moved = Venv { prefix: home.join("renamed"), base: venv.base.clone() };
        fs::rename(&venv.prefix, &moved.prefix).unwrap();
        Some(moved)
    }),
    breaks(Code::EditablePathStale, "an editable project moved", |home, venv| {
        editable(home, venv);
        fs::create_dir_all(home.join("packages")).unwrap();
        fs::rename(home.join("mylib"), home.join("packages/mylib")).unwrap();
        None
    })
    .also(&[Code::PthPathMissing, Code::EditableTargetMissing]),
    breaks(Code::EditableTargetMissing, "an editable project was deleted", |home, venv| {
        editable(home, venv);
        fs::remove_dir_all(home.join("mylib")).unwrap();
        None
    })
    .also(&[Code::PthPathMissing])
    .stays("bring the project's folder back"),
    breaks(Code::PthPathMissing, "a .pth file names a folder that is gone", |home, venv| {
        write(&venv.site("extra.pth"), format!("{}\n", home.join("gone").display()));
        None
    })
    .stays(""),
    // Packages.
    breaks(Code::PipMissing, "an upgrade of pip died midway: only `~ip` is left", |_, venv| {
        fs::rename(venv.site("pip"), venv.site("~ip")).unwrap();
        fs::rename(venv.site("pip-24.0.dist-info"), venv.site("~ip-24.0.dist-info")).unwrap();
        None
    })
    .also(&[Code::DistTildeLeftover]),
    breaks(Code::PipBroken, "pip/_internal is gone", |_, venv| {
        fs::remove_dir_all(venv.site("pip/_internal")).unwrap();
        None
    })
    .also(&[Code::PackageFilesMissing]),
    breaks(Code::DistTildeLeftover, "an interrupted pip left `~dna`", |_, venv| {
        write(&venv.site("~dna/__init__.py"), "# idna\n");
        None
    }),
    breaks(Code::DistInfoLeftover, "an older .dist-info was left empty", |_, venv| {
        write(&venv.site("idna-3.4.dist-info/REQUESTED"), "");
        None
    }),
    breaks(Code::DistInfoDuplicate, "two whole .dist-info of idna", |_, venv| {
        let info = venv.site("idna-3.4.dist-info");
        write(&info.join("METADATA"), "Metadata-Version: 2.1\nName: idna\nVersion: 3.4\n");
        write(&info.join("INSTALLER"), "pip\n");
        write(
            &info.join("RECORD"),
            format!(
                "{}idna-3.4.dist-info/METADATA,,\nidna-3.4.dist-info/INSTALLER,,\n\
                 idna-3.4.dist-info/RECORD,,\n",
                line_of_record("idna/core.py", b"# the core of 3.4\n")
            ),
        );
        None
    })
    .also(&[Code::PackageFileModified]),
    breaks(Code::DistInfoMissing, "the .dist-info of idna was deleted", |_, venv| {
        fs::remove_dir_all(venv.site("idna-3.7.dist-info")).unwrap();
        None
    }),
    breaks(Code::DistMetadataMissing, "an install was interrupted before METADATA", |_, venv| {
        fs::remove_file(venv.site("idna-3.7.dist-info/METADATA")).unwrap();
        None
    })
    .also(&[Code::PackageFilesMissing]),
    breaks(Code::DistRecordMissing, "RECORD was deleted", |_, venv| {
        fs::remove_file(venv.site("idna-3.7.dist-info/RECORD")).unwrap();
        None
    }),
    breaks(Code::PackageFilesMissing, "idna/core.py was deleted", |_, venv| {
        fs::remove_file(venv.site("idna/core.py")).unwrap();
        None
    }),
    breaks(Code::PackageFileCorrupt, "idna/core.py is NULs after a power cut", |_, venv| {
        let length = fs::metadata(venv.site("idna/core.py")).unwrap().len() as usize;
        write(&venv.site("idna/core.py"), vec![0; length]);
        None
    }),
    breaks(Code::PackageFileCorrupt, "idna/core.py is empty: the disk was full", |_, venv| {
        write(&venv.site("idna/core.py"), "");
        None
    }),
    breaks(Code::PackageFileModified, "idna/core.py was edited", |_, venv| {
        let text = fs::read_to_string(venv.site("idna/core.py")).unwrap();
        write(&venv.site("idna/core.py"), text.replace("ascii", "utf-8"));
        None
    })
    .looked_at(Look::Deep)
    .stays(""),
    breaks(Code::ExtensionCorrupt, "an extension is cut in half", |_, venv| {
        let path = venv.site(&venv.extension("_fast"));
        let image = fs::read(&path).unwrap();
        write(&path, &image[..image.len() / 2]);
        None
    })
    .also(&[Code::PackageFileCorrupt]),
    breaks(Code::ExtensionAbiMismatch, "lib/python3.11 was renamed to 3.12 by hand", |_, venv| {
        let path = venv.site(&venv.extension("_fast"));
        let (own, other) = (system::extension_suffix("3.12"), system::extension_suffix("3.11"));
        fs::rename(&path, path.to_str().unwrap().replace(&own, &other)).unwrap();
        let record = venv.site("speedups-0.4.dist-info/RECORD");
        let text = fs::read_to_string(&record).unwrap();
        write(&record, text.replace(&own, &other));
        None
    }),
    breaks(Code::ExtensionWrongArch, "the wheel of another machine", |_, venv| {
        write(&venv.site(&venv.extension("_fast")), system::foreign_image("PyInit__fast\0"));
        None
    })
    .also(&[Code::PackageFileModified]),
    breaks(Code::DependencyMissing, "idna was uninstalled under webtool", |_, venv| {
        fs::remove_dir_all(venv.site("idna")).unwrap();
        fs::remove_dir_all(venv.site("idna-3.7.dist-info")).unwrap();
        None
    }),
    breaks(Code::DependencyConflict, "an older idna than webtool accepts", |_, venv| {
        venv.install(&Distribution {
            name: "newtool",
            version: "1.0",
            requires: &["idna>=3.9"],
            files: &[("newtool.py", b"import idna\n")],
            ..Distribution::default()
        });
        None
    })
    .stays("install `idna>=3.9`"),
    breaks(Code::EntryScriptMissing, "a console script was deleted", |_, venv| {
        fs::remove_file(venv.script("webtool")).unwrap();
        None
    })
    .also(&[Code::PackageFilesMissing]),
    // Start-up hooks.
    breaks(Code::PthBroken, "a .pth file was left by a package that is gone", |_, venv| {
        write(
            &venv.site("gone-hook.pth"),
            "import package_that_is_gone; package_that_is_gone.go()\n",
        );
        None
    }),
    breaks(Code::SitecustomizeBroken, "sitecustomize imports what is gone", |_, venv| {
        write(&venv.site("sitecustomize.py"), "import package_that_is_gone\n");
        None
    })
    .stays("is yours and is not touched"),
    // Process environment.
    breaks(Code::EnvVarPythonhome, "PYTHONHOME is set", |home, _| {
        fs::create_dir_all(home.join("elsewhere")).unwrap();
        None
    })
    .looked_at(Look::Variable("PYTHONHOME"))
    .stays("`unset PYTHONHOME`"),
    breaks(Code::EnvVarPythonpath, "PYTHONPATH holds another idna", |home, _| {
        write(&home.join("elsewhere/idna/__init__.py"), "# another one\n");
        None
    })
    .looked_at(Look::Variable("PYTHONPATH"))
    .stays("`unset PYTHONPATH`"),
    // The base is gone and no other will do.
    breaks(Code::BasePythonMissing, "a 3.14t environment on a machine without one", |home, _| {
        let base = Base::make(&home.join("opt/python-3.77"), "3.77.0");
        let venv = Venv::make(&home.join("future"), &base);
        fs::remove_dir_all(&base.prefix).unwrap();
        Some(venv)
    })
    .also(&[Code::InterpreterDangling, Code::PyvenvCfgHomeStale])
    .stays("install Python 3.77"),
    // Conda.
    breaks(Code::CondaMetaCorrupt, "conda was killed while it wrote", |home, _| {
        let conda = conda(home);
        write(&conda.prefix.join("conda-meta/six-1.16.0-pyh_0.json"), "{\"name\": \"si");
        Some(conda)
    })
    .stays("`conda install --force-reinstall"),
    breaks(Code::CondaHistoryMissing, "conda-meta/history was deleted", |home, _| {
        let conda = conda(home);
        fs::remove_file(conda.prefix.join("conda-meta/history")).unwrap();
        Some(conda)
    }),
    breaks(Code::CondaPrefixStale, "a conda environment was renamed", |home, _| {
        let old = conda(home);
        let moved = Venv { prefix: home.join("miniconda3/envs/renamed"), base: old.base.clone() };
        fs::rename(&old.prefix, &moved.prefix).unwrap();
        Some(moved)
    })
    .also(&[Code::EnvMoved, Code::ScriptShebangStale]),
];

/// Turns links into copies, as `python -m venv --copies` makes them.
fn copy_interpreter(venv: &Venv, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let image = fs::read(venv.base.executable()).unwrap();
    for name in system::INTERPRETERS {
        let path = venv.bin(name);
        fs::remove_file(&path).unwrap();
        system::write_program(&path, change(image.clone()));
    }
}

/// `pip install -e ~/mylib`
fn editable(home: &Home, venv: &Venv) {
    let project = home.join("mylib");
    write(&project.join("pyproject.toml"), "[project]\nname = \"mylib\"\nversion = \"0.1\"\n");
    write(&project.join("src/mylib/__init__.py"), "# mylib\n");
    let pth = format!("{}\n", project.join("src").display());
    venv.install(&Distribution {
        name: "mylib",
        version: "0.1",
        files: &[("__editable__.mylib-0.1.pth", pth.as_bytes())],
        ..Distribution::default()
    });
    write(
        &venv.site("mylib-0.1.dist-info/direct_url.json"),
        format!(
            "{{\"dir_info\": {{\"editable\": true}}, \"url\": \"{}\"}}",
            system::url_of(&project)
        ),
    );
}

/// A conda environment `data` in `~/miniconda3`, with Python and one more package.
fn conda(home: &Home) -> Venv {
    let root = Base::make(&home.join("miniconda3"), "3.12.3");
    write(&root.prefix.join("conda-meta/history"), "==> 2024-05-01 10:00:00 <==\n");
    let base = Base::make(&home.join("miniconda3/envs/data"), "3.12.3");
    let prefix = base.prefix.clone();
    let (python, script) = (base.executable(), format!("{}/six-script.py", system::SCRIPTS));
    system::write_program(&prefix.join(&script), format!("#!{}\nprint('six')\n", python.display()));
    let python = python.strip_prefix(&prefix).unwrap().to_str().unwrap().replace('\\', "/");
    write(
        &prefix.join("conda-meta/history"),
        format!("==> 2024-05-01 10:00:00 <==\n# cmd: conda create --prefix {}\n", prefix.display()),
    );
    let placeholder = "\"file_mode\": \"text\", \"prefix_placeholder\": \"/opt/placehold\", ";
    for (name, version, file, placeholder) in
        [("python", "3.12.3", &python, ""), ("six", "1.16.0", &script, placeholder)]
    {
        write(
            &prefix.join(format!("conda-meta/{name}-{version}-pyh_0.json")),
            format!(
                "{{\"name\": \"{name}\", \"version\": \"{version}\", \"build\": \"pyh_0\", \
                 \"files\": [\"{file}\"], \"paths_data\": {{\"paths\": [{{\"_path\": \"{file}\", \
                 {placeholder}\"path_type\": \"hardlink\"}}], \"paths_version\": 1}}}}"
            ),
        );
    }
    Venv { prefix, base }
}
