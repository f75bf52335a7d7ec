//! `ujson-5.10.0-1build-cp312-cp312-linux_x86_64.whl`: names of wheels, read and made.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>.

use std::path::Path;
use std::str::FromStr;

use pep440_rs::Version;

use super::archive::Archive;
use crate::environments::distributions::normalize;

/// WHEEL of a wheel.
const MAX_WHEEL_BYTES: u64 = 64 * 1024;

/// What the name of a wheel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::environments) struct WheelName {
    /// Normalized.
    pub(in crate::environments) name: String,
    /// Of the distribution.
    pub(in crate::environments) version: Version,
    /// `cp312-cp312-linux_x86_64`
    pub(in crate::environments) tag: String,
}

impl WheelName {
    /// Parses the name of a file.
    pub(in crate::environments) fn parse(file: &str) -> Option<WheelName> {
        let stem = file.strip_suffix(".whl")?;
        let parts: Vec<&str> = stem.split('-').collect();
        let tag = match parts.as_slice() {
            [_, _, tag @ ..] if tag.len() == 3 => tag,
            [_, _, _, tag @ ..] if tag.len() == 3 => tag,
            _ => return None,
        };
        // `+` of a local version is written as `_`.
        let version = Version::from_str(parts[1])
            .or_else(|_| Version::from_str(&parts[1].replacen('_', "+", 1)))
            .ok()?;
        Some(WheelName { name: normalize(parts[0]), version, tag: tag.join("-") })
    }
}

/// `idna-3.7-py3-none-any.whl` for `idna-3.7.dist-info`. Of several tags each part is named once.
pub(in crate::environments) fn file_name(
    info: &str,
    build: Option<&str>,
    tags: &[String],
) -> Option<String> {
    let stem = info.strip_suffix(".dist-info").filter(|stem| stem.matches('-').count() == 1)?;
    let mut parts: [Vec<&str>; 3] = Default::default();
    for tag in tags {
        let mut of_tag = tag.splitn(3, '-');
        for part in &mut parts {
            let name = of_tag.next().filter(|name| !name.is_empty())?;
            if !part.contains(&name) {
                part.push(name);
            }
        }
    }
    let tag = parts.map(|part| part.join(".")).join("-");
    let build = build.map(|build| format!("-{build}")).unwrap_or_default();
    (!tags.is_empty()).then(|| format!("{stem}{build}-{tag}.whl"))
}

/// The name that belongs to the wheel in a file, whatever the file is called. Its end is read, and WHEEL.
pub(in crate::environments) fn by_content(path: &Path) -> Option<String> {
    let mut archive = Archive::open(&path.to_path_buf().into()).ok()?;
    let info = archive.info().ok()?;
    let bytes = archive.read(&format!("{info}/WHEEL"), MAX_WHEEL_BYTES).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let build = text.lines().find_map(|line| line.strip_prefix("Build:")).map(str::trim);
    file_name(&info, build, &tags(&text))
}

/// What WHEEL lists.
pub(in crate::environments) fn tags(wheel: &str) -> Vec<String> {
    let tags = wheel.lines().filter_map(|line| line.strip_prefix("Tag:"));
    tags.map(|tag| tag.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(file in "[a-z0-9._+!-]{0,40}(\\.whl)?") {
            let _ = WheelName::parse(&file);
        }
    }

    #[test]
    fn names_of_wheels() {
        let check = |file: &str, expected: Option<(&str, &str, &str)>| {
            let found = WheelName::parse(file);
            let found = found.map(|found| (found.name, found.version.to_string(), found.tag));
            let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
            assert_eq!(found, expected, "{file}");
        };
        check("idna-3.10-py3-none-any.whl", Some(("idna", "3.10", "py3-none-any")));
        check(
            "MarkupSafe-3.0.2-1-cp312-cp312-win_amd64.whl",
            Some(("markupsafe", "3.0.2", "cp312-cp312-win_amd64")),
        );
        check("torch-2.1+cpu-py3-none-any.whl", Some(("torch", "2.1+cpu", "py3-none-any")));
        check("torch-2.1_cpu-py3-none-any.whl", Some(("torch", "2.1+cpu", "py3-none-any")));
        check("idna-3.10.tar.gz", None);
        check("idna-3.10.whl", None);
        check("a-b-c-d-e-f-g.whl", None);
    }

    #[test]
    fn names_of_what_is_in_them() {
        let check = |info: &str, build: Option<&str>, tags: &[&str], expected: Option<&str>| {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            assert_eq!(file_name(info, build, &tags).as_deref(), expected);
        };
        check("idna-3.7.dist-info", None, &["py3-none-any"], Some("idna-3.7-py3-none-any.whl"));
        check(
            "six-1.0.dist-info",
            Some("2"),
            &["py2-none-any", "py3-none-any"],
            Some("six-1.0-2-py2.py3-none-any.whl"),
        );
        check(
            "numpy-2.5.5.dist-info",
            None,
            &["cp313-cp313-manylinux_2_27_x86_64", "cp313-cp313-manylinux_2_28_x86_64"],
            Some("numpy-2.5.5-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"),
        );
        check("idna-3.7.dist-info", None, &[], None);
        check("idna-3.7.dist-info", None, &["py3"], None);
        check("idna.dist-info", None, &["py3-none-any"], None);
    }
}
