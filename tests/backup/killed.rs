//! The process is killed at each call that changes the disk.
//!
//! Not on Windows: a test sees the calls of another process only where there is `ptrace`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs;

use super::restore::Machine;
use crate::support::Home;
use crate::support::traced::{Moment, Traced};

const CREATE: [&str; 4] = ["backup", "create", "x.aiosb", "work"];

/// Names beside the backup that are of it.
fn names(home: &Home) -> Vec<String> {
    let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.contains("x.aiosb")).collect()
}

#[test]
fn a_backup_is_whole_or_not_there() {
    let home = Home::forgetful();
    home.venv("work/.venv");
    let calls = Traced::start(&home, &CREATE).rest();
    assert_eq!(names(&home), ["x.aiosb"]);
    assert!(calls.iter().any(|call| call.name == "sync") && calls.len() > 5, "{calls:?}");
    let (mut left_part, mut whole) = (0, 0);
    for (number, call) in calls.iter().enumerate() {
        let within = call.is_divisible && number % 2 == 1;
        let moment = if within { Moment::Within(number) } else { Moment::Before(number) };
        let _ = fs::remove_file(home.join("x.aiosb"));
        Traced::start(&home, &CREATE).kill_at(moment);
        left_part += names(&home).iter().filter(|name| name.ends_with(".part")).count();
        if home.join("x.aiosb").exists() {
            whole += 1;
            home.aios(["backup", "verify", "x.aiosb"]).exits_with(0);
        } else {
            // The next one begins anew, and takes away what is left.
            home.aios(CREATE).exits_with(0);
            assert_eq!(names(&home), ["x.aiosb"], "{moment:?}");
        }
    }
    assert!(left_part > 3 && whole > 0, "{left_part} {whole} of {}", calls.len());
}

/// Moments of a restore at which it is killed.
const SAMPLED: usize = 5;

#[test]
fn a_restore_that_is_killed_is_done_by_the_next_one() {
    let Some(machine) = Machine::of_one() else { return };
    machine.back_up();
    let args = ["backup", "restore", "before.aiosb", "--to", "to"];
    let calls = Traced::start(&machine.later(true), &args).rest().len();
    assert!(calls > SAMPLED, "{calls}");
    let mut begun = 0;
    for turn in 0..SAMPLED {
        let later = machine.later(true);
        let number = calls * turn / SAMPLED + turn;
        Traced::start(&later, &args).kill_at(Moment::Before(number));
        begun += usize::from(later.join("to").exists());
        let answer = later.aios(args).exits_with(0);
        assert!(answer.stdout.contains("1 of 1 environment exact"), "{answer:?}");
    }
    assert!(begun > 1, "it was never killed in the middle");
}
