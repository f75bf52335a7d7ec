//! What was taken, what was pruned, and whether all of it is whole.

use std::io::{self, Write};

use aios_core::engine::damage::{Checked, Part};
use aios_core::snapshot::SnapshotId;

use super::words::{BOLD, color_of, entry};
use super::*;
use crate::output::text::{bytes, counted, shown_path};

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

/// Whether all that is remembered is whole.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) checked: Checked,
    /// Blocks that were healed before, with `--heal`.
    pub(crate) healed: Option<u64>,
}

/// Prints what is damaged.
pub(crate) fn verified(verified: &Verified, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write_verified(out, verified, page), |out| json::verify(out, verified))
}

fn write_verified(out: &mut dyn Write, verified: &Verified, page: &Page) -> io::Result<()> {
    let checked = &verified.checked;
    if let Some(healed) = verified.healed {
        writeln!(out, "healed {}", counted(healed as usize, "block"))?;
    }
    for part in checked.parts.iter().take(SHOWN_OF_NAMED) {
        damaged(out, part, page)?;
    }
    let size = bytes(checked.bytes);
    if checked.damage.is_empty() {
        let blocks = counted(checked.blocks as usize, "block");
        return writeln!(out, "whole: {blocks}, {size}");
    }
    // What is below no context has no name for people.
    let paths: Vec<String> = checked.damage.iter().map(|one| raw(&one.path)).collect();
    if checked.parts.is_empty() {
        lines(out, 0, &paths, SHOWN_OF_NAMED, page)?;
    }
    let blocks = counted(checked.damage.len(), "damaged block");
    writeln!(out, "{blocks} of {}, {size}", checked.blocks)?;
    let next = match (verified.healed, checked.parts.is_empty()) {
        (None, _) => {
            "to put whole copies in their place, where there are any:\n    aios snapshot verify --heal"
        }
        (Some(_), true) => {
            "nothing has a whole copy of them: put a backup of the store in its place, or move it away"
        }
        (Some(_), false) => {
            "nothing has a whole copy of them; other snapshots, and environments that are not named here, \
             are as they were"
        }
    };
    writeln!(out, "{next}")
}

fn damaged(out: &mut dyn Write, part: &Part, page: &Page) -> io::Result<()> {
    let red = color_of(Status::Broken);
    let path = match (&part.prefix, part.id()) {
        (Some(prefix), _) => shown_path(prefix, page.home.as_deref()),
        (None, Some(id)) => format!("the environment with the identity {}", shown(&id.0)),
        (None, None) => entry(&part.path),
    };
    writeln!(out, "{red}damaged{red:#}  {BOLD}{path}{BOLD:#}")?;
    let mut places: Vec<String> =
        part.is_present.then(|| "as it was seen last".to_owned()).into_iter().collect();
    if !part.damaged.is_empty() {
        places.push(numbers(&part.damaged));
    }
    if !places.is_empty() {
        line(out, 4, &format!("in {}", places.join(", ")), page)?;
    }
    match part.whole.as_slice() {
        [] => line(out, 4, "no snapshot has it whole", page),
        whole => line(out, 4, &format!("whole in {}, as it was then", numbers(whole)), page),
    }
}

/// `snapshot 3`, `snapshots 1, 2 and 5 more`
fn numbers(ids: &[SnapshotId]) -> String {
    let shown: Vec<String> = ids.iter().rev().map(ToString::to_string).collect();
    let noun = if ids.len() == 1 { "snapshot" } else { "snapshots" };
    format!("{noun} {}", words::some(&shown, SHOWN_CHANGES))
}

/// A path in the store, where numbers of snapshots are keys of eight bytes.
fn raw(path: &[Vec<u8>]) -> String {
    let keys: Vec<String> = path
        .iter()
        .map(|key| match <[u8; 8]>::try_from(key.as_slice()) {
            Ok(number) if number[0] == 0 => {
                number.iter().fold(0, |id: u64, byte| id << 8 | u64::from(*byte)).to_string()
            }
            _ => entry(std::slice::from_ref(key)),
        })
        .collect();
    if keys.is_empty() { "the root".to_owned() } else { keys.join("/") }
}
