//! Activate scripts: the literal of the old place becomes one of the new place, quoted as the shell of
//! the script needs it.
//!
//! ```text
//! VIRTUAL_ENV="/old/.venv"                          venv, up to 3.13.0
//! VIRTUAL_ENV='/old/it'"'"'s'                       venv, virtualenv, uv
//! set -gx VIRTUAL_ENV '/old/it'\''s'                virtualenv, for fish
//! let virtual_env = r#'/old/.venv'#                 virtualenv, for nu
//! @for %%i in ("C:\old") do @set "VIRTUAL_ENV=%%~fi"
//! ```
//!
//! Nothing is parsed: what a creator writes for a place is a known string, which is searched for.

/// The shell of an activate script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shell {
    Posix,
    Csh,
    Fish,
    Nu,
    Batch,
    Pwsh,
    /// Also xonsh.
    Python,
}

impl Shell {
    /// By the name of an activate script.
    pub(super) fn of(name: &str) -> Option<Shell> {
        match name {
            "activate" => Some(Shell::Posix),
            "activate.csh" => Some(Shell::Csh),
            "activate.fish" => Some(Shell::Fish),
            "activate.nu" => Some(Shell::Nu),
            "activate.bat" => Some(Shell::Batch),
            "activate.ps1" | "Activate.ps1" => Some(Shell::Pwsh),
            "activate.xsh" | "activate_this.py" => Some(Shell::Python),
            _ => None,
        }
    }

    /// The quoted forms of a value that creators write, each with what a new value is to be written as.
    fn forms(self, old: &[u8], new: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let double = |value: &[u8]| [b"\"", value, b"\""].concat();
        let single = self.single(new);
        let in_double = if self.is_safe_in_double(new) { double(new) } else { single.clone() };
        let mut forms = vec![(double(old), in_double), (self.single(old), single.clone())];
        match self {
            Shell::Posix => {}
            // As it stands, and as shells for `sh` quote it.
            Shell::Csh | Shell::Fish | Shell::Pwsh => {
                forms.push((single_quoted(old), single.clone()));
                let escaped = joined(old, b'\'', b"'\\''");
                forms.push(([b"'", escaped.as_slice(), b"'"].concat(), single));
            }
            Shell::Nu => {
                let raw = [b"r#'", old, b"'#"].concat();
                forms.insert(0, (raw, nu_raw(new)));
                forms.push((single_quoted(old), single));
            }
            Shell::Python => {
                let escaped = joined(&joined(old, b'\\', b"\\\\"), b'"', b"\\\"");
                forms.push((double(&escaped), single.clone()));
                forms.push((double(&joined(old, b'\\', b"\\\\")), single));
            }
            Shell::Batch => {}
        }
        forms
    }

    /// The form with single quotes, or the shell's own where those cannot hold everything.
    fn single(self, value: &[u8]) -> Vec<u8> {
        let quoted = |value: &[u8]| [b"'", value, b"'"].concat();
        match self {
            Shell::Posix | Shell::Batch => single_quoted(value),
            Shell::Csh => joined(&single_quoted(value), b'!', b"\\!"),
            Shell::Fish => quoted(&joined(&joined(value, b'\\', b"\\\\"), b'\'', b"\\'")),
            Shell::Pwsh => quoted(&joined(value, b'\'', b"''")),
            Shell::Nu if value.contains(&b'\'') => {
                let escaped = joined(&joined(value, b'\\', b"\\\\"), b'"', b"\\\"");
                [b"\"", escaped.as_slice(), b"\""].concat()
            }
            Shell::Nu => quoted(value),
            Shell::Python => quoted(&joined(&joined(value, b'\\', b"\\\\"), b'\'', b"\\'")),
        }
    }

    /// Whether double quotes can hold it without an escape.
    fn is_safe_in_double(self, value: &[u8]) -> bool {
        let special: &[u8] = match self {
            Shell::Posix | Shell::Pwsh => b"\"$`",
            Shell::Csh => b"\"$`!",
            Shell::Fish => b"\"$`\\",
            Shell::Nu | Shell::Python => b"\"\\",
            Shell::Batch => b"",
        };
        // A backslash of `sh` is itself before an ordinary character only.
        let escapes = value.ends_with(b"\\") || memchr::memmem::find(value, b"\\\\").is_some();
        !(value.iter().any(|byte| special.contains(byte)) || self == Shell::Posix && escapes)
    }
}

/// A place, or the name of its folder, and what it is to become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move<'a> {
    pub(super) old: &'a [u8],
    pub(super) new: &'a [u8],
    /// Whether a prompt with the old folder's name follows: not when the user chose it.
    pub(super) prompt: bool,
}

/// The script with the new place. `None` when it names the old one nowhere, or cannot name the new one.
pub(super) fn rewritten(script: &[u8], shell: Shell, place: Move<'_>) -> Option<Vec<u8>> {
    let Move { old, new, prompt } = place;
    if old.is_empty() || new.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        return None;
    }
    let text = match shell {
        Shell::Batch => batch(script, old, new),
        _ => {
            let mut text = script.to_vec();
            for (from, to) in shell.forms(old, new) {
                text = replaced(&text, &from, &to, |_, _| true);
            }
            if matches!(shell, Shell::Posix | Shell::Csh | Shell::Fish) {
                // `shlex.quote` leaves what needs no quotes without.
                let word = if is_plain(new) { new.to_vec() } else { shell.single(new) };
                text = replaced(&text, old, &word, is_word);
            }
            text
        }
    };
    if text == script {
        return None;
    }
    Some(if prompt { with_prompt(text, name(old), name(new)) } else { text })
}

/// Replaces what stands in a batch file, where `%` is doubled and quotes are not part of a value.
fn batch(script: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (old, new) = (joined(old, b'%', b"%%"), joined(new, b'%', b"%%"));
    let unquoted = [b"set VIRTUAL_ENV=", old.as_slice()].concat();
    let quoted = [b"set \"VIRTUAL_ENV=", new.as_slice(), b"\""].concat();
    let ends = |_: &[u8], after: &[u8]| matches!(after.first(), None | Some(b'"' | b'\r' | b'\n'));
    // `&` and its like end an unquoted command.
    let script = match new.iter().any(|byte| b"&|<>^".contains(byte)) {
        true => replaced(script, &unquoted, &quoted, ends),
        false => script.to_vec(),
    };
    replaced(&script, &old, &new, |before, after| {
        matches!(before.last(), Some(b'"' | b'=')) && ends(before, after)
    })
}

/// Prompts of venv have the folder's name: `PS1="(.venv) ${PS1:-}"`.
fn with_prompt(text: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    const MARKS: [&[u8]; 6] = [b"PROMPT", b"prompt", b"PS1", b"env_name", b"set_color", b"test -n"];
    // Quoting it anew is not worth it: a prompt is only seen.
    let special = |byte: &u8| b"\"'$`\\!%&|<>^()".contains(byte);
    let blank = new.iter().any(u8::is_ascii_whitespace);
    if old == new || old.is_empty() || new.iter().any(special) {
        return text;
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let marked = MARKS.iter().any(|mark| memchr::memmem::find(line, mark).is_some());
        match marked {
            true => replaced(line, old, new, |before, after| {
                let quoted = matches!(after.first(), Some(b'"' | b'\'' | b')'));
                let ends = quoted || !blank && matches!(after.first(), None | Some(b'\r' | b'\n'));
                ends && matches!(before.last(), Some(b'"' | b'\'' | b'(' | b'='))
            }),
            false => line.to_vec(),
        }
    });
    lines.collect::<Vec<_>>().concat()
}

fn name(place: &[u8]) -> &[u8] {
    let at = place.iter().rposition(|byte| matches!(byte, b'/' | b'\\'));
    &place[at.map_or(0, |at| at + 1)..]
}

/// Whether plain text between these is a word of `sh` of its own.
fn is_word(before: &[u8], after: &[u8]) -> bool {
    matches!(before.last(), None | Some(b'=' | b' ' | b'\t' | b'\n'))
        && matches!(after.first(), None | Some(b' ' | b';' | b')' | b'\t' | b'\r' | b'\n'))
}

/// As `shlex.quote` of Python has it.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"@%+=:,./-_".contains(byte))
}

/// `'it'"'"'s'`.
pub(in crate::environments::repair) fn single_quoted(value: &[u8]) -> Vec<u8> {
    [b"'", joined(value, b'\'', b"'\"'\"'").as_slice(), b"'"].concat()
}

/// A raw string of nu, with as many `#` as it takes.
fn nu_raw(value: &[u8]) -> Vec<u8> {
    let mut marks = b"#".to_vec();
    while memchr::memmem::find(value, &[b"'", marks.as_slice()].concat()).is_some() {
        marks.push(b'#');
    }
    [b"r", marks.as_slice(), b"'", value, b"'", &marks].concat()
}

/// The value with a text in the place of each such byte.
fn joined(value: &[u8], byte: u8, by: &[u8]) -> Vec<u8> {
    value.split(|other| *other == byte).collect::<Vec<_>>().join(by)
}

/// The text with `to` in the place of each `from` that stands between what `fits`.
pub(in crate::environments::repair) fn replaced(
    text: &[u8],
    from: &[u8],
    to: &[u8],
    fits: impl Fn(&[u8], &[u8]) -> bool,
) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, from) {
        if fits(&text[..at], &text[at + from.len()..]) {
            new.extend_from_slice(&text[done..at]);
            new.extend_from_slice(to);
            done = at + from.len();
        }
    }
    new.extend_from_slice(&text[done..]);
    new
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::environments::scripts::virtual_env;

    fn moved(script: &str, shell: Shell, old: &str, new: &str) -> Option<String> {
        let place = Move { old: old.as_bytes(), new: new.as_bytes(), prompt: true };
        rewritten(script.as_bytes(), shell, place).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn literals() {
        let check = |shell: Shell, script: &str, new: &str, expected: &str| {
            let found = moved(script, shell, "/o/env", new);
            assert_eq!(found.as_deref(), Some(expected), "{shell:?} {script}");
        };
        let sh = Shell::Posix;
        check(sh, "VIRTUAL_ENV=\"/o/env\"\n", "/n/a b", "VIRTUAL_ENV=\"/n/a b\"\n");
        check(sh, "VIRTUAL_ENV=\"/o/env\"\r\n", "/n/$a", "VIRTUAL_ENV='/n/$a'\r\n");
        check(sh, "VIRTUAL_ENV='/o/env'\n", "/n/it's", "VIRTUAL_ENV='/n/it'\"'\"'s'\n");
        check(sh, "VIRTUAL_ENV=/o/env\n", "/n/b", "VIRTUAL_ENV=/n/b\n");
        check(sh, "VIRTUAL_ENV=/o/env\n", "/n/a b", "VIRTUAL_ENV='/n/a b'\n");
        check(sh, "if [ ! -d /o/env ]; then\n", "/n/b", "if [ ! -d /n/b ]; then\n");
        check(sh, "X=$(cygpath \"/o/env\")\n", "/n/b", "X=$(cygpath \"/n/b\")\n");
        check(
            Shell::Csh,
            "setenv VIRTUAL_ENV '/o/env'\nset d = '/o/env'\"/\"'bin'\n",
            "/n/a!",
            "setenv VIRTUAL_ENV '/n/a\\!'\nset d = '/n/a\\!'\"/\"'bin'\n",
        );
        check(
            Shell::Fish,
            "set -gx VIRTUAL_ENV '/o/env'\n",
            "/n/it's\\",
            "set -gx VIRTUAL_ENV '/n/it\\'s\\\\'\n",
        );
        check(Shell::Nu, "let v = r#'/o/env'#\n", "/n/it'#s", "let v = r##'/n/it'#s'##\n");
        check(Shell::Nu, "const v = '/o/env'\n", "/n/it's", "const v = \"/n/it's\"\n");
        check(Shell::Python, "e = '/o/env'\n", "/n/it's", "e = '/n/it\\'s'\n");
        check(Shell::Pwsh, "$e = '/o/env'\n", "/n/it's", "$e = '/n/it''s'\n");
        assert_eq!(moved("VIRTUAL_ENV=/o/env2\n", sh, "/o/env", "/n/b"), None);
        assert_eq!(moved("VIRTUAL_ENV=\"/o/env\"\n", sh, "/o/env", "/n/\nb"), None);
    }

    #[test]
    fn forms_with_quotes_are_found() {
        let check = |shell: Shell, script: &str, expected: &str| {
            let found = moved(script, shell, "/o/it's $x", "/n/b");
            assert_eq!(found.as_deref(), Some(expected), "{shell:?} {script}");
        };
        check(Shell::Posix, "V='/o/it'\"'\"'s $x'\n", "V='/n/b'\n");
        check(Shell::Posix, "V=\"/o/it's $x\"\n", "V=\"/n/b\"\n");
        check(Shell::Csh, "setenv V '/o/it'\"'\"'s $x'\n", "setenv V '/n/b'\n");
        check(Shell::Fish, "set V '/o/it'\\''s $x'\n", "set V '/n/b'\n");
        check(Shell::Fish, "set V '/o/it\\'s $x'\n", "set V '/n/b'\n");
        check(Shell::Fish, "set V '/o/it'\"'\"'s $x'\n", "set V '/n/b'\n");
        check(Shell::Nu, "let v = r#'/o/it's $x'#\n", "let v = r#'/n/b'#\n");
        check(Shell::Nu, "let v = '/o/it'\"'\"'s $x'\n", "let v = '/n/b'\n");
        check(Shell::Python, "e = \"/o/it's $x\"\n", "e = \"/n/b\"\n");
    }

    #[test]
    fn batch_files() {
        let check = |script: &str, new: &str, expected: &str| {
            let found = moved(script, Shell::Batch, "C:\\o\\env", new);
            assert_eq!(found.as_deref(), Some(expected), "{script}");
        };
        check("set \"VIRTUAL_ENV=C:\\o\\env\"\r\n", "C:\\n%a", "set \"VIRTUAL_ENV=C:\\n%%a\"\r\n");
        check("set VIRTUAL_ENV=C:\\o\\env\r\n", "C:\\n a", "set VIRTUAL_ENV=C:\\n a\r\n");
        check("set VIRTUAL_ENV=C:\\o\\env\r\n", "C:\\a&b", "set \"VIRTUAL_ENV=C:\\a&b\"\r\n");
        check(
            "@for %%i in (\"C:\\o\\env\") do @set \"VIRTUAL_ENV=%%~fi\"\r\n",
            "D:\\é",
            "@for %%i in (\"D:\\é\") do @set \"VIRTUAL_ENV=%%~fi\"\r\n",
        );
    }

    #[test]
    fn prompts() {
        let check = |shell: Shell, line: &str, expected: &str| {
            let place = match shell {
                Shell::Fish => "set -gx VIRTUAL_ENV \"/o/env\"\n",
                Shell::Csh => "setenv VIRTUAL_ENV \"/o/env\"\n",
                _ => "VIRTUAL_ENV=\"/o/env\"\n",
            };
            let found = moved(&format!("{place}{line}"), shell, "/o/env", "/n/.venv").unwrap();
            assert_eq!(found.split_inclusive('\n').nth(1), Some(expected));
        };
        let sh = Shell::Posix;
        check(sh, "PS1=\"(env) ${PS1:-}\"\n", "PS1=\"(.venv) ${PS1:-}\"\n");
        check(sh, "VIRTUAL_ENV_PROMPT=\"(env) \"\n", "VIRTUAL_ENV_PROMPT=\"(.venv) \"\n");
        check(sh, "VIRTUAL_ENV_PROMPT=env\r\n", "VIRTUAL_ENV_PROMPT=.venv\r\n");
        check(sh, "PS1=\"(\"'env'\") ${PS1:-}\"\n", "PS1=\"(\"'.venv'\") ${PS1:-}\"\n");
        check(sh, "if [ -n \"env\" ]; then\n", "if [ -n \"env\" ]; then\n");
        check(sh, "VIRTUAL_ENV_PROMPT=\"(mine) \"\n", "VIRTUAL_ENV_PROMPT=\"(mine) \"\n");
        check(Shell::Csh, "set prompt = \"(env) $prompt\"\n", "set prompt = \"(.venv) $prompt\"\n");
        check(Shell::Csh, "set env_name = \"env\"\n", "set env_name = \".venv\"\n");
        let line = |name: &str| {
            format!("    printf \"%s%s\" (set_color 4B8BBE) \"({name}) \" (set_color normal)\n")
        };
        check(Shell::Fish, &line("env"), &line(".venv"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(new in "/[a-zA-Z0-9 .'\"$`!*?#é()&;|<>%~\\\\/-]{0,40}[a-zé'\"$!\\\\]") {
            let check = |shell: Shell, script: &str| {
                let script = moved(script, shell, "/o/env", &new).unwrap();
                prop_assert_eq!(virtual_env(script.as_bytes()), Some(new.clone().into()), "{}", script);
                Ok(())
            };
            check(Shell::Posix, "VIRTUAL_ENV=\"/o/env\"\nexport VIRTUAL_ENV\n")?;
            check(Shell::Posix, "VIRTUAL_ENV='/o/env'\nexport VIRTUAL_ENV\n")?;
            check(Shell::Posix, "        VIRTUAL_ENV=/o/env\n")?;
            check(Shell::Csh, "setenv VIRTUAL_ENV /o/env\n")?;
            check(Shell::Fish, "set -gx VIRTUAL_ENV /o/env\n")?;
            check(Shell::Csh, "setenv VIRTUAL_ENV \"/o/env\"\n")?;
            check(Shell::Csh, "setenv VIRTUAL_ENV '/o/env'\n")?;
            check(Shell::Fish, "set -gx VIRTUAL_ENV \"/o/env\"\n")?;
            check(Shell::Fish, "set -gx VIRTUAL_ENV '/o/env'\n")?;
        }

        #[test]
        fn batch_is_read(new in "C:\\\\[a-zA-Z0-9 .'$!é()&;%~-]{0,40}[a-zé$]") {
            prop_assume!(new != "C:\\o");
            for script in ["set \"VIRTUAL_ENV=C:\\o\"\r\n", "set VIRTUAL_ENV=C:\\o\r\n",
                "@for %%i in (\"C:\\o\") do @set \"VIRTUAL_ENV=%%~fi\"\r\n"] {
                let script = moved(script, Shell::Batch, "C:\\o", &new).unwrap();
                let read = virtual_env(script.as_bytes());
                prop_assert_eq!(read.as_deref(), Some(Path::new(&new)), "{}", script);
            }
        }

        #[test]
        fn there_and_back(new in "/[a-z .]{1,20}[a-z]") {
            prop_assume!(new != "/o/env");
            for (shell, script) in [
                (Shell::Posix, "VIRTUAL_ENV='/o/env'\n"), (Shell::Fish, "set -gx VIRTUAL_ENV '/o/env'\n"),
                (Shell::Posix, "VIRTUAL_ENV=\"/o/env\"\n"), (Shell::Csh, "setenv VIRTUAL_ENV \"/o/env\"\n"),
            ] {
                let there = moved(script, shell, "/o/env", &new).unwrap();
                let back = moved(&there, shell, &new, "/o/env");
                prop_assert_eq!(back.as_deref(), Some(script));
            }
        }
    }
}
