//! A repair in front of a user: questions, Ctrl-C, processes that use the environment.
//!
//! Not on Windows: there is no such terminal, and there are no signals to send.
#![cfg(unix)]

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::venv;
use crate::support::python::Python;
use crate::support::terminal::Terminal;
use crate::support::{Home, Venv};

impl Terminal {
    /// Waits for a question and answers it.
    fn answer(&mut self, question: &str, answer: &str) {
        assert!(self.wait_for(question), "`{question}` is not asked: {}", self.seen);
        self.seen.clear();
        self.press(&format!("{answer}\n"));
    }

    fn press_ctrl_c(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// The exit code and what was shown since the last answer; there is no further question.
    fn end(mut self) -> (Option<i32>, String) {
        assert!(!self.wait_for("this? ["), "one more question: {}", self.seen);
        (self.child.wait().unwrap().code(), self.seen)
    }
}

fn on_a_terminal(home: &Home, args: &[&str]) -> Terminal {
    let mut command = home.command();
    command.args(args).env("TERM", "dumb");
    Terminal::start(command)
}

fn lost(home: &Home, name: &str) -> Venv {
    let venv = home.venv(name);
    fs::remove_file(venv.cfg()).unwrap();
    venv
}

#[test]
fn the_plan_is_shown_and_yes_does_it_and_ctrl_c_does_not() {
    let home = Home::new();
    let venv = venv(&home);
    fs::remove_file(venv.cfg()).unwrap();
    let mut terminal = on_a_terminal(&home, &["repair", "project/.venv"]);
    assert!(terminal.wait_for("Do this? [y/N] "), "{}", terminal.seen);
    assert!(terminal.seen.contains("+home = "), "{}", terminal.seen);
    assert!(!venv.cfg().exists());
    terminal.answer("Do this? [y/N] ", "y");
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("repaired") && venv.cfg().exists(), "{seen}");

    let other = lost(&home, "other/.venv");
    let mut terminal = on_a_terminal(&home, &["repair", "other/.venv"]);
    assert!(terminal.wait_for("[y/N] "), "{}", terminal.seen);
    terminal.seen.clear();
    terminal.press_ctrl_c();
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(130), "{seen}");
    assert!(!other.cfg().exists() && !other.prefix.join(".aios-repair").exists());
}

#[test]
fn each_environment_has_its_question() {
    let home = Home::new();
    let all: Vec<Venv> = ["a", "b", "c", "d", "e", "f"].map(|name| lost(&home, name)).into();
    // A repair of this one cannot begin.
    fs::write(all[1].prefix.join(".aios-repair"), "").unwrap();
    let mut terminal = on_a_terminal(&home, &["repair", "."]);
    terminal.answer("1 of 6: do this? ", "y");
    terminal.answer("2 of 6: do this? ", "yes");
    terminal.answer("3 of 6: do this? ", "");
    terminal.answer("4 of 6: do this? ", "Y");
    terminal.answer("5 of 6: do this? ", "q");
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(2), "one of them failed: {seen}");
    let repaired: Vec<bool> = all.iter().map(|venv| venv.cfg().exists()).collect();
    assert_eq!(repaired, [true, false, false, true, false, false], "{seen}");
    let (_, summary) = seen.split_once("6 environments: ").expect("a summary");
    assert!(summary.starts_with("2 repaired, 1 failed, 3 skipped\n"), "{summary}");
    for (name, outcome) in [("a", "repaired"), ("b", "failed"), ("c", "skipped"), ("f", "skipped")]
    {
        let row = summary.lines().find(|line| line.ends_with(&format!("  ~/{name}")));
        assert!(row.is_some_and(|row| row.contains(outcome)), "{name}: {summary}");
    }
    assert!(summary.contains("`aios repair ~/c` does it"), "{summary}");

    // Four are left: no to the first, and yes to all that follow.
    fs::remove_file(all[1].prefix.join(".aios-repair")).unwrap();
    let mut terminal = on_a_terminal(&home, &["repair", "."]);
    terminal.answer("1 of 4: do this? ", "n");
    terminal.answer("2 of 4: do this? ", "a");
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(1), "{seen}");
    let repaired: Vec<bool> = all.iter().map(|venv| venv.cfg().exists()).collect();
    assert_eq!(repaired, [true, false, true, true, true, true], "{seen}");
}

#[test]
fn what_is_made_anew_is_shown_and_removed_without_leave() {
    let Some(python) = Python::find("3.12") else { return };
    let home = Home::new();
    let prefix = python.venv(&home, "project/.venv", &[]);
    fs::remove_file(prefix.join("pyvenv.cfg")).unwrap();
    let new = home.join("project/.venv.aios-new-1");
    let mut terminal = on_a_terminal(&home, &["repair", "--recreate", "project/.venv"]);
    assert!(terminal.wait_for("Do this? [y/N] "), "{}", terminal.seen);
    assert!(terminal.seen.contains("planned  ~/project/.venv\n"), "{}", terminal.seen);
    assert!(terminal.seen.contains("planned  make-environment: "), "{}", terminal.seen);
    assert!(new.exists());
    terminal.answer("Do this? [y/N] ", "n");
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("skipped  ~/project/.venv"), "{seen}");
    assert!(!new.exists() && !prefix.join("pyvenv.cfg").exists());
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::sys::ptrace;
    use nix::sys::wait::{WaitPidFlag, waitpid};

    use super::*;
    use crate::repair::outcome;
    use crate::support::tree;

    /// An environment that was moved: half a dozen scripts are to be rewritten. Its turn comes before that
    /// of another one.
    fn moved(home: &Home) -> Venv {
        let old = home.venv("old/.venv");
        fs::create_dir_all(home.join("project")).unwrap();
        fs::rename(&old.prefix, home.join("project/.venv")).unwrap();
        lost(home, "work/.venv");
        Venv { prefix: home.join("project/.venv"), base: old.base }
    }

    /// Lets the program run from one call of the system to the next until its first change is made, and
    /// holds it there. `None` where nobody may trace.
    fn held_in_the_middle(home: &Home, venv: &Venv) -> Option<(Terminal, nix::unistd::Pid)> {
        let first = || fs::read(venv.bin("activate")).unwrap();
        let before = first();
        let mut terminal = on_a_terminal(home, &["repair", "project/.venv", "work/.venv"]);
        assert!(terminal.wait_for("1 of 2: do this? "), "{}", terminal.seen);
        let pid = nix::unistd::Pid::from_raw(terminal.child.id().try_into().unwrap());
        if ptrace::seize(pid, ptrace::Options::empty()).is_err() {
            eprintln!("skipped: this user may not trace");
            terminal.child.kill().unwrap();
            return None;
        }
        ptrace::interrupt(pid).unwrap();
        waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap();
        terminal.answer("1 of 2: do this? ", "all");
        while first() == before {
            ptrace::syscall(pid, None).unwrap();
            let status = waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap();
            assert!(
                status.pid().is_some() && !format!("{status:?}").contains("Exited"),
                "{status:?}"
            );
        }
        Some((terminal, pid))
    }

    #[test]
    fn ctrl_c_in_the_middle_of_a_repair() {
        let home = Home::new();
        let venv = moved(&home);
        let before = tree(&venv.prefix);
        let Some((mut terminal, pid)) = held_in_the_middle(&home, &venv) else { return };
        assert_ne!(tree(&venv.prefix), before);
        terminal.press_ctrl_c();
        assert!(terminal.wait_for("Ctrl-C once more ends it at once"), "{}", terminal.seen);
        ptrace::detach(pid, None).unwrap();
        let (code, seen) = terminal.end();
        assert_eq!(code, Some(130), "{seen}");
        assert!(seen.contains("interrupted") && seen.contains("everything is as it was"), "{seen}");
        assert!(seen.contains("begins again"), "{seen}");
        assert!(seen.contains("2 environments: 1 interrupted, 1 skipped\n"), "{seen}");
        assert_eq!(tree(&venv.prefix), before);
        assert!(!home.join("work/.venv/pyvenv.cfg").exists());
        let again = home.aios(["repair", "--yes", "--format", "json", "project/.venv"]);
        assert_eq!(outcome(&again), "repaired", "{again:?}");

        // Twice: at once, and nothing is lost.
        for (end, expected) in [("--undo", "undone"), ("--resume", "repaired")] {
            let home = Home::new();
            let venv = moved(&home);
            let before = tree(&venv.prefix);
            let Some((mut terminal, _)) = held_in_the_middle(&home, &venv) else { return };
            terminal.press_ctrl_c();
            assert!(terminal.wait_for("Ctrl-C once more ends it at once"), "{}", terminal.seen);
            terminal.press_ctrl_c();
            let (code, seen) = terminal.end();
            assert_eq!(code, Some(130), "{seen}");
            assert!(seen.contains("--resume") && seen.contains("--undo"), "{seen}");
            assert_ne!(tree(&venv.prefix), before, "it ended in the middle");
            let ended = home.aios(["repair", end, "--format", "json", "project/.venv"]);
            assert_eq!(outcome(&ended), expected, "{ended:?}");
            if end == "--undo" {
                assert_eq!(tree(&venv.prefix), before);
            } else {
                let check = home.aios(["check", "--format", "json", "project/.venv"]);
                assert!(check.findings(&venv.prefix).is_empty(), "{check:?}");
            }
        }
    }

    #[test]
    fn who_uses_the_environment_is_named() {
        use std::process::{Command, Stdio};

        let home = Home::new();
        let venv = lost(&home, "project/.venv");
        fs::copy("/bin/cat", venv.bin("waits")).unwrap();
        // It waits for input that never comes.
        let mut child = Command::new(venv.bin("waits")).stdin(Stdio::piped()).spawn().unwrap();
        let answer = home.aios(["repair", "--yes", "--format", "json", "project/.venv"]);
        child.kill().unwrap();
        child.wait().unwrap();
        let running = &answer.json()["repairs"][0]["running"];
        assert_eq!(running[0]["pid"], child.id(), "{answer:?}");
        assert_eq!(running[0]["program"], venv.bin("waits").to_str().unwrap());
        assert_eq!(running.as_array().unwrap().len(), 1);
        let note = format!("(process {})", child.id());
        assert!(answer.stderr.contains(&note), "{answer:?}");
        assert!(venv.cfg().exists());
        let quiet = home.aios(["repair", "--undo", "project/.venv"]);
        assert_eq!(quiet.stderr, "", "it has ended");
    }
}
