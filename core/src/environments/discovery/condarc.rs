//! `.condarc`: the folders of environments that it names.
//!
//! ```yaml
//! channels:
//!   - conda-forge
//! envs_dirs:
//!   - ~/my-envs          # comment
//!   - "/data/conda envs"
//! ```
//!
//! Only the keys `envs_dirs` and `envs_path` are read, written as a block list, `[a, b]`, or one
//! value. Anchors and text over several lines do not occur in lists of folders; an entry that uses
//! them is left out, because it does not expand to an absolute path.

/// The values of `envs_dirs` and `envs_path`, as written.
pub(super) fn environment_folders(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut in_list = false;
    for line in text.lines() {
        let line = without_comment(line).trim_end();
        let item = line.trim_start();
        if item.is_empty() {
            continue;
        }
        // List items may stand at the same indentation as their key.
        if let Some(value) = item.strip_prefix("- ") {
            if in_list {
                values.extend(scalar(value));
            }
            continue;
        }
        if line.len() != item.len() {
            continue;
        }
        let Some((key, value)) = item.split_once(':') else { continue };
        in_list = matches!(unquoted(key.trim()), "envs_dirs" | "envs_path");
        if in_list {
            match value.trim().strip_prefix('[') {
                Some(list) => {
                    let list = list.split(']').next().unwrap_or(list);
                    values.extend(list.split(',').filter_map(scalar));
                }
                None => values.extend(scalar(value)),
            }
        }
    }
    values
}

/// A value without its quotes; `None` when there is none.
fn scalar(value: &str) -> Option<String> {
    let value = unquoted(value.trim());
    (!value.is_empty() && value != "null" && value != "~").then(|| value.to_owned())
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

/// A line up to its comment: a `#` at the start or after a space, outside quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' && before.is_whitespace() => return &line[..at],
            // A quote opens only where a value can start; elsewhere it is an apostrophe.
            None if matches!(c, '"' | '\'') && " \t[,".contains(before) => quote = Some(c),
            None => {}
        }
        before = c;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(environment_folders(text), expected, "{text}");
    }

    #[test]
    fn folders_are_read_in_every_spelling() {
        check("envs_dirs:\n  - /a\n  - ~/b\nchannels:\n  - /c\n", &["/a", "~/b"]);
        check("channels:\n- x\nenvs_dirs:\n- /a # why\n- '/b # not'\n", &["/a", "/b # not"]);
        check("envs_path: [/a, \"/b c\"]\n", &["/a", "/b c"]);
        check("envs_dirs: /one\n", &["/one"]);
        check("\"envs_dirs\":\r\n  - C:\\envs #!final\r\n", &["C:\\envs"]);
        check("# envs_dirs:\n#  - /a\n", &[]);
        check("envs_dirs: []\nx: 1\n", &[]);
        check("envs_dirs:\n  - /it's # here\n", &["/it's"]);
        check("other:\n  envs_dirs:\n    - /nested\n", &[]);
    }
}
