//! Where programs keep data, caches and settings on each platform, and how a path in a settings
//! file is spelled out.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use crate::host::{Host, Platform};

/// Data of a program that follows the platform: `~/.local/share`, `~/Library/Application Support`,
/// `%LOCALAPPDATA%`. Python's `platformdirs` answers the same.
pub(super) fn data(host: &Host) -> Option<PathBuf> {
    match host.platform {
        Platform::Linux => xdg_data(host),
        Platform::MacOs => host.home_place("Library/Application Support"),
        Platform::Windows => local_app_data(host),
    }
}

/// Caches of a program that follows the platform: `~/.cache`, `~/Library/Caches`,
/// `%LOCALAPPDATA%`.
pub(super) fn cache(host: &Host) -> Option<PathBuf> {
    match host.platform {
        Platform::Linux => xdg_cache(host),
        Platform::MacOs => host.home_place("Library/Caches"),
        Platform::Windows => local_app_data(host),
    }
}

/// Settings of a program that follows the platform: `~/.config`, `~/Library/Application Support`,
/// `%APPDATA%`.
pub(super) fn config(host: &Host) -> Option<PathBuf> {
    match host.platform {
        Platform::Linux => xdg_config(host),
        Platform::MacOs => host.home_place("Library/Application Support"),
        Platform::Windows => roaming_app_data(host),
    }
}

/// `XDG_DATA_HOME`, or `~/.local/share`, for programs that use it on every platform.
pub(super) fn xdg_data(host: &Host) -> Option<PathBuf> {
    host.variable_path("XDG_DATA_HOME").or_else(|| host.home_place(".local/share"))
}

/// `XDG_CACHE_HOME`, or `~/.cache`, for programs that use it on every platform.
pub(super) fn xdg_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("XDG_CACHE_HOME").or_else(|| host.home_place(".cache"))
}

/// `XDG_CONFIG_HOME`, or `~/.config`, for programs that use it on every platform.
pub(super) fn xdg_config(host: &Host) -> Option<PathBuf> {
    host.variable_path("XDG_CONFIG_HOME").or_else(|| host.home_place(".config"))
}

/// `%LOCALAPPDATA%`.
pub(super) fn local_app_data(host: &Host) -> Option<PathBuf> {
    host.variable_path("LOCALAPPDATA").or_else(|| host.home_place("AppData/Local"))
}

/// `%APPDATA%`.
pub(super) fn roaming_app_data(host: &Host) -> Option<PathBuf> {
    host.variable_path("APPDATA").or_else(|| host.home_place("AppData/Roaming"))
}

/// The root of the system's drive: `C:\`.
pub(super) fn system_drive(host: &Host) -> Option<PathBuf> {
    let drive = host.variable("SYSTEMDRIVE")?;
    // `C:` alone means the current folder of that drive.
    let mut root = drive.to_os_string();
    if root.as_encoded_bytes().ends_with(b":") {
        root.push("\\");
    }
    Some(PathBuf::from(root)).filter(|root| root.is_absolute())
}

/// `C:\Program Files` in its variants, each once.
pub(super) fn program_files(host: &Host) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["PROGRAMFILES", "PROGRAMW6432", "PROGRAMFILES(X86)"]
        .iter()
        .filter_map(|name| host.variable_path(name))
        .collect();
    folders.dedup();
    folders
}

/// A path for a sentence: in backticks, with `~` for the home folder.
pub(super) fn shown(host: &Host, path: &Path) -> String {
    match host.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) if below.as_os_str().is_empty() => "`~`".to_owned(),
        Some(below) => format!("`~{MAIN_SEPARATOR}{}`", below.display()),
        None => format!("`{}`", path.display()),
    }
}

/// An absolute path from a settings file: `~`, `$NAME`, `${NAME}` and `%NAME%` stand for what they
/// do in a shell. `None` when it stays relative or names an unset variable.
pub(super) fn expand(host: &Host, text: &str) -> Option<PathBuf> {
    let text = with_variables(host, text.trim())?;
    let path = match text.strip_prefix('~') {
        Some("") => host.home.clone()?,
        Some(rest) if rest.starts_with(['/', '\\']) => host.home.as_ref()?.join(&rest[1..]),
        _ => PathBuf::from(text),
    };
    path.is_absolute().then_some(path)
}

fn with_variables(host: &Host, text: &str) -> Option<String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '%']) {
        expanded.push_str(&rest[..at]);
        let (name, after) = variable_name(&rest[at..])?;
        expanded.push_str(host.variable(name)?.to_str()?);
        rest = after;
    }
    expanded.push_str(rest);
    Some(expanded)
}

/// The name of the variable that `text` starts with, and what follows it.
fn variable_name(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix("${") {
        return rest.split_once('}');
    }
    if let Some(rest) = text.strip_prefix('%') {
        return rest.split_once('%');
    }
    let rest = &text[1..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::rooted;

    #[test]
    fn paths_in_settings_are_spelled_out() {
        let mut host = Host::empty(Platform::Linux, "/r");
        host.home = Some(rooted("/home/me").into());
        host.variables.insert("DATA".into(), rooted("/data").into());
        let check = |text: &str, expected: Option<&str>| {
            let expected = expected.map(|path| PathBuf::from(rooted(path)));
            assert_eq!(expand(&host, text), expected, "{text}");
        };
        check("~/envs", Some("/home/me/envs"));
        check("~", Some("/home/me"));
        check("$DATA/envs", Some("/data/envs"));
        check("${DATA}/envs", Some("/data/envs"));
        check("%DATA%/envs", Some("/data/envs"));
        check(&format!(" {} ", rooted("/plain")), Some("/plain"));
        check("~other/envs", None);
        check("relative", None);
        check("$UNSET/envs", None);
        check("/a$", None);
    }

    #[test]
    fn home_is_shown_short() {
        let mut host = Host::empty(Platform::Linux, "/r");
        host.home = Some(PathBuf::from("/home/me"));
        assert_eq!(shown(&host, Path::new("/home/me/x")).replace('\\', "/"), "`~/x`");
        assert_eq!(shown(&host, Path::new("/home/me")), "`~`");
        assert_eq!(shown(&host, Path::new("/home/meow")), "`/home/meow`");
    }
}
