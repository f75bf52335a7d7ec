//! The C# assemblies are compiled with a real compiler, and their tests run on a real .NET 8: `bindings-csharp/build`.
//!
//! Without the network, or Python's pip and npm, they are skipped, but never in continuous integration.

mod peer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::support::Home;

/// What was built.
struct Built {
    /// The program that starts .NET programs.
    dotnet: PathBuf,
    folder: PathBuf,
}

/// How `bindings-csharp/build` ends when it lacks a tool or the network.
const UNAVAILABLE: i32 = 3;

/// Builds once for all tests. `None` where that cannot be, with a word to whoever reads the output.
fn built() -> Option<&'static Built> {
    static BUILT: OnceLock<Option<Built>> = OnceLock::new();
    BUILT.get_or_init(build).as_ref()
}

fn script(arguments: &[&Path]) -> std::io::Result<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings-csharp/build");
    Command::new("python3").arg(script).args(arguments).output()
}

fn build() -> Option<Built> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("csharp");
    let skip = |why: &str| {
        assert!(std::env::var_os("CI").is_none(), "C# cannot be compiled here: {why}");
        println!("skipped: C# cannot be compiled here: {why}");
        None
    };
    let output = match script(&[&folder]) {
        Ok(output) => output,
        Err(error) => return skip(&format!("`python3` does not start: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(UNAVAILABLE) {
        return skip(&said);
    }
    assert!(output.status.success(), "{said}");
    let dotnet = String::from_utf8(output.stdout).unwrap().trim().into();
    Some(Built { dotnet, folder })
}

impl Built {
    /// A program in C#, in a home folder, with nothing of this process's environment.
    fn command(&self, home: &Home, program: &str) -> Command {
        let mut command = home.command_of(&self.dotnet);
        command.arg(self.folder.join(program));
        command.env("DOTNET_CLI_TELEMETRY_OPTOUT", "1");
        command
    }
}

/// Runs the tests of some classes.
fn run(classes: &[&str]) {
    let Some(built) = built() else { return };
    let home = Home::new();
    let mut command = built.command(&home, "Aios.Tests.dll");
    command.args(classes).env("AIOS_TEST_PEER", std::env::current_exe().unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(" passed, 0 failed"), "{said}\n{errors}");
}

#[test]
fn what_is_published_is_read_without_a_library() {
    run(&["PublishedStateTests."]);
}

#[test]
fn the_ring_is_read_without_a_library() {
    run(&["RingReaderTests."]);
}
