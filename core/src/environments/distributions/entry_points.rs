//! `entry_points.txt`: the commands that a distribution declares.
//!
//! ```text
//! [console_scripts]
//! tabulate = tabulate:_main
//! ```

/// Real ones stay below 100 KiB.
pub(super) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// More commands than any distribution declares.
const MAX_COMMANDS: usize = 10_000;

/// One line of `console_scripts` or `gui_scripts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The name of its script.
    pub name: String,
    /// `tabulate:_main`, as written.
    pub target: String,
    /// Whether it opens windows: on Windows it has no console then.
    pub gui: bool,
}

impl Command {
    /// Module and function. `None` for what is no such pair: it would be written into a script.
    pub fn function(&self) -> Option<(&str, &str)> {
        let target = self.target.split('[').next().unwrap_or(&self.target);
        let (module, function) = target.split_once(':')?;
        let (module, function) = (module.trim(), function.trim());
        let is_dotted = |path: &str| {
            path.split('.').all(|name| {
                name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            })
        };
        (is_dotted(module) && is_dotted(function)).then_some((module, function))
    }
}

/// The names in `console_scripts` and `gui_scripts`, in the order of the file.
pub fn parse(bytes: &[u8]) -> Vec<String> {
    commands(bytes).into_iter().map(|command| command.name).collect()
}

/// The lines of `console_scripts` and `gui_scripts`, in the order of the file.
pub fn commands(bytes: &[u8]) -> Vec<Command> {
    let text = String::from_utf8_lossy(bytes);
    let mut commands = Vec::new();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if matches!(section, "console_scripts" | "gui_scripts")
            && !line.starts_with(['#', ';'])
            && commands.len() < MAX_COMMANDS
            && let Some((name, target)) = line.split_once('=')
        {
            let (name, target) = (name.trim().to_owned(), target.trim().to_owned());
            // A name with a separator would stand outside the folder of scripts.
            if !name.is_empty() && !name.contains(['/', '\\', '\0']) {
                commands.push(Command { name, target, gui: section == "gui_scripts" });
            }
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands() {
        let check = |text: &str, expected: &[&str]| assert_eq!(parse(text.as_bytes()), expected);
        check("[console_scripts]\ntabulate = tabulate:_main\n", &["tabulate"]);
        check(
            "[pytest11]\nx = y\n[gui_scripts]\r\n a=b:c [extra]\r\n# n = m\n[other]\nz = z\n",
            &["a"],
        );
        check("[console_scripts]\n../evil = x:y\n", &[]);
        check("name = outside\n", &[]);
    }

    #[test]
    fn functions() {
        let check = |target: &str, expected: Option<(&str, &str)>| {
            let (name, target) = ("x".to_owned(), target.to_owned());
            let command = Command { name, target, gui: false };
            assert_eq!(command.function(), expected, "{command:?}");
        };
        check("tabulate:_main", Some(("tabulate", "_main")));
        check("a.b : C.run [extra]", Some(("a.b", "C.run")));
        check("a", None);
        check("a:b(); import os", None);
        check("a b:c", None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let _ = parse(&bytes);
        }
    }
}
