//! Activate scripts that are gone, written again from the templates that the base's own `venv` has on
//! disk, with the values and the quoting that this `venv` gives them. The module is read, not run.
//!
//! ```text
//! VIRTUAL_ENV="__VENV_DIR__"      a `venv` that puts values in as they are
//! VIRTUAL_ENV=__VENV_DIR__        one that quotes them: 3.12.8, 3.13.1, and later fixes of older ones
//! ```
//!
//! A value that the former would run (`$(...)` in the name of a folder) is not put in.

use std::path::{Path, PathBuf};

use super::base::Base;
use super::change::{Change, Content};
use super::place::activate::single_quoted;
use super::{Action, Case, Plan, Step, Unsolved, interpreter};
use crate::environments::facts::{Scheme, Shape};
use crate::environments::health::Code;
use crate::fs::{self, Kind};
use crate::system;

/// Templates have a few KB, the module about 30.
const MAX_BYTES: u64 = 256 * 1024;

/// Runs after the interpreter was planned, which makes the folder.
pub(super) fn plan(case: &Case<'_>, base: &Base, plan: &mut Plan) {
    let facts = case.subject.facts;
    let mut steps = plan.steps.iter();
    let interpreter_is_made = steps.any(|step| step.action == Action::LinkInterpreter);
    let any_left = facts.script_entries.iter().any(|entry| is_activate(&entry.name));
    if facts.shape != Shape::Virtual || !interpreter_is_made || any_left || !creator_is_known(case)
    {
        return;
    }
    let reasons = interpreter::CODES.iter().copied().filter(|code| case.has(&[*code]));
    let reasons: Vec<Code> = reasons.collect();
    let mut lost = |why: &str| {
        let scripts = facts.prefix.join(facts.scheme.scripts());
        plan.unsolved.push(Unsolved {
            code: reasons[0],
            hint: format!(
                "activate scripts stay gone: {why}; start programs by their path, in `{}`",
                scripts.display()
            ),
        });
    };
    let Some(module) = Module::of(base) else {
        return lost(&format!("`{}` has no `venv`", base.installation.prefix.display()));
    };
    let Some(values) = Values::of(case, &module) else {
        return lost("`venv` of the base would write the path into them so that a shell obeys it");
    };
    let folder = facts.prefix.join(facts.scheme.scripts());
    let taken = |name: &Path| facts.script_entries.iter().any(|entry| entry.name == *name);
    let changes: Vec<Change> = module
        .templates(facts.scheme)
        .into_iter()
        .filter_map(|template| {
            let name = template.file_name().map(Path::new).filter(|name| !taken(name))?;
            let text = fs::read_text(&template, MAX_BYTES)?;
            let text = module.filled(&text, name, &values);
            Some(Change::Write {
                path: folder.join(name),
                content: Content::Bytes(text.into_bytes()),
                mode: std::fs::metadata(&template).ok().map(|of| system::mode(&of) & 0o777),
            })
        })
        .collect();
    if changes.is_empty() {
        return;
    }
    let names: Vec<String> = changes
        .iter()
        .flat_map(Change::paths)
        .filter_map(|path| Some(format!("`{}`", path.file_name()?.to_string_lossy())))
        .collect();
    plan.steps.push(Step {
        action: Action::WriteActivate,
        reasons,
        what: format!(
            "writes {} as `venv` of the base does, from `{}`",
            names.join(", "),
            module.folder.join("scripts").display()
        ),
        changes,
    });
}

fn is_activate(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().to_ascii_lowercase().starts_with(b"activate")
}

/// What `venv`, virtualenv and uv write into `pyvenv.cfg`; another tool's scripts would be another's.
fn creator_is_known(case: &Case<'_>) -> bool {
    let cfg = case.subject.facts.marker.cfg().filter(|cfg| cfg.defect.is_none());
    cfg.is_some_and(|cfg| {
        cfg.home().is_some() && ["version", "version_info"].iter().any(|key| cfg.get(key).is_some())
    })
}

/// `venv` of the base.
struct Module {
    folder: PathBuf,
    /// Whether values are quoted for the shell of each script.
    quotes: bool,
    /// Whether batch files have `%` doubled.
    doubles_percent: bool,
    /// Whether the prompt is put in with its parentheses.
    prompt_in_parentheses: bool,
}

impl Module {
    fn of(base: &Base) -> Option<Module> {
        let folder = base.installation.stdlib.as_ref()?.join("venv");
        let text = fs::read_text(&folder.join("__init__.py"), MAX_BYTES)?;
        Some(Module {
            quotes: text.contains("def quote_ps1("),
            doubles_percent: text.contains("replace('%', '%%')"),
            prompt_in_parentheses: text.contains("context.prompt = '(%s) ' % prompt"),
            folder,
        })
    }

    fn templates(&self, scheme: Scheme) -> Vec<PathBuf> {
        let own = match scheme {
            Scheme::Posix => "posix",
            Scheme::Windows => "nt",
        };
        let folders = ["common", own].map(|name| self.folder.join("scripts").join(name));
        let files = folders.iter().flat_map(|folder| {
            let entries = fs::list(folder).unwrap_or_default().into_iter();
            entries.filter(|entry| entry.kind == Kind::File).map(|entry| folder.join(entry.name))
        });
        // Launchers and what debuggers need of them lie beside.
        let is_text = |path: &PathBuf| {
            !path.extension().is_some_and(|ending| ending == "exe" || ending == "pdb")
        };
        files.filter(is_text).collect()
    }

    /// Whether a value stays one: without quoting it could end a string, and be run on activation.
    fn can_hold(&self, value: &str, scheme: Scheme) -> bool {
        let special: &[char] = match scheme {
            Scheme::Posix => &['"', '$', '`', '!', '\\'],
            Scheme::Windows => &['"', '$', '`', '!', '%', '&', '|', '<', '>', '^'],
        };
        let special = if self.quotes { &[] } else { special };
        !value.chars().any(|c| c.is_control() || special.contains(&c))
    }

    fn filled(&self, template: &str, name: &Path, values: &Values) -> String {
        let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let written = |value: &str| match ending {
            _ if !self.quotes => value.to_owned(),
            "ps1" => format!("'{}'", value.replace('\'', "''")),
            "bat" if self.doubles_percent => value.replace('%', "%%"),
            "bat" => value.to_owned(),
            _ => shell_quoted(value),
        };
        let prompt = match self.prompt_in_parentheses {
            true => format!("({}) ", values.prompt),
            false => values.prompt.clone(),
        };
        [
            ("__VENV_DIR__", &values.prefix),
            ("__VENV_NAME__", &values.name),
            ("__VENV_PROMPT__", &prompt),
            ("__VENV_BIN_NAME__", &values.scripts),
            ("__VENV_PYTHON__", &values.python),
        ]
        .iter()
        .fold(template.to_owned(), |text, (mark, value)| text.replace(mark, &written(value)))
    }
}

/// What is put into templates.
struct Values {
    prefix: String,
    name: String,
    prompt: String,
    scripts: String,
    python: String,
}

impl Values {
    /// `None` when scripts of this module cannot hold them. A prompt that they cannot hold is the name.
    fn of(case: &Case<'_>, module: &Module) -> Option<Values> {
        let facts = case.subject.facts;
        let can_hold = |value: &String| module.can_hold(value, facts.scheme);
        let prefix = Some(facts.prefix.to_str()?.to_owned()).filter(can_hold)?;
        let name = facts.prefix.file_name()?.to_str()?.to_owned();
        let chosen = facts.marker.cfg().and_then(|cfg| cfg.get("prompt")).and_then(unquoted);
        let prompt = chosen.filter(can_hold).unwrap_or_else(|| name.clone());
        let scripts = facts.scheme.scripts().to_owned();
        let python = match facts.scheme {
            Scheme::Posix => "python",
            Scheme::Windows => "python.exe",
        };
        let python = facts.prefix.join(&scripts).join(python).to_str()?.to_owned();
        Some(Values { prefix, name, prompt, scripts, python })
    }
}

/// A prompt as `pyvenv.cfg` has it: `venv` writes a literal of Python, others the text itself. `None` for
/// escapes that no prompt of text needs.
fn unquoted(value: &str) -> Option<String> {
    let inner = ['\'', '"'].iter().find_map(|quote| {
        let inner = value.strip_prefix(*quote)?;
        inner.strip_suffix(*quote)
    });
    let Some(inner) = inner else { return Some(value.to_owned()) };
    let mut text = String::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.push(rest.next().filter(|c| matches!(c, '\\' | '\'' | '"'))?),
            c => text.push(c),
        }
    }
    Some(text)
}

/// `shlex.quote`.
fn shell_quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    String::from_utf8(single_quoted(value.as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's own `venv` of each kind writes for the same values.
    #[test]
    fn values_are_written_as_venv_does() {
        let values = Values {
            prefix: "/home/al's/$x".to_owned(),
            name: "$x".to_owned(),
            prompt: "my \"env\"".to_owned(),
            scripts: "bin".to_owned(),
            python: "/home/al's/$x/bin/python".to_owned(),
        };
        let module = |quotes, prompt_in_parentheses| Module {
            folder: PathBuf::new(),
            quotes,
            doubles_percent: quotes,
            prompt_in_parentheses,
        };
        let check = |module: &Module, name: &str, template: &str, expected: &str| {
            assert_eq!(module.filled(template, Path::new(name), &values), expected, "{name}");
        };
        let plain = module(false, true);
        check(&plain, "activate", "V=\"__VENV_DIR__\"", "V=\"/home/al's/$x\"");
        check(&plain, "activate", "PS1=\"__VENV_PROMPT__\"", "PS1=\"(my \"env\") \"");
        let quoting = module(true, false);
        check(&quoting, "activate", "V=__VENV_DIR__", "V='/home/al'\"'\"'s/$x'");
        check(&quoting, "activate.fish", "set P __VENV_PROMPT__", "set P 'my \"env\"'");
        check(&quoting, "activate", "\"$V/\"__VENV_BIN_NAME__\":$PATH\"", "\"$V/\"bin\":$PATH\"");
        check(&quoting, "Activate.ps1", "$p = __VENV_PYTHON__", "$p = '/home/al''s/$x/bin/python'");
        check(&quoting, "activate.bat", "set V=__VENV_NAME__", "set V=$x");
        assert!(quoting.can_hold(&values.prefix, Scheme::Posix));
        for value in [values.prefix.as_str(), &values.prompt, "$(reboot)", "`reboot`", "a\nb"] {
            assert!(!plain.can_hold(value, Scheme::Posix), "{value}");
        }
        assert!(plain.can_hold("it's & more", Scheme::Posix));
        assert!(plain.can_hold("C:\\it's", Scheme::Windows));
    }

    #[test]
    fn prompts_of_each_creator() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(unquoted(value).as_deref(), expected, "{value}");
        };
        check("mine", Some("mine"));
        check("'mine'", Some("mine"));
        check("\"it's\"", Some("it's"));
        check("'a\\\\b'", Some("a\\b"));
        check("'a\\x1b'", None);
        check("'", Some("'"));
    }
}
