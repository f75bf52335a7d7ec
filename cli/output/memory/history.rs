//! The story of an environment, and where it ends.

use std::io::{self, Write};

use aios_core::engine::history::{History, Moment};

use super::words::{BOLD, DIM, causes, color_of, happened, in_order, some};
use super::*;
use crate::output::text::{counted, shown_path, typed};

/// Moments that are written out of an environment; older ones are counted.
const SHOWN_MOMENTS: usize = 60;

/// All that is known of one environment.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) history: History,
    pub(crate) prefix: PathBuf,
    /// Whether something stands at its place now.
    pub(crate) exists: bool,
    /// What it was when it was last there.
    pub(crate) environment: Environment,
}

/// Where the story of an environment ends.
pub(super) enum End<'a> {
    Whole {
        since: &'a Moment,
    },
    Broken {
        since: &'a Moment,
        /// What changed last before, if it ever was whole.
        before: Option<&'a Moment>,
        last_whole: Option<&'a Moment>,
    },
    Gone {
        since: &'a Moment,
        last_whole: Option<&'a Moment>,
    },
}

impl Story {
    pub(super) fn end(&self) -> Option<End<'_>> {
        let history = &self.history;
        let now = history.moments.last()?;
        let last_whole = history.last_whole();
        Some(match &now.state {
            None => End::Gone { since: now, last_whole },
            Some(_) if now.is_whole() => End::Whole { since: history.whole_since()? },
            Some(_) => End::Broken {
                since: history.broke()?,
                before: last_whole.and_then(|_| history.before_it_broke()),
                last_whole,
            },
        })
    }

    /// The codes of what is wrong now.
    pub(super) fn codes(&self, worst: Status) -> Vec<String> {
        let mut codes: Vec<String> = self
            .environment
            .findings
            .iter()
            .filter(|found| words::severity(found.severity) == word_of(worst))
            .map(|found| shown(&found.code))
            .collect();
        codes.dedup();
        codes
    }

    /// One sentence.
    pub(super) fn sentence(&self) -> String {
        let time = |moment: &Moment| time::local(moment.snapshot.about.time_ms);
        let last_seen = |moment: &Moment| {
            let (time, id) = (time::local(moment.last.about.time_ms), moment.last.id);
            format!("; last healthy {time} (snapshot {id})")
        };
        let never = || "; no healthy state of it is remembered".to_owned();
        match self.end() {
            None => "nothing is remembered of it".to_owned(),
            Some(End::Whole { since }) => {
                let warnings = self.codes(Status::Warning);
                let mut text = format!("healthy since {}", time(since));
                if !warnings.is_empty() {
                    text.push_str(&format!(
                        ", with warnings ({})",
                        some(&warnings, SHOWN_IN_WORDS)
                    ));
                }
                if !self.exists {
                    text.push_str("; nothing stands at its place now");
                }
                text
            }
            Some(End::Broken { since, before, last_whole }) => {
                let codes = some(&self.codes(Status::Broken), SHOWN_IN_WORDS);
                let mut text = format!("broken since {} ({codes})", time(since));
                if let Some(before) = before {
                    let words: Vec<String> =
                        causes(&before.changes).into_iter().map(happened).collect();
                    text.push_str(&format!("; just before: {}", some(&words, SHOWN_IN_WORDS)));
                }
                text.push_str(&last_whole.map_or_else(never, last_seen));
                if !self.exists {
                    text.push_str("; nothing stands at its place now");
                }
                text
            }
            Some(End::Gone { since, last_whole }) => {
                format!("gone since {}{}", time(since), last_whole.map_or_else(never, last_seen))
            }
        }
    }

    /// The next command to type.
    pub(super) fn next(&self, page: Option<&Page>) -> Option<String> {
        let path = typed(&self.prefix, page.and_then(|page| page.home.as_deref()));
        let last = self.history.last_whole().map(|moment| moment.last.id);
        match self.end()? {
            End::Broken { .. } if self.exists => Some(format!("aios repair {path}")),
            End::Whole { .. } if self.exists => None,
            _ => last.map(|id| format!("aios snapshot show {id} {path}")),
        }
    }
}

fn word_of(status: Status) -> &'static str {
    if status == Status::Broken { "error" } else { "warning" }
}

/// Prints the stories, each ended by a sentence.
pub(crate) fn history(stories: &[Story], answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write(out, stories, page), |out| json::history(out, stories))
}

fn write(out: &mut dyn Write, stories: &[Story], page: &Page) -> io::Result<()> {
    for (number, story) in stories.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let path = shown_path(&story.prefix, page.home.as_deref());
        writeln!(out, "{BOLD}{path}{BOLD:#}  {DIM}{}{DIM:#}", story.environment.kind())?;
        let moments = &story.history.moments;
        let hidden = moments.len().saturating_sub(SHOWN_MOMENTS);
        if hidden > 0 {
            writeln!(out, "  {DIM}and {}{DIM:#}", counted(hidden, "older change"))?;
        }
        let mut before = hidden.checked_sub(1).and_then(|at| status(&moments[at]));
        for (at, moment) in moments.iter().enumerate().skip(hidden) {
            self::moment(out, moment, at == 0, before, page)?;
            before = status(moment);
        }
        line(out, 0, &story.sentence(), page)?;
        if let Some(next) = story.next(Some(page)) {
            writeln!(out, "    {next}")?;
        }
    }
    Ok(())
}

fn status(moment: &Moment) -> Option<Status> {
    moment.state.as_ref().map(State::status)
}

/// Time and number, then one line for each thing that changed.
fn moment(
    out: &mut dyn Write,
    moment: &Moment,
    is_first: bool,
    before: Option<Status>,
    page: &Page,
) -> io::Result<()> {
    let snapshot = &moment.snapshot;
    let time = time::local(snapshot.about.time_ms);
    let name = snapshot.about.name.as_deref().map(|name| format!(" ({})", shown(name)));
    write!(out, "  {time}  snapshot {}{}", snapshot.id, name.unwrap_or_default())?;
    let now = status(moment);
    match now {
        None => return writeln!(out, "  gone"),
        Some(status) if now != before => {
            let color = color_of(status);
            let seen = if is_first { "first seen, " } else { "" };
            writeln!(out, "  {seen}{color}{status}{color:#}")?;
        }
        Some(_) => writeln!(out)?,
    }
    if is_first {
        let installed = moment.changes.iter().filter(|one| matches!(one, Change::Added(_))).count();
        line(out, 6, &counted(installed, "distribution"), page)?;
    }
    // Of what was there when it was first seen, only what is wrong is news.
    let is_news = |change: &&Change| !is_first || matches!(change, Change::Appeared(_));
    let words: Vec<String> =
        in_order(&moment.changes).into_iter().filter(is_news).map(happened).collect();
    if words.is_empty() && !is_first {
        return writeln!(out, "      {DIM}only bytecode and what installers note{DIM:#}");
    }
    lines(out, 6, &words, SHOWN_CHANGES, page)
}
