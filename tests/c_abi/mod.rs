//! Programs in C and C++ are compiled with every warning an error, linked with the library, and run.
//!
//! On Windows `ci/windows` compiled them: a program under Wine starts no compiler of the machine.

#[cfg(target_os = "linux")]
#[cfg(unix)]
mod abi;
mod header;
#[cfg(unix)]
mod installed;
mod live;
mod programs;
mod together;

pub(crate) use live::Live;
#[cfg(unix)]
pub(crate) use programs::blocks;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Home;

pub(crate) fn of_the_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Cargo puts libraries beside the test program.
pub(crate) fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

pub(crate) fn shared_library() -> PathBuf {
    let name =
        format!("{}aios_context{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    libraries().join(name)
}

/// How a program is compiled and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// With the shared library.
    Usual,
    /// With the static one.
    #[cfg(target_os = "linux")]
    Static,
    /// With AddressSanitizer, which looks for leaks too.
    #[cfg(target_os = "linux")]
    Sanitized,
    /// Under valgrind, which looks for leaks too.
    #[cfg(target_os = "linux")]
    Valgrind,
}

/// A program of `tests/c` or `tests/cpp`.
pub(crate) struct Program {
    path: PathBuf,
    how: How,
}

impl Program {
    /// Compiles it: `story.c`, `story.cpp`. `None` where that cannot be: on Windows, unless `ci/windows` did it before.
    pub(crate) fn of(name: &str, how: How) -> Option<Program> {
        if cfg!(windows) {
            let Some(folder) = std::env::var_os("AIOS_C_PROGRAMS") else {
                println!(
                    "skipped: AIOS_C_PROGRAMS names no folder with programs that are compiled"
                );
                return None;
            };
            return Some(Program { path: Path::new(&folder).join(format!("{name}.exe")), how });
        }
        let folder = if name.ends_with(".cpp") { "tests/cpp" } else { "tests/c" };
        let source = of_the_project(folder).join(name);
        Some(Program::of_source(&source, how))
    }

    pub(crate) fn of_source(source: &Path, how: How) -> Program {
        let name = source.file_name().unwrap().to_str().unwrap();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{how:?}"));
        let output = compiler(source, how, &path).output().expect("compilers: `cc`, `c++`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Program { path, how }
    }

    /// Starts it in a home folder, with nothing of this process's environment.
    pub(crate) fn command(&self, home: &Home) -> Command {
        match self.how {
            #[cfg(target_os = "linux")]
            How::Valgrind => {
                let mut command = home.command_of("valgrind".as_ref());
                command.args(["-q", "--error-exitcode=99", "--leak-check=full"]);
                // What the library keeps for as long as the process runs is reachable, and no leak.
                command.args(["--errors-for-leak-kinds=definite"]).arg(&self.path);
                command
            }
            _ => {
                let mut command = home.command_of(&self.path);
                // Where Windows looks for the library.
                command.env("PATH", libraries());
                command
            }
        }
    }
}

fn compiler(source: &Path, how: How, to: &Path) -> Command {
    let (compiler, standard) = match source.extension().unwrap() == "cpp" {
        true => ("c++", "-std=c++17"),
        false => ("cc", "-std=c11"),
    };
    let mut command = Command::new(compiler);
    command
        .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"])
        .arg("-I")
        .arg(of_the_project("include"))
        .arg(source)
        .arg("-o")
        .arg(to);
    match how {
        #[cfg(target_os = "linux")]
        How::Static => {
            let library = libraries().join("libaios_context.a");
            command.arg(library).args(["-pthread", "-ldl", "-lm", "-lrt", "-lutil", "-lgcc_s"]);
            return command;
        }
        #[cfg(target_os = "linux")]
        How::Sanitized => drop(command.args(["-fsanitize=address", "-fno-omit-frame-pointer"])),
        _ => {}
    }
    let folder = libraries();
    command.arg("-L").arg(&folder).arg("-laios_context").arg("-pthread");
    command.arg(format!("-Wl,-rpath,{}", folder.display()));
    command
}

#[track_caller]
pub(crate) fn succeeded(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert!(output.status.success(), "{:?}\n{out}\n{err}", output.status);
    // Programs in C end lines as their system does.
    out.replace("\r\n", "\n")
}
