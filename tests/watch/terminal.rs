//! The screen.
//!
//! Not on Windows: there is no such terminal.
#![cfg(unix)]

use std::fs;

use aios_core::Status;
use aios_core::buffer::event::What;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::Machine;
use crate::support::terminal::Terminal;

#[test]
fn a_screen_with_keys() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    let mut command = machine.watch(&[]);
    command.env("TERM", "xterm-256color");
    let mut terminal = Terminal::start(command);
    let mut sees = |text: &str| assert!(terminal.wait_for(text), "{text:?}: {}", terminal.seen);
    sees("start `aios serve`");
    let mut service = machine.serve();
    service.publish();
    // Words: what is blank before and after is not drawn.
    sees("healthy,");
    fs::remove_file(venv.cfg()).unwrap();
    service.publish();
    service.tell(What::Changed, &venv.prefix, Status::Broken);
    sees("pyvenv-cfg-missing");
    sees("changed");

    terminal.press("\r");
    assert!(terminal.wait_for("causes:"), "{}", terminal.seen);
    terminal.press("\x1b");
    terminal.press("?");
    assert!(terminal.wait_for("ctrl-c"), "{}", terminal.seen);
    drop(service);
    assert!(terminal.wait_for("ended: start"), "{}", terminal.seen);
    terminal.press("q");
    assert!(!terminal.wait_for("nothing more"), "{}", terminal.seen);
    // The screen of before is there again.
    assert!(terminal.seen.contains("\x1b[?1049l"), "{}", terminal.seen);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}

#[test]
fn ctrl_c_and_signals_end_it() {
    let machine = Machine::new();
    // As a key, of which no signal comes; as a signal of somebody else.
    let ways: [fn(&mut Terminal); 3] = [
        |terminal| terminal.press("\x03"),
        |terminal| kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap(),
        |terminal| kill_process(Pid::from_child(&terminal.child), Signal::TERM).unwrap(),
    ];
    for end in ways {
        let mut command = machine.watch(&[]);
        command.env("TERM", "xterm-256color");
        let mut terminal = Terminal::start(command);
        assert!(terminal.wait_for("start `aios serve`"), "{}", terminal.seen);
        end(&mut terminal);
        assert!(!terminal.wait_for("nothing more"));
        assert!(terminal.seen.contains("\x1b[?1049l"), "{}", terminal.seen);
        assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    }
}
