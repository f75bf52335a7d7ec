//! The programs in `tests/c` and `tests/cpp`, and those of the pages.

use std::fs;

use super::{How, Program, shared_library, succeeded};
use crate::support::{Home, Venv, system};

/// A home folder with a broken environment, a healthy one, and one whose name is no text.
fn home() -> (Home, Venv) {
    let home = Home::new();
    let broken = home.venv("work/broken/.venv");
    system::tell_version(&broken);
    fs::remove_file(broken.cfg()).unwrap();
    home.venv("work/healthy/.venv");
    (home, broken)
}

fn story(name: &str, how: How) {
    let Some(program) = Program::of(name, how) else { return };
    let (home, broken) = home();
    let mut command = program.command(&home);
    command.arg(home.join("work")).arg(&broken.prefix).arg(home.join("work/healthy/.venv"));
    let said = succeeded(&command.output().unwrap());
    assert!(said.ends_with("all of it\n"), "{said}");
    // What the library remembers the program knows, and the other way round.
    let list = home.aios(["snapshot", "list"]).exits_with(0);
    assert!(list.stdout.contains("from C"), "{list:?}");
    home.aios(["check".as_ref(), broken.prefix.as_os_str()]).exits_with(1);
}

#[test]
fn a_program_in_c_finds_checks_repairs_and_remembers() {
    story("story.c", How::Usual);
}

#[test]
fn a_program_in_cpp_does_the_same() {
    story("story.cpp", How::Usual);
}

/// Not a code of the library itself crashes, whatever it is given.
fn misuse(how: How) {
    let Some(program) = Program::of("misuse.c", how) else { return };
    let home = Home::new();
    home.venv("work/.venv");
    let said = succeeded(&program.command(&home).arg(home.join("work")).output().unwrap());
    assert!(said.ends_with("all of it\n"), "{said}");
}

#[test]
fn misuse_is_a_status() {
    misuse(How::Usual);
}

#[test]
fn a_panic_inside_is_a_status() {
    let Some(program) = Program::of("panic.c", How::Usual) else { return };
    let home = Home::new();
    let mut command = program.command(&home);
    command.env("AIOS_TEST_PANIC", "aios_find");
    let output = command.output().unwrap();
    assert_eq!(succeeded(&output).trim_end(), "all of it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("planted by AIOS_TEST_PANIC"), "{said}");
}

fn threads(how: How) {
    let Some(program) = Program::of("threads.c", how) else { return };
    let (home, _) = home();
    let said = succeeded(&program.command(&home).arg(home.join("work")).output().unwrap());
    assert!(said.ends_with("all of it\n"), "{said}");
}

#[test]
fn many_threads_use_the_same_handles() {
    threads(How::Usual);
}

#[test]
fn layouts_are_those_of_c_and_cpp() {
    for name in ["layout.c", "layout.cpp"] {
        // What it asserts, the compiler does.
        let Some(program) = Program::of(name, How::Usual) else { return };
        let said = succeeded(&program.command(&Home::new()).output().unwrap());
        assert_eq!(said.trim_end(), "all of it");
    }
}

#[test]
fn the_library_is_beside_the_tests() {
    assert!(shared_library().is_file(), "{}", shared_library().display());
}

// Not on Windows: neither AddressSanitizer nor valgrind is there.
#[cfg(target_os = "linux")]
#[cfg(unix)]
#[test]
fn no_memory_is_misused() {
    story("story.c", How::Static);
    story("story.c", How::Sanitized);
    story("story.cpp", How::Sanitized);
    misuse(How::Sanitized);
    threads(How::Sanitized);
    if std::env::var_os("CI").is_none() {
        println!("skipped: valgrind takes a minute, and is for continuous integration (`CI=1`)");
        return;
    }
    misuse(How::Valgrind);
    story("story.cpp", How::Valgrind);
}

/// The blocks of a page in one language, in order.
#[cfg(unix)]
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(super::of_the_project(page)).unwrap().replace("\r\n", "\n");
    let start = format!("```{language}\n");
    text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The program of a page, and the same with the parts that follow it on the page put before its end.
#[cfg(unix)]
fn page_does_what_it_says(page: &str, language: &str, end: &str, on_the_broken: &str) {
    let blocks = blocks(page, language);
    let (whole, parts) = blocks.split_first().unwrap();
    assert!(whole.contains(end) && parts.len() == 2);
    let more = format!("{on_the_broken}{}{end}", parts.concat());
    let (home, broken) = home();
    for (name, text, shows) in [
        ("page", whole.clone(), "1 broken\n"),
        ("page-more", whole.replace(end, &more), "write-pyvenv-cfg: writes"),
    ] {
        let source = home.join(format!("{name}.{language}"));
        fs::write(&source, text).unwrap();
        let program = Program::of_source(&source, How::Usual);
        let output = program.command(&home).arg(home.join("work")).output().unwrap();
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let expected = format!("{}\n  pyvenv-cfg-missing: write", broken.prefix.display());
        assert!(said.starts_with(&expected) && said.contains(shows), "{said}");
    }
    home.aios(["check".as_ref(), broken.prefix.as_os_str()]).exits_with(0);
}

// Not on Windows: a program under Wine starts no compiler of the machine.
#[cfg(unix)]
#[test]
fn the_programs_of_the_pages_do_what_they_say() {
    let broken = "  aios_environments_get(found, 0, &one);\n";
    page_does_what_it_says("docs/c.md", "c", "  aios_environments_close(found);\n", broken);
    let broken = "  aios::Environment one = found[0];\n";
    page_does_what_it_says("docs/cpp.md", "cpp", "  return broken > 0;\n", broken);
    what_the_readme_shows_is_the_page_in_short();
}

#[cfg(unix)]
fn what_the_readme_shows_is_the_page_in_short() {
    let [short] = &blocks("README.md", "c")[..] else { panic!("one block of C") };
    let whole = blocks("docs/c.md", "c").swap_remove(0);
    let (before, main) = whole.split_once("int main(").unwrap();
    let look: Vec<&str> =
        main.lines().filter(|line| line.contains("argv[1]") || line.contains("look = ")).collect();
    let text = format!(
        "{before}int main(int argc, char **argv) {{\n{}\n{short}return 0;\n}}\n",
        look.join("\n")
    );
    let (home, broken) = home();
    let source = home.join("readme.c");
    fs::write(&source, text).unwrap();
    let program = Program::of_source(&source, How::Usual);
    let said = succeeded(&program.command(&home).arg(home.join("work")).output().unwrap());
    assert_eq!(said, format!("{}\n", broken.prefix.display()));
}
