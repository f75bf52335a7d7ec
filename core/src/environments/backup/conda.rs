//! What conda installed, as a list that conda takes (`conda create --prefix PREFIX --file LIST`).

use std::path::Path;

use serde::Deserialize;

use super::manifest::CondaPackage;
use super::secrets;
use crate::environments::conda::MAX_RECORD_BYTES;
use crate::fs;

/// More packages than any environment has.
const MAX_PACKAGES: usize = 10_000;

#[derive(Deserialize)]
struct Record {
    url: Option<String>,
    md5: Option<String>,
}

/// The packages of a prefix, by their names.
pub(super) fn packages(prefix: &Path) -> Vec<CondaPackage> {
    let folder = prefix.join("conda-meta");
    let entries = fs::list(&folder).unwrap_or_default();
    let names = entries.iter().filter_map(|entry| entry.name.to_str()?.strip_suffix(".json"));
    names.take(MAX_PACKAGES).map(|name| package(&folder, name)).collect()
}

fn package(folder: &Path, name: &str) -> CondaPackage {
    let bytes = fs::read(&folder.join(format!("{name}.json")), MAX_RECORD_BYTES).ok();
    let record = bytes.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
    let (url, md5) = record.map_or((None, None), |record| (record.url, record.md5));
    let is_url = |url: &String| {
        url.contains("://")
            && !url.contains(|c: char| c.is_control() || c.is_whitespace() || c == '#')
    };
    let is_md5 = |md5: &String| md5.len() == 32 && md5.bytes().all(|byte| byte.is_ascii_hexdigit());
    CondaPackage {
        name: name.to_owned(),
        url: url.map(|url| secrets::without_text(&url)).filter(is_url),
        md5: md5.filter(is_md5),
    }
}

/// The list, where the place of each package is known.
pub(super) fn explicit(packages: &[CondaPackage]) -> Option<String> {
    let mut text = "@EXPLICIT\n".to_owned();
    for one in packages {
        text.push_str(one.url.as_deref()?);
        if let Some(md5) = &one.md5 {
            text.push_str(&format!("#{md5}"));
        }
        text.push('\n');
    }
    (!packages.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_conda_takes() {
        let prefix = tempfile::tempdir().unwrap();
        let folder = prefix.path().join("conda-meta");
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let md5 = "0a".repeat(16);
        let url = "https://conda.example.org/t/tk-1/main/linux-64/idna-3.7-py312_0.conda";
        write(
            "idna-3.7-py312_0.json",
            &format!(r#"{{"url": "{url}", "md5": "{md5}", "files": []}}"#),
        );
        write("history", "");
        let found = packages(prefix.path());
        assert_eq!(
            explicit(&found).unwrap(),
            format!(
                "@EXPLICIT\nhttps://conda.example.org/main/linux-64/idna-3.7-py312_0.conda#{md5}\n"
            )
        );
        // One whose place is not known, and one that would be a line of its own.
        write("six-1-0.json", r#"{"url": "https://h/six\nhttps://evil.example/x"}"#);
        let found = packages(prefix.path());
        assert_eq!((found.len(), found[1].url.as_deref()), (2, None));
        assert_eq!(explicit(&found), None);
    }
}
