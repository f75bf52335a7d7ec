//! `aios repair --recreate`, with real Pythons.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::support::python::{Python, succeeds};
use crate::support::{Answer, Home, system};

const MODULE: &str = "def main():\n    print('it works')\n";

/// An environment of 3.11 whose base is gone, and another Python.
struct Lost {
    home: Home,
    other: Python,
    prefix: PathBuf,
}

impl Lost {
    /// `None` where these Pythons are not.
    fn new() -> Option<Lost> {
        let (python, other) = (Python::find("3.11")?, Python::find("3.12")?);
        let home = Home::new();
        let options = ["--prompt", "mine", "--system-site-packages"];
        let prefix = python.venv(&home, "project/.venv", &options);
        let index = home.join("index");
        for name in ["first", "second"] {
            python.wheel(&home, &index, name, "1.0", MODULE);
        }
        python.install(&home, &prefix, &index, &["first", "second"]);
        let site = python.site(&prefix);
        fs::write(site.join("own.py"), "name = 'own'\n").unwrap();
        fs::write(prefix.join("notes.txt"), "to be kept").unwrap();
        let script = format!("#!{}/bin/python\nprint('my script')\n", prefix.display());
        fs::write(prefix.join("bin/own-tool"), script).unwrap();
        succeeds(
            Path::new("/bin/chmod"),
            &home,
            ["+x", prefix.join("bin/own-tool").to_str().unwrap()],
        );
        let project = home.join("project/src");
        fs::create_dir_all(&project).unwrap();
        fs::write(project.join("edited.py"), "name = 'edited'\n").unwrap();
        fs::write(site.join("project.pth"), format!("{}\n", project.display())).unwrap();
        for name in ["python", "python3", "python3.11"] {
            fs::remove_file(prefix.join("bin").join(name)).unwrap();
        }
        let cfg = fs::read_to_string(prefix.join("pyvenv.cfg")).unwrap();
        let lines = cfg
            .lines()
            .map(|line| if line.starts_with("home") { "home = /gone/bin" } else { line });
        let cfg: String = lines.map(|line| format!("{line}\n")).collect();
        fs::write(prefix.join("pyvenv.cfg"), cfg).unwrap();
        Some(Lost { home, other, prefix })
    }

    fn base(&self) -> &str {
        self.other.executable.to_str().unwrap()
    }

    fn repair(&self, args: &[&str]) -> Answer {
        let always = ["repair", "--yes", "--format", "json", "project/.venv"];
        self.home.aios(always.iter().chain(args))
    }

    fn beside(&self, what: &str) -> PathBuf {
        self.home.join(format!("project/.venv.aios-{what}-1"))
    }

    fn is_healthy(&self) -> bool {
        let answer = self.home.aios(["check", "--format", "json", "project/.venv"]);
        answer.findings(&self.prefix).iter().all(|(_, severity)| severity == "info")
    }
}

/// Every file and link below the folder, relative to it, but what repairs keep.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let relative = path.strip_prefix(folder).unwrap().to_path_buf();
            if kind.is_dir() {
                open.extend((entry.file_name() != ".aios-repair").then_some(path));
            } else if kind.is_symlink() {
                all.insert(
                    relative,
                    fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                );
            } else {
                all.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    all
}

fn outcome(answer: &Answer) -> String {
    answer.json()["repairs"][0]["outcome"].as_str().unwrap().to_owned()
}

fn what(step: &serde_json::Value) -> &str {
    step["reason"].as_str().unwrap()
}

fn hint(answer: &Answer) -> String {
    answer.json()["repairs"][0]["hint"].as_str().unwrap().to_owned()
}

#[test]
fn an_environment_is_made_anew_for_another_version() {
    let Some(lost) = Lost::new() else { return };
    let before = tree(&lost.prefix);

    let refused = lost.repair(&["--base", lost.base()]).exits_with(1);
    assert!(hint(&refused).contains("aios repair --recreate --base"), "{refused:?}");
    let planned = lost.repair(&["--recreate", "--base", lost.base(), "--dry-run"]).exits_with(1);
    assert_eq!(outcome(&planned), "planned", "{planned:?}");
    let steps = planned.json()["repairs"][0]["steps"].clone();
    let whats: Vec<&str> = steps.as_array().unwrap().iter().map(what).collect();
    assert!(whats[0].contains(&format!("`{} -m venv`", lost.base())), "{whats:?}");
    assert!(whats.contains(&"copies first==1.0 from the old environment"), "{whats:?}");
    let carried = &steps.as_array().unwrap().last().unwrap()["diff"];
    assert!(carried.as_str().unwrap().contains("notes.txt\n"), "{carried}");
    // Where they are to stand, not where it was tried.
    let module = lost.prefix.join("lib/python3.12/site-packages/first/__init__.py");
    assert!(steps.to_string().contains(module.to_str().unwrap()), "{steps}");
    assert_eq!(tree(&lost.prefix), before);
    assert!(!lost.beside("new").exists() && !lost.prefix.join(".aios-repair").exists());

    let done = lost.repair(&["--recreate", "--verify", "--base", lost.base()]).exits_with(0);
    assert_eq!(outcome(&done), "repaired", "{done:?}");
    assert_eq!(done.json()["repairs"][0]["started"], true, "{done:?}");
    assert!(lost.is_healthy());
    assert_eq!(tree(&lost.beside("old")), before, "the old one is kept as it was");
    let run = |program: &str, args: &[&str]| {
        succeeds(&lost.prefix.join("bin").join(program), &lost.home, args)
    };
    assert_eq!(run("first-tool", &[]), "it works\n");
    assert_eq!(run("own-tool", &[]), "my script\n");
    let code = "import sys, second, own, edited; print(sys.version_info[1], own.name, edited.name)";
    assert_eq!(run("python", &["-c", code]), "12 own edited\n");
    assert_eq!(fs::read_to_string(lost.prefix.join("notes.txt")).unwrap(), "to be kept");
    let cfg = fs::read_to_string(lost.prefix.join("pyvenv.cfg")).unwrap();
    assert!(cfg.contains("include-system-site-packages = true"), "{cfg}");
    assert!(cfg.contains("prompt = 'mine'"), "{cfg}");
    // It is where it says that it is: nothing names the place where it was made.
    let named = b".aios-new-";
    for (path, content) in tree(&lost.prefix) {
        let found = content.windows(named.len()).any(|window| window == named);
        assert!(!found, "{}", path.display());
    }
    let new = tree(&lost.prefix);

    let undone = lost.repair(&["--undo"]).exits_with(0);
    assert_eq!(outcome(&undone), "undone", "{undone:?}");
    assert_eq!(tree(&lost.prefix), before);
    let bytecode = |path: &PathBuf| path.components().any(|part| part.as_os_str() == "__pycache__");
    let kept: BTreeMap<_, _> =
        tree(&lost.beside("undone")).into_iter().filter(|(path, _)| !bytecode(path)).collect();
    assert_eq!(kept, new.into_iter().filter(|(path, _)| !bytecode(path)).collect());
    assert_eq!(outcome(&lost.repair(&["--undo"])), "nothing-to-do");
}

#[test]
fn what_would_be_lost_is_said_and_nothing_is_changed() {
    let Some(lost) = Lost::new() else { return };
    // As a wheel that is built for 3.11 says of itself.
    let site = lost.prefix.join("lib/python3.11/site-packages");
    let wheel = site.join("first-1.0.dist-info/WHEEL");
    let text = fs::read_to_string(&wheel).unwrap();
    fs::write(&wheel, text.replace("py3-none-any", "cp311-cp311-linux_x86_64")).unwrap();
    let before = tree(&lost.prefix);
    let refused = lost.repair(&["--recreate", "--base", lost.base()]).exits_with(1);
    assert_eq!(outcome(&refused), "refused", "{refused:?}");
    let hint = hint(&refused);
    assert!(hint.contains("first==1.0 (a wheel for cp312"), "{hint}");
    assert!(hint.contains("aios repair --recreate --network allow"), "{hint}");
    assert_eq!(tree(&lost.prefix), before);
    assert!(!lost.beside("new").exists(), "what was made for it is removed");

    let index = lost.home.join("index");
    let args = ["--recreate", "--base", lost.base(), "--wheelhouse", index.to_str().unwrap()];
    lost.repair(&args).exits_with(0);
    assert!(lost.is_healthy());
    let tool = lost.prefix.join("bin/first-tool");
    assert_eq!(succeeds(&tool, &lost.home, [""; 0]), "it works\n");
}

#[test]
fn what_does_not_start_takes_no_place() {
    let Some(lost) = Lost::new() else { return };
    let site = lost.prefix.join("lib/python3.11/site-packages");
    fs::write(site.join("ends.pth"), "import os; os.write(2, b'no licence'); os._exit(7)\n")
        .unwrap();
    let before = tree(&lost.prefix);
    let failed = lost.repair(&["--recreate", "--verify", "--base", lost.base()]).exits_with(2);
    assert_eq!(outcome(&failed), "failed", "{failed:?}");
    assert!(hint(&failed).contains("failed (exit status: 7): no licence"), "{failed:?}");
    assert_eq!(failed.json()["repairs"][0]["started"], false);
    assert_eq!(tree(&lost.prefix), before);
    assert!(!lost.beside("new").exists() && !lost.beside("old").exists());
}

#[test]
fn an_environment_without_its_packages_is_not_made_empty() {
    let Some(lost) = Lost::new() else { return };
    fs::remove_dir_all(lost.prefix.join("lib")).unwrap();
    fs::create_dir_all(lost.prefix.join("lib/python3.11")).unwrap();
    let before = tree(&lost.prefix);
    let recreate = ["--recreate", "--base", lost.base()];
    let refused = lost.repair(&recreate).exits_with(1);
    assert_eq!(outcome(&refused), "refused", "{refused:?}");
    assert!(hint(&refused).contains("requirements.txt"), "{refused:?}");
    assert_eq!(tree(&lost.prefix), before);

    fs::write(lost.home.join("project/requirements.txt"), "first==1.0\n").unwrap();
    let index = lost.home.join("index");
    let from = ["--wheelhouse", index.to_str().unwrap()];
    lost.repair(&[recreate.as_slice(), &from].concat()).exits_with(0);
    let tool = lost.prefix.join("bin/first-tool");
    assert_eq!(succeeds(&tool, &lost.home, [""; 0]), "it works\n");
    assert!(!lost.prefix.join("bin/second-tool").exists(), "it would start nothing");
}

#[test]
fn a_kill_while_it_is_made_leaves_the_old_one() {
    let Some(lost) = Lost::new() else { return };
    fs::write(lost.prefix.join("lib/python3.11/site-packages/first/__init__.py"), "").unwrap();
    let before = tree(&lost.prefix);
    // What a kill leaves of temporary files goes with the test.
    let temporary = lost.home.join("tmp");
    fs::create_dir(&temporary).unwrap();
    for ending in ["--undo", "--resume", "--recreate"] {
        // An index that never answers: the program waits for it with the new one half made.
        let index = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}/simple", index.local_addr().unwrap().port());
        let mut command = lost.home.command();
        command.args([
            "repair",
            "--yes",
            "--recreate",
            "--base",
            lost.base(),
            "--network",
            "allow",
        ]);
        command.arg("project/.venv").env("PIP_INDEX_URL", url);
        command.env("TMPDIR", &temporary);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let (mut asked, _) = index.accept().unwrap();
        assert!(lost.beside("new").exists());
        child.kill().unwrap();
        child.wait().unwrap();
        // Its pip ends by itself, now that nobody answers.
        let _ = asked.read(&mut [0; 1]);
        drop((asked, index));
        assert_eq!(tree(&lost.prefix), before);
        let wheels = lost.home.join("index");
        let args = ["--base", lost.base(), "--wheelhouse", wheels.to_str().unwrap()];
        match ending {
            "--recreate" => {
                lost.repair(&[&["--recreate"], args.as_slice()].concat()).exits_with(0);
                assert!(lost.is_healthy());
            }
            _ => {
                lost.repair(&[ending]).exits_with(0);
                assert_eq!(tree(&lost.prefix), before, "{ending}");
            }
        }
        assert!(!lost.beside("new").exists(), "{ending}: what is of no use is removed");
    }
}

#[test]
fn what_is_kept_beside_is_left_out_unless_it_is_named() {
    let home = Home::new();
    let venv = home.venv("project/.venv");
    let old = home.venv("project/.venv.aios-old-1");
    system::tell_version(&old);
    fs::remove_file(old.cfg()).unwrap();
    let prefixes = |args: &[&str]| -> Vec<PathBuf> {
        let answer = home.aios([&["find", "--format", "json"], args].concat());
        let all = answer.json()["environments"].as_array().unwrap().clone();
        all.iter().map(|one| one["prefix"].as_str().unwrap().into()).collect()
    };
    // The second time from the cache.
    for _ in 0..2 {
        assert_eq!(prefixes(&["project"]), std::slice::from_ref(&venv.prefix));
    }
    let own = old.prefix.to_str().unwrap();
    assert_eq!(prefixes(&[own]), std::slice::from_ref(&old.prefix));
    home.aios(["check", "project"]).exits_with(0);
    home.aios(["check", own]).exits_with(1);
    // A store of environments, and one more folder beside what is named.
    let stored = home.venv(".virtualenvs/web");
    home.venv(".virtualenvs/web.aios-undone-2");
    let stored_ones = prefixes(&[]).into_iter().filter(|path| path.starts_with(home.path()));
    let stored_ones: Vec<PathBuf> =
        stored_ones.filter(|path| path.parent().unwrap().ends_with(".virtualenvs")).collect();
    assert_eq!(stored_ones, std::slice::from_ref(&stored.prefix));
    let both = ["repair", "--dry-run", "--format", "json", own, "project"];
    assert_eq!(outcome(&home.aios(both)), "planned", "it was named");
    // It is the only one that is left.
    fs::remove_dir_all(&venv.prefix).unwrap();
    assert_eq!(prefixes(&["project"]), std::slice::from_ref(&old.prefix));
}
