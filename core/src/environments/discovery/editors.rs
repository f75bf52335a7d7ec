//! Settings of editors of the Visual Studio Code family, the user's and a project's.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::Source;
use super::folders::is_interpreter;
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::host::Host;

const SETTINGS_BYTES: u64 = 1 << 22;
/// Editors that keep `User/settings.json` in the platform's folder of settings.
const EDITORS: &[&str] = &[
    "Code",
    "Code - Insiders",
    "Code - OSS",
    "VSCodium",
    "Cursor",
    "Windsurf",
    "Positron",
    "Antigravity",
];
/// Their servers, for work over SSH and in containers.
const SERVERS: &[&str] =
    &[".vscode-server", ".vscode-server-insiders", ".vscode-remote", ".cursor-server"];

/// Leads from the user's settings.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let config = places::config(host);
    let files = config.iter().flat_map(|config| {
        EDITORS.iter().map(|editor| config.join(editor).join("User").join("settings.json"))
    });
    let servers = SERVERS
        .iter()
        .filter_map(|server| host.home_place(server))
        .map(|server| server.join("data").join("Machine").join("settings.json"));
    for file in files.chain(servers) {
        settings(host, leads, &file, None);
    }
}

/// Leads from a project's `.vscode/settings.json`.
pub(super) fn in_project(host: &Host, leads: &mut Leads, project: &Path) {
    let file = project.join(".vscode").join("settings.json");
    settings(host, leads, &file, Some(project));
}

fn settings(host: &Host, leads: &mut Leads, file: &Path, project: Option<&Path>) {
    let Some(settings) = leads.json(file, SETTINGS_BYTES) else { return };
    let detail = format!("{} names it", shown(host, file));
    let mut add = |target: Target| leads.add(target, Source::Editor, None, detail.clone());
    let path = |value: &Value| spelled_out(host, value.as_str()?, project);

    for key in ["python.defaultInterpreterPath", "python.pythonPath"] {
        if let Some(path) = settings.get(key).and_then(path) {
            // The folder of an environment is accepted in place of its interpreter.
            let interpreter = path.file_name().is_some_and(is_interpreter);
            add(if interpreter { Target::Executable(path) } else { Target::Prefix(path) });
        }
    }
    if let Some(folder) = settings.get("python.venvPath").and_then(path) {
        add(Target::Children(folder));
    }
    let list = |key: &str| settings.get(key).and_then(Value::as_array).into_iter().flatten();
    // Relative to the home folder, by their documentation.
    for folder in list("python.venvFolders") {
        let below = folder.as_str().and_then(|name| {
            let path = spelled_out(host, name, host.home.as_deref());
            path.filter(|path| project.is_none() || !is_remote(path))
        });
        if let Some(folder) = below {
            add(Target::Children(folder));
        }
    }
    for folder in list("python-envs.globalSearchPaths").filter_map(path) {
        add(Target::Children(folder));
    }
}

/// A path from settings: `${workspaceFolder}`, `${userHome}`, `${env:NAME}` and `~` spelled out, and
/// relative to the project. The name of a program (`python3`) is no path.
fn spelled_out(host: &Host, text: &str, project: Option<&Path>) -> Option<PathBuf> {
    let mut path = String::new();
    let mut rest = text.trim();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        path.push_str(before);
        path.push_str(match name {
            "workspaceFolder" | "workspaceRoot" => project?.to_str()?,
            "userHome" => host.home.as_ref()?.to_str()?,
            name => host.variable(name.strip_prefix("env:")?)?.to_str()?,
        });
        rest = after;
    }
    path.push_str(rest);
    if path.is_empty() || is_interpreter(path.as_ref()) {
        return None;
    }
    let path = match path.strip_prefix("~/").or_else(|| path.strip_prefix("~\\")) {
        Some(below) => host.home_place(below)?,
        None => project.unwrap_or(Path::new("")).join(path),
    };
    (path.is_absolute() && (project.is_none() || !is_remote(&path))).then_some(path)
}

/// A path of another machine (`\\server\share`). Looking at one that a cloned project names would
/// send this user's credentials to that machine.
pub(super) fn is_remote(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    matches!(bytes, [b'\\' | b'/', b'\\' | b'/', ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Platform;
    use crate::system::rooted;

    #[test]
    fn variables_of_settings_are_spelled_out() {
        let mut host = Host::empty(Platform::Linux, "/r");
        let (home, work) = (PathBuf::from(rooted("/home/me")), PathBuf::from(rooted("/work/p")));
        host.variables.insert("HOME".into(), home.clone().into());
        host.home = Some(home);
        let project = Some(work.as_path());
        let check = |text: &str, project: Option<&Path>, expected: Option<&str>| {
            let expected = expected.map(|path| PathBuf::from(rooted(path)));
            assert_eq!(spelled_out(&host, text, project), expected, "{text}");
        };
        check("${workspaceFolder}/.venv/bin/python", project, Some("/work/p/.venv/bin/python"));
        check("${workspaceFolder}/.venv/bin/python", None, None);
        check("${env:HOME}/x/bin/python", None, Some("/home/me/x/bin/python"));
        check("${env:UNSET}/x", project, None);
        check("${userHome}/x", None, Some("/home/me/x"));
        check("~/x/bin/python", None, Some("/home/me/x/bin/python"));
        check(".venv/bin/python", project, Some("/work/p/.venv/bin/python"));
        check(".venv/bin/python", None, None);
        check("python3.12", project, None);
        check("", project, None);
        check("${command:x}", project, None);
        check("${open", project, None);
        check("//server/share/bin/python", project, None);
        check("//server/share/bin/python", None, Some("//server/share/bin/python"));
    }
}
