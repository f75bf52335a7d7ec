//! `direct_url.json` (PEP 610): where a distribution was installed from, when not from an index.
//!
//! ```text
//! {"dir_info": {"editable": true}, "url": "file:///home/alice/proj/libs/labsrc"}
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::host::Platform;

/// Real ones stay below 1 KiB.
pub const MAX_BYTES: u64 = 64 * 1024;

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    dir_info: Option<DirInfo>,
    vcs_info: Option<VcsInfo>,
    archive_info: Option<ArchiveInfo>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

#[derive(Deserialize)]
struct VcsInfo {
    vcs: String,
    commit_id: Option<String>,
}

#[derive(Deserialize)]
struct ArchiveInfo {
    /// `sha256=<hex>`, of old.
    hash: Option<String>,
    hashes: Option<BTreeMap<String, String>>,
}

impl ArchiveInfo {
    fn sha256(&self) -> Option<&str> {
        let of_old = || self.hash.as_deref()?.strip_prefix("sha256=");
        let hashes = self.hashes.as_ref();
        hashes.and_then(|hashes| hashes.get("sha256")).map(String::as_str).or_else(of_old)
    }
}

/// Where a distribution was installed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A folder of this machine.
    Folder {
        /// The project.
        path: PathBuf,
        /// Whether what is edited there counts at once.
        editable: bool,
    },
    /// A file of this machine.
    File {
        /// A wheel or an archive of sources.
        path: PathBuf,
        /// Of its bytes, where it was noted.
        sha256: Option<[u8; 32]>,
    },
    /// Another place, as an installer takes it: `git+https://example.org/x.git@4f2c#subdirectory=x`.
    Address(String),
}

/// The place. `None` when the bytes do not tell.
pub fn origin(bytes: &[u8]) -> Option<Origin> {
    if bytes.len() as u64 > MAX_BYTES {
        return None;
    }
    let direct: DirectUrl = serde_json::from_slice(bytes).ok()?;
    let sha256 = direct.archive_info.as_ref().and_then(ArchiveInfo::sha256);
    if let Some(vcs) = &direct.vcs_info {
        let commit = vcs.commit_id.as_ref().map(|commit| format!("@{commit}")).unwrap_or_default();
        let mut address = format!("{}+{}{commit}", vcs.vcs, direct.url);
        if let Some(folder) = &direct.subdirectory {
            address.push_str(&format!("#subdirectory={folder}"));
        }
        return Some(Origin::Address(address));
    }
    let path = path_of_url(&direct.url);
    match (path, direct.dir_info) {
        (Some(path), Some(info)) => Some(Origin::Folder { path, editable: info.editable }),
        (Some(path), None) => Some(Origin::File { path, sha256: sha256.and_then(digest) }),
        (None, Some(_)) => None,
        (None, None) => Some(Origin::Address(match sha256.filter(|_| !direct.url.contains('#')) {
            Some(sha256) => format!("{}#sha256={sha256}", direct.url),
            None => direct.url,
        })),
    }
}

/// 64 digits as 32 bytes.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

/// The project's folder, when the install is an editable one of a local folder.
pub fn editable(bytes: &[u8]) -> Option<PathBuf> {
    let direct: DirectUrl = serde_json::from_slice(bytes).ok()?;
    if !direct.dir_info?.editable {
        return None;
    }
    path_of_url(&direct.url)
}

/// The path of a `file:` URL: `file:///a%20b`, `file://localhost/a`, `file:///C:/a`.
pub fn path_of_url(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = decode_percent(rest.split(['?', '#']).next()?)?;
    if !path.starts_with('/') {
        // A host: a Windows share.
        return (Platform::CURRENT == Platform::Windows)
            .then(|| PathBuf::from(format!("//{path}")));
    }
    let bytes = path.as_bytes();
    if bytes.len() > 2 && bytes[1].is_ascii_alphabetic() && bytes[2] == b':' {
        return Some(PathBuf::from(&path[1..]));
    }
    Some(PathBuf::from(path))
}

/// The `file:` URL of an absolute path.
pub fn url_of_path(path: &str) -> String {
    let path = path.replace('\\', if Platform::CURRENT == Platform::Windows { "/" } else { "\\" });
    // A Windows share is the URL's host; a drive stands where a root would.
    let (start, path) = match path.strip_prefix("//") {
        Some(share) if Platform::CURRENT == Platform::Windows => ("file://", share),
        _ if path.starts_with('/') => ("file://", path.as_str()),
        _ => ("file:///", path.as_str()),
    };
    let mut url = start.to_owned();
    for (at, byte) in path.bytes().enumerate() {
        let is_drive = at == 1 && byte == b':' && start.ends_with("///");
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) || is_drive {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

fn decode_percent(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().filter(|path| !path.contains('\0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folders_of_editables() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(editable(text.as_bytes()), expected.map(PathBuf::from), "{text}");
        };
        check(
            r#"{"dir_info": {"editable": true}, "url": "file:///home/a%20b/%C3%A9"}"#,
            Some("/home/a b/é"),
        );
        check(r#"{"dir_info": {"editable": true}, "url": "file:///C:/proj"}"#, Some("C:/proj"));
        check(r#"{"dir_info": {"editable": true}, "url": "file://localhost/p"}"#, Some("/p"));
        check(r#"{"dir_info": {}, "url": "file:///home/alice"}"#, None);
        check(r#"{"archive_info": {}, "url": "file:///home/alice/x.whl"}"#, None);
        check(r#"{"dir_info": {"editable": true}, "url": "https://example.org/"}"#, None);
        check(r#"{"dir_info": {"editable": true}, "url": "file:///a%zz"}"#, None);
        check("\0\0\0", None);
    }

    #[test]
    fn origins() {
        let check = |text: &str, expected: Option<Origin>| {
            assert_eq!(origin(text.as_bytes()), expected, "{text}");
        };
        let folder = |path: &str, editable| Origin::Folder { path: path.into(), editable };
        let file = |path: &str, sha256| Origin::File { path: path.into(), sha256 };
        let address = |text: &str| Some(Origin::Address(text.to_owned()));
        check(
            r#"{"dir_info": {"editable": true}, "url": "file:///p/x"}"#,
            Some(folder("/p/x", true)),
        );
        check(r#"{"dir_info": {}, "url": "file:///p/x"}"#, Some(folder("/p/x", false)));
        let hex = "0a".repeat(32);
        let url = r#""url": "file:///w/x-1-py3-none-any.whl""#;
        let wheel = "/w/x-1-py3-none-any.whl";
        for hash in
            [format!(r#""hash": "sha256={hex}""#), format!(r#""hashes": {{"sha256": "{hex}"}}"#)]
        {
            check(
                &format!("{{\"archive_info\": {{{hash}}}, {url}}}"),
                Some(file(wheel, Some([10; 32]))),
            );
        }
        check(&format!("{{\"archive_info\": {{}}, {url}}}"), Some(file(wheel, None)));
        check(
            &format!(r#"{{"archive_info": {{"hash": "sha256=+{}"}}, {url}}}"#, &hex[1..]),
            Some(file(wheel, None)),
        );
        check(
            r#"{"url": "https://example.org/x.git", "subdirectory": "sub",
                "vcs_info": {"vcs": "git", "commit_id": "4f2c", "requested_revision": "main"}}"#,
            address("git+https://example.org/x.git@4f2c#subdirectory=sub"),
        );
        check(
            r#"{"url": "https://example.org/x.zip", "archive_info": {"hash": "sha256=ab"}}"#,
            address("https://example.org/x.zip#sha256=ab"),
        );
        check(r#"{"url": "https://example.org/x", "dir_info": {}}"#, None);
        check("{}", None);
        check(&format!("{{\"url\": \"{}\"}}", "x".repeat(70_000)), None);
    }

    proptest! {
        #[test]
        fn urls_are_read_as_written(path in "/pp\\PC{0,30}") {
            prop_assume!(!path.starts_with("//"));
            prop_assume!(Platform::CURRENT != Platform::Windows || !path.contains('\\'));
            prop_assert_eq!(path_of_url(&url_of_path(&path)), Some(PathBuf::from(&path)));
        }

        #[test]
        fn never_panics(url in ".{0,60}") {
            let text = serde_json::json!({"dir_info": {"editable": true}, "url": format!("file:///{url}")});
            let _ = editable(text.to_string().as_bytes());
            let _ = origin(text.to_string().as_bytes());
            let _ = editable(url.as_bytes());
        }
    }
}
