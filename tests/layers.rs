//! Which module may use which, and what the core never does. Reads the sources as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules in groups, lowest first. A module may use those of its own group and of lower ones.
const LAYERS: &[&[&str]] = &[
    // The machine: no knowledge of Python.
    &[
        "fs",
        "fs::folder_path",
        "fs::folder_unix",
        "wire",
        "registry",
        "host",
        "process",
        "shell",
        "system",
        "system::local_unix",
        "system::local_windows",
        "system::named_unix",
        "system::named_windows",
        "system::process_unix",
        "system::process_windows",
        "system::unix",
        "system::windows",
    ],
    // Memory that processes share.
    &[
        "segment",
        "segment::alive",
        "segment::memory",
        "segment::place",
        "segment::mapped",
        "segment::words",
    ],
    // What processes tell each other in it.
    &[
        "buffer",
        "buffer::append",
        "buffer::bell",
        "buffer::layout",
        "buffer::memory",
        "buffer::metrics",
        "buffer::read",
        "buffer::stream",
        "buffer::table",
        "buffer::words",
    ],
    // Blocks on disk and in memory, without any key.
    &[
        "store",
        "store::arena",
        "store::block",
        "store::copy",
        "store::file",
        "store::mapping",
        "store::space",
        "store::storage",
        "store::superblock",
    ],
    // Trees over them, and what finds a state by a part of it.
    &["index", "index::fractal", "index::holographic"],
    // What is kept of a tree, and for how long.
    &["snapshot", "snapshot::about", "snapshot::image", "snapshot::retention"],
    // Records, names and syntax.
    &["environments", "environments::python", "environments::python_source"],
    // Readers of one kind of file or folder each; they judge nothing.
    &[
        "environments::activated",
        "environments::python_environments",
        "environments::pyvenv_cfg",
        "environments::image",
        "environments::links",
        "environments::conda",
        "environments::facts",
        "environments::installation",
        "environments::scripts",
        "environments::modules",
        "environments::pth",
        "environments::distributions",
        "environments::probe",
        "environments::wheels",
    ],
    // Where environments may be: names, links and small files only.
    &["environments::discovery"],
    // Which installations an environment could stand on.
    &["environments::catalog"],
    // What is wrong with one.
    &["environments::health"],
    // What to do about it.
    &["environments::repair"],
    // All of it together.
    &["environments::inspection"],
    // A file to come back to it with.
    &["environments::backup"],
    // What of it other processes see.
    &[
        "publish",
        "publish::environments",
        "publish::layout",
        "publish::publisher",
        "publish::reader",
        "publish::slots",
    ],
    // What is told of it while it happens.
    &["buffer::event"],
    // What is remembered of it.
    &[
        "engine",
        "engine::active",
        "engine::changes",
        "engine::compare",
        "engine::damage",
        "engine::evidence",
        "engine::export",
        "engine::history",
        "engine::layout",
        "engine::names",
        "engine::outline",
        "engine::recall",
        "engine::record",
        "engine::recorded",
        "engine::repairs",
        "engine::retention",
        "engine::rolling",
        "engine::state",
    ],
    // How others ask.
    &[
        "control",
        "control::client",
        "control::line",
        "control::message",
        "control::server",
        "control::subscribers",
    ],
    // All of it, kept up to date.
    &[
        "live",
        "live::heard",
        "live::instance",
        "live::memory",
        "live::output",
        "live::pending",
        "live::places",
        "live::run",
        "live::service",
        "live::state",
        "live::watches",
    ],
];

/// Edges that the layers allow and that must not be.
const FORBIDDEN: &[(&str, &str)] = &[
    // Judging must not start a search of its own; the catalog is its only view of the machine.
    ("environments::health", "environments::discovery"),
];

#[test]
fn every_edge_points_down() {
    let mut wrong = Vec::new();
    let mut edges = BTreeSet::new();
    for source in sources() {
        let from = module_of(&source);
        let text = without_tests_and_comments(&fs::read_to_string(&source).unwrap());
        for to in used(&text, &source) {
            if to != from {
                edges.insert((from.clone(), to));
            }
        }
    }
    assert!(edges.len() > 10, "the sources are not read as they should be: {edges:?}");
    for (from, to) in edges {
        let allowed = matches!((layer(&from), layer(&to)), (Some(from), Some(to)) if to <= from)
            && !FORBIDDEN.contains(&(&from, &to));
        if !allowed {
            wrong.push(format!("{from} -> {to}"));
        }
    }
    assert!(wrong.is_empty(), "edges that the table does not have: {wrong:#?}");
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn the_core_sees_no_process_and_prints_nothing() {
    // What must not be said, and the files that may.
    let banned: &[(&str, &[&str])] = &[
        ("env::var", &["host.rs"]),
        ("env::args", &[]),
        ("env::current_", &["host.rs"]),
        ("env::home_dir", &["host.rs"]),
        ("env::temp_dir", &[]),
        ("println!", &[]),
        ("print!(", &[]),
        ("process::exit", &[]),
        (
            "std::process",
            &[
                "probe.rs",
                "src/process.rs",
                "system/process_unix.rs",
                "system/process_windows.rs",
                "system/unix.rs",
                "system/windows.rs",
            ],
        ),
        // Windows has its own idea of a canonical path.
        ("canonicalize(", &["system/unix.rs", "system/windows.rs"]),
        // What maps files, what advises the system about memory by its address, what shares memory, and
        // what asks the system for processes.
        (
            "unsafe ",
            &[
                "publish/publisher.rs",
                "publish/reader.rs",
                "segment/memory.rs",
                "store/mapping.rs",
                "system/local_windows.rs",
                "system/named_unix.rs",
                "system/named_windows.rs",
                "system/process_unix.rs",
                "system/process_windows.rs",
                "system/unix.rs",
            ],
        ),
        ("std::fs::write", &["cache.rs"]),
        ("remove_dir_all", &[]),
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        let text = without_tests_and_comments(&fs::read_to_string(&source).unwrap());
        for (words, except) in banned {
            let excused = except.iter().any(|name| source.ends_with(name));
            if text.contains(words) && !excused {
                wrong.push(format!("{}: {words}", source.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_say_what_things_are() {
    const EMPTY_WORDS: &[&str] = &[
        "manager",
        "helper",
        "util",
        "common",
        "misc",
        "handler",
        "processor",
        "robust",
        "smart",
        "enhanced",
        "advanced",
        "v2",
        "clean",
    ];
    let mut wrong = Vec::new();
    for source in
        ["core/src", "cli", "ffi/src", "tests", "benches"].iter().flat_map(|folder| below(folder))
    {
        let text = fs::read_to_string(&source).unwrap();
        let stem = source.file_stem().unwrap().to_str().unwrap().to_owned();
        let declared = text.lines().filter_map(|line| {
            let line =
                line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            ["struct ", "enum ", "trait ", "mod "]
                .iter()
                .find_map(|keyword| line.strip_prefix(keyword))
                .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        });
        for name in declared.chain([stem.as_str()]) {
            for word in words_of(name) {
                if EMPTY_WORDS.contains(&word.trim_end_matches('s')) {
                    wrong.push(format!("{}: {name}", source.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_small() {
    let long: Vec<String> = ["core/src", "cli", "ffi/src", "tests", "benches"]
        .iter()
        .flat_map(|folder| below(folder))
        .map(|source| (fs::read_to_string(&source).unwrap().lines().count(), source))
        .filter(|(lines, _)| *lines > 1000)
        .map(|(lines, source)| format!("{}: {lines} lines", source.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// `PyvenvCfg` and `pyvenv_cfg` are both `pyvenv`, `cfg`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words
}

pub(crate) fn below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(path) = open.pop() {
        // What cargo builds of a workspace of its own.
        if path.ends_with("benches/peers/target") {
            continue;
        }
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The sources of the core that are not tests. `lib.rs` only re-exports.
fn sources() -> Vec<PathBuf> {
    let all = below("core/src");
    let tests: Vec<PathBuf> = all.iter().flat_map(|source| test_modules(source)).collect();
    let is_code = |path: &PathBuf| {
        path.file_stem().unwrap() != "lib"
            && !tests.iter().any(|test| path.starts_with(test))
            && !tests.contains(&path.with_extension(""))
    };
    all.into_iter().filter(is_code).collect()
}

/// The modules that a file declares for tests alone, as paths without `.rs`.
fn test_modules(source: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(source).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let folder = match source.file_stem().unwrap().to_str() {
        Some("mod" | "lib") => source.parent().unwrap().to_path_buf(),
        _ => source.with_extension(""),
    };
    lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[cfg(test)]") || pair[0].starts_with("#[cfg(all(test"))
        .filter_map(|pair| pair[1].strip_suffix(';')?.rsplit_once("mod "))
        .map(|(_, name)| folder.join(name))
        .collect()
}

/// Inline test modules stand last in a file.
fn without_tests_and_comments(text: &str) -> String {
    text.split("\nmod tests {")
        .next()
        .unwrap()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// `environments::health::marker` of a file, as a list.
fn path_of(source: &Path) -> Vec<String> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/src");
    let relative = source.strip_prefix(core).unwrap().with_extension("");
    let mut path: Vec<String> =
        relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// The module of the table that a file belongs to.
fn module_of(source: &Path) -> String {
    known(&path_of(source)).expect("a file is a module")
}

/// The longest name of the table that a path starts with: `environments::facts` for
/// `environments::facts::Marker`, `environments` for `environments::Status`. `None` when the path
/// starts with no module: `super::Hive` in a module within a file.
fn known(path: &[String]) -> Option<String> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/src");
    let is_module = |name: &Path| {
        // `State` is no module, though some systems take `State.rs` for `state.rs`.
        let last = name.file_name().unwrap_or_default().to_string_lossy();
        let stands = core.join(name).is_dir() || core.join(name).with_extension("rs").is_file();
        !last.starts_with(|c: char| c.is_uppercase()) && stands
    };
    let first = path.first()?;
    match path.get(1) {
        Some(second) if is_module(&Path::new(first).join(second)) => {
            Some(format!("{first}::{second}"))
        }
        _ => is_module(Path::new(first)).then(|| first.clone()),
    }
}

/// The modules that `crate::` and `super::` paths in the text lead to.
fn used(text: &str, source: &Path) -> BTreeSet<String> {
    let here = path_of(source);
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::").chain(text.match_indices("super::")) {
        let before = &text[..at];
        if before.ends_with("::") || before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let mut rest = &text[at..];
        let mut base = if rest.starts_with("crate::") { Vec::new() } else { here.clone() };
        while let Some(next) = rest.strip_prefix("super::") {
            base.pop();
            rest = next;
        }
        rest = rest.strip_prefix("crate::").unwrap_or(rest);
        for path in expanded(rest) {
            let whole: Vec<String> = base.iter().cloned().chain(path).collect();
            let of_the_crate = base.is_empty() && text[at..].starts_with("crate::");
            found.extend(known(&whole).or(of_the_crate.then(|| "lib".to_owned())));
        }
    }
    found
}

/// `a::{b, c::d}` to `a::b` and `a::c`; deep enough for the modules of the table.
fn expanded(rest: &str) -> Vec<Vec<String>> {
    let word_end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(word_end);
    if let Some(group) = rest.strip_prefix('{') {
        return parts(group).iter().flat_map(|part| expanded(part)).collect();
    }
    if word.is_empty() {
        return vec![Vec::new()];
    }
    let tails = match after.strip_prefix("::") {
        Some(tail) => expanded(tail),
        None => vec![Vec::new()],
    };
    tails.into_iter().map(|tail| std::iter::once(word.to_owned()).chain(tail).collect()).collect()
}

/// What stands between the commas of a group whose opening brace is gone.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(group[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|part| !part.is_empty());
    found
}

#[test]
fn groups_are_read() {
    let paths: Vec<String> = expanded("environments::{self, facts::{Facts, Marker}, Status};")
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(
        paths,
        [
            "environments::self",
            "environments::facts::Facts",
            "environments::facts::Marker",
            "environments::Status"
        ]
    );
}
