//! Real environments of Windows, backed up with wheels and restored elsewhere: they start there.

use std::path::Path;

use super::pythons::{Pythons, run};
use crate::support::{Answer, Home};

const WORKS: &str = "import sys, markupsafe._speedups; print(sys.prefix)";

#[test]
fn what_was_backed_up_starts_elsewhere() {
    let Some(pythons) = Pythons::here() else { return };
    for (name, base) in [("redirect311", "python311"), ("redirect313", "python313")] {
        let home = Home::forgetful();
        // No key of the registry and no known place leads to these Pythons.
        let aios = |args: &[&str]| {
            let mut command = home.command();
            command.env("PATH", pythons.base(base)).env("SYSTEMROOT", "C:\\windows");
            Answer::of(command.args(args).output().unwrap())
        };
        let prefix = pythons.venv(name);
        let prefix = prefix.to_str().unwrap();
        aios(&["backup", "create", "x.aiosb", prefix, "--wheels"]).exits_with(0);
        aios(&["backup", "verify", "x.aiosb"]).exits_with(0);
        let restored = aios(&["backup", "restore", "x.aiosb", "--to", "to", "--format", "json"]);
        let row = restored.json()["environments"][0].clone();
        // virtualenv made it, and is not there.
        let differences = row["differences"].as_array().unwrap();
        assert_eq!(differences.len(), 1, "{restored:?}");
        assert_eq!(differences[0], "made by venv, and was made by virtualenv");
        let there = Path::new(row["prefix"].as_str().unwrap());
        let works = run(&there.join("Scripts").join("python.exe"), &["-c", WORKS]).exits_with(0);
        assert_eq!(works.stdout.trim(), there.to_str().unwrap());
    }
}
