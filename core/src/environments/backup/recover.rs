//! `RECOVER.txt`: what a person does with the archive, without this program.

use crate::shell;

use super::manifest::{Interpreter, Manifest, SavedDistribution, SavedEnvironment};
use super::requirements;

/// Environments that are written out; the folders of the rest are beside.
const MOST: usize = 2_000;

const HEAD: &str = "\
This is a backup of Python environments. It is an ordinary zip archive: to unpack it without aios, give it a name
that ends with .zip and open it, or type one of

    unzip FILE.aiosb -d recovered
    tar -xf FILE.aiosb
    python3 -m zipfile -e FILE.aiosb recovered

With aios: `aios backup show FILE`, `aios backup verify FILE`, `aios backup restore FILE`.

For each environment there is a folder in `environments` with a list of what was installed: `requirements.txt` by
names and places, `wheels.txt` by what is in `wheels`, which needs no network. A wheel is the file that was
installed from, where a cache of pip or uv had it. The others are built again of what was installed, so their
hashes are not those of an index; they are listed at the end. `projects` has files that say beside projects what to
install; names and passwords in URLs are removed from them. `manifest.json` is all of it for programs, with the
SHA-256 of every other file.

The commands below are to be typed where this file is. An editable install (`-e FOLDER`) needs its project at
that place first.
";

/// The whole text.
pub(super) fn text(manifest: &Manifest) -> String {
    let mut text = HEAD.to_owned();
    let machine = &manifest.machine;
    text.push_str(&format!(
        "\nMade {} by {}, on {} {}.\n",
        manifest.created, manifest.written_by, machine.platform, machine.architecture
    ));
    if !manifest.interpreters.is_empty() {
        text.push_str("\n1. Pythons that are needed\n\n");
        for one in &manifest.interpreters {
            text.push_str(&interpreter(one));
        }
    }
    let own: Vec<&SavedEnvironment> =
        manifest.environments.iter().filter(|one| one.is_own).collect();
    text.push_str(&format!("\n2. Environments ({})\n", own.len()));
    for one in own.iter().take(MOST) {
        text.push_str(&environment(one, machine.platform == "windows"));
    }
    if own.len() > MOST {
        text.push_str(&format!("\nand {} more, in `manifest.json`\n", own.len() - MOST));
    }
    let rebuilt = manifest.rebuilt_wheels();
    if !rebuilt.is_empty() {
        text.push_str(&format!("\nWheels that are built again ({})\n\n", rebuilt.len()));
        text.extend(rebuilt.iter().take(MOST).map(|member| format!("    {member}\n")));
    }
    text
}

fn interpreter(one: &Interpreter) -> String {
    let name = one.implementation.as_deref().unwrap_or("python");
    let version = one.version.as_deref().unwrap_or("of a version that is not known");
    let at = one.prefix.as_ref().and_then(|prefix| prefix.to_str()).map(shown);
    let at = at.map(|at| format!(", which was at {at}")).unwrap_or_default();
    let how = match (one.kind.as_deref(), one.version.as_deref()) {
        (Some("uv-managed"), Some(version)) => {
            format!(": uv python install {version}{}", one.abi_flags)
        }
        (Some("pyenv"), Some(version)) => format!(": pyenv install {version}{}", one.abi_flags),
        _ => String::new(),
    };
    let count = one.needed_by.len();
    let environments = if count == 1 { "environment" } else { "environments" };
    format!("   {name} {version}{}{at}, for {count} {environments}{how}\n", one.abi_flags)
}

fn environment(one: &SavedEnvironment, is_windows: bool) -> String {
    let version = one.version.as_deref().unwrap_or("of a version that is not known");
    let prefix = one.prefix.to_str().filter(|prefix| !prefix.chars().any(char::is_control));
    let shown = prefix.map_or_else(|| shown(&one.prefix.to_string_lossy()), shown);
    let mut text = format!(
        "\n   {shown}\n   {}, Python {version}, {} distributions\n",
        one.kind,
        one.distributions.len()
    );
    // A name that cannot be shown cannot be typed.
    let Some(prefix) = prefix else { return text };
    let typed = shell::word(prefix);
    let python = if is_windows {
        format!("{prefix}\\Scripts\\python.exe")
    } else {
        format!("{prefix}/bin/python")
    };
    let minor = one.minor().unwrap_or_default();
    let mut line = |command: String| text.push_str(&format!("       {command}\n"));
    if one.is_of_conda() {
        match &one.conda_explicit {
            Some(list) => line(format!("conda create --prefix {typed} --file {list}")),
            None => line(format!("conda create --prefix {typed} python={minor}")),
        }
    } else if is_windows {
        line(format!("py -{minor} -m venv {typed}"));
    } else {
        line(format!("python{minor}{} -m venv {typed}", one.abi_flags));
    }
    let is_left = |one: &SavedDistribution| one.wheel.is_none() && !requirements::is_of_conda(one);
    let has_more = one.distributions.iter().any(is_left);
    let python = shell::word(&python);
    if let Some(list) = &one.wheels {
        line(format!("{python} -m pip install --no-deps -r {list}"));
    }
    if let Some(list) = one.requirements.as_ref().filter(|_| has_more) {
        line(format!("{python} -m pip install --no-deps -r {list}"));
    }
    text
}

/// A name from disk, for people: nothing in it is obeyed by a terminal, and it stays in its line.
fn shown(name: &str) -> String {
    let is_odd =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().map(|c| if is_odd(c) { '?' } else { c }).collect()
}
