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

/// The names in `console_scripts` and `gui_scripts`, in the order of the file.
pub fn parse(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut commands = Vec::new();
    let mut in_scripts = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            in_scripts = matches!(section.trim(), "console_scripts" | "gui_scripts");
        } else if in_scripts
            && !line.starts_with(['#', ';'])
            && commands.len() < MAX_COMMANDS
            && let Some((name, _)) = line.split_once('=')
        {
            let name = name.trim();
            // A name with a separator would stand outside the folder of scripts.
            if !name.is_empty() && !name.contains(['/', '\\', '\0']) {
                commands.push(name.to_owned());
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

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let _ = parse(&bytes);
        }
    }
}
