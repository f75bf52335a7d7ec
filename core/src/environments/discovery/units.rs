//! systemd units that an administrator or user wrote: the programs of their services.

use std::path::{Path, PathBuf};

use super::super::Source;
use super::folders::{self, is_interpreter};
use super::lead::{Leads, Target};
use super::places::{self, shown};
use super::shebangs;
use crate::fs::{self, Kind};
use crate::host::Host;

const UNIT_BYTES: u64 = 1 << 18;
/// Keys whose value is a command.
const COMMANDS: &[&str] =
    &["ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecCondition"];

/// Leads to the interpreters that services run with.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let mut folders = vec![host.place("/etc/systemd/system"), host.place("/etc/systemd/user")];
    folders.extend(places::xdg_config(host).map(|config| config.join("systemd").join("user")));
    for folder in folders {
        for entry in folders::subfolders_and_files(&folder) {
            let path = folder.join(&entry.name);
            match entry.kind {
                Kind::Folder if folders::fits(&entry.name, "*.service.d") => {
                    for drop_in in folders::subfolders_and_files(&path) {
                        if folders::fits(&drop_in.name, "*.conf") {
                            unit(host, leads, &path.join(&drop_in.name), drop_in.kind);
                        }
                    }
                }
                Kind::Folder => {}
                kind if folders::fits(&entry.name, "*.service") => unit(host, leads, &path, kind),
                _ => {}
            }
        }
    }
}

fn unit(host: &Host, leads: &mut Leads, file: &Path, kind: Kind) {
    // A masked unit is a link to `/dev/null`: not readable as a file, and no problem.
    let text = match kind {
        Kind::Link => fs::read_text(file, UNIT_BYTES),
        _ => leads.text(file, UNIT_BYTES),
    };
    let Some(text) = text else { return };
    // A backslash at the end continues a line.
    for line in text.replace("\\\n", " ").lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        match key.trim() {
            key if COMMANDS.contains(&key) => {
                if let Some(executable) = interpreter_in(host, value) {
                    let detail = format!("{} starts it", shown(host, file));
                    leads.add(Target::Executable(executable), Source::Unit, None, detail);
                }
            }
            "Environment" => {
                let value = words(value).find_map(|word| word.strip_prefix("VIRTUAL_ENV="));
                let prefix = value.and_then(|value| spelled_out(host, value));
                if let Some(prefix) = prefix.filter(|prefix| prefix.is_absolute()) {
                    let detail = format!("{} names it", shown(host, file));
                    leads.add(Target::Prefix(prefix), Source::Unit, None, detail);
                }
            }
            _ => {}
        }
    }
}

/// The interpreter of a command: a word of it (`/usr/bin/nice /srv/app/bin/python`), or what the
/// script that it starts names.
fn interpreter_in(host: &Host, command: &str) -> Option<PathBuf> {
    let command = command.trim_start().trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let mut words = words(command).filter_map(|word| spelled_out(host, word));
    let program = words.next()?;
    let is_python =
        |path: &Path| path.is_absolute() && path.file_name().is_some_and(is_interpreter);
    if is_python(&program) {
        return Some(program);
    }
    if let Some(python) = words.find(|word| is_python(word)) {
        return Some(python);
    }
    let in_bin = program.is_absolute() && program.parent()?.ends_with("bin");
    if in_bin { shebangs::interpreter_of(&program) } else { None }
}

/// Words of a command, those in quotes whole.
fn words(command: &str) -> impl Iterator<Item = &str> {
    let mut rest = command;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let word;
        (word, rest) = match first {
            '"' | '\'' => rest[1..].split_once(first).unwrap_or((&rest[1..], "")),
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        Some(word)
    })
}

/// `%h` is the home folder of the service's user, which is ours for our units.
fn spelled_out(host: &Host, word: &str) -> Option<PathBuf> {
    match word.strip_prefix("%h") {
        Some(below) => host.home_place(below.trim_start_matches('/')),
        None => Some(PathBuf::from(word)),
    }
}
