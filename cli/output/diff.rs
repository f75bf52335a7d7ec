//! What a plan changes, line by line: a unified diff for each text file, and for everything else what
//! stands there and what will.
//!
//! ```text
//! --- pyvenv.cfg
//! +++ pyvenv.cfg
//! @@ -1,2 +1,2 @@
//! -home = /gone/bin
//! +home = /usr/bin
//!  version = 3.12.3
//! bin/python: link to /gone/bin/python3 -> link to /usr/bin/python3
//! bin/tool: rights 0644 -> 0755
//! ```

use std::path::{Path, PathBuf};

use aios_core::environments::repair::change::{Archives, Change, Content, State};
use aios_core::environments::repair::{Plan, Step};
use similar::{ChangeTag, TextDiff};

use super::text::counted;

/// Of a larger file its size is said.
const MAX_BYTES: u64 = 256 * 1024;

/// Comparing takes the product of the lines of both at worst.
const MOST_COMPARED: usize = 4000;

/// Shown of one file.
const MOST_LINES: usize = 60;

/// Changes that are shown of one step.
const MOST_CHANGES: usize = 20;

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name, a place in a file, or a change of another kind.
    Note,
    Kept,
    Removed,
    Added,
}

/// A line as it stands in the files: not to be shown raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// The diff of each step of a plan. Reads what stands there now.
pub(crate) fn of(plan: &Plan) -> Vec<Vec<Line>> {
    let mut reading = Reading { plan, emptied: Vec::new(), archives: Archives::default() };
    plan.steps.iter().map(|step| reading.step(step)).collect()
}

/// The paths that a step changes, for files that come as they are.
pub(crate) fn names(plan: &Plan, step: &Step) -> Vec<Line> {
    let reading = Reading { plan, emptied: Vec::new(), archives: Archives::default() };
    let is_file = |change: &&Change| !matches!(change, Change::Folder { .. });
    let paths: Vec<&Path> = step.changes.iter().filter(is_file).flat_map(Change::paths).collect();
    let mut lines: Vec<Line> =
        paths.iter().take(MOST_CHANGES).map(|path| note(reading.name(path))).collect();
    lines.extend(more(paths.len()));
    lines
}

/// That some are not shown.
fn more(all: usize) -> Option<Line> {
    let more = all.checked_sub(MOST_CHANGES).filter(|more| *more > 0)?;
    let more = counted(more, "more change");
    Some(note(format!("... {more}; `--format json` names each path")))
}

struct Reading<'a> {
    plan: &'a Plan,
    /// What changes before take away.
    emptied: Vec<&'a Path>,
    archives: Archives,
}

/// What stands at a path, before or after.
struct Side {
    state: State,
    bytes: u64,
    /// The content of a small text file.
    text: Option<String>,
}

impl<'a> Reading<'a> {
    fn step(&mut self, step: &'a Step) -> Vec<Line> {
        let mut lines = Vec::new();
        for change in step.changes.iter().take(MOST_CHANGES) {
            self.change(change, &mut lines);
            if let Change::Remove { path } | Change::Rename { from: path, .. } = change {
                self.emptied.push(path);
            }
        }
        lines.extend(more(step.changes.len()));
        lines
    }

    fn change(&mut self, change: &Change, lines: &mut Vec<Line>) {
        match change {
            Change::Write { path, content, mode } => {
                let before = self.before(path);
                let after = self.after(content, *mode, &before.state);
                self.written(path, &before, &after, lines);
            }
            Change::Link { path, target } => {
                let before = self.before(path);
                let before = in_words(&before);
                let name = self.name(path);
                lines.push(note(format!("{name}: {before} -> link to {}", lossy(target))));
            }
            Change::Mode { path, mode } => {
                let before = State::of(path).ok().and_then(|state| mode_of(&state)).unwrap_or(0);
                lines.push(note(format!("{}: rights {before:04o} -> {mode:04o}", self.name(path))));
            }
            Change::Folder { path } => lines.push(note(format!("{}: new folder", self.name(path)))),
            Change::Remove { path } => {
                let text = format!("{}: moved to {}", self.name(path), ".aios-repair");
                lines.push(note(text));
            }
            Change::Rename { from, to } => {
                lines.push(note(format!("{}: renamed to {}", self.name(from), self.name(to))));
            }
        }
    }

    fn written(&self, path: &Path, before: &Side, after: &Side, lines: &mut Vec<Line>) {
        let name = self.name(path);
        let is_new = before.state == State::Absent;
        if let (Some(old), Some(new)) = (&before.text, &after.text) {
            if old != new {
                lines.push(note(format!("--- {}", if is_new { "/dev/null" } else { &name })));
                lines.push(note(format!("+++ {name}")));
                compare(old, new, lines);
            } else if is_new {
                lines.push(note(format!("{name}: new file, empty")));
            }
        } else {
            lines.push(note(format!("{name}: {} -> {}", in_words(before), in_words(after))));
        }
        match (mode_of(&before.state), mode_of(&after.state)) {
            (Some(old), Some(new)) if old != new => {
                lines.push(note(format!("{name}: rights {old:04o} -> {new:04o}")));
            }
            _ => {}
        }
    }

    fn name(&self, path: &Path) -> String {
        lossy(path.strip_prefix(&self.plan.prefix).unwrap_or(path))
    }

    fn before(&self, path: &Path) -> Side {
        let gone = self.emptied.iter().any(|emptied| path.starts_with(emptied));
        let state = if gone { State::Absent } else { State::of(path).unwrap_or(State::Other) };
        match &state {
            State::Absent => Side { state, bytes: 0, text: Some(String::new()) },
            State::File { .. } => {
                let bytes = path.metadata().map_or(0, |metadata| metadata.len());
                let text = aios_core::fs::read(path, MAX_BYTES).ok().and_then(text_of);
                Side { state, bytes, text }
            }
            _ => Side { state, bytes: 0, text: None },
        }
    }

    fn after(&mut self, content: &Content, mode: Option<u32>, before: &State) -> Side {
        let (bytes, text) = match content {
            Content::File(path) => {
                let bytes = path.metadata().map_or(0, |metadata| metadata.len());
                (bytes, aios_core::fs::read(path, MAX_BYTES).ok().and_then(text_of))
            }
            content => {
                let bytes = content.read(&mut self.archives).unwrap_or_default();
                (bytes.len() as u64, text_of(bytes))
            }
        };
        // The bits of the old file, unless others are wanted.
        let mode = mode.or(mode_of(before)).unwrap_or_default();
        Side { state: State::File { hash: [0; 32], mode }, bytes, text }
    }
}

fn note(text: String) -> Line {
    Line { kind: Kind::Note, text }
}

/// For people and for JSON, where a name that is not UTF-8 is in `paths`.
fn lossy(path: &Path) -> String {
    let path: PathBuf = path.components().collect();
    path.to_string_lossy().into_owned()
}

fn mode_of(state: &State) -> Option<u32> {
    match state {
        State::File { mode, .. } | State::Folder { mode } => Some(*mode),
        _ => None,
    }
}

fn in_words(side: &Side) -> String {
    match &side.state {
        State::Absent => "nothing".to_owned(),
        State::File { .. } if side.text.is_some() => counted(side.bytes as usize, "byte"),
        State::File { .. } => format!("{}, binary", counted(side.bytes as usize, "byte")),
        State::Link(target) => format!("link to {}", lossy(target)),
        State::Folder { .. } => "a folder".to_owned(),
        State::Other => "something else".to_owned(),
    }
}

/// Text of few enough lines, as which nothing with a NUL counts.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    let is_text = bytes.len() as u64 <= MAX_BYTES && !bytes.contains(&0);
    let text = is_text.then(|| String::from_utf8(bytes).ok()).flatten()?;
    (text.lines().count() <= MOST_COMPARED).then_some(text)
}

fn compare(old: &str, new: &str, lines: &mut Vec<Line>) {
    let diff = TextDiff::from_lines(old, new);
    let mut all = Vec::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        all.push(note(hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let (kind, sign) = match change.tag() {
                ChangeTag::Equal => (Kind::Kept, ' '),
                ChangeTag::Delete => (Kind::Removed, '-'),
                ChangeTag::Insert => (Kind::Added, '+'),
            };
            let value = change.value();
            let value = value.strip_suffix('\n').unwrap_or(value);
            all.push(Line { kind, text: format!("{sign}{value}") });
            if change.missing_newline() {
                all.push(note("\\ No newline at end of file".to_owned()));
            }
        }
    }
    let more = all.len().saturating_sub(MOST_LINES);
    lines.extend(all.into_iter().take(MOST_LINES));
    if more > 0 {
        lines.push(note(format!("... {}", counted(more, "more line"))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let mut lines = Vec::new();
        compare(old, new, &mut lines);
        lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    #[test]
    fn lines_of_context() {
        assert_eq!(
            shown("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(
            shown("a\r\nb", "a\nb\n"),
            "@@ -1,2 +1,2 @@\n-a\r\n-b\n\\ No newline at end of file\n+a\n+b\n"
        );
    }

    #[test]
    fn what_is_long_is_cut() {
        let text: String = (0..100).map(|line| format!("{line}\n")).collect();
        let shown = shown("", &text);
        assert_eq!(shown.lines().count(), MOST_LINES + 1);
        assert!(shown.ends_with("+58\n... 41 more lines\n"), "{shown}");
    }

    #[test]
    fn what_is_no_text() {
        assert_eq!(text_of(b"a\0b".to_vec()), None);
        assert_eq!(text_of(vec![0xff]), None);
        assert_eq!(text_of("\n".repeat(MOST_COMPARED + 1).into_bytes()), None);
        assert_eq!(text_of(b"a".to_vec()).as_deref(), Some("a"));
    }
}
