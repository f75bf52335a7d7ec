//! What was taken, and what was pruned.

use std::io::{self, Write};

use aios_core::snapshot::SnapshotId;

use super::words::bytes;
use super::*;
use crate::output::text::{counted, shown_path};

/// A snapshot that was taken.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) shown: Shown,
    /// The one before, and whether it holds the same.
    pub(crate) before: Option<(SnapshotId, bool)>,
    /// Prefixes of environments that are new or others.
    pub(crate) changed: Vec<PathBuf>,
    /// Prefixes of environments that are gone.
    pub(crate) gone: Vec<PathBuf>,
}

/// Prints what was taken.
pub(crate) fn taken(kept: &Kept, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write_taken(out, kept, page), |out| json::show(out, &kept.shown))
}

fn write_taken(out: &mut dyn Write, kept: &Kept, page: &Page) -> io::Result<()> {
    let held = format!("{}: {}", called(&kept.shown.snapshot), kept.shown.summary());
    line(out, 0, &held, page)?;
    for (what, prefixes) in [("changed", &kept.changed), ("gone", &kept.gone)] {
        let paths: Vec<String> = prefixes
            .iter()
            .map(|prefix| format!("{what}  {}", shown_path(prefix, page.home.as_deref())))
            .collect();
        lines(out, 4, &paths, SHOWN_CHANGES, page)?;
    }
    match kept.before {
        None => Ok(()),
        Some((before, true)) => writeln!(out, "it holds what snapshot {before} holds"),
        Some((before, false)) => {
            let id = kept.shown.snapshot.id;
            writeln!(
                out,
                "what changed since snapshot {before}:\n    aios snapshot diff {before} {id}"
            )
        }
    }
}

/// What retention does not keep.
#[derive(Debug)]
pub(crate) struct Pruned {
    pub(crate) removed: Vec<Snapshot>,
    pub(crate) left: usize,
    /// Those that stay although they are old, with the environments that they stay for.
    pub(crate) held: Vec<(SnapshotId, Vec<PathBuf>)>,
    /// Bytes that only what was removed kept.
    pub(crate) unused_bytes: u64,
    /// Bytes that the file is shorter; `None` when nothing was done.
    pub(crate) freed_bytes: Option<u64>,
}

/// Prints what went, or would.
pub(crate) fn pruned(pruned: &Pruned, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write_pruned(out, pruned, page), |out| json::prune(out, pruned))
}

fn write_pruned(out: &mut dyn Write, pruned: &Pruned, page: &Page) -> io::Result<()> {
    let did = if pruned.freed_bytes.is_some() { "removed" } else { "would remove" };
    let names: Vec<String> =
        pruned.removed.iter().map(|snapshot| format!("{did}  {}", called(snapshot))).collect();
    lines(out, 0, &names, SHOWN_OF_NAMED, page)?;
    for (id, prefixes) in &pruned.held {
        let paths: Vec<String> =
            prefixes.iter().map(|one| shown_path(one, page.home.as_deref())).collect();
        let paths = words::some(&paths, SHOWN_IN_WORDS);
        let text = format!("keeps  snapshot {id}: it alone has the last healthy state of {paths}");
        line(out, 0, &text, page)?;
    }
    let left = counted(pruned.left, "snapshot");
    let unused = bytes(pruned.unused_bytes);
    let text = match (pruned.removed.len(), pruned.freed_bytes) {
        (0, _) => format!("nothing to remove: {left} stay"),
        (count, None) => {
            format!(
                "{} would go and {left} stay; {unused} would be of no use",
                counted(count, "snapshot")
            )
        }
        (_, Some(0)) if pruned.unused_bytes == 0 => {
            format!("{left} stay, and hold all that the others held")
        }
        (_, Some(0)) => format!(
            "{left} stay; no bytes came back yet: {unused} are of no use, and the file is written anew \
             when a quarter of it is"
        ),
        (_, Some(freed)) => format!("{left} stay; {} came back", bytes(freed)),
    };
    line(out, 0, &text, page)
}
