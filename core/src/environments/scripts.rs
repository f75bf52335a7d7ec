//! Scripts of an environment: what their first lines start, who wrote them, which place activate
//! scripts name.
//!
//! ```text
//! #!/home/me/project/.venv/bin/python3.12          written by pip
//! #!/bin/sh                                        written by pip for a path with spaces,
//! '''exec' "/home/me/my project/.venv/bin/python" "$0" "$@"
//! ' '''
//! ```

use std::path::PathBuf;

use crate::system::path_of;

/// A script's head; a generated one is shorter than this.
pub const HEAD_BYTES: u64 = 4096;

/// The interpreter that a script starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shebang {
    /// The program, as written; absolute.
    pub program: PathBuf,
    /// Whether it is a Python.
    pub python: bool,
}

/// What a Windows launcher reads at its own end: the bytes of a file that are enough for it.
pub const TAIL_BYTES: u64 = 16 * 1024;

/// The script that a launcher of Windows carries, as a head with a first line. `None` when it carries none.
///
/// ```text
/// program, "#!C:\project\.venv\Scripts\python.exe\r\n", zip archive         pip, distlib
/// program, zip archive, "C:\project\...\python.exe", its length, "UVSC"     uv
/// ```
pub fn of_launcher(tail: &[u8]) -> Option<Vec<u8>> {
    if let Some(rest) = tail.strip_suffix(b"UVSC") {
        let (rest, length) = rest.split_last_chunk()?;
        let start = rest.len().checked_sub(u32::from_le_bytes(*length) as usize)?;
        return Some([b"#!", &rest[start..], b"\n"].concat());
    }
    let end = memchr::memmem::rfind(tail, b"PK\x05\x06")?;
    let word = |at: usize| {
        let bytes = tail.get(end + at..end + at + 4)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    // The directory's size, and its place in the archive.
    let archive = end.checked_sub(word(12)?)?.checked_sub(word(16)?)?;
    let before = &tail[..archive];
    let line = &before[memchr::memmem::rfind(before, b"#!")?..];
    (memchr::memchr(b'\n', line) == Some(line.len() - 1)).then(|| line.to_vec())
}

/// The program that the head of a script starts. `None` for a binary, for a relative or searched
/// program (`/usr/bin/env python`), and for the trampoline of a relocatable environment.
pub fn shebang(head: &[u8]) -> Option<Shebang> {
    let head = head.strip_prefix(b"#!")?;
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let line = trim(&head[..end]);
    let program = match line.strip_prefix(b"\"") {
        Some(quoted) => &quoted[..quoted.iter().position(|byte| *byte == b'"')?],
        None => unquoted_program(line),
    };
    let program = match base_name(program) {
        b"sh" | b"bash" | b"dash" => trampoline(&head[end + 1..])?,
        b"env" => return None,
        _ => program.to_vec(),
    };
    let path = path_of(&program)?;
    let absolute = path.is_absolute() || is_drive(&program);
    let name = base_name(&program);
    let python =
        [b"python".as_slice(), b"pypy", b"graalpy"].iter().any(|stem| name.starts_with(stem));
    absolute.then_some(Shebang { program: path, python })
}

/// The kernel ends a program at the first blank; distlib knows that and uses the trampoline. A line
/// of another tool (a launcher's on Windows) may hold blanks: it ends at ` -` or with the line.
fn unquoted_program(line: &[u8]) -> &[u8] {
    if is_drive(line) {
        let end = memchr::memmem::find(line, b".exe").map_or(line.len(), |at| at + 4);
        return &line[..end];
    }
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    &line[..end]
}

/// `'''exec' "/path with blanks/python" "$0" "$@"`; uv's relocatable one computes the path.
fn trampoline(rest: &[u8]) -> Option<Vec<u8>> {
    let line = &rest[..rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())];
    let at = memchr::memmem::find(line, b"exec'")? + 5;
    let argument = trim(&line[at..]);
    let word = Word::read(argument, Quoting::Shell)?;
    (!word.computed).then_some(word.value)
}

/// Whether pip, uv, distlib or setuptools wrote it for an entry point: such scripts may be rewritten.
pub fn is_generated(head: &[u8]) -> bool {
    let has = |text: &[u8]| memchr::memmem::find(head, text).is_some();
    let entry_point = has(b"sys.exit(") && has(b"__main__") && has(b"import ");
    head.starts_with(b"#!") && (entry_point || has(b"EASY-INSTALL-") || has(b"__requires__"))
}

/// The place that an activate script sets `VIRTUAL_ENV` to, when it is written out.
pub fn virtual_env(script: &[u8]) -> Option<PathBuf> {
    let mut last = None;
    for line in script.split(|byte| *byte == b'\n') {
        let Some(at) = memchr::memmem::find(line, b"VIRTUAL_ENV") else { continue };
        // `for %%i in ("C:\env") do @set "VIRTUAL_ENV=%%~fi"` names the place before the variable.
        let rest = if memchr::memmem::find(line, b"=%%~f").is_some() {
            line
        } else {
            let (before, rest) = line.split_at(at);
            let rest = &rest[b"VIRTUAL_ENV".len()..];
            let assigned =
                rest.starts_with(b"=") || rest.starts_with(b" ") || rest.starts_with(b"\t");
            if !assigned
                || before.contains(&b'$')
                || before.contains(&b'#')
                || before.contains(&b'%')
            {
                continue;
            }
            rest
        };
        if let Some(path) = literal(rest, Quoting::of(line)) {
            last = Some(path);
        }
    }
    last
}

/// How quotes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// `sh`, `bash`, `zsh`: nothing is escaped within `'`.
    Shell,
    /// `\!` within quotes is a `!`.
    Csh,
    /// `\\` and `\'` are escaped within `'`.
    Fish,
    /// `%%` is a `%`, and `$` is nothing.
    Batch,
}

impl Quoting {
    /// Of a line of an activate script.
    fn of(line: &[u8]) -> Quoting {
        let has = |text: &[u8]| memchr::memmem::find(line, text).is_some();
        let start = trim(line);
        let start = start.strip_prefix(b"@").unwrap_or(start);
        if has(b"=%%~f") || start.starts_with(b"set \"") || start.starts_with(b"set VIRTUAL_ENV=") {
            Quoting::Batch
        } else if has(b"setenv ") {
            Quoting::Csh
        } else if start.starts_with(b"set -") {
            Quoting::Fish
        } else {
            Quoting::Shell
        }
    }
}

/// A word of a shell: quoted and plain pieces that follow each other at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it stands for.
    pub value: Vec<u8>,
    /// Whether a variable or command is part of it.
    pub computed: bool,
    /// How many bytes of the text it takes.
    pub length: usize,
}

impl Word {
    /// Reads the word that the text starts with. `None` when a quote does not end.
    pub fn read(text: &[u8], quoting: Quoting) -> Option<Word> {
        let mut word = Word { value: Vec::new(), computed: false, length: 0 };
        while let Some(byte) = text.get(word.length) {
            match byte {
                b'"' | b'\'' => word.quoted(text, *byte, quoting)?,
                b'\\' if quoting != Quoting::Batch => {
                    word.value.push(*text.get(word.length + 1)?);
                    word.length += 2;
                }
                byte if byte.is_ascii_whitespace() || matches!(byte, b';' | b')' | b'|' | b'&') => {
                    break;
                }
                byte => {
                    word.computed |= matches!(byte, b'$' | b'`') && quoting != Quoting::Batch;
                    word.value.push(*byte);
                    word.length += 1;
                }
            }
        }
        Some(word)
    }

    fn quoted(&mut self, text: &[u8], quote: u8, quoting: Quoting) -> Option<()> {
        let mut at = self.length + 1;
        loop {
            let byte = *text.get(at)?;
            let next = text.get(at + 1).copied();
            if byte == quote {
                break;
            }
            let escaped = match (quoting, quote) {
                (Quoting::Fish, b'\'') => byte == b'\\' && matches!(next, Some(b'\\' | b'\'')),
                (Quoting::Csh, _) => byte == b'\\' && next == Some(b'!'),
                (Quoting::Batch, _) => byte == b'%' && next == Some(b'%'),
                _ => false,
            };
            at += usize::from(escaped);
            self.computed |=
                quote == b'"' && quoting != Quoting::Batch && matches!(byte, b'$' | b'`');
            self.value.push(*text.get(at)?);
            at += 1;
        }
        self.length = at + 1;
        Some(())
    }
}

/// The first quoted or plain absolute path of a shell's text. Computed values (`$...`) are none.
fn literal(text: &[u8], quoting: Quoting) -> Option<PathBuf> {
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match first {
            quote @ (b'"' | b'\'') => {
                let word = Word::read(rest, quoting)?;
                let absolute = word.value.starts_with(b"/") || is_drive(&word.value);
                if absolute && !word.computed {
                    return path_of(&word.value);
                }
                rest = &tail[tail.iter().position(|byte| byte == quote)? + 1..];
            }
            b'$' if !tail.starts_with(b"(") => return None,
            b'/' => {
                let end = rest
                    .iter()
                    .position(|b| matches!(b, b' ' | b';' | b')' | b'\r' | b'"' | b'\''));
                return path_of(&rest[..end.unwrap_or(rest.len())]);
            }
            _ if is_drive(rest) => {
                // A batch file quotes no blanks and brackets: `set VIRTUAL_ENV=C:\a (b)`.
                let before = &text[..text.len() - rest.len()];
                let computed = memchr::memmem::find(before, b"$(").is_some();
                let end = rest.iter().position(|b| match b {
                    b'\r' | b'"' => true,
                    b')' | b';' => computed,
                    _ => false,
                });
                let path = trim(&rest[..end.unwrap_or(rest.len())]);
                return path_of(&match quoting {
                    Quoting::Batch => undoubled(path),
                    _ => path.to_vec(),
                });
            }
            _ => rest = tail,
        }
    }
    None
}

/// A batch file has `%%` for `%`.
fn undoubled(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        value.push(*byte);
        if *byte == b'%' {
            bytes.next_if_eq(&&b'%');
        }
    }
    value
}

fn is_drive(text: &[u8]) -> bool {
    matches!(text, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

fn base_name(program: &[u8]) -> &[u8] {
    let at = program.iter().rposition(|byte| matches!(byte, b'/' | b'\\'));
    &program[at.map_or(0, |at| at + 1)..]
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn programs() {
        let check = |head: &str, expected: Option<&str>| {
            let program = shebang(head.as_bytes()).map(|s| s.program);
            // Windows has no path that starts at a root without a drive.
            let is_path =
                |path: &&Path| path.is_absolute() || is_drive(path.as_os_str().as_encoded_bytes());
            let expected = expected.map(Path::new).filter(is_path);
            assert_eq!(program.as_deref(), expected, "{head:?}");
        };
        check("#!C:\\a b\\Scripts\\python.exe -I\r\n", Some("C:\\a b\\Scripts\\python.exe"));
        check("#!C:/a/python.exe\n", Some("C:/a/python.exe"));
        check("#!/a/bin/python3.12\nimport sys\n", Some("/a/bin/python3.12"));
        check("#!/a/bin/python -I\n", Some("/a/bin/python"));
        check("#! /a/bin/python\r\n", Some("/a/bin/python"));
        check("#!\"/a b/bin/python\"\n", Some("/a b/bin/python"));
        check(
            "#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n",
            Some("/a b/bin/python"),
        );
        check(
            "#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n' '''\n",
            Some("/long/bin/python"),
        );
        check(
            "#!/bin/sh\n'''exec' '/it'\"'\"'s $x/python' \"$0\" \"$@\"\n' '''\n",
            Some("/it's $x/python"),
        );
        check("#!/bin/sh\n'''exec' \"$(dirname -- \"$0\")/python\" \"$0\" \"$@\"\n", None);
        check("#!/usr/bin/env python3\n", None);
        check("#!/bin/sh\necho hello\n", None);
        check("#!python\n", None);
        check("\u{7f}ELF", None);
        check("#!/no/newline", None);
    }

    #[test]
    fn launchers() {
        let check = |tail: &[u8], expected: Option<&str>| {
            let script = of_launcher(tail);
            let program = script.and_then(|script| shebang(&script)).map(|shebang| shebang.program);
            assert_eq!(program.as_deref(), expected.map(Path::new), "{}", tail.escape_ascii());
        };
        let end = |directory: u32, start: u32| {
            let (directory, start) = (directory.to_le_bytes(), start.to_le_bytes());
            [b"PK\x05\x06\0\0\0\0\0\0\0\0", &directory[..], &start, b"\0\0"].concat()
        };
        let line = b"MZ program #! text\0#!C:\\a b\\Scripts\\python.exe\r\n";
        let archive = [b"PK\x03\x04 a file PK\x01\x02".as_slice(), &end(4, 12)].concat();
        check(&[line, archive.as_slice()].concat(), Some("C:\\a b\\Scripts\\python.exe"));
        let quoted = b"MZ#!\"C:\\a b\\Scripts\\python.exe\"\n";
        check(&[quoted, archive.as_slice()].concat(), Some("C:\\a b\\Scripts\\python.exe"));
        check(&[b"MZ#!C:\\python.exe, no line".as_slice(), &archive].concat(), None);
        // A start or size beyond the file.
        check(&[line.as_slice(), &end(u32::MAX, 12)].concat(), None);
        check(&[line.as_slice(), &end(4, u32::MAX)].concat(), None);
        check(b"#!C:\\python.exe\nPK\x05\x06", None);

        let program = b"C:\\a b\\Scripts\\python.exe";
        let length = (program.len() as u32).to_le_bytes();
        check(
            &[b"MZ PK".as_slice(), program, &length, b"UVSC"].concat(),
            Some("C:\\a b\\Scripts\\python.exe"),
        );
        check(&[program.as_slice(), &u32::MAX.to_le_bytes(), b"UVSC"].concat(), None);
        check(b"UVSC", None);
        check(b"MZ, and no script", None);
    }

    #[test]
    fn places_of_activate_scripts() {
        let check = |script: &str, expected: Option<&str>| {
            assert_eq!(
                virtual_env(script.as_bytes()).as_deref(),
                expected.map(Path::new),
                "{script:?}"
            );
        };
        check("VIRTUAL_ENV=\"/a/.venv\"\nexport VIRTUAL_ENV\n", Some("/a/.venv"));
        check("VIRTUAL_ENV=/a/.venv\n", Some("/a/.venv"));
        check("VIRTUAL_ENV='/a b'\n", Some("/a b"));
        check("VIRTUAL_ENV='/it'\"'\"'s'\n", Some("/it's"));
        check("VIRTUAL_ENV='/a $x'\n", Some("/a $x"));
        check("VIRTUAL_ENV=\"/a $x\"\n", None);
        check("setenv VIRTUAL_ENV '/a\\!'\n", Some("/a!"));
        check("set -gx VIRTUAL_ENV '/it'\\''s'\n", Some("/it's"));
        check("set -gx VIRTUAL_ENV '/it\\'s \\\\'\n", Some("/it's \\"));
        check("@for %%i in (\"C:\\a%%b$\") do @set \"VIRTUAL_ENV=%%~fi\"\n", Some("C:\\a%b$"));
        check("set \"VIRTUAL_ENV=C:\\a%%b\"\n", Some("C:\\a%b"));
        check(
            "    export VIRTUAL_ENV=$(cygpath \"/a\")\nelse\n    export VIRTUAL_ENV=\"/a\"\n",
            Some("/a"),
        );
        check("setenv VIRTUAL_ENV \"/a\"\nsetenv PATH \"$VIRTUAL_ENV/bin:$PATH\"\n", Some("/a"));
        check("set -gx VIRTUAL_ENV '/a'\nset -gx PATH \"$VIRTUAL_ENV/bin\" $PATH\n", Some("/a"));
        check("@for %%i in (\"C:\\a\") do @set \"VIRTUAL_ENV=%%~fi\"\n", Some("C:\\a"));
        check("set VIRTUAL_ENV=C:\\a b\r\n", Some("C:\\a b"));
        check("set \"VIRTUAL_ENV=C:\\a (b); c\"\r\n", Some("C:\\a (b); c"));
        check("set \"VIRTUAL_ENV=C:\\$(a)\"\r\n", Some("C:\\$(a)"));
        check("export VIRTUAL_ENV=$(cygpath C:\\a)\n", Some("C:\\a"));
        check("VIRTUAL_ENV=\"$(dirname \"$SCRIPT\")\"\nPATH=\"$VIRTUAL_ENV/bin:$PATH\"\n", None);
        check("unset VIRTUAL_ENV\nVIRTUAL_ENV_PROMPT=\"/x\"\n", None);
    }
}
