//! JSON as editors write it: with comments and trailing commas.

/// The same text as plain JSON. Strings are kept; what is left out becomes a space.
pub(super) fn to_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest[2..].find("*/").map_or("", |end| &rest[end + 4..]);
                json.push(' ');
                continue;
            }
            ']' | '}' => {
                // Comments are gone from what was written, so a comma before is the last thing.
                if json.trim_end().ends_with(',') {
                    json.truncate(json.trim_end().len() - 1);
                }
                1
            }
            c => c.len_utf8(),
        };
        json.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    json
}

/// Bytes of the string that `text` starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<serde_json::Value>) {
        assert_eq!(serde_json::from_str(&to_json(text)).ok(), expected, "{text}");
    }

    #[test]
    fn comments_and_trailing_commas_are_left_out() {
        use serde_json::json;
        check(r#"{"a": 1, /* b */ "c": [1, 2, ], // d"#, None);
        check("{\"a\": 1, // x\n}", Some(json!({"a": 1})));
        check("{\"a\": [1, 2,], /* , */ }", Some(json!({"a": [1, 2]})));
        check(r#"{"a": "// no, }", "b": "\"/*"}"#, Some(json!({"a": "// no, }", "b": "\"/*"})));
        check("/* open", None);
        check("/*/ [] /**/{}", Some(json!({})));
        check("/**/{}//", Some(json!({})));
        check("\"open", None);
        check("{\"é\": \"日本\",}", Some(json!({"é": "日本"})));
    }
}
