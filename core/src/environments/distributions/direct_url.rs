//! `direct_url.json` (PEP 610): where a distribution was installed from, when not from an index.
//!
//! ```text
//! {"dir_info": {"editable": true}, "url": "file:///home/alice/proj/libs/labsrc"}
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use crate::host::Platform;

/// Real ones stay below 1 KiB.
pub(super) const MAX_BYTES: u64 = 64 * 1024;

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    dir_info: Option<DirInfo>,
}

#[derive(Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
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
            let _ = editable(url.as_bytes());
        }
    }
}
