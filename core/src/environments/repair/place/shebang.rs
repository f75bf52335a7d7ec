//! First lines of scripts and launchers: another interpreter, everything else as it was.
//!
//! ```text
//! #!/home/me/project/.venv/bin/python -I            plain
//! #!/bin/sh                                         for what the kernel cannot take: a blank in the
//! '''exec' "/home/me/my project/.venv/bin/python" "$0" "$@"        path, or more than 127 bytes
//! ' '''
//! ```

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::environments::scripts::{self, Quoting, Word};
use crate::host::Platform;
use crate::system::path_of;

/// The kernel's limit of old, which pip and uv keep to, and that of macOS.
const MOST_BYTES: usize = 127;
const MOST_BYTES_OF_MACOS: usize = 512;

/// What a script's first lines are made of.
#[derive(Debug, PartialEq, Eq)]
struct FirstLines<'a> {
    /// Follows the program, with the blank before it: ` -I`.
    arguments: &'a [u8],
    /// `\n` or `\r\n`.
    line_end: &'a [u8],
    /// Everything after them.
    rest: &'a [u8],
    /// `#!`, and blanks that follow.
    start: &'a [u8],
}

/// The script with another program. `None` when its first lines start none by its path, or when no
/// first line can name the new one.
pub(in crate::environments::repair) fn rewritten(
    script: &[u8],
    program: &[u8],
    platform: Platform,
) -> Option<Vec<u8>> {
    if program.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        return None;
    }
    let FirstLines { arguments, line_end, rest, start } = FirstLines::of(script)?;
    let blank = program.iter().any(u8::is_ascii_whitespace);
    let most = if platform == Platform::MacOs { MOST_BYTES_OF_MACOS } else { MOST_BYTES };
    let length = start.len() + program.len() + arguments.len() + line_end.len();
    let parts: Vec<&[u8]> = if platform == Platform::Windows {
        let quote: &[u8] = if blank { b"\"" } else { b"" };
        vec![start, quote, program, quote, arguments, line_end, rest]
    } else if !blank && length <= most {
        vec![start, program, arguments, line_end, rest]
    } else {
        let lines = trampoline(program, arguments, line_end)?;
        return Some([&lines, rest].concat());
    };
    Some(parts.concat())
}

impl<'a> FirstLines<'a> {
    fn of(script: &'a [u8]) -> Option<FirstLines<'a>> {
        let (first, after) = line(script)?;
        let start_length =
            2 + first.get(2..)?.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let start = first.strip_prefix(b"#!").map(|_| &first[..start_length])?;
        let line_end = end_of(first);
        let command = &first[start_length..first.len() - line_end.len()];
        if command.is_empty() {
            return None;
        }
        if [b"/bin/sh".as_slice(), b"/usr/bin/sh", b"/bin/bash"].contains(&command) {
            return FirstLines::of_trampoline(after, line_end);
        }
        let arguments = if let Some(quoted) = command.strip_prefix(b"\"") {
            &quoted[quoted.iter().position(|byte| *byte == b'"')? + 1..]
        } else if let Some(at) = memchr::memmem::find(command, b".exe") {
            &command[at + 4..]
        } else {
            let end = command.iter().position(u8::is_ascii_whitespace);
            &command[end.unwrap_or(command.len())..]
        };
        Some(FirstLines { arguments, line_end, rest: after, start })
    }

    fn of_trampoline(text: &'a [u8], line_end: &'a [u8]) -> Option<FirstLines<'a>> {
        let (command, after) = line(text)?;
        let (last, rest) = line(after)?;
        let command = command.strip_prefix(b"'''exec' ")?.strip_suffix(line_end)?;
        let command = command.strip_suffix(b" \"$0\" \"$@\"")?;
        let word = Word::read(command, Quoting::Shell).filter(|word| !word.computed)?;
        (last.trim_ascii() == b"' '''").then_some(FirstLines {
            arguments: &command[word.length..],
            line_end,
            rest,
            start: b"#!",
        })
    }
}

/// The first line with its end, and what follows.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    Some(text.split_at(end + 1))
}

fn end_of(line: &[u8]) -> &[u8] {
    let end = if line.ends_with(b"\r\n") { 2 } else { 1 };
    &line[line.len() - end..]
}

/// Both `sh` and Python read it: for Python it is a string. `None` for a path that Python would not
/// take in one.
fn trampoline(program: &[u8], arguments: &[u8], line_end: &[u8]) -> Option<Vec<u8>> {
    // `\x` and its like are escapes of Python, of which some are errors.
    if program.contains(&b'\\') {
        return None;
    }
    let quoted = if program.iter().any(|byte| matches!(byte, b'"' | b'$' | b'`')) {
        super::activate::single_quoted(program)
    } else {
        [b"\"", program, b"\""].concat()
    };
    Some(
        [
            b"#!/bin/sh",
            line_end,
            b"'''exec' ",
            &quoted,
            arguments,
            b" \"$0\" \"$@\"",
            line_end,
            b"' '''",
            line_end,
        ]
        .concat(),
    )
}

/// Where the first line of a Windows launcher stands: between the stub and the archive that distlib
/// appended to it, whose offsets count from its own start.
pub(in crate::environments::repair) fn of_launcher(
    launcher: &[u8],
) -> Option<std::ops::Range<usize>> {
    const END_BYTES: usize = 22;
    let tail = launcher.len().saturating_sub(END_BYTES + u16::MAX as usize);
    let end = tail + memchr::memmem::rfind(&launcher[tail..], b"PK\x05\x06")?;
    let number = |at: usize| -> Option<usize> {
        let bytes: [u8; 4] = launcher.get(end + at..end + at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let archive = end.checked_sub(number(12)?)?.checked_sub(number(16)?)?;
    if !launcher.get(archive..)?.starts_with(b"PK") {
        return None;
    }
    let start = memchr::memmem::rfind(&launcher[..archive], b"#!")?;
    let line_end = start + memchr::memchr(b'\n', &launcher[start..archive])? + 1;
    let is_directly_before = launcher[line_end..archive].iter().all(u8::is_ascii_whitespace);
    is_directly_before.then_some(start..line_end)
}

/// The program that a launcher starts.
pub(in crate::environments::repair) fn program_of_launcher(launcher: &[u8]) -> Option<PathBuf> {
    match of_launcher(launcher) {
        Some(line) => scripts::shebang(&launcher[line]).map(|shebang| shebang.program),
        None => path_of(&launcher[of_trampoline(launcher)?]),
    }
}

/// The launcher with another program.
pub(in crate::environments::repair) fn rewritten_launcher(
    launcher: &[u8],
    program: &[u8],
) -> Option<Vec<u8>> {
    let Some(line) = of_launcher(launcher) else {
        let path = of_trampoline(launcher)?;
        let length = u32::try_from(program.len()).ok()?.to_le_bytes();
        let magic = &launcher[launcher.len() - MAGIC_BYTES..];
        return Some([&launcher[..path.start], program, &length, magic].concat());
    };
    let new = rewritten(&launcher[line.clone()], program, Platform::Windows)?;
    Some([&launcher[..line.start], &new, &launcher[line.end..]].concat())
}

/// The size of the marks of uv, and of the size before them.
const MAGIC_BYTES: usize = 4;

/// Where the path stands that uv before 0.8 appended to its launchers: path, its size, `UVSC`. Later
/// ones have it as a resource of the image.
fn of_trampoline(launcher: &[u8]) -> Option<Range<usize>> {
    let (rest, magic) = launcher.split_last_chunk::<MAGIC_BYTES>()?;
    let (rest, length) = rest.split_last_chunk::<4>()?;
    let start = rest.len().checked_sub(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let is_path = rest[start..].ends_with(b".exe") && !rest[start..].contains(&0);
    (matches!(magic, b"UVSC" | b"UVPY" | b"UVUV") && is_path).then_some(start..rest.len())
}

/// `python3.12` of `/old/bin/python3.12`, also when the path is of the other system.
pub(super) fn name_of(program: &Path) -> &[u8] {
    let bytes = program.as_os_str().as_encoded_bytes();
    let at = bytes.iter().rposition(|byte| matches!(byte, b'/' | b'\\'));
    &bytes[at.map_or(0, |at| at + 1)..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_lines() {
        let check = |script: &str, program: &str, expected: &str| {
            let found = rewritten(script.as_bytes(), program.as_bytes(), Platform::Linux);
            let found = found.map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(
                found.as_deref(),
                Some(expected).filter(|text| !text.is_empty()),
                "{script}"
            );
        };
        check("#!/old/python\nrest\r\n", "/new/python", "#!/new/python\nrest\r\n");
        check("#!/old/python -I\r\n", "/new/python", "#!/new/python -I\r\n");
        check("#! /old/python -sE\nx", "/new/python", "#! /new/python -sE\nx");
        check(
            "#!/old/python -I\nx\n",
            "/a b/python",
            "#!/bin/sh\n'''exec' \"/a b/python\" -I \"$0\" \"$@\"\n' '''\nx\n",
        );
        check(
            "#!/bin/sh\n'''exec' \"/a b/python\" -I \"$0\" \"$@\"\n' '''\nx\n",
            "/a/python",
            "#!/a/python -I\nx\n",
        );
        check(
            "#!/old/python\n",
            "/it's $x/python",
            "#!/bin/sh\n'''exec' '/it'\"'\"'s $x/python' \"$0\" \"$@\"\n' '''\n",
        );
        check("#!/bin/sh\necho\n", "/a/python", "");
        check("#!/old/python\n", "/a\n/python", "");
        check("#!/old/python", "/a/python", "");
        check("#!\n", "/a/python", "");
        check("import sys\n", "/a/python", "");
        let long = format!("/{}/python", "x".repeat(120));
        let lines = format!("#!/bin/sh\n'''exec' \"{long}\" \"$0\" \"$@\"\n' '''\n");
        check("#!/old/python\n", &long, &lines);
        let fits = format!("/{}/python", "x".repeat(116));
        assert_eq!(format!("#!{fits}\n").len(), 127);
        check("#!/old/python\n", &fits, &format!("#!{fits}\n"));
    }

    #[test]
    fn windows_quotes_blanks() {
        let check = |script: &str, program: &str, expected: &str| {
            let found = rewritten(script.as_bytes(), program.as_bytes(), Platform::Windows);
            assert_eq!(String::from_utf8(found.unwrap()).unwrap(), expected);
        };
        check("#!C:\\o\\python.exe\r\nx", "C:\\a b\\python.exe", "#!\"C:\\a b\\python.exe\"\r\nx");
        check("#!\"C:\\a b\\python.exe\" -I\nx", "C:\\o\\python.exe", "#!C:\\o\\python.exe -I\nx");
        check("#!C:\\a b\\python.exe\nx", "C:\\o\\python.exe", "#!C:\\o\\python.exe\nx");
    }

    /// A stub, a first line, and an archive of one empty file.
    fn launcher(line: &str) -> Vec<u8> {
        let (name, end) = (b"__main__.py", b"PK\x05\x06");
        let mut local = b"PK\x03\x04".to_vec();
        local.extend([0; 22]);
        local.extend((name.len() as u16).to_le_bytes());
        local.extend([0; 2]);
        local.extend(name);
        let mut central = b"PK\x01\x02".to_vec();
        central.extend([0; 24]);
        central.extend((name.len() as u16).to_le_bytes());
        central.extend([0; 16]);
        central.extend(name);
        let mut file = b"MZ stub #! of a stub\n".to_vec();
        file.extend(line.as_bytes());
        let offset = local.len() as u32;
        file.extend(&local);
        file.extend(&central);
        file.extend(end);
        file.extend([0, 0, 0, 0, 1, 0, 1, 0]);
        file.extend((central.len() as u32).to_le_bytes());
        file.extend(offset.to_le_bytes());
        file.extend([0, 0]);
        file
    }

    #[test]
    fn launchers() {
        let old = launcher("#!C:\\old\\Scripts\\python.exe\n\r\n");
        let new = rewritten_launcher(&old, b"C:\\a new\\Scripts\\python.exe").unwrap();
        assert_eq!(new, launcher("#!\"C:\\a new\\Scripts\\python.exe\"\n\r\n"));
        assert_eq!(rewritten_launcher(&new, b"C:\\old\\Scripts\\python.exe").unwrap(), old);
        let program = |launcher: &[u8]| program_of_launcher(launcher).unwrap();
        assert_eq!(program(&new), Path::new("C:\\a new\\Scripts\\python.exe"));
        let uv = |path: &str| {
            [b"MZ stub PK", path.as_bytes(), &(path.len() as u32).to_le_bytes(), b"UVSC"].concat()
        };
        let old = uv("C:\\old\\Scripts\\python.exe");
        let new = rewritten_launcher(&old, "C:\\n\u{e9} w\\python.exe".as_bytes());
        assert_eq!(new, Some(uv("C:\\n\u{e9} w\\python.exe")));
        assert_eq!(program(&old), Path::new("C:\\old\\Scripts\\python.exe"));
        assert_eq!(rewritten_launcher(b"MZ #!C:\\x.exe\n", b"C:\\y.exe"), None);
        assert_eq!(rewritten_launcher(&launcher("no line"), b"C:\\y.exe"), None);
    }

    proptest! {
        // Not on Windows: no first line names a program by a path of Unix there.
        #[cfg(unix)]
        #[test]
        fn what_is_written_is_read(
            program in "/[a-zA-Z0-9 .'\"$`!*?#é()&;|<>%~-]{1,140}/python3", arguments in "( -[IE])?"
        ) {
            let old = format!("#!/old/python3{arguments}\nimport sys\n").into_bytes();
            let new = rewritten(&old, program.as_bytes(), Platform::Linux).unwrap();
            let read = scripts::shebang(&new).map(|shebang| shebang.program);
            prop_assert_eq!(read.as_deref(), Some(Path::new(&program)));
            // And back.
            prop_assert_eq!(rewritten(&new, b"/old/python3", Platform::Linux), Some(old));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for start in ["", "#!", "#!/bin/sh\n'''exec' ", "MZ#!\nPK\x05\x06"] {
                let script = [start.as_bytes(), &bytes].concat();
                let _ = rewritten(&script, b"/a b/python", Platform::Linux);
                let _ = rewritten_launcher(&script, b"C:\\a");
            }
        }
    }
}
