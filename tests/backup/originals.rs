//! `--wheels` with the caches of pip: what was fetched goes into the backup as it was published.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::unpacked;
use super::wheels::write_tool;
use crate::support::index::Index;
use crate::support::python::Python;
use crate::support::{Answer, Home, Venv, write};

const IDNA: &str = "idna-3.7-py3-none-any.whl";

/// Environments with the usual distributions, and a cache with nothing in it.
struct Machine {
    home: Home,
    environments: Vec<Venv>,
    published: PathBuf,
}

impl Machine {
    fn new(environments: &[&str]) -> Machine {
        let home = Home::forgetful();
        let published = home.join("published");
        let make = |name: &&str| home.venv(Path::new("work").join(name).join(".venv"));
        let environments: Vec<Venv> = environments.iter().map(make).collect();
        environments.iter().for_each(|venv| venv.write_wheels(&published));
        Machine { home, environments, published }
    }

    fn wheel(&self, name: &str) -> Vec<u8> {
        fs::read(self.published.join(name)).unwrap()
    }

    /// Puts something where pip keeps what it fetched.
    fn fetched(&self, place: &str, bytes: impl AsRef<[u8]>) {
        write(&self.home.join("cache").join(place), bytes);
    }

    fn aios(&self, args: &[&str]) -> Answer {
        let mut command = self.home.command();
        Answer::of(
            command.env("PIP_CACHE_DIR", self.home.join("cache")).args(args).output().unwrap(),
        )
    }

    /// Makes a backup with wheels, and gives what it says.
    fn back_up(&self) -> Value {
        let _ = fs::remove_file(self.home.join("x.aiosb"));
        let args = ["backup", "create", "x.aiosb", "work", "--wheels", "--format", "json"];
        self.aios(&args).exits_with(0).json()
    }

    /// The wheels in the backup, by name.
    fn saved(&self) -> Vec<(String, Vec<u8>)> {
        let mut members = unpacked(&self.home.join("x.aiosb"));
        members.retain(|(name, _)| name.starts_with("wheels/"));
        members
    }
}

fn distribution<'d>(document: &'d Value, environment: usize, name: &str) -> &'d Value {
    let all = document["environments"][environment]["distributions"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap()
}

/// As pip before 23.3 keeps the answer of an index.
fn answer(body: &[u8]) -> Vec<u8> {
    let mut length = (body.len() as u32).to_le_bytes();
    length.reverse();
    let head = b"cc=4,\x82\xa8response\x87\xa4body\xc6";
    [head, length.as_slice(), body, b"\xa7headers\x80\xa4vary\x80"].concat()
}

#[test]
fn what_pip_fetched_goes_in_byte_for_byte_and_once() {
    let machine = Machine::new(&["one", "two"]);
    machine.fetched("http-v2/a/b/c/d/e/abcde1.body", machine.wheel(IDNA));
    machine.fetched("http-v2/a/b/c/d/e/abcde1", "cc=4,\u{82}");
    machine.fetched("http-v2/a/b/c/d/f/abcdf1.body", "{\"files\": []}");
    let webtool = "webtool-1.2.0-py3-none-any.whl";
    machine.fetched("http/a/b/c/d/e/abcde2", answer(&machine.wheel(webtool)));
    let document = machine.back_up();
    machine.aios(&["backup", "verify", "x.aiosb"]).exits_with(0);
    let saved = machine.saved();
    for name in [IDNA, webtool] {
        let member = format!("wheels/{name}");
        let of_name: Vec<_> = saved.iter().filter(|(saved, _)| *saved == member).collect();
        assert_eq!(of_name.len(), 1, "{name}");
        assert!(of_name[0].1 == machine.wheel(name), "{name}");
        let key = name.split('-').next().unwrap();
        for environment in 0..2 {
            let one = distribution(&document, environment, key);
            assert_eq!(one["wheel"], serde_json::json!({"member": member, "rebuilt": false}));
            assert_eq!(one["edited"], false);
        }
    }
    assert_eq!(distribution(&document, 0, "speedups")["wheel"]["rebuilt"], true);
    assert_eq!(document["left_out"], serde_json::json!([]));
    let shown = machine.aios(&["backup", "show", "x.aiosb"]).exits_with(0).shown();
    assert!(shown.contains("4 wheels (2 of them built again)"), "{shown}");
    let recover = unpacked(&machine.home.join("x.aiosb"));
    let recover = recover.into_iter().find(|(name, _)| name == "RECOVER.txt").unwrap().1;
    let recover = String::from_utf8(recover).unwrap();
    assert!(recover.contains("    wheels/speedups-0.4-"), "{recover}");
    assert!(!recover.contains(IDNA), "{recover}");
}

#[test]
fn what_was_edited_is_said_and_the_wheel_is_the_published_one() {
    let machine = Machine::new(&["one", "two"]);
    machine.fetched("http-v2/a/b/c/d/e/abcde1.body", machine.wheel(IDNA));
    let module = machine.environments[0].site("idna/core.py");
    let size = fs::read(&module).unwrap().len();
    // Of the same size.
    write(&module, format!("#{}\n", "x".repeat(size - 2)));
    let document = machine.back_up();
    for environment in 0..2 {
        let one = distribution(&document, environment, "idna");
        assert_eq!(one["wheel"]["rebuilt"], false);
        assert_eq!(one["edited"], environment == 0);
    }
    let left_out = document["left_out"].as_array().unwrap();
    let said: Vec<&str> = left_out.iter().map(|one| one["message"].as_str().unwrap()).collect();
    let expected = "the wheel of idna==3.7 in the backup is the one that it was installed from, without the \
                    edits: `idna/core.py` is not as it was installed";
    assert_eq!(said, [expected]);
    let saved = machine.saved();
    assert!(saved.contains(&(format!("wheels/{IDNA}"), machine.wheel(IDNA))));
}

/// The same wheel with other members.
fn remade(wheel: &[u8], edit: impl Fn(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(wheel)).unwrap();
    let mut members = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        members.push((member.name().unwrap().to_string(), bytes));
    }
    edit(&mut members);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn a_wheel_that_is_not_what_was_installed_is_not_taken() {
    let machine = Machine::new(&["one"]);
    let wheel = machine.wheel(IDNA);
    let with = |name: &'static str, content: &'static [u8], recorded: bool| {
        remade(&wheel, |members| {
            members.retain(|(one, _)| one != name);
            members.insert(0, (name.to_owned(), content.to_vec()));
            if recorded {
                let (_, record) =
                    members.iter_mut().find(|(one, _)| one.ends_with("RECORD")).unwrap();
                let line = crate::support::line_of_record(name, content);
                let text = String::from_utf8(std::mem::take(record)).unwrap();
                let rest = text.lines().filter(|line| !line.starts_with(name));
                let rest = rest.map(|line| format!("{line}\n")).collect::<String>();
                *record = format!("{line}{rest}").into_bytes();
            }
        })
    };
    static BOMB: [u8; 8 << 20] = [0; 8 << 20];
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("one more file", with("idna/evil.py", b"import evil\n", false)),
        ("one more file, recorded", with("idna/evil.py", b"import evil\n", true)),
        ("another content", with("idna/core.py", b"import evil\n", false)),
        ("another content, recorded", with("idna/core.py", b"import evil\n", true)),
        ("a bomb", with("idna/core.py", &BOMB, false)),
        ("a name that leads out", with("../../evil.py", b"import evil\n", true)),
        ("a script that replaces one", with("idna-3.7.data/scripts/python", b"#!python\n", true)),
        (
            "metadata of something else",
            with("idna-3.7.dist-info/METADATA", b"Name: evil\nVersion: 1\n", true),
        ),
        (
            "a file that is gone",
            remade(&wheel, |members| members.retain(|one| one.0 != "idna/core.py")),
        ),
        (
            "a file that is there twice",
            replaced(
                with("idna/cora.py", b"import evil\n", false),
                b"idna/cora.py",
                b"idna/core.py",
            ),
        ),
        ("cut short", wheel[..wheel.len() - 1].to_vec()),
        ("cut short in an answer", answer(&wheel)[..wheel.len()].to_vec()),
        ("an answer with less", answer(&wheel[..wheel.len() / 2])),
    ];
    for (what, bytes) in hostile {
        let _ = fs::remove_dir_all(machine.home.join("cache"));
        machine.fetched("http-v2/a/b/c/d/e/abcde1.body", &bytes);
        machine.fetched("http/a/b/c/d/e/abcde1", &bytes);
        let document = machine.back_up();
        assert_eq!(distribution(&document, 0, "idna")["wheel"]["rebuilt"], true, "{what}");
        assert!(machine.saved().iter().all(|(_, saved)| *saved != bytes), "{what}");
    }
    machine.fetched("wheels/aa/bb/idna-3.7-py3-none-any.whl", &wheel);
    let document = machine.back_up();
    assert_eq!(distribution(&document, 0, "idna")["wheel"]["rebuilt"], false);
}

/// With a pip that keeps the body of an answer in a file of its own.
#[test]
fn wheels_that_a_real_pip_fetched() {
    with_a_real_pip("3.13");
}

/// With one that keeps it within the answer, unless somebody upgraded it.
#[test]
fn wheels_that_an_older_pip_fetched() {
    with_a_real_pip("3.12");
}

fn with_a_real_pip(minor: &'static str) {
    let Some(python) = Python::find(minor) else { return };
    let home = Home::forgetful();
    let prefix = python.venv(&home, "work/api/.venv", &[]);
    let published = home.join("published");
    python.wheel(&home, &published, "first", "1.0", "def main():\n    print('first')\n");
    write_tool(&published);
    {
        let index = Index::serve(&published);
        let (url, program) = (index.url(), prefix.join("bin/python"));
        let pip = ["-I", "-m", "pip", "--python", program.to_str().unwrap(), "install", "--quiet"];
        let from = ["--index-url", &url, "--trusted-host", "127.0.0.1", "first", "tool"];
        python.run(&home, pip.iter().chain(&from));
    }
    home.aios(["backup", "create", "x.aiosb", "work", "--wheels"]).exits_with(0);
    let saved = unpacked(&home.join("x.aiosb"));
    for name in ["first-1.0-py3-none-any.whl", "tool-1.0-py2.py3-none-any.whl"] {
        let member = saved.iter().find(|(member, _)| *member == format!("wheels/{name}"));
        let (_, bytes) = member.unwrap_or_else(|| panic!("{name} is not in it"));
        let wheel = fs::read(published.join(name)).unwrap();
        assert_eq!(Sha256::digest(bytes), Sha256::digest(wheel), "{name}");
    }

    let broken = python.site(&prefix).join("tool/__init__.py");
    let whole = fs::read(&broken).unwrap();
    fs::remove_file(&broken).unwrap();
    fs::remove_dir_all(&published).unwrap();
    home.aios(["repair", "--yes", prefix.to_str().unwrap()]).exits_with(0);
    assert_eq!(fs::read(&broken).unwrap(), whole);
}
