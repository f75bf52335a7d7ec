//! What was brought back, and what it would take to bring environments back.

use std::io::{self, Write};

use aios_core::snapshot::SnapshotId;

use super::diff::entries;
use super::words::{BOLD, color_of, in_order};
use super::*;
use crate::output::text::{counted, shown_path};

/// Environments that are written out.
const SHOWN_ENVIRONMENTS: usize = 40;

/// What came of restoring a snapshot.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) snapshot: Snapshot,
    /// The snapshot that keeps the entries of before, if any was changed.
    pub(crate) saved: Option<SnapshotId>,
    /// Entries of other programs that were brought back.
    pub(crate) entries: Vec<Entry>,
    /// From what stands on disk to what the snapshot has.
    pub(crate) environments: Vec<Differing>,
    /// Whether the environments are repaired next.
    pub(crate) applies: bool,
    /// Whether the snapshot has any environment that was asked for.
    pub(crate) is_about_any: bool,
}

/// Prints what came of it.
pub(crate) fn restored(restored: &Restored, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write(out, restored, page), |out| json::restore(out, restored))
}

fn write(out: &mut dyn Write, all: &Restored, page: &Page) -> io::Result<()> {
    writeln!(out, "{}", called(&all.snapshot))?;
    entries(out, &all.entries, page)?;
    if let Some(saved) = all.saved {
        writeln!(out, "    they are as they were; to go back:\n    aios snapshot restore {saved}")?;
    }
    for one in all.environments.iter().take(SHOWN_ENVIRONMENTS) {
        writeln!(out)?;
        environment(out, one, page)?;
    }
    if all.environments.len() > SHOWN_ENVIRONMENTS {
        let rest = counted(all.environments.len() - SHOWN_ENVIRONMENTS, "environment");
        writeln!(out, "\nand {rest} more")?;
    }
    match (all.environments.len(), all.saved) {
        (0, None) => writeln!(out, "everything is as it was then"),
        (0, Some(_)) => Ok(()),
        (count, _) => {
            let differ = if count == 1 { "is not as it was" } else { "are not as they were" };
            let environments = counted(count, "environment");
            if all.applies {
                return writeln!(out, "\n{environments} {differ}");
            }
            line(
                out,
                0,
                &format!(
                    "{environments} {differ}; nothing on disk was changed. To change it, with a plan to look at first:"
                ),
                page,
            )?;
            writeln!(out, "    aios snapshot restore {} --apply", all.snapshot.id)
        }
    }
}

fn environment(out: &mut dyn Write, one: &Differing, page: &Page) -> io::Result<()> {
    let path = shown_path(&one.prefix, page.home.as_deref());
    match one.status_before() {
        Some(status) => {
            let color = color_of(status);
            writeln!(out, "{color}{status}{color:#}  {BOLD}{path}{BOLD:#}")?;
        }
        None => {
            writeln!(out, "gone  {BOLD}{path}{BOLD:#}")?;
            return line(out, 4, &format!("make it again: {}", one.then()), page);
        }
    }
    let words: Vec<String> = in_order(&one.changes).into_iter().filter_map(to_do).collect();
    if words.is_empty() {
        return line(out, 4, "nothing to do: only what follows from the rest differs", page);
    }
    let most = if one.in_full { SHOWN_OF_NAMED } else { SHOWN_CHANGES };
    lines(out, 4, &words, most, page)
}

/// What is to be done to get there. `None`: it follows from the rest, or nobody wants it back.
fn to_do(change: &Change) -> Option<String> {
    Some(match change {
        Change::Fact { .. } | Change::Appeared(_) => return None,
        Change::Added(one) => format!("install {} {}", shown(&one.name), shown(&one.version)),
        Change::Removed(one) => format!("remove {} {}", shown(&one.name), shown(&one.version)),
        Change::Version { name, before, after } => {
            format!("install {} {} in the place of {}", shown(name), shown(after), shown(before))
        }
        Change::Files { installed, files } => {
            let what = format!("{} {}", shown(&installed.name), shown(&installed.version));
            match files {
                0 => format!("install {what} again"),
                files => format!("install {what} again: {} differ", counted(*files, "file")),
            }
        }
        Change::Conda { name, is_there: true } => format!("install {} with conda", shown(name)),
        Change::Conda { name, is_there: false } => format!("remove {} with conda", shown(name)),
        Change::File { path, is_new: Some(true) } => format!("bring {} back", shown(path)),
        Change::File { path, is_new: Some(false) } => format!("remove {}", shown(path)),
        Change::File { path, is_new: None } => format!("bring {} back as it was", shown(path)),
        Change::Gone(found) => format!("mends {}", shown(&found.code)),
    })
}
