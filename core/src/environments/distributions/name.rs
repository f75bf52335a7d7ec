//! Names of distributions: normalization (PEP 503) and what a folder's name tells.

/// `Ruamel_YAML` and `ruamel.yaml` are `ruamel-yaml`.
pub fn normalize(name: &str) -> String {
    let mut normalized = String::with_capacity(name.len());
    for character in name.trim().chars() {
        if matches!(character, '-' | '_' | '.') {
            if !normalized.ends_with('-') {
                normalized.push('-');
            }
        } else {
            normalized.extend(character.to_lowercase());
        }
    }
    normalized
}

/// Name and version that the name of a folder of metadata tells (`idna-3.10.dist-info`,
/// `PyYAML-6.0-py3.11.egg-info`). `None` when it is none, or what pip is about to remove.
pub fn of_folder(folder: &str) -> Option<(String, String)> {
    if folder.starts_with(['~', '-', '.']) {
        return None;
    }
    match folder.rsplit_once('.')? {
        (stem, "dist-info") => Some(split_stem(stem)),
        (stem, "egg-info" | "egg") => Some(split_egg_stem(stem)),
        _ => None,
    }
}

/// Name and version of `idna-3.10`, the stem of a `.dist-info`. The version is empty where the stem
/// has none.
pub(super) fn split_stem(stem: &str) -> (String, String) {
    // `-` inside a name or version is written as `_`; old tools did not, in names.
    match stem.rsplit_once('-') {
        Some((name, version)) => (normalize(name), version.to_owned()),
        None => (normalize(stem), String::new()),
    }
}

/// The same of an egg: its stem goes on with the Python and platform that it was built for
/// (`PyYAML-6.0-py3.11-linux-x86_64`).
pub(super) fn split_egg_stem(stem: &str) -> (String, String) {
    let python = stem
        .match_indices("-py")
        .find(|(at, _)| stem[at + 3..].starts_with(|c: char| c.is_ascii_digit()));
    split_stem(python.map_or(stem, |(at, _)| &stem[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, expected: &str| assert_eq!(normalize(name), expected);
        check("Ruamel_YAML", "ruamel-yaml");
        check("zope.interface", "zope-interface");
        check("a-_.b", "a-b");
        check("", "");
    }

    #[test]
    fn folders_of_metadata() {
        let check = |folder: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(of_folder(folder), expected, "{folder}");
        };
        check("MarkupSafe-3.0.2.dist-info", Some(("markupsafe", "3.0.2")));
        check("PyYAML-6.0-py3.11.egg-info", Some(("pyyaml", "6.0")));
        check("labsrc.egg-info", Some(("labsrc", "")));
        check("~ip-23.0.dist-info", None);
        check("markupsafe", None);
    }

    #[test]
    fn stems() {
        let check = |split: fn(&str) -> (String, String), stem: &str, name: &str, version: &str| {
            assert_eq!(split(stem), (name.to_owned(), version.to_owned()), "{stem}");
        };
        check(split_stem, "idna-3.10", "idna", "3.10");
        check(split_stem, "MarkupSafe-3.0.2", "markupsafe", "3.0.2");
        check(split_stem, "some-old-name-1.0", "some-old-name", "1.0");
        check(split_stem, "labsrc", "labsrc", "");
        check(split_egg_stem, "PyYAML-6.0-py3.11", "pyyaml", "6.0");
        check(split_egg_stem, "psycopg2-2.9-py3.11-linux-x86_64", "psycopg2", "2.9");
        check(split_egg_stem, "py-1.11.0", "py", "1.11.0");
        check(split_egg_stem, "labsrc", "labsrc", "");
    }
}
