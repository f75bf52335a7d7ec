//! Distributions as lines that pip and uv take. Names come from disk: a line holds nothing that is not meant.

use crate::environments::distributions::direct_url::{self, Origin};

use super::manifest::{SavedDistribution, SavedEnvironment};

/// The lines for what pip or uv can install; what conda installed is not theirs.
pub(super) fn of(environment: &SavedEnvironment) -> String {
    let mut text = String::new();
    let mut last = None;
    for one in environment.distributions.iter().filter(|one| !is_of_conda(one)) {
        // Of two in one environment only one can be asked for.
        let is_rival = last == Some(one.name.as_str());
        last = Some(one.name.as_str());
        let line =
            line(one).unwrap_or_else(|| format!("# {}: no name and version", inert(&one.name)));
        if is_rival && !line.starts_with('#') {
            text.push_str("# also there: ");
        }
        if let Some(commit) = one.checkout.as_ref().and_then(|checkout| checkout.commit.as_ref()) {
            text.push_str(&format!("# {} was at commit {}\n", inert(&one.name), inert(commit)));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The same from the wheels that are in the archive: by name, so that an installer does not note a place. pip
/// and uv look for the folder from where this list is.
pub(super) fn of_wheels(environment: &SavedEnvironment) -> String {
    let mut text = String::new();
    for one in &environment.distributions {
        let Some(wheel) = &one.wheel else { continue };
        let named = pin(one).filter(|_| wheel.member.matches('/').count() == 1);
        // Of two builds with one name this is the other one.
        text.push_str(&named.unwrap_or_else(|| wheel.member.clone()));
        text.push('\n');
    }
    let head = "--no-index\n--find-links ../../wheels\n";
    if text.is_empty() { text } else { format!("{head}{text}") }
}

pub(super) fn is_of_conda(distribution: &SavedDistribution) -> bool {
    distribution.installer.as_deref() == Some("conda")
}

/// `idna==3.7`, `-e /home/me/project`, `x @ https://example.org/x.whl`. `None` when the name or version could
/// not be one.
fn line(one: &SavedDistribution) -> Option<String> {
    let pin = pin(one)?;
    let name = &one.name;
    let direct_url = one.direct_url.as_ref().and_then(|value| serde_json::to_vec(value).ok());
    let at = |url: &str| {
        (!url.contains(|c: char| c.is_control() || c == ' ')).then(|| format!("{name} @ {url}"))
    };
    match direct_url.and_then(|bytes| direct_url::origin(&bytes)) {
        Some(Origin::Folder { path, editable: true }) => {
            Some(format!("-e {}", quoted(path.to_str()?)?))
        }
        Some(Origin::Folder { path, .. } | Origin::File { path, .. }) => {
            at(&direct_url::url_of_path(path.to_str()?))
        }
        Some(Origin::Address(url)) => at(&url),
        None => Some(pin),
    }
}

/// `idna==3.7`, or the name alone where no version is known.
fn pin(one: &SavedDistribution) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_version = |c: char| c.is_ascii_alphanumeric() || ".!+_-".contains(c);
    let is_plain = !one.name.is_empty()
        && one.name.chars().all(is_name)
        && !one.name.starts_with('-')
        && one.version.chars().all(is_version);
    let pin = match one.version.as_str() {
        "" => one.name.clone(),
        version => format!("{}=={version}", one.name),
    };
    is_plain.then_some(pin)
}

/// A path as one word of a line of requirements.
fn quoted(path: &str) -> Option<String> {
    if path.chars().any(|c| c.is_control() || c == '"') {
        return None;
    }
    Some(if path.contains([' ', '#', '\'']) { format!("\"{path}\"") } else { path.to_owned() })
}

/// A name within a comment.
fn inert(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(name: &str, version: &str, direct_url: Option<serde_json::Value>) -> SavedDistribution {
        SavedDistribution {
            name: name.to_owned(),
            version: version.to_owned(),
            installer: None,
            requested: false,
            tags: Vec::new(),
            direct_url,
            checkout: None,
            edited: false,
            wheel: None,
            links: Vec::new(),
        }
    }

    #[test]
    fn one_line_for_each() {
        let check =
            |name: &str, version: &str, url: Option<serde_json::Value>, expected: Option<&str>| {
                assert_eq!(line(&one(name, version, url)).as_deref(), expected, "{name} {version}");
            };
        check("idna", "3.7", None, Some("idna==3.7"));
        check("torch", "2.1.0+cu121", None, Some("torch==2.1.0+cu121"));
        check("labsrc", "", None, Some("labsrc"));
        let editable = |url: &str| Some(json!({"url": url, "dir_info": {"editable": true}}));
        check("x", "1", editable("file:///home/me/x"), Some("-e /home/me/x"));
        check("x", "1", editable("file:///home/me/my%20x"), Some("-e \"/home/me/my x\""));
        check("x", "1", editable("file:///home/me/x%0A--index-url%20evil"), None);
        let git =
            json!({"url": "https://h/x.git", "vcs_info": {"vcs": "git", "commit_id": "4f2c"}});
        check("x", "1", Some(git), Some("x @ git+https://h/x.git@4f2c"));
        let wheel = json!({"url": "file:///w/x-1-py3-none-any.whl", "archive_info": {}});
        check("x", "1", Some(wheel), Some("x @ file:///w/x-1-py3-none-any.whl"));
        // What a file names is not obeyed.
        check("x", "1\n--index-url https://evil.example", None, None);
        check("--index-url=evil", "1", None, None);
        check("x", "1", Some(json!({"url": "https://h/x\n-r /etc/y", "archive_info": {}})), None);
    }
}
