//! Backups, as text for people and as documents for programs ([`json`]).
//!
//! Every name may come from a file that others wrote: none is shown raw.

use std::io::{self, Write};

use aios_core::Status;
use aios_core::environments::backup::manifest::{
    Interpreter, LeftOut, Manifest, Project, SavedEnvironment,
};
use aios_core::environments::backup::{Backup, Checkout, Verified};
use anstyle::Style;

use super::memory::{color_of, line, lines, print};
use super::text::{bytes, counted, shown, shown_path, typed, width};
use super::{Page, time};
use crate::args::Answer;

mod json;
mod restore;

pub(crate) use restore::{Restored, planned, restored, restored_one};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Environments, projects and so on that are written out.
const SHOWN: usize = 500;
/// The same of what was left out.
const SHOWN_LEFT_OUT: usize = 10;
/// Letters of a commit.
const SHORT_COMMIT: usize = 8;

/// Prints what was written, and read back.
pub(crate) fn created(backup: &Backup, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write_created(out, backup, page), |out| json::show(out, backup))
}

fn write_created(out: &mut dyn Write, backup: &Backup, page: &Page) -> io::Result<()> {
    let manifest = backup.manifest();
    let file = shown_path(backup.path(), page.home.as_deref());
    writeln!(out, "{BOLD}{file}{BOLD:#}")?;
    line(out, 4, &format!("{}; {}", summary(manifest), bytes(backup.bytes())), page)?;
    let files = counted(manifest.members.len() + 1, "file");
    line(out, 4, &format!("read back: {files} in it, as they were written"), page)?;
    if backup.is_encrypted() {
        let text = "encrypted with a passphrase or for keys: without them nobody reads it again";
        line(out, 4, text, page)?;
    }
    left_out(out, &manifest.left_out, page)?;
    let is_broken = |one: &&SavedEnvironment| one.status == Status::Broken;
    if let broken @ 1.. = manifest.environments.iter().filter(is_broken).count() {
        let broken = counted(broken, "broken environment");
        let text =
            format!("of {broken} the backup has what is left; `aios check` says what is missing");
        line(out, 0, &text, page)?;
    }
    let file = typed(backup.path(), page.home.as_deref());
    writeln!(out, "what is in it:\n    aios backup show {file}")
}

/// Prints what is in a backup.
pub(crate) fn show(backup: &Backup, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write_show(out, backup, page), |out| json::show(out, backup))
}

fn write_show(out: &mut dyn Write, backup: &Backup, page: &Page) -> io::Result<()> {
    let manifest = backup.manifest();
    let machine = &manifest.machine;
    let head = format!(
        "backup of {}, by {}, on {} {}",
        time::local_of(&manifest.created),
        shown(&manifest.written_by),
        shown(&machine.platform),
        shown(&machine.architecture)
    );
    writeln!(out, "{BOLD}{head}{BOLD:#}")?;
    if !manifest.environments.is_empty() {
        writeln!(out)?;
        table(out, &manifest.environments, page)?;
    }
    section(
        out,
        "they stand on",
        manifest.interpreters.iter().map(|one| interpreter(one, page)),
        page,
    )?;
    section(out, "projects", manifest.projects.iter().map(|one| project(one, page)), page)?;
    if !manifest.left_out.is_empty() {
        writeln!(out)?;
        left_out(out, &manifest.left_out, page)?;
    }
    writeln!(out)?;
    line(out, 0, &format!("{}; {}", summary(manifest), bytes(backup.bytes())), page)
}

fn table(out: &mut dyn Write, all: &[SavedEnvironment], page: &Page) -> io::Result<()> {
    let shown_ones = || all.iter().take(SHOWN);
    let widest =
        |texts: &mut dyn Iterator<Item = String>| texts.map(|text| width(&text)).max().unwrap_or(0);
    let kind = widest(&mut shown_ones().map(|one| shown(&one.kind))).max("kind".len());
    let version = widest(&mut shown_ones().map(version_of)).max("version".len());
    writeln!(
        out,
        "{DIM}{:kind$}  {:version$}  status   distributions  path{DIM:#}",
        "kind", "version"
    )?;
    for one in shown_ones() {
        let color = color_of(one.status);
        let path = shown_path(&one.prefix, page.home.as_deref());
        let installed = one.distributions.len().max(one.conda.len());
        write!(out, "{:kind$}  {:version$}  ", shown(&one.kind), version_of(one))?;
        writeln!(out, "{color}{:7}{color:#}  {installed:>13}  {path}", one.status)?;
    }
    if all.len() > SHOWN {
        writeln!(out, "and {} more", all.len() - SHOWN)?;
    }
    Ok(())
}

fn version_of(one: &SavedEnvironment) -> String {
    one.version
        .as_ref()
        .map_or("-".to_owned(), |version| shown(format!("{version}{}", one.abi_flags)))
}

fn section(
    out: &mut dyn Write,
    title: &str,
    items: impl Iterator<Item = String>,
    page: &Page,
) -> io::Result<()> {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    lines(out, 4, &items, SHOWN, page)
}

/// `Python 3.12.3 (cpython, x86_64) at ~/.pyenv/versions/3.12.3, for 2 environments`
fn interpreter(one: &Interpreter, page: &Page) -> String {
    let version = one.version.as_deref().unwrap_or("of an unknown version");
    let build: Vec<&str> = [&one.implementation, &one.architecture]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let mut text = format!("Python {}", shown(format!("{version}{}", one.abi_flags)));
    if !build.is_empty() {
        text.push_str(&format!(" ({})", shown(build.join(", "))));
    }
    if let Some(prefix) = &one.prefix {
        text.push_str(&format!(" at {}", shown_path(prefix, page.home.as_deref())));
    }
    format!("{text}, for {}", counted(one.needed_by.len(), "environment"))
}

/// `~/work/api (git 4f2c0123, main): requirements.txt, uv.lock`
fn project(one: &Project, page: &Page) -> String {
    let files: Vec<String> = one.files.iter().map(|file| shown(&file.name)).collect();
    let path = shown_path(&one.path, page.home.as_deref());
    let at = one.checkout.as_ref().map(|checkout| format!(" ({})", checked_out(checkout)));
    format!("{path}{}: {}", at.unwrap_or_default(), files.join(", "))
}

fn checked_out(one: &Checkout) -> String {
    let commit =
        one.commit.as_deref().map(|text| text.chars().take(SHORT_COMMIT).collect::<String>());
    let parts = [commit, one.branch.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    format!("{} {}", shown(&one.system), shown(parts))
}

fn left_out(out: &mut dyn Write, all: &[LeftOut], page: &Page) -> io::Result<()> {
    let said = |one: &LeftOut| {
        let path = shown_path(&one.path, page.home.as_deref());
        format!("left out: {path}: {}", shown(&one.message))
    };
    lines(out, 4, &all.iter().map(said).collect::<Vec<_>>(), SHOWN_LEFT_OUT, page)
}

/// `3 environments, 27 distributions, 2 files of 1 project, snapshot 4`
fn summary(manifest: &Manifest) -> String {
    let installed =
        manifest.environments.iter().map(|one| one.distributions.len().max(one.conda.len()));
    let mut parts = vec![
        counted(manifest.environments.len(), "environment"),
        counted(installed.sum(), "distribution"),
    ];
    if let files @ 1.. = manifest.projects.iter().map(|one| one.files.len()).sum::<usize>() {
        let of = counted(manifest.projects.len(), "project");
        parts.push(format!("{} of {of}", counted(files, "file")));
    }
    let is_wheel = |name: &str| name.ends_with(".whl");
    if let wheels @ 1.. = manifest.members.iter().filter(|one| is_wheel(&one.name)).count() {
        let rebuilt = match manifest.rebuilt_wheels().len() {
            0 => String::new(),
            all if all >= wheels => " (built again)".to_owned(),
            some => format!(" ({some} of them built again)"),
        };
        parts.push(format!("{}{rebuilt}", counted(wheels, "wheel")));
    }
    if let Some(snapshot) = &manifest.snapshot {
        parts.push(format!(
            "snapshot {} of {}",
            snapshot.number,
            time::local_of(&snapshot.created)
        ));
    }
    parts.join(", ")
}

/// Prints whether a backup is whole.
pub(crate) fn verified(
    backup: &Backup,
    verified: &Verified,
    answer: &Answer,
    page: &Page,
) -> io::Result<()> {
    print(
        answer,
        |out| write_verified(out, backup, verified, page),
        |out| json::verify(out, backup, verified),
    )
}

fn write_verified(
    out: &mut dyn Write,
    backup: &Backup,
    verified: &Verified,
    page: &Page,
) -> io::Result<()> {
    let file = shown_path(backup.path(), page.home.as_deref());
    let members = counted(verified.members, "file");
    if verified.damaged.is_empty() {
        let text = format!("{file} is whole: {members}, as they were written");
        return line(out, 0, &text, page);
    }
    let red = color_of(Status::Broken);
    for one in verified.damaged.iter().take(SHOWN) {
        let text = format!("{}: {}", shown(&one.name), shown(&one.what));
        writeln!(out, "{red}damaged{red:#}  {text}")?;
    }
    let text = format!(
        "{file}: {} of {members} are damaged, the others are whole",
        verified.damaged.len()
    );
    line(out, 0, &text, page)
}
