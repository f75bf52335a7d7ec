//! Snapshots and restore of one context beside what else keeps 64 MiB.

use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::forms::{self, Case, Content, What, Who};
use crate::measure::{least, median, nanoseconds};
use crate::table::{Goal, print, ratio, time};

/// What takes less is done again, in nanoseconds.
const ENOUGH: f64 = 3e7;
const MOST_REPETITIONS: usize = 40;

/// The median of each case in its best round, of rounds in which all take turns, in nanoseconds.
pub fn take_turns(cases: &mut [Case], rounds: usize) -> Result<Vec<f64>> {
    let mut times = vec![Vec::new(); cases.len()];
    // The first round is not counted: it fills caches.
    for round in 0..=rounds {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            let mut own = Vec::new();
            while own.len() < MOST_REPETITIONS && own.iter().sum::<f64>() < ENOUGH {
                let time = (case.run)().map_err(|error| format!("{}: {error}", case.who.name()))?;
                own.push(nanoseconds(time));
            }
            if round > 0 {
                times.push(median(&own));
            }
        }
    }
    Ok(times.iter().map(|times| least(times).unwrap_or(f64::NAN)).collect())
}

/// Measures and prints the table.
pub fn run(folder: &Path, mib: usize, rounds: usize) -> Result<()> {
    let started = Instant::now();
    let folder = tempfile::tempdir_in(folder)?;
    let content = Content::new(folder.path(), mib);
    let mut cases = forms::all(&content)?;
    eprintln!("{:5.1} s  built", started.elapsed().as_secs_f64());
    let times = take_turns(&mut cases, rounds)?;
    eprintln!("{:5.1} s  measured", started.elapsed().as_secs_f64());
    let of = |what, who| {
        let found = cases.iter().position(|case| (case.what, case.who) == (what, who));
        found.map_or(f64::NAN, |number| times[number])
    };
    let memcpy = of(What::Snapshot, Who::Memcpy);
    let fresh = of(What::Snapshot, Who::MemcpyFresh);
    let bincode = of(What::Restore, Who::Bincode);
    println!("A context of {mib} MiB with {} records, {rounds} rounds:\n", content.count());
    let mut rows = Vec::new();
    let mut last = None;
    for (case, taken) in cases.iter().zip(&times) {
        let what = if last == Some(case.what) { "" } else { title(case.what) };
        last = Some(case.what);
        let goal = goal(case, memcpy, fresh, bincode);
        let (goal, verdict) = goal.map_or_else(Default::default, |goal| goal.cells(*taken / 1e3));
        let name = case.who.name().to_owned();
        rows.push(vec![what.into(), name, time(*taken), ratio(taken / memcpy), goal, verdict]);
    }
    print(&["", "who", "time", "of memcpy", "goal, us", ""], &rows);
    Ok(())
}

pub fn title(what: What) -> &'static str {
    match what {
        What::Snapshot => "snapshot in memory",
        What::Restore => "restore in memory, to the first read",
        What::Take => "snapshot made durable",
        What::RestoreDurably => "restore made durable, to the first read",
        What::Open => "opening, to the first read",
        What::Verify => "opening with everything verified",
        What::Export => "export",
    }
}

/// In microseconds.
fn goal(case: &Case, memcpy: f64, fresh: f64, bincode: f64) -> Option<Goal> {
    let of_memcpy = |factor| Goal::times(factor, "memcpy", memcpy / 1e3);
    match (case.what, case.who) {
        (What::Snapshot, Who::Aios | Who::AiosUnchanged) => Some(of_memcpy(0.001)),
        (What::Restore | What::Open, Who::Aios | Who::AiosImageFile) => Some(Goal::most(20.0)),
        (What::Verify, Who::Aios) => {
            Some(of_memcpy(0.8).and_times(1.0 / 20.0, "bincode", bincode / 1e3))
        }
        (What::Verify, Who::AiosImage) => Some(of_memcpy(0.8)),
        (What::Export, Who::AiosImage) => Some(Goal::times(1.0, "memcpy, fresh", fresh / 1e3)),
        _ => None,
    }
}
