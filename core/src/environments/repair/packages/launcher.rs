//! The scripts of commands on Windows: a program that starts the interpreter that its tail names.
//!
//! ```text
//! t64.exe | #!C:\home\alice\.venv\Scripts\python.exe | an archive with __main__.py
//! ```
//!
//! The program is distlib's, which the base bundles inside of pip.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Draft;
use super::scripts::Interpreter;
use crate::environments::Architecture;
use crate::environments::distributions::entry_points::Command;

/// The file of a command. `None` when no wheel of pip has the program for this machine.
pub(super) fn of(draft: &Draft<'_>, command: &Command) -> Option<Vec<u8>> {
    let main = Interpreter::main_of(command)?;
    let program = program(draft, command.gui)?;
    let archive = archive_of(&main).ok()?;
    Some([program, draft.interpreter.shebang(), archive].concat())
}

fn program(draft: &Draft<'_>, gui: bool) -> Option<Vec<u8>> {
    let kind = if gui { 'w' } else { 't' };
    let bits = match draft.wheels.target.as_ref()?.architecture {
        Architecture::X86 => "32",
        Architecture::Aarch64 => "64-arm",
        _ => "64",
    };
    let name = format!("pip/_vendor/distlib/{kind}{bits}.exe");
    let any = draft.wheels.accepted("pip", &[]);
    let candidates = draft.wheels.bundled("pip").into_iter().chain(any);
    candidates.filter_map(|candidate| draft.wheels.open(candidate)).find_map(|wheel| {
        let source = wheel.find(&name)?;
        wheel.read(source).ok()
    })
}

fn archive_of(main: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("__main__.py", options)?;
    archive.write_all(main)?;
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_archive_holds_the_script() {
        let bytes = [b"MZ program".to_vec(), archive_of(b"import sys\n").unwrap()].concat();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut text = String::new();
        archive.by_name("__main__.py").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "import sys\n");
    }
}
