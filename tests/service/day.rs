//! A day of churn in seconds: the clock is told, the disk is real.
//!
//! The test runs itself in a process of its own, whose memory and descriptors are nobody else's.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use aios_core::Status;
use aios_core::live::{Bounds, Options, Output, Service};

use crate::support::{Distribution, Home, Machine, Venv};

const ROLE: &str = "AIOS_TEST_DAY";
const HOUR: u64 = 60;

#[test]
fn a_day_of_churn_takes_no_more_at_its_end() {
    if std::env::var_os(ROLE).is_some() {
        return day();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "service::day::a_day_of_churn_takes_no_more_at_its_end", "--nocapture"])
        .env(ROLE, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let figures = said.lines().find(|line| line.starts_with("a day:"));
    println!("{}", figures.expect("the day was gone through"));
}

/// Time that is told.
struct Driven {
    service: Service,
    now: Duration,
    next: Duration,
    steps: u64,
}

impl Driven {
    /// Goes on for so long, and does what comes due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        // What was heard wakes it.
        self.step();
        while self.next <= end {
            self.now = self.next.max(self.now);
            self.step();
        }
        self.now = end;
    }

    fn step(&mut self) {
        self.next = self.service.step(self.now);
        self.steps += 1;
        assert!(self.next > self.now, "it would not come to rest at {:?}", self.now);
    }
}

fn day() {
    let Machine { home, host } = Machine::new();
    let base = home.base();
    let venvs: Vec<Venv> = (0..4).map(|n| home.venv(format!("work/p{n}/.venv"))).collect();
    let options = Options {
        workspaces: vec![home.join("work")],
        folder: home.join("memory"),
        cache: Some(home.join("cache/environments.cache")),
        notifications: true,
        bounds: Bounds::default(),
    };
    let (sweep, check) = (options.bounds.sweep, options.bounds.check);
    let service = Service::new(host, options, Output::default(), Default::default(), 0);
    let mut driven = Driven { service, now: Duration::ZERO, next: Duration::ZERO, steps: 0 };
    driven.step();
    assert_eq!(driven.service.state().count(Status::Healthy), 5, "{:?}", driven.service.state());

    let minute = Duration::from_secs(60);
    let mut changes = 0;
    let mut after_a_while = None;
    let watched_at_first = driven.service.watched();
    for at in 0..24 * HOUR {
        // From midnight to six nobody works.
        if at >= 6 * HOUR && at % 4 == 0 {
            changes += 1;
            let prefix = change(changes, &venvs, &home, &base);
            // The system tells it too, some time.
            driven.service.heard().changed(&prefix, false);
        }
        if at == 1 {
            let (before, steps) = (driven.service.work(), driven.steps);
            driven.pass(minute * 5 * HOUR as u32);
            let after = driven.service.work();
            let sweeps = after.sweeps - before.sweeps;
            assert_eq!(sweeps, 5 * 3600 / sweep.as_secs(), "{after:?}");
            assert_eq!((after.looks, after.walks), (before.looks, before.walks));
            // A look, its record, and the first wake; on some systems stamps are looked at too.
            let checks = if cfg!(target_os = "linux") { 0 } else { 5 * 3600 / check.as_secs() };
            let steps = driven.steps - steps;
            assert!(steps <= 3 * sweeps + checks + 1, "{steps} steps");
        }
        if at == 0 || at > 5 * HOUR {
            driven.pass(minute);
        }
        if at == 10 * HOUR {
            after_a_while = Some(resources());
        }
    }
    // What the last change left.
    for venv in &venvs {
        if !venv.cfg().exists() {
            fs::rename(venv.cfg().with_extension("away"), venv.cfg()).unwrap();
            driven.service.heard().changed(&venv.prefix, false);
        }
    }
    driven.pass(sweep + minute);
    let work = driven.service.work();
    let state = driven.service.state();
    assert!(state.count(Status::Broken) == 0 && state.len() >= 5, "{state:?}");
    // Each change is looked at, by what was said here and by what the system says, and now and then twice.
    assert!((changes..8 * changes).contains(&work.looks), "{changes} changes, {work:?}");
    assert!(work.sweeps <= 26 * 3600 / sweep.as_secs() + 2 * changes, "{work:?}");
    assert!(work.records <= 4 * changes + 2 * work.sweeps, "{work:?}");
    let watched = driven.service.watched();
    assert!(
        watched.0 <= watched_at_first.0 + 12 && watched.1 <= watched_at_first.1 + 12,
        "{watched:?}"
    );
    let (before, after) = (after_a_while.unwrap(), resources());
    println!(
        "a day: {changes} changes, {work:?}, {} steps; after 10 hours {before:?}, after 24 {after:?}",
        driven.steps
    );
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after.descriptors <= before.descriptors, "{before:?} {after:?}");
        assert!(after.resident_kib < before.resident_kib + 8 * 1024, "{before:?} {after:?}");
    }
}

/// One of the things that people and programs do.
fn change(number: u64, venvs: &[Venv], home: &Home, base: &crate::support::Base) -> PathBuf {
    let venv = &venvs[(number / 6) as usize % venvs.len()];
    let away = venv.cfg().with_extension("away");
    let short = Venv { prefix: home.join("work/short/.venv"), base: base.clone() };
    match number % 6 {
        0 => fs::rename(venv.cfg(), &away).unwrap(),
        1 => fs::rename(&away, venv.cfg()).or_else(|_| fs::metadata(venv.cfg()).map(drop)).unwrap(),
        2 => drop(Venv::make(&short.prefix, base)),
        3 => short.install(&Distribution {
            name: "tool",
            version: &format!("1.{number}"),
            files: &[("tool.py", b"# a tool\n")],
            ..Distribution::default()
        }),
        4 => fs::remove_dir_all(home.join("work/short")).unwrap(),
        _ => fs::write(venv.prefix.join("notes.txt"), number.to_string()).unwrap(),
    }
    match number % 6 {
        2..=4 => home.join("work/short"),
        _ => venv.prefix.clone(),
    }
}

#[derive(Debug)]
struct Resources {
    resident_kib: u64,
    descriptors: usize,
}

/// Of this process, where the system tells.
fn resources() -> Option<Resources> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident_kib = resident.trim().trim_end_matches("kB").trim().parse().ok()?;
    let descriptors = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(Resources { resident_kib, descriptors })
}
