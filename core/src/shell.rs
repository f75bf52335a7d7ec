//! Names in commands that a user is told to type: nothing in a name is a command.

use std::borrow::Cow;

use crate::host::Platform;

/// A name as one word for the shell of this system: as it is, or quoted where a shell would obey it.
pub fn word(name: &str) -> Cow<'_, str> {
    let windows = Platform::CURRENT == Platform::Windows;
    let plain =
        |c: char| c.is_ascii_alphanumeric() || "/:._-+@%".contains(c) || windows && c == '\\';
    if name.chars().all(plain) {
        Cow::Borrowed(name)
    } else if windows {
        Cow::Owned(format!("\"{name}\""))
    } else {
        Cow::Owned(format!("'{}'", name.replace('\'', "'\\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_command() {
        let windows = Platform::CURRENT == Platform::Windows;
        let check = |name: &str, unix: &str, on_windows: &str| {
            assert_eq!(word(name), if windows { on_windows } else { unix }, "{name}");
        };
        check("a/.venv-3.12", "a/.venv-3.12", "a/.venv-3.12");
        check("my project", "'my project'", "\"my project\"");
        check("$(touch z)", "'$(touch z)'", "\"$(touch z)\"");
        check("it's", "'it'\\''s'", "\"it's\"");
        // Bare, it is the home folder of somebody else.
        check("~root/x", "'~root/x'", "\"~root/x\"");
    }
}
