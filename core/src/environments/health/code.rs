//! The codes of findings: public API, kebab-case, append-only. Each stands once, with everything that
//! is true of all findings of that code.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Method, Severity};

/// Declares the codes: name, severity, way of repair, meaning, effect, remedy.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $severity:ident, $method:ident, $meaning:literal, $effect:literal, $remedy:literal;)+) => {
        /// Which kind of fact a finding states.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code { $(#[doc = $meaning] #[serde(rename = $text)] $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),+ }
            }

            /// How bad a finding of this code is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity),+ }
            }

            /// How it is usually repaired.
            pub fn method(self) -> Method {
                match self { $(Code::$variant => Method::$method),+ }
            }

            /// What it means, in one phrase.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning),+ }
            }

            /// What it causes.
            pub fn effect(self) -> &'static str {
                match self { $(Code::$variant => $effect),+ }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Code::$variant => $remedy),+ }
            }
        }
    };
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

codes! {
    // Environment marker.
    PyvenvCfgMissing = "pyvenv-cfg-missing", Error, InPlace,
        "the layout of a virtual environment, but no `pyvenv.cfg`",
        "on Unix `python` silently becomes the base interpreter, with the base's packages, and `pip install` would change the base; on Windows it stops with \"failed to locate pyvenv.cfg\" or \"No pyvenv.cfg file\", or, where it is a copy, starts without the environment's packages",
        "write `pyvenv.cfg` again; everything else is still here, there is no need to recreate the environment";
    PyvenvCfgEmpty = "pyvenv-cfg-empty", Error, InPlace,
        "`pyvenv.cfg` holds no bytes or only blanks",
        "`python` starts, but the base's packages leak in, or the standard library is not found",
        "write `pyvenv.cfg` again; the packages are not affected";
    PyvenvCfgGarbled = "pyvenv-cfg-garbled", Error, InPlace,
        "`pyvenv.cfg` is NULs, UTF-16, marked with a BOM or otherwise not `key = value` text",
        "the interpreter does not see some or all of its keys, or stops with a decoding error",
        "write `pyvenv.cfg` again as plain UTF-8 without a byte order mark";
    PyvenvCfgHomeMissing = "pyvenv-cfg-home-missing", Error, InPlace,
        "`pyvenv.cfg` has no `home` key",
        "the interpreter cannot find its base, or finds another one",
        "add the line `home = ` with the folder of the base interpreter";
    PyvenvCfgHomeStale = "pyvenv-cfg-home-stale", Error, InPlace,
        "`home` names a folder that is gone or holds no interpreter",
        "the interpreter may not find its standard library, and tools that read `home` fail",
        "set `home` to the folder of a base interpreter of the same minor version";
    PyvenvCfgVersionMismatch = "pyvenv-cfg-version-mismatch", Warning, InPlace,
        "`home` or `version` names another minor version than `lib/pythonX.Y`",
        "the standard library of one version is used with the packages of another",
        "correct `home` and `version` in `pyvenv.cfg`";
    // Interpreter and base.
    InterpreterMissing = "interpreter-missing", Error, InPlace,
        "no `python` in the folder of scripts",
        "nothing in this environment can be started",
        "link the base interpreter into the environment again";
    InterpreterDangling = "interpreter-dangling", Error, InPlace,
        "`python` is a link to something that is gone",
        "nothing in this environment can be started",
        "link to an installed Python of the same minor version and ABI, or install one";
    InterpreterSymlinkLoop = "interpreter-symlink-loop", Error, InPlace,
        "the `python` links go round in a circle",
        "nothing in this environment can be started",
        "link the base interpreter into the environment again";
    InterpreterNotExecutable = "interpreter-not-executable", Error, InPlace,
        "`python` lost its execute bit",
        "nothing in this environment can be started",
        "set the execute bit again: `chmod +x`";
    InterpreterCorrupt = "interpreter-corrupt", Error, InPlace,
        "`python` is empty, truncated or not an executable image",
        "nothing in this environment can be started",
        "copy or link the base interpreter into the environment again";
    InterpreterWrongArch = "interpreter-wrong-arch", Error, InPlace,
        "`python` is built for another machine",
        "the system refuses to start it",
        "link an interpreter that is built for this machine; packages with native code must be installed again";
    InterpreterMinorMismatch = "interpreter-minor-mismatch", Error, InPlace,
        "`python` runs another minor version than `lib/pythonX.Y` was made for",
        "`python` starts, and none of the installed packages is found",
        "link the minor version that the packages were installed for; when it is gone for good, recreate the environment";
    PythonwMissing = "pythonw-missing", Warning, InPlace,
        "`pythonw.exe`, the interpreter without a console, is gone",
        "commands with windows of their own do not start",
        "copy the base's launcher into the environment again";
    BasePythonMissing = "base-python-missing", Error, NeedsBasePython,
        "no interpreter of this minor version and ABI is on the machine",
        "the environment cannot run, and cannot be repaired with what is installed",
        "install that version of Python, then check again";
    BasePythonDamaged = "base-python-damaged", Error, InPlace,
        "the base interpreter's standard library is incomplete",
        "every environment that stands on this base fails at start",
        "reinstall the base, or link the environment to another Python of the same minor version";
    // Layout.
    SitePackagesMissing = "site-packages-missing", Error, Reinstall,
        "`site-packages` is gone",
        "no package can be imported",
        "install the packages again, from the project's requirements or lock file";
    FileTypeConflict = "file-type-conflict", Error, InPlace,
        "a file stands where a folder belongs, or the reverse",
        "what belongs there cannot be read or written",
        "move it away and check again";
    Lib64LinkMissing = "lib64-link-missing", Info, InPlace,
        "no `lib64` link to `lib` on a 64-bit Linux",
        "hardly anything: few tools look into `lib64`",
        "`ln -s lib lib64` in the environment";
    RepairInterrupted = "repair-interrupted", Error, InPlace,
        "`aios repair` was killed before it ended",
        "some of its changes are made and others are not",
        "`aios repair --resume PATH` goes on with it, `aios repair --undo PATH` takes it back";
    // Place.
    EnvMoved = "env-moved", Error, InPlace,
        "scripts name another folder: the environment was moved, renamed or copied",
        "activating it activates the old place, and `pip` and other commands start the interpreter of the old place or none",
        "rewrite the paths in its scripts, or move it back";
    ScriptShebangStale = "script-shebang-stale", Error, InPlace,
        "scripts name an interpreter that is elsewhere or gone",
        "these commands fail, or run with the packages of another environment",
        "rewrite the first line of these scripts";
    ScriptNotExecutable = "script-not-executable", Error, InPlace,
        "scripts lost their execute bits",
        "the shell refuses to run these commands",
        "set the execute bits again: `chmod +x`";
    ActivatePathStale = "activate-path-stale", Error, InPlace,
        "activate scripts set a `VIRTUAL_ENV` that is not this folder",
        "activating this environment activates another place",
        "rewrite the activate scripts";
    EditablePathStale = "editable-path-stale", Error, InPlace,
        "an editable install names a folder that is gone; its project is found elsewhere",
        "the package cannot be imported",
        "point the editable install to where the project is now";
    EditableTargetMissing = "editable-target-missing", Error, None,
        "the source of an editable install is nowhere",
        "the package cannot be imported",
        "restore the project's folder, or uninstall the package";
    PthPathMissing = "pth-path-missing", Info, None,
        "a line of a `.pth` file names a folder that does not exist",
        "the line has no effect",
        "restore the folder or remove the line";
    ForeignPlatform = "foreign-platform", Error, Recreate,
        "made on another operating system",
        "neither its interpreter nor its native packages can run here",
        "create a new environment on this system with the same packages";
    // Packages.
    PipMissing = "pip-missing", Error, InPlace,
        "`pip` was installed here and is gone",
        "`pip` fails with \"No module named pip\"",
        "install pip again from the base's bundled wheel: `python -m ensurepip`";
    PipBroken = "pip-broken", Error, InPlace,
        "the files of `pip` are incomplete",
        "`pip` fails at start",
        "install pip again from the base's bundled wheel";
    DistTildeLeftover = "dist-tilde-leftover", Warning, InPlace,
        "`~` folders were left by an interrupted pip",
        "pip warns about an invalid distribution at each run",
        "remove these folders";
    DistInfoLeftover = "dist-info-leftover", Error, InPlace,
        "an empty or gutted `.dist-info` stands beside a whole one of the same distribution",
        "tools may report the wrong version, or none",
        "remove the gutted one";
    DistInfoDuplicate = "dist-info-duplicate", Error, InPlace,
        "two whole `.dist-info` of one distribution",
        "which version is reported depends on the order of the folder; uninstalling removes the wrong files",
        "keep the one whose RECORD matches the files, remove the other";
    DistInfoMissing = "dist-info-missing", Error, Reinstall,
        "a package can be imported but has no metadata, though something requires it",
        "pip believes that it is not installed; it can be neither upgraded nor uninstalled",
        "install the distribution again";
    DistMetadataMissing = "dist-metadata-missing", Error, Reinstall,
        "a `.dist-info` without a readable `METADATA`",
        "pip ignores the distribution or fails on it",
        "install the same version again";
    DistRecordMissing = "dist-record-missing", Error, Reinstall,
        "a `.dist-info` without `RECORD`",
        "the distribution can be neither upgraded nor uninstalled",
        "install the same version again";
    PackageFilesMissing = "package-files-missing", Error, Reinstall,
        "files that RECORD lists are not on disk",
        "importing the package fails, now or when the missing part is needed",
        "install the same version again";
    PackageFileCorrupt = "package-file-corrupt", Error, Reinstall,
        "a file that RECORD lists is empty, filled with NULs or truncated",
        "importing the package fails, or parts of it are silently absent",
        "install the same version again";
    PackageFileModified = "package-file-modified", Info, None,
        "a file that RECORD lists was edited",
        "the change is lost when the package is upgraded",
        "nothing, if the change was intended";
    ExtensionCorrupt = "extension-corrupt", Error, Reinstall,
        "a native extension is truncated or no loadable image",
        "importing it fails, or kills the interpreter",
        "install the same version again";
    ExtensionAbiMismatch = "extension-abi-mismatch", Error, Reinstall,
        "a native extension is built for another Python version or ABI",
        "importing it fails with \"No module named\"",
        "install the same version again, for this Python";
    ExtensionWrongArch = "extension-wrong-arch", Error, Reinstall,
        "a native extension is built for another machine",
        "importing it fails",
        "install the same version again, for this machine";
    DependencyMissing = "dependency-missing", Error, Reinstall,
        "a distribution that another one requires is not installed",
        "importing the one that requires it is likely to fail",
        "install the missing distribution";
    DependencyConflict = "dependency-conflict", Warning, Reinstall,
        "a distribution is installed in a version that another one does not accept",
        "the one that requires it may fail",
        "install a version that both accept";
    EntryScriptMissing = "entry-script-missing", Error, InPlace,
        "a declared command has no script",
        "the command is not found",
        "write the script again";
    // Start-up hooks.
    PthBroken = "pth-broken", Error, InPlace,
        "a line of a `.pth` file cannot run or cannot be decoded",
        "an error is printed at every start of the interpreter, or it does not start",
        "remove the file if its package was uninstalled; else reinstall the package";
    SitecustomizeBroken = "sitecustomize-broken", Error, None,
        "`sitecustomize` or `usercustomize` cannot be imported",
        "an error is printed at every start of the interpreter",
        "install what it imports, or correct the file: it is yours and is not touched";
    // Rights.
    PermissionDenied = "permission-denied", Error, InPlace,
        "files that the user cannot read",
        "importing what is in them fails",
        "give the owner's rights back: `chmod -R u+rwX`, or `a+rX` when others run it";
    // Process environment.
    EnvVarPythonhome = "env-var-pythonhome", Error, None,
        "`PYTHONHOME` is set and overrides the environment",
        "the interpreter looks for its standard library in another place",
        "unset PYTHONHOME";
    EnvVarPythonpath = "env-var-pythonpath", Error, None,
        "`PYTHONPATH` shadows installed packages",
        "imports find other copies than the ones installed here",
        "unset PYTHONPATH, or remove the folder from it";
    // Conda.
    CondaMetaCorrupt = "conda-meta-corrupt", Error, Reinstall,
        "a `conda-meta/*.json` does not parse",
        "conda fails on this environment",
        "install the package again";
    CondaHistoryMissing = "conda-history-missing", Error, InPlace,
        "`conda-meta` without `history`",
        "conda no longer sees the environment",
        "create an empty `conda-meta/history`";
    CondaPrefixStale = "conda-prefix-stale", Error, InPlace,
        "the prefix written into conda's files names another folder",
        "scripts and configuration files use the old place",
        "rewrite the prefix, or move the environment back";
}
