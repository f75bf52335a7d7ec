use super::super::super::image::builder;
use super::super::builder::Staged;
use super::*;

const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const WHEEL: &[&str] = &["cp312-cp312-manylinux_2_17_x86_64"];

fn elf() -> Vec<u8> {
    builder::elf(X86_64)
}

/// A distribution `u` 1.0 with these files; what is found about it.
fn found(tag: PythonTag, wheel: &[&str], files: &[(&str, &[u8])]) -> Vec<String> {
    let mut staged = Staged::of(tag);
    let mut names = Vec::new();
    for (name, content) in files {
        staged.write_site(name, content);
        names.push(*name);
    }
    staged.install("u", "1.0", wheel, &names);
    staged.messages(check)
}

#[test]
fn judges_the_abi_by_name() {
    let check = |free_threaded: bool, names: &[&str], expected: Option<&str>| {
        let tag = PythonTag { free_threaded, ..PythonTag::cpython(3, 12) };
        let content = elf();
        let files: Vec<_> = names.iter().map(|name| (*name, content.as_slice())).collect();
        let expected: Vec<_> = expected
            .map(|text| format!("extension-abi-mismatch: `u` 1.0: {text}"))
            .into_iter()
            .collect();
        assert_eq!(found(tag, WHEEL, &files), expected, "{names:?}");
    };
    check(false, &["u.cpython-312-x86_64-linux-gnu.so", "v.abi3.so", "w.so"], None);
    check(
        false,
        &["u.cpython-311-x86_64-linux-gnu.so"],
        Some("`u.cpython-311-x86_64-linux-gnu.so` is for CPython 3.11, this environment is 3.12"),
    );
    check(
        false,
        &["u/a.cpython-311-darwin.so", "u/b.cpython-311-darwin.so"],
        Some(
            "`a.cpython-311-darwin.so` is for CPython 3.11, this environment is 3.12 (and 1 more)",
        ),
    );
    check(
        false,
        &["u.cpython-312t-x86_64-linux-gnu.so"],
        Some("`u.cpython-312t-x86_64-linux-gnu.so` is for CPython 3.12t, this environment is 3.12"),
    );
    check(
        false,
        &["u.pypy310-pp73-x86_64-linux-gnu.so"],
        Some("`u.pypy310-pp73-x86_64-linux-gnu.so` is for PyPy 3.10, this environment is 3.12"),
    );
    check(true, &["u.cpython-312t-x86_64-linux-gnu.so", "v.so"], None);
    check(
        true,
        &["u.abi3.so"],
        Some("`u.abi3.so` uses the stable ABI, which a free-threaded Python (3.12t) cannot load"),
    );
    // The same module for several Pythons: the right one is among them.
    check(
        false,
        &["u/a.cpython-311-x86_64-linux-gnu.so", "u/a.cpython-312-x86_64-linux-gnu.so"],
        None,
    );
    check(false, &["u/a.cpython-311-x86_64-linux-gnu.so", "u/a.abi3.so"], None);
    check(
        false,
        &["u/a.cpython-311-x86_64-linux-gnu.so", "v/a.cpython-312-x86_64-linux-gnu.so"],
        Some("`a.cpython-311-x86_64-linux-gnu.so` is for CPython 3.11, this environment is 3.12"),
    );
}

#[test]
fn wheels_for_every_python_may_ship_any() {
    let tag = PythonTag::cpython(3, 12);
    let (content, foreign) = (elf(), builder::pe(0x8664));
    let files = [
        ("u/a.cpython-311-x86_64-linux-gnu.so", content.as_slice()),
        ("u/a.cp312-win_amd64.pyd", &foreign),
        ("u/attach.dll", &foreign),
    ];
    assert_eq!(found(tag, &["py3-none-any"], &files), Vec::<String>::new());
}

#[test]
fn judges_the_machine() {
    let tag = PythonTag::cpython(3, 12);
    let (here, arm, windows) = (elf(), builder::elf(AARCH64), builder::pe(0x8664));
    let check = |files: &[(&str, &[u8])], expected: Option<&str>| {
        let expected: Vec<_> = expected
            .map(|text| format!("extension-wrong-arch: `u` 1.0: {text}"))
            .into_iter()
            .collect();
        assert_eq!(found(tag, WHEEL, files), expected);
    };
    check(
        &[("u.cpython-312-aarch64-linux-gnu.so", &arm)],
        Some("`u.cpython-312-aarch64-linux-gnu.so` is for aarch64, this environment is x86_64"),
    );
    check(
        &[("u.cpython-312-x86_64-linux-gnu.so", &arm)],
        Some(
            "`u.cpython-312-x86_64-linux-gnu.so` is built for aarch64, this environment is x86_64",
        ),
    );
    check(
        &[("u.abi3.so", &arm)],
        Some("`u.abi3.so` is built for aarch64, this environment is x86_64"),
    );
    check(
        &[("u.cp312-win_amd64.pyd", &windows)],
        Some("`u.cp312-win_amd64.pyd` is for Windows, this environment is for Linux"),
    );
    check(&[("u.so", &arm)], Some("`u.so` is built for aarch64, this environment is x86_64"));
    // What a debugger injects into programs of other machines.
    check(&[("u/attach_x86_64.so", &here), ("u/attach_arm.so", &arm), ("u/a.dll", &windows)], None);
}

#[test]
fn another_fault_of_the_interpreter_is_not_one_of_every_package() {
    let mut staged = Staged::new();
    staged.write_site("u.abi3.so", elf());
    staged.install("u", "1.0", WHEEL, &["u.abi3.so"]);
    staged.environment.architecture = Some(Architecture::Aarch64);
    let mut report = Report::default();
    report.add(Code::InterpreterWrongArch, "is for another machine", []);
    staged.check_into(check, &mut report);
    assert_eq!(report.findings.len(), 1);
    staged.facts.scheme = Scheme::Windows;
    assert_eq!(staged.messages(check), Vec::<String>::new());
}

#[test]
fn sees_corruption() {
    let whole = elf();
    let name = "u.cpython-312-x86_64-linux-gnu.so";
    let check_at = |path: &str, installed: &[u8], now: &[u8], expected: Option<&str>| {
        let mut staged = Staged::new();
        staged.write_site(path, installed);
        staged.install("u", "1.0", WHEEL, &[path]);
        staged.write_site(path, now);
        let file = path.rsplit('/').next().unwrap();
        let expected: Vec<_> = expected
            .map(|text| format!("extension-corrupt: `u` 1.0: `{file}` {text}"))
            .into_iter()
            .collect();
        assert_eq!(staged.messages(check), expected);
    };
    let half = "is truncated: a segment ends at byte 320, the file has 224 bytes";
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
    let script = b"/* GNU ld script */\nINPUT(-lm)\n";
    check_at(name, &whole, &whole, None);
    check_at(name, &whole, &whole[..224], Some(half));
    check_at("u.libs/libz-0a.so.1", &whole, &whole[..224], Some(half));
    check_at(name, &whole, b"", Some("is empty"));
    check_at(name, &whole, &[0; 300], Some("is filled with NULs"));
    check_at("u/libu.so", &whole, &vec![0; whole.len()], Some("is filled with NULs"));
    let pointer = "is a Git LFS pointer: the file itself was never fetched";
    check_at(name, lfs, lfs, Some(pointer));
    check_at("u/libu.so", lfs, lfs, Some(pointer));
    // Not an image, and never was one.
    check_at("u/libu.so", script, script, None);
    check_at("u/tests/data/fake.so", b"nothing", b"nothing", None);
    check_at("u/tests/data/empty.dll", b"", b"", None);
    check_at(
        "u/tests/data/fake.so",
        &whole,
        b"other",
        Some("is a text file of 5 bytes, as a link becomes in a zip or git checkout: `other`"),
    );
}

#[test]
fn what_is_gone_or_not_recorded_is_not_judged_here() {
    let mut staged = Staged::new();
    staged.write_site("stray.cpython-311-x86_64-linux-gnu.so", elf());
    staged.install("u", "1.0", WHEEL, &["u.abi3.so", "u.cpython-311-x86_64-linux-gnu.so"]);
    staged.install("v", "1.0", WHEEL, &["v.cpython-311-x86_64-linux-gnu.so"]).record =
        Part::Missing;
    assert_eq!(staged.messages(check), Vec::<String>::new());
}

#[test]
fn a_module_that_another_file_provides_is_not_judged() {
    let mut staged = Staged::new();
    staged.write_site("u/a.cpython-313t-x86_64-linux-gnu.so", elf());
    staged.install("u", "1.0", WHEEL, &["u/a.cpython-313t-x86_64-linux-gnu.so"]);
    assert_eq!(staged.messages(check).len(), 1);
    staged.write_site("u/a.abi3.so", elf());
    assert_eq!(staged.messages(check), Vec::<String>::new());
}

#[test]
fn asks_for_the_same_version_again() {
    let mut staged = Staged::new();
    let names: Vec<String> = (0..30).map(|n| format!("u/m{n}.cpython-311-darwin.so")).collect();
    names.iter().for_each(|name| drop(staged.write_site(name, elf())));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    staged.install("u", "1.0", WHEEL, &names);
    let report = staged.check(check);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].repair.distributions, ["u==1.0"]);
    assert_eq!(report.findings[0].paths.len(), MAX_PATHS);
}
