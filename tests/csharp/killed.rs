//! Readers in C# that are killed at any moment hold nobody up, and no view of theirs is torn.
//!
//! Not on Windows: a program under Wine starts no compiler of the machine.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use super::peer::Told;
use super::{Built, built, compiled};

/// Reads until it is killed. The number of environments is that of the version, so that a torn view shows.
const VICTIM: &str = r#"
using System;
using Aios;

using PublishedState state = PublishedState.Open();
for (ulong views = 1; ; views++)
{
    using PinnedState pinned = state.Pin();
    if (!pinned.IsWhole || (ulong)pinned.Count != pinned.Version % 50) Environment.FailFast($"{pinned.Version} is torn");
    if ((views & (views - 1)) == 0) Console.WriteLine("viewed");
}
"#;

const KILLS: usize = 6;

struct Victim {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    fn start(built: &Built, told: &Told) -> Victim {
        let mut command = built.command(&told.home, "Victim.dll");
        command.env("AIOS_HOME", told.home.join("data")).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Victim { child, lines }
    }

    fn has_viewed(&mut self) {
        assert_eq!(self.lines.next().expect("no view is torn").unwrap(), "viewed");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn killed_readers_hold_nobody_up() {
    let Some(built) = built() else { return };
    let mut told = Told::begin();
    compiled(&told.home, built, "Victim", VICTIM);
    let mut version = 0;
    let mut publish = |told: &mut Told| {
        let answer = told.answer(&format!("publish {}", (version + 1) % 50));
        let is_new = answer == (version + 1).to_string();
        version += usize::from(is_new);
        is_new
    };
    assert!(publish(&mut told));
    let mut victims: Vec<Victim> = (0..2).map(|_| Victim::start(built, &told)).collect();
    for kill in 0..KILLS {
        let victim = &mut victims[kill % 2];
        // Its view is new each time, and it is killed with one pinned, mostly.
        for _ in 0..5 {
            victim.has_viewed();
            for _ in 0..20 {
                publish(&mut told);
            }
        }
        let next = Victim::start(built, &told);
        std::mem::replace(&mut victims[kill % 2], next).kill();
    }
    victims.into_iter().for_each(Victim::kill);
    // What the dead have pinned is free.
    for _ in 0..20 {
        assert!(publish(&mut told), "a slot is held by the dead");
    }
}
