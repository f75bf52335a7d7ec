//! JetBrains' editors: the table of interpreters they know, and the files of a project's `.idea`.
//!
//! ```xml
//! <jdk version="2">
//!   <name value="Python 3.12 (shop)" />
//!   <type value="Python SDK" />
//!   <homePath value="$USER_HOME$/shop/.venv/bin/python" />
//! </jdk>
//! ```
//!
//! A project refers to an entry by its name; only a run configuration has a path (`SDK_HOME`).
//! These files are written by a program in one shape, so attributes are looked for by their text.

use std::path::{Path, PathBuf};

use super::super::Source;
use super::editors::is_remote;
use super::folders::{self, is_interpreter};
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::fs::Kind;
use crate::host::{Host, Platform};

/// A table with a thousand interpreters and their class paths is smaller.
const XML_BYTES: u64 = 1 << 22;

/// Leads to the interpreters that the user's editors know.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let config = match host.platform {
        Platform::Linux => places::xdg_config(host),
        _ => places::config(host),
    };
    let mut folders: Vec<PathBuf> =
        config.iter().flat_map(|config| folders::matching(config, "JetBrains/*/options")).collect();
    // Before 2020.
    folders.extend(
        host.home.iter().flat_map(|home| folders::matching(home, ".PyCharm*/config/options")),
    );
    for file in folders.iter().map(|folder| folder.join("jdk.table.xml")) {
        let Some(text) = leads.text(&file, XML_BYTES) else { continue };
        let detail = format!("{} lists it", shown(host, &file));
        for entry in text.split("<jdk ").skip(1) {
            if !entry.contains("value=\"Python SDK\"") {
                continue;
            }
            let path = values(entry, "<homePath value=\"").next();
            if let Some(path) = path.and_then(|path| spelled_out(host, &path, None)) {
                leads.add(Target::Executable(path), Source::Editor, None, detail.clone());
            }
        }
    }
}

/// Leads from the files of a project's `.idea`.
pub(super) fn in_project(host: &Host, leads: &mut Leads, project: &Path) {
    let folder = project.join(".idea");
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    for entry in folders::subfolders_and_files(&folder) {
        let read = entry.kind == Kind::File
            && (entry.name == "workspace.xml"
                || entry.name == "misc.xml"
                || folders::fits(&entry.name, "*.iml"));
        if !read {
            continue;
        }
        let file = folder.join(&entry.name);
        let Some(text) = leads.text(&file, XML_BYTES) else { continue };
        let marks = ["name=\"SDK_HOME\" value=\"", "project-jdk-name=\"", "jdkName=\""];
        for value in marks.iter().flat_map(|mark| values(&text, mark)) {
            let Some(path) = spelled_out(host, &value, Some(project)) else { continue };
            if !is_remote(&path) && !found.iter().any(|(known, _)| *known == path) {
                found.push((path, file.clone()));
            }
        }
    }
    for (path, file) in found {
        let detail = format!("{} names it", shown(host, &file));
        leads.add(Target::Executable(path), Source::Editor, None, detail);
    }
}

/// The attribute values that follow a text up to and with their opening quote.
fn values<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = String> + 'a {
    text.split(mark).skip(1).filter_map(|rest| Some(unescaped(rest.split_once('"')?.0)))
}

fn unescaped(value: &str) -> String {
    value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// The path of an interpreter. Names of entries (`Python 3.12 (shop)`) and interpreters on other
/// machines (`ssh://...`, `docker://...`) are none.
fn spelled_out(host: &Host, value: &str, project: Option<&Path>) -> Option<PathBuf> {
    let below =
        |rest: &str, base: Option<&Path>| Some(base?.join(rest.trim_start_matches(['/', '\\'])));
    let path = if let Some(rest) = value.strip_prefix("$USER_HOME$") {
        below(rest, host.home.as_deref())?
    } else if let Some(rest) = value.strip_prefix("$PROJECT_DIR$") {
        below(rest, project)?
    } else if let Some(rest) = value.strip_prefix("~/") {
        below(rest, host.home.as_deref())?
    } else {
        PathBuf::from(value)
    };
    (path.is_absolute() && is_interpreter(path.file_name()?)).then_some(path)
}
