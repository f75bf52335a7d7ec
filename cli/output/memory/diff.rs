//! What changed from one snapshot to another.

use std::io::{self, Write};

use super::words::{BOLD, DIM, color_of, entry, happened, in_order};
use super::*;
use crate::output::text::{counted, shown_path};

/// Environments that are written out.
const SHOWN_ENVIRONMENTS: usize = 40;
/// Entries of other programs that are named.
const SHOWN_ENTRIES: usize = 8;

/// Two snapshots, and what differs of what was asked for.
#[derive(Debug)]
pub(crate) struct Differs {
    pub(crate) from: Snapshot,
    pub(crate) to: Snapshot,
    pub(crate) environments: Vec<Differing>,
    pub(crate) entries: Vec<Entry>,
}

/// An environment that is another.
#[derive(Debug)]
pub(crate) struct Differing {
    pub(crate) id: EnvironmentId,
    pub(crate) prefix: PathBuf,
    pub(crate) how: How,
    before: Option<Environment>,
    after: Option<Environment>,
    pub(crate) changes: Vec<Change>,
    /// Whether it was named itself.
    pub(super) in_full: bool,
}

impl Differing {
    pub(crate) fn of(pair: &Pair, in_full: bool) -> Result<Differing, engine::Error> {
        let read = |state: &Option<State>| {
            state.as_ref().map(|state| Environment::of(&pair.id, state)).transpose()
        };
        let prefix = pair.latest().map(State::prefix).transpose()?.unwrap_or_default();
        Ok(Differing {
            id: pair.id.clone(),
            prefix,
            how: How::of(pair),
            before: read(&pair.before)?,
            after: read(&pair.after)?,
            changes: pair.changes()?,
            in_full,
        })
    }

    /// `venv, Python 3.12.3, 4 distributions`, of the second state.
    pub(super) fn then(&self) -> String {
        let described = |one: &Environment| {
            format!("{}, {}", one.kind(), counted(one.installed(), "distribution"))
        };
        self.after.as_ref().map(described).unwrap_or_default()
    }

    pub(super) fn status_before(&self) -> Option<Status> {
        self.before.as_ref().map(|one| one.status)
    }

    pub(super) fn status_after(&self) -> Option<Status> {
        self.after.as_ref().map(|one| one.status)
    }
}

/// Prints what differs.
pub(crate) fn diff(differs: &Differs, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write(out, differs, page), |out| json::diff(out, differs))
}

fn write(out: &mut dyn Write, all: &Differs, page: &Page) -> io::Result<()> {
    writeln!(out, "from {} to {}", called(&all.from), called(&all.to))?;
    for one in all.environments.iter().take(SHOWN_ENVIRONMENTS) {
        writeln!(out)?;
        environment(out, one, page)?;
    }
    let environments = all.environments.len();
    if environments > SHOWN_ENVIRONMENTS {
        writeln!(out, "\nand {} more", counted(environments - SHOWN_ENVIRONMENTS, "environment"))?;
    }
    entries(out, &all.entries, page)?;
    let differ = if environments == 1 { "differs" } else { "differ" };
    match (environments, all.entries.len()) {
        (0, 0) => writeln!(out, "nothing differs"),
        (_, 0) => writeln!(out, "\n{} {differ}", counted(environments, "environment")),
        (_, entries) => {
            let of = if entries == 1 { "entry" } else { "entries" };
            let environments = counted(environments, "environment");
            writeln!(out, "\n{environments} and {entries} {of} of other programs differ")
        }
    }
}

fn environment(out: &mut dyn Write, one: &Differing, page: &Page) -> io::Result<()> {
    let path = shown_path(&one.prefix, page.home.as_deref());
    let status = |state: &Option<Environment>| state.as_ref().map(|one| one.status);
    write!(out, "{}  {BOLD}{path}{BOLD:#}", one.how.as_str())?;
    match (status(&one.before), status(&one.after)) {
        (Some(before), Some(after)) if before != after => {
            let (old, new) = (color_of(before), color_of(after));
            writeln!(out, "  {old}{before}{old:#} -> {new}{after}{new:#}")?;
        }
        (_, Some(status)) | (Some(status), None) => {
            let color = color_of(status);
            writeln!(out, "  {color}{status}{color:#}")?;
        }
        (None, None) => writeln!(out)?,
    }
    if let (How::New, Some(whole), false) | (How::Gone, Some(whole), false) =
        (one.how, one.after.as_ref().or(one.before.as_ref()), one.in_full)
    {
        let installed = counted(whole.installed(), "distribution");
        return line(out, 4, &format!("{}, {installed}", whole.kind()), page);
    }
    let words: Vec<String> = in_order(&one.changes).into_iter().map(happened).collect();
    if words.is_empty() {
        return writeln!(out, "    {DIM}only bytecode and what installers note{DIM:#}");
    }
    let most = if one.in_full { SHOWN_OF_NAMED } else { SHOWN_CHANGES };
    lines(out, 4, &words, most, page)
}

/// Entries of other programs, below a line that counts them.
pub(super) fn entries(out: &mut dyn Write, all: &[Entry], page: &Page) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let count = |which| all.iter().filter(|one| one.is_new == which).count();
    let counts: Vec<String> = [(Some(true), "new"), (None, "changed"), (Some(false), "gone")]
        .into_iter()
        .filter(|(which, _)| count(*which) > 0)
        .map(|(which, word)| format!("{} {word}", count(which)))
        .collect();
    writeln!(out, "\n{BOLD}entries of other programs{BOLD:#}: {}", counts.join(", "))?;
    let words: Vec<String> = all
        .iter()
        .map(|one| {
            let what = match one.is_new {
                Some(true) => "new",
                Some(false) => "gone",
                None => "changed",
            };
            format!("{what}  {}", entry(&one.path))
        })
        .collect();
    lines(out, 4, &words, SHOWN_ENTRIES, page)
}
