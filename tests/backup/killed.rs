//! The process is killed at each call that changes the disk.
//!
//! Not on Windows: a test sees the calls of another process only where there is `ptrace`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

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

#[test]
fn a_restore_that_is_killed_is_done_by_the_next_one() {
    let Some(machine) = Machine::of_one() else { return };
    machine.back_up();
    let args = ["backup", "restore", "before.aiosb", "--to", "to"];
    let calls = Traced::start(&machine.later(true), &args).rest().len();
    assert!(calls > 10, "{calls}");
    let mut begun = 0;
    for number in 0..calls {
        let later = machine.later(true);
        Traced::start(&later, &args).kill_at(Moment::Before(number));
        begun += usize::from(later.join("to").exists());
        eprintln!(
            "AT {number} {:?}",
            crate::support::tree(later.path())
                .keys()
                .filter(|p| p.starts_with("to"))
                .take(12)
                .collect::<Vec<_>>()
        );
        let answer = later.aios(args).exits_with(0);
        assert!(answer.stdout.contains("1 of 1 environment exact"), "{answer:?}");
    }
    assert!(begun > 1, "it was never killed in the middle");
}

/// Kills at random moments, of a backup and of a restore: `AIOS_TEST_BACKUP_KILLS=200` for a long run.
fn kills() -> u32 {
    std::env::var("AIOS_TEST_BACKUP_KILLS").map_or(4, |text| text.parse().unwrap())
}

/// Moments that differ from run to run would not be looked at twice: a sequence that has no pattern.
fn moments(longest: Duration) -> impl Iterator<Item = Duration> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        longest.mul_f64((state >> 11) as f64 / (1_u64 << 53) as f64)
    })
}

/// Starts it, kills it after that time, and waits until it is gone.
fn kill_after(home: &Home, args: &[&str], time: Duration) {
    let mut child =
        home.command().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Processes whose arguments name this folder.
fn running_in(home: &Home) -> Vec<String> {
    let folder = home.path().to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|one| fs::read(one.path().join("cmdline")).ok());
    let texts = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    texts.filter(|text| text.contains(folder) && text.contains("venv")).collect()
}

#[test]
fn killed_at_random_moments() {
    let Some(machine) = Machine::of_one() else { return };
    let create = ["backup", "create", "before.aiosb", "work", "--wheels"];
    let home = machine.home();
    let begun = Instant::now();
    home.aios(create).exits_with(0);
    let longest = begun.elapsed();
    for time in moments(longest).take(kills() as usize) {
        let _ = fs::remove_file(home.join("before.aiosb"));
        kill_after(home, &create, time);
        if home.join("before.aiosb").exists() {
            home.aios(["backup", "verify", "before.aiosb"]).exits_with(0);
        }
    }
    let _ = fs::remove_file(home.join("before.aiosb"));
    home.aios(create).exits_with(0);
    let left = fs::read_dir(home.path())
        .unwrap()
        .filter(|one| one.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(left.count(), 0);

    let restore = ["backup", "restore", "before.aiosb", "--to", "to"];
    let later = machine.later(true);
    let begun = Instant::now();
    later.aios(restore).exits_with(0);
    let longest = begun.elapsed();
    let mut begun = 0;
    for time in moments(longest).take(kills() as usize) {
        let later = machine.later(true);
        kill_after(&later, &restore, time);
        begun += usize::from(later.join("to").exists());
        // What it started is gone with it, or is about to be.
        let deadline = Instant::now() + Duration::from_secs(60);
        while !running_in(&later).is_empty() {
            assert!(Instant::now() < deadline, "{:?}", running_in(&later));
            std::thread::sleep(Duration::from_millis(5));
        }
        let answer = later.aios(restore).exits_with(0);
        assert!(answer.stdout.contains("1 of 1 environment exact"), "{answer:?}");
    }
    assert!(begun > 0, "it was never killed in the middle");
}
