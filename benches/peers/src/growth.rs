//! How snapshot and restore grow with the context.

use std::path::Path;

use crate::Result;
use crate::forms::{self, Case, Content, What, Who};
use crate::plot::{self, Line};
use crate::snapshot::take_turns;
use crate::table::{print, time};

/// What is shown, and how.
const SHOWN: [(What, Who, &str); 8] = [
    (What::Snapshot, Who::Memcpy, "memcpy"),
    (What::Snapshot, Who::Bincode, "bincode 2: encode"),
    (What::Restore, Who::Bincode, "bincode 2: decode"),
    (What::Verify, Who::Aios, "aios: verified open"),
    (What::Take, Who::Aios, "aios: durable snapshot"),
    (What::Open, Who::Aios, "aios: open to first read"),
    (What::Restore, Who::Aios, "aios: restore to first read"),
    (What::Snapshot, Who::Aios, "aios: snapshot in memory"),
];

/// Measures 1 MiB, 4 MiB and so on, prints the table and draws it.
pub fn run(folder: &Path, largest_mib: usize, rounds: usize, plot: Option<&Path>) -> Result<()> {
    let mut lines = SHOWN.map(|(.., name)| Line { name, points: Vec::new() });
    let mut rows = Vec::new();
    let sizes = std::iter::successors(Some(1), |mib| Some(mib * 4));
    for mib in sizes.take_while(|mib| *mib <= largest_mib) {
        eprintln!("growth: {mib} MiB");
        let folder = tempfile::tempdir_in(folder)?;
        let content = Content::new(folder.path(), mib);
        let is_shown =
            |case: &Case| SHOWN.iter().any(|(what, who, _)| (case.what, case.who) == (*what, *who));
        let mut cases: Vec<Case> = forms::growing(&content)?.into_iter().filter(is_shown).collect();
        let times = take_turns(&mut cases, if mib > 256 { rounds.min(3) } else { rounds })?;
        let mut row = vec![format!("{mib} MiB")];
        for ((what, who, _), line) in SHOWN.iter().zip(&mut lines) {
            let found = cases.iter().position(|case| (case.what, case.who) == (*what, *who));
            let taken = times[found.ok_or("nothing measures what is shown")?];
            line.points.push((mib as f64, taken));
            row.push(time(taken));
        }
        rows.push(row);
    }
    let header: Vec<&str> =
        std::iter::once("context").chain(SHOWN.map(|(.., name)| name)).collect();
    print(&header, &rows);
    if let Some(path) = plot {
        std::fs::write(path, plot::draw(&lines))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}
