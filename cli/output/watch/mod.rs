//! What `aios watch` shows: a screen ([`screen`]) on a terminal, else a line for each change ([`lines`]).

use std::path::PathBuf;

use aios_core::{Host, Status};
use anstream::{AutoStream, ColorChoice};

pub(crate) mod lines;
pub(crate) mod screen;
#[cfg(test)]
mod tests;

use super::text::{counted, shown, shown_path};
use crate::args::Color;
use crate::watch::picture::{Happened, Picture};

/// What it is laid out on.
#[derive(Debug)]
pub(crate) struct Page {
    /// Shown as `~`.
    pub(crate) home: Option<PathBuf>,
    pub(crate) colors: bool,
    /// Milliseconds since 1970 as the clock on the wall.
    pub(crate) clock: fn(u64) -> String,
}

impl Page {
    pub(crate) fn new(host: &Host, color: Color) -> Page {
        let colors = match color {
            Color::Auto => AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
            Color::Always => true,
            Color::Never => false,
        };
        // Prefixes are canonical, so the home folder has to be.
        let home =
            host.home.as_ref().map(|home| aios_core::fs::canonical(home).unwrap_or(home.clone()));
        Page { home, colors, clock: super::time::clock }
    }
}

fn clock(page: &Page, time_ms: u64) -> String {
    (page.clock)(time_ms)
}

/// `3 environments: 2 healthy, 1 broken`
fn summary(picture: &Picture) -> String {
    let mut said = counted(picture.environments.len(), "environment");
    let counts = [Status::Broken, Status::Warning, Status::Healthy]
        .map(|status| (picture.count(status), status));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, status)| format!("{count} {status}")).collect();
    if !counts.is_empty() {
        said += &format!(": {}", counts.join(", "));
    }
    match picture.problems {
        0 => said,
        problems => format!("{said}; {}", counted(problems, "problem")),
    }
}

/// `10:31:02  changed  healthy > broken  ~/work/.venv  pyvenv-cfg-missing`
fn said(happened: &Happened, page: &Page) -> String {
    let Happened::Event { time_ms, event } = happened else {
        let Happened::Missed(count) = happened else { return String::new() };
        return format!(
            "{} missed: they were overwritten before they were read",
            counted(*count as usize, "record")
        );
    };
    let mut parts = vec![clock(page, *time_ms), event.what.as_str().to_owned()];
    let status = |status: Status| status.as_str();
    parts.push(match (event.before.map(status), event.after.map(status)) {
        (Some(before), Some(after)) if before != after => format!("{before} > {after}"),
        (_, Some(after)) => after.to_owned(),
        (Some(before), None) => before.to_owned(),
        (None, None) => String::new(),
    });
    parts.push(shown_path(&event.path, page.home.as_deref()));
    parts.push(shown(event.codes.join(", ")));
    parts.push(shown(&event.text));
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}
