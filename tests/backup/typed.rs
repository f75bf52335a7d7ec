//! Passphrases that are typed.
//!
//! Not on Windows: there is no such terminal.
#![cfg(target_os = "linux")]

use crate::support::Home;
use crate::support::terminal::Terminal;

/// The program on a terminal that is its own: passphrases are read from that, not from stdin.
fn on_its_terminal(home: &Home, args: &[&str]) -> Terminal {
    let mut command = home.command_after(&["/usr/bin/setsid", "--ctty", "--wait"]);
    command.args(args).env("TERM", "dumb");
    Terminal::start(command)
}

const CTRL_C: &str = "\u{3}";

/// Answers these questions; the exit code, and all that was shown.
fn answered(mut terminal: Terminal, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    for (question, answer) in answers {
        assert!(terminal.wait_for(question), "`{question}` is not asked: {}", terminal.seen);
        terminal.wait_until_hidden();
        match *answer {
            CTRL_C => terminal.press(CTRL_C),
            text => terminal.press(&format!("{text}\n")),
        }
    }
    terminal.wait_for("\u{0}");
    (terminal.child.wait().unwrap().code(), terminal.seen)
}

#[test]
fn a_passphrase_is_asked_for_twice_and_not_shown() {
    let home = Home::forgetful();
    home.venv("work/.venv");
    let (first, again) = ("passphrase for the backup: ", "the same again: ");
    let create = ["backup", "create", "x.aiosb", "work", "--encrypt"];
    let differ = [(first, "correct horse"), (again, "correct house")];
    let (code, seen) = answered(on_its_terminal(&home, &create), &differ);
    assert_eq!(code, Some(2), "{seen}");
    assert!(seen.contains("the two passphrases differ"), "{seen}");
    assert!(!home.join("x.aiosb").exists());
    let (code, seen) = answered(on_its_terminal(&home, &create), &[(first, CTRL_C)]);
    assert_eq!((code, seen.contains("error")), (Some(130), false), "{seen}");
    assert!(!home.join("x.aiosb").exists());

    let same = [(first, "correct horse"), (again, "correct horse")];
    let (code, seen) = answered(on_its_terminal(&home, &create), &same);
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("encrypted") && !seen.contains("horse"), "{seen}");

    let verify = ["backup", "verify", "x.aiosb"];
    let question = "passphrase of the backup: ";
    let (code, seen) = answered(on_its_terminal(&home, &verify), &[(question, "correct horse")]);
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("is whole") && !seen.contains("horse"), "{seen}");
    let (code, seen) = answered(on_its_terminal(&home, &verify), &[(question, "wrong")]);
    assert_eq!(code, Some(2), "{seen}");
    assert!(seen.contains("does not open with this"), "{seen}");
}
