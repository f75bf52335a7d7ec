//! The C# assemblies are compiled with a real compiler, and their tests run on a real .NET 8: `bindings-csharp/build`.
//!
//! Without the network, or Python's pip and npm, they are skipped, but never in continuous integration. On Windows `ci/windows`
//! compiled them, and got a .NET.

#[cfg(unix)]
mod killed;
#[cfg(unix)]
mod layouts;
mod peer;

use std::ffi::OsStr;
#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Stdio;
use std::process::{Command, Output};
use std::sync::OnceLock;

#[cfg(unix)]
use crate::c_abi::{How, Program, blocks, shared_library};
use crate::c_abi::{Live, libraries, of_the_project, succeeded};
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
    if cfg!(windows) {
        let named = |name| std::env::var_os(name).map(PathBuf::from);
        let (Some(dotnet), Some(folder)) = (named("AIOS_DOTNET"), named("AIOS_CSHARP")) else {
            println!("skipped: AIOS_DOTNET and AIOS_CSHARP name no .NET and no assemblies");
            return None;
        };
        return Some(Built { dotnet, folder });
    }
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
        for name in ["SystemRoot", "TEMP", "USERDOMAIN", "USERNAME"] {
            // Windows does not start .NET without the first, and makes the names of segments of the last ones.
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }
}

/// Runs the tests of some classes, with more variables.
fn run_with(classes: &[&str], home: &Home, variables: &[(&str, &OsStr)]) {
    let Some(built) = built() else { return };
    let mut command = built.command(home, "Aios.Tests.dll");
    command
        .args(classes)
        .env("AIOS_TEST_PEER", std::env::current_exe().unwrap())
        .env("AIOS_TEST_LIBRARY", libraries())
        .env("AIOS_TEST_SOURCES", of_the_project("bindings-csharp"))
        .envs(variables.iter().copied())
        .envs(std::env::var_os("AIOS_BLESS").map(|value| ("AIOS_BLESS", value)));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(" passed, 0 failed"), "{said}\n{errors}");
}

fn run(classes: &[&str]) {
    run_with(classes, &Home::new(), &[]);
}

/// The same of classes that start another process, and talk to it.
fn run_beside_a_peer(classes: &[&str]) {
    if cfg!(windows) {
        println!("skipped: tests in .NET that start another process do not end under Wine yet");
        return;
    }
    run(classes);
}

#[test]
fn what_is_published_is_read_without_a_library() {
    run_beside_a_peer(&["PublishedStateTests."]);
}

#[test]
fn the_ring_is_read_without_a_library() {
    run_beside_a_peer(&["RingReaderTests."]);
}

#[test]
fn the_engine_finds_repairs_and_remembers() {
    run_beside_a_peer(&["EngineTests."]);
}

#[test]
fn misuse_is_an_exception() {
    run_beside_a_peer(&["MisuseTests."]);
}

/// The sample for WPF itself is compiled on Windows alone.
#[test]
fn what_the_window_is_bound_to_is_there() {
    run(&["XamlTests."]);
}

#[test]
fn view_models_show_what_is_newest() {
    run(&["CoalescerTests."]);
    run_beside_a_peer(&["MonitorViewModelTests.", "PublishedSourceTests."]);
}

#[test]
fn what_programs_can_use_is_committed() {
    run(&["PublicApiTests."]);
}

// Not on Windows: a program under Wine starts no compiler of the machine.
#[cfg(unix)]
#[test]
fn the_boundary_is_as_rust_has_it() {
    let home = Home::new();
    let layouts = home.join("layouts");
    fs::write(&layouts, layouts::layouts(&home)).unwrap();
    // What a call costs from C, to be printed beside what it costs from C#.
    let program = Program::of("call_cost.c", How::Usual).unwrap();
    let cost = succeeded(&program.command(&home).output().unwrap());
    let variables = [
        ("AIOS_TEST_LAYOUTS", layouts.as_os_str()),
        ("AIOS_TEST_CALL_NS", OsStr::new(cost.trim())),
    ];
    run_with(&["BoundaryTests."], &home, &variables);
}

/// A program of one file is compiled against what was built.
#[cfg(unix)]
fn compiled(home: &Home, built: &Built, name: &str, source: &str) {
    let path = home.join(format!("{name}.cs"));
    fs::write(&path, source).unwrap();
    let argument = format!("--source={}", path.display());
    let output = script(&[&built.folder, Path::new(&argument)]).unwrap();
    succeeded(&output);
}

/// What starts the program that reads beside those of other languages. `None` where C# cannot be compiled.
#[cfg(unix)]
pub(crate) fn reader(home: &Home) -> Option<impl Fn(&Path) -> Command + use<>> {
    let built = built()?;
    compiled(home, built, "Together", include_str!("together.cs"));
    Some(|folder: &Path| {
        let mut command = Command::new(&built.dotnet);
        command.arg(built.folder.join("Together.dll")).arg(folder);
        command
    })
}

// Not on Windows: a program under Wine starts no compiler of the machine.
#[cfg(unix)]
#[test]
fn the_programs_of_the_page_do_what_they_say() {
    let Some(built) = built() else { return };
    let blocks = blocks("docs/csharp.md", "csharp");
    let [follows, repairs, window] = &blocks[..] else { panic!("three blocks of C#") };
    let mut live = Live::begin();
    let broken = live.broken.display().to_string();
    compiled(&live.home, built, "PageFollows", follows);
    let mut command = built.command(&live.home, "PageFollows.dll");
    command.env("AIOS_HOME", live.home.join("data")).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || lines.next().unwrap();
    assert_eq!(next(), broken);
    assert!(next().starts_with("  pyvenv-cfg-missing: write"));
    assert_eq!(next(), "1 broken");
    assert_eq!(next(), format!("Changed: {broken} is Broken"));
    live.append_event();
    assert_eq!(next(), format!("Changed: {broken} is Broken"));
    let home = live.end();
    // It ends with the service.
    assert!(child.wait().unwrap().success());

    compiled(&home, built, "PageRepairs", repairs);
    let mut command = built.command(&home, "PageRepairs.dll");
    command.arg(home.join("work")).env("AIOS_LIBRARY_FOLDER", libraries());
    let said = succeeded(&command.output().unwrap());
    let expected = format!("{broken}: Repaired\n0 changes since\n");
    assert!(said.starts_with("write-pyvenv-cfg: writes") && said.ends_with(&expected), "{said}");
    home.aios(["check", &broken]).exits_with(0);

    // What stands in the window of the sample stands on the page.
    let window = window.trim().trim_start_matches("DataContext = ").trim_end_matches(';');
    let code = of_the_project("bindings-csharp/samples/Aios.Wpf/MainWindow.xaml.cs");
    assert!(fs::read_to_string(code).unwrap().contains(window));
}

#[test]
fn the_monitor_lists_and_follows() {
    let Some(built) = built() else { return };
    let live = Live::begin();
    let mut command = built.command(&live.home, "Aios.Monitor.dll");
    command.arg("100").env("AIOS_HOME", live.home.join("data"));
    let said = succeeded(&command.output().unwrap()).replace("\r\n", "\n");
    assert_eq!(said, live.what_monitors_say());
    let home = live.end();
    if cfg!(windows) {
        println!("skipped: what it says where nothing is served is not shown under Wine yet");
        return;
    }
    let mut command = built.command(&home, "Aios.Monitor.dll");
    let output = command.env("AIOS_HOME", home.join("data")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("start `aios serve`"), "{said}");
}

// Not on Windows: the package is the same for all systems, and made by a script of this one.
#[cfg(unix)]
#[test]
fn a_program_finds_the_library_where_the_package_has_it() {
    let Some(built) = built() else { return };
    let (home, target) = (Home::new(), tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    // What is for debuggers takes a minute to be packed.
    let small = target.path().join("libaios_context.so");
    let mut strip = Command::new("strip");
    succeeded(&strip.arg("-S").arg("-o").arg(&small).arg(shared_library()).output().unwrap());
    let library = format!("linux-x64={}", small.display());
    let pack = of_the_project("bindings-csharp/pack");
    let mut command = Command::new("python3");
    command.arg(pack).args([&built.folder, target.path()]).arg(library);
    let package = succeeded(&command.output().unwrap());
    // As a program has it that refers to the package.
    let program = target.path().join("program");
    let mut archive = zip::ZipArchive::new(fs::File::open(package.trim()).unwrap()).unwrap();
    archive.extract(&program).unwrap();
    fs::rename(program.join("lib/net8.0/Aios.dll"), program.join("Aios.dll")).unwrap();
    let source = blocks("docs/csharp.md", "csharp").swap_remove(1);
    compiled(&home, built, "PagePackaged", &source);
    for name in ["PagePackaged.dll", "PagePackaged.runtimeconfig.json"] {
        fs::copy(built.folder.join(name), program.join(name)).unwrap();
    }
    home.venv("work/.venv");
    let built = Built { dotnet: built.dotnet.clone(), folder: program.clone() };
    let run = || built.command(&home, "PagePackaged.dll").arg(home.join("work")).output().unwrap();
    assert_eq!(succeeded(&run()), "0 changes since\n");
    // Without it nothing else is taken, and it is said what is missing.
    fs::remove_dir_all(program.join("runtimes")).unwrap();
    fs::copy(&small, home.join("libaios_context.so")).unwrap();
    let output = run();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("`libaios_context.so` is not in"), "{said}");
}
