//! `python_environments.json`: the list of environments that another program kept, and its backups of it. Read as
//! untrusted, and written so that what reads that form can go on.
//!
//! An object of entries by their `id`, or an array of them, also within a field `environments` of an object:
//!
//! | field | |
//! |---|---|
//! | `id`, `name` | texts |
//! | `python_path` | path of the interpreter |
//! | `version` | `3.12.1`, or null |
//! | `is_virtual` | whether it is a virtual environment |
//! | `virtual_env_path` | path of its folder, or null |
//! | `packages` | array of `name`, `name==1.0` or objects with `name` and `version`, or an object of versions by name |
//! | `is_active` | whether it was the one in use |
//! | `last_verified` | a time, or null |
//! | `health_status` | a word, or null |
//!
//! All but the paths may be missing. Nothing else of an entry is read, and no path of it is run.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::distributions::normalize;
use crate::fs;

/// A machine with 10,000 environments has 10 MiB of them.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;
const MOST_ENTRIES: usize = 20_000;
const MOST_PACKAGES: usize = 10_000;
const MAX_TEXT_BYTES: usize = 1024;
const MAX_PATH_BYTES: usize = 32 * 1024;

/// One environment of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name for programs.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The interpreter.
    pub python_path: PathBuf,
    /// As the list has it.
    pub version: Option<String>,
    /// Whether it is a virtual environment.
    pub is_virtual: bool,
    /// Its folder.
    pub virtual_env_path: Option<PathBuf>,
    /// `idna==3.7`, or the name alone.
    pub packages: Vec<String>,
    /// Whether it was the one in use.
    pub is_active: bool,
    /// A time, as somebody wrote it.
    pub last_verified: Option<String>,
    /// A word.
    pub health_status: Option<String>,
}

impl Entry {
    /// What to look at to find it.
    pub fn place(&self) -> &Path {
        self.virtual_env_path.as_deref().unwrap_or(&self.python_path)
    }

    /// Normalized names of its packages, with versions where the list has them.
    pub fn pins(&self) -> BTreeMap<String, Option<&str>> {
        let pin = |text: &'_ str| -> (String, usize) {
            let end = text.find(['=', '<', '>', '~', '!', '[', ' ', '(', ';']);
            (normalize(&text[..end.unwrap_or(text.len())]), end.unwrap_or(text.len()))
        };
        let pins = self.packages.iter().map(|text| {
            let (name, end) = pin(text);
            (name, text[end..].strip_prefix("==").map(str::trim))
        });
        pins.filter(|(name, _)| !name.is_empty()).collect()
    }
}

/// Why there is nothing to read in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAList {
    /// As the end of a sentence that begins with the name of the file.
    Bad(String),
}

/// What is wrong with one entry: what it is called, or its number, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `id` where it has one, else its number.
    pub id: String,
    /// Why, as the end of a sentence.
    pub why: String,
}

/// The entries of a file, and those that are none.
pub fn parse(bytes: &[u8]) -> Result<(Vec<Entry>, Vec<Refused>), NotAList> {
    let bad = |what: &str| NotAList::Bad(what.to_owned());
    // Its depth is bounded by the parser, at 128.
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| NotAList::Bad(format!("is no list of environments: {error}")))?;
    let mut list = value;
    if let Some(inner) =
        list.get_mut("environments").filter(|inner| inner.is_array() || inner.is_object())
    {
        list = inner.take();
    }
    let entries: Vec<(Option<String>, Value)> = match list {
        Value::Array(entries) => entries.into_iter().map(|entry| (None, entry)).collect(),
        Value::Object(entries) => entries.into_iter().map(|(id, one)| (Some(id), one)).collect(),
        _ => return Err(bad("is no list of environments")),
    };
    if entries.len() > MOST_ENTRIES {
        return Err(bad("has more environments than any machine"));
    }
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    let mut ids = std::collections::HashSet::new();
    for (at, (key, value)) in entries.into_iter().enumerate() {
        let id = value.get("id").and_then(Value::as_str).map(str::to_owned).or(key);
        let id = id.filter(|id| is_text(id)).unwrap_or_else(|| (at + 1).to_string());
        let entry = match &value {
            Value::Object(fields) => entry(&id, fields),
            _ => Err("is no object".to_owned()),
        };
        match entry {
            Ok(_) if !ids.insert(id.clone()) => {
                refused.push(Refused { id, why: "is there twice".to_owned() });
            }
            Ok(entry) => found.push(entry),
            Err(why) => refused.push(Refused { id, why }),
        }
    }
    Ok((found, refused))
}

fn entry(id: &str, fields: &Map<String, Value>) -> Result<Entry, String> {
    let virtual_env_path = path(fields, "virtual_env_path")?;
    let python_path = path(fields, "python_path")?;
    let flag = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(format!("has a `{name}` that is neither true nor false")),
    };
    let is_virtual = flag("is_virtual")?.unwrap_or(virtual_env_path.is_some());
    let python_path = match (python_path, &virtual_env_path) {
        (Some(path), _) => path,
        (None, Some(folder)) => folder.clone(),
        (None, None) => return Err("has no `python_path`".to_owned()),
    };
    Ok(Entry {
        id: id.to_owned(),
        name: text(fields, "name")?.unwrap_or_default(),
        python_path,
        version: text(fields, "version")?,
        is_virtual,
        virtual_env_path: virtual_env_path.filter(|_| is_virtual),
        packages: packages(fields.get("packages"))?,
        is_active: flag("is_active")?.unwrap_or(false),
        last_verified: text(fields, "last_verified").unwrap_or_default(),
        health_status: text(fields, "health_status").unwrap_or_default(),
    })
}

/// Short, and in one line.
fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control)
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if is_text(text) => Ok(Some(text.clone())),
        Some(_) => Err(format!("has a `{name}` that is no short text")),
    }
}

fn path(fields: &Map<String, Value>, name: &str) -> Result<Option<PathBuf>, String> {
    let bad = |what: &str| Err(format!("has a `{name}` that {what}"));
    let text = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return bad("is no text"),
    };
    let path = PathBuf::from(text);
    if text.len() > MAX_PATH_BYTES || text.chars().any(char::is_control) {
        return bad("is no path");
    }
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return bad("is no absolute path of this system");
    }
    match fs::is_local(&path) {
        true => Ok(Some(path)),
        false => bad("is on another machine"),
    }
}

fn packages(value: Option<&Value>) -> Result<Vec<String>, String> {
    let bad = || "has `packages` that are no list of packages".to_owned();
    let pin = |name: &str, version: Option<&str>| match version.filter(|text| !text.is_empty()) {
        Some(version) => format!("{name}=={version}"),
        None => name.to_owned(),
    };
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => {
            let version = fields.get("version").and_then(Value::as_str);
            Some(pin(fields.get("name")?.as_str()?, version))
        }
        _ => None,
    };
    let all: Option<Vec<String>> = match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(all)) if all.len() <= MOST_PACKAGES => all.iter().map(one).collect(),
        Some(Value::Object(all)) if all.len() <= MOST_PACKAGES => {
            Some(all.iter().map(|(name, version)| pin(name, version.as_str())).collect())
        }
        Some(_) => None,
    };
    all.filter(|all| all.iter().all(|text| is_text(text))).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder() -> PathBuf {
        std::env::temp_dir().join("of nobody")
    }

    fn read(value: &Value) -> (Vec<Entry>, Vec<Refused>) {
        parse(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn each_form_of_the_list() {
        let python = folder().join("bin/python");
        let one = json!({"id": "a", "name": "api", "python_path": python, "version": "3.12.1",
            "is_virtual": true, "virtual_env_path": folder(), "packages": ["idna==3.7", "Six"],
            "is_active": true, "last_verified": "2024-01-01T00:00:00", "health_status": "healthy",
            "another": {"x": [1]}});
        let expected = read(&json!([one])).0;
        assert_eq!(expected[0].place(), folder());
        let pins = expected[0].pins();
        assert_eq!((pins["idna"], pins["six"]), (Some("3.7"), None));
        for list in [
            json!({"a": one}),
            json!({"environments": [one]}),
            json!({"timestamp": "x", "environments": {"a": one}}),
        ] {
            assert_eq!(read(&list), (expected.clone(), Vec::new()), "{list}");
        }
        // What is written is read again.
        let written = serde_json::to_value(&expected).unwrap();
        assert_eq!(read(&written), (expected, Vec::new()));
        let packages = json!([{"id": "b", "python_path": python, "packages": {"idna": "3.7"}},
            {"id": "c", "python_path": python, "packages": [{"name": "idna", "version": "3.7"}]}]);
        for entry in read(&packages).0 {
            assert_eq!(entry.packages, ["idna==3.7"]);
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_alone() {
        let python = folder().join("bin/python");
        let check = |fields: Value, expected: &str| {
            let good = json!({"id": "good", "python_path": python});
            let (found, refused) = read(&json!([good, fields]));
            assert_eq!(found.len(), 1, "{fields}");
            assert!(refused[0].why.contains(expected), "{refused:?}");
        };
        check(json!(3), "is no object");
        check(json!({"id": "x"}), "has no `python_path`");
        check(json!({"python_path": "bin/python"}), "no absolute path");
        check(json!({"python_path": folder().join("../x")}), "no absolute path");
        check(json!({"python_path": 3}), "is no text");
        check(json!({"python_path": format!("{}\n", python.display())}), "is no path");
        check(json!({"python_path": python, "is_active": "yes"}), "`is_active`");
        check(json!({"python_path": python, "name": "n".repeat(5000)}), "`name`");
        check(json!({"python_path": python, "packages": [3]}), "`packages`");
        check(json!({"id": "good", "python_path": python}), "is there twice");
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for text in ["", "3", "\"x\"", "{", "\u{0}", &"[".repeat(100_000)] {
            assert!(parse(text.as_bytes()).is_err(), "{text:.20}");
        }
    }
}
