//! Messages to the user, on stderr.

use anstyle::{AnsiColor, Style};

/// What could not be done, and what the user can do about it.
pub(crate) fn error(message: &str, hint: Option<&str>) {
    let red = AnsiColor::Red.on_default().bold();
    line(red, "error", message);
    if let Some(hint) = hint {
        line(AnsiColor::Cyan.on_default(), "hint", hint);
    }
}

/// What the user should know.
pub(crate) fn note(message: &str) {
    line(AnsiColor::Yellow.on_default(), "note", message);
}

fn line(style: Style, label: &str, message: &str) {
    use std::io::Write;
    // When stderr is closed there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{style}{label}{style:#}: {message}");
}
