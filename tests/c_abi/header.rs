//! `include/aios.h` and the exported symbols are committed, and are what the sources say.

use std::collections::BTreeSet;
use std::fs;

use object::Object;

use super::{of_the_project, shared_library};

/// The sources of `ffi` in the order in which the header has them.
const SOURCES: &[&str] = &[
    "status",
    "view",
    "version",
    "last_error",
    "engine",
    "progress",
    "look",
    "environments",
    "plan",
    "repair",
    "context",
    "blob",
    "snapshot",
    "entries",
    "changes",
    "recall",
    "state",
    "buffer",
    "reader",
    "subscription",
];

/// What a program in C would write again and again.
const TRAILER: &str = r#"
/// A view of a string that ends with a zero, which is not part of it. NULL is an absent one.
static inline aios_str aios_str_of(const char *text) {
  aios_str view = {text, text == NULL ? 0 : strlen(text)};
  return view;
}

/// A view of the bytes of such a string: a key.
static inline aios_bytes aios_key(const char *text) {
  aios_bytes view = {(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
  return view;
}"#;

fn generated() -> String {
    let config = cbindgen::Config::from_file(of_the_project("ffi/cbindgen.toml")).unwrap();
    let conventions = fs::read_to_string(of_the_project("ffi/conventions.md")).unwrap();
    let head: Vec<String> =
        conventions.lines().map(|line| format!("// {line}").trim_end().to_owned()).collect();
    let head = format!(
        "// Made from the sources in `ffi` by `just header`: change those.\n//\n{}",
        head.join("\n")
    );
    let mut builder =
        cbindgen::Builder::new().with_config(config).with_header(head).with_trailer(TRAILER);
    for source in SOURCES {
        builder = builder.with_src(of_the_project(&format!("ffi/src/{source}.rs")));
    }
    let mut header = Vec::new();
    builder.generate().expect("cbindgen reads the sources").write(&mut header);
    String::from_utf8(header).unwrap().replace("\r\n", "\n")
}

/// Compares with a committed file, or writes it when `AIOS_BLESS` is set.
#[track_caller]
fn is_committed(path: &str, now: &str) {
    let file = of_the_project(path);
    if std::env::var_os("AIOS_BLESS").is_some() {
        fs::write(&file, now).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert!(committed == now, "{path} is not what the sources say: `just header` writes it");
}

#[test]
fn the_header_is_what_the_sources_say() {
    is_committed("include/aios.h", &generated());
}

#[test]
fn every_source_with_a_function_is_in_the_header() {
    let header = generated();
    let mut functions = 0;
    for entry in fs::read_dir(of_the_project("ffi/src")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| line.starts_with("pub extern \"C\" fn ")) {
            let name = line["pub extern \"C\" fn ".len()..].split('(').next().unwrap();
            assert!(header.contains(&format!(" {name}(")), "{name} is not in the header");
            functions += 1;
            let guarded = text.contains(&format!("guard(\"{name}\", ")) || !line.contains("status");
            assert!(guarded || text.contains("guard_or("), "{name} names itself to the guard");
        }
    }
    assert!(functions > 40, "{functions}");
}

#[test]
fn symbols_are_those_of_the_header() {
    let library = fs::read(shared_library()).unwrap();
    let file = object::File::parse(&*library).unwrap();
    let exported: BTreeSet<String> = file
        .exports()
        .unwrap()
        .iter()
        .map(|export| String::from_utf8_lossy(export.name()).trim_start_matches('_').to_owned())
        .collect();
    let mut lines: String = exported.iter().map(|name| format!("{name}\n")).collect();
    is_committed("ffi/symbols.txt", &lines);
    let header = generated();
    lines.retain(|c| c != '\r');
    for name in lines.lines() {
        assert!(header.contains(&format!("{name}(")), "{name} is exported and not in the header");
    }
}
