//! Programs that were compiled with the header of an earlier version work with this library.
//!
//! `abidiff` (Debian's `abigail-tools`) compares what a compiler of C makes of `include/aios.h` with what it made of the
//! one that `ffi/abi.xml` is of. That the library is what the header says, other tests show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{of_the_project, succeeded};

/// What may change: fields at the end of a struct, which says its size. More functions and more names of an enum may come
/// without being named here.
const MAY_CHANGE: &str = "[suppress_type]\ntype_kind = struct\nhas_data_member_inserted_at = end\n";

fn header() -> String {
    fs::read_to_string(of_the_project("include/aios.h")).unwrap().replace("\r\n", "\n")
}

/// A library with the functions of a header, which do nothing, and what debuggers are told of its types.
fn library_of(header: &str, folder: &Path) -> PathBuf {
    let mut source = String::new();
    let mut is_function = false;
    for line in header.lines() {
        is_function |= line.contains(" aios_")
            && line.contains('(')
            && !line.starts_with([' ', '/', '#', 't', 's']);
        if is_function && line.ends_with(");") {
            source.extend([line.trim_end_matches(';'), " { __builtin_trap(); }"]);
            is_function = false;
        } else {
            source.push_str(line);
        }
        source.push('\n');
    }
    // A type that no function names, as those of numbers in structs, is told of where something is of it.
    for name in header.lines().filter_map(|line| line.strip_prefix("typedef enum ")) {
        let name = name.split([' ', '{']).next().unwrap();
        source.push_str(&format!("enum {name} shown_{name};\n"));
    }
    let (file, library) = (folder.join("header.c"), folder.join("header.so"));
    fs::write(&file, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-w", "-g", "-shared", "-fPIC"]).arg(&file).arg("-o").arg(&library);
    succeeded(&compiler.output().unwrap());
    library
}

/// What `abidiff` says of this header against the committed one: nothing where old programs go on.
fn changes(header: &str) -> String {
    let folder = TempDir::new().unwrap();
    let allowed = folder.path().join("may-change.ini");
    fs::write(&allowed, MAY_CHANGE).unwrap();
    let library = library_of(header, folder.path());
    let compare = |options: &[&str]| {
        let mut command = Command::new("abidiff");
        command.arg("--no-added-syms").args(options).arg(of_the_project("ffi/abi.xml"));
        let output = command.arg(&library).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        // Of its bits, 1 and 2 are errors, 4 is a change, 8 one that no program could live with.
        let code = output.status.code().unwrap();
        assert!(code & 3 == 0, "{said}{}", String::from_utf8_lossy(&output.stderr));
        // It also counts what is allowed.
        if code == 0 { String::new() } else { said }
    };
    let mut changes = compare(&["--suppressions", allowed.to_str().unwrap()]);
    // With that allowed, it allows fields of other types too.
    let everything = compare(&[]);
    if everything.contains("data member change") || everything.contains("data member deletion") {
        changes.push_str(&everything);
    }
    changes
}

// Not on Windows: the tool reads files of ELF.
#[test]
fn nothing_changed_that_programs_were_compiled_with() {
    if Command::new("abidiff").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "`abidiff` is of the package abigail-tools");
        println!("skipped: there is no `abidiff` (Debian: apt install abigail-tools)");
        return;
    }
    let header = header();
    if std::env::var_os("AIOS_BLESS").is_some() {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new("abidw");
        command.args(["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs"]);
        command.arg("--out-file").arg(of_the_project("ffi/abi.xml"));
        succeeded(&command.arg(library_of(&header, folder.path())).output().unwrap());
    }
    assert_eq!(changes(&header), "", "`just header` accepts it, where no version was released");

    let changed = |from: &str, to: &str| {
        let other = header.replacen(from, to, 1);
        assert_ne!(other, header, "{from}");
        changes(&other)
    };
    // Programs go on.
    assert_eq!(
        changed("  uint32_t flags;\n  /// To", "  uint32_t flags;\n  /// Not\n  /// To"),
        ""
    );
    let end = "  uint64_t checked;\n} aios_progress_info;";
    assert_eq!(changed(end, &end.replace("}", "  uint64_t more;\n}")), "");
    let function = "aios_status aios_engine_close(";
    assert_eq!(changed(function, &format!("aios_status aios_more(void);\n{function}")), "");
    // They do not.
    for (from, to) in [
        ("  uint32_t depth;\n", ""),
        ("  uint64_t folders;\n", "  uint32_t folders;\n"),
        ("aios_status aios_engine_close(", "aios_status aios_engine_shut("),
        ("  uint32_t limit_ms,", "  uint64_t limit_ms,"),
        ("  AIOS_STATUS_BUSY = 7,", "  AIOS_STATUS_BUSY = 70,"),
        ("  AIOS_HEALTH_BROKEN = 3,", "  AIOS_HEALTH_BROKEN = 4,"),
    ] {
        assert_ne!(changed(from, to), "", "nobody would see: {from:?} is {to:?}");
    }
}
