//! The documents, whole: with times, identities and sizes that are the same on every run.

use super::*;

/// Replaces what looks like the pattern, in which `0` is any digit.
fn replaced(text: &str, pattern: &str, by: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_it = rest.len() >= pattern.len()
            && rest.bytes().zip(pattern.bytes()).all(|(is, wanted)| match wanted {
                b'0' => is.is_ascii_digit(),
                wanted => is == wanted,
            });
        if is_it {
            result.push_str(by);
            rest = &rest[pattern.len()..];
        } else {
            result.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    result
}

fn timeless(text: &str, machine: &Machine) -> String {
    let text = text.replace(machine.home.path().to_str().unwrap(), "/home/you");
    let text = replaced(&text, "0000-00-00T00:00:00.000Z", "TIME");
    let text = replaced(&text, "0000-00-00 00:00", "TIME");
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = text.split('"').map(|part| match part.len() {
        16 if is_hex(part) => "ID",
        64 if is_hex(part) => "HASH",
        _ => part,
    });
    let mut text = parts.collect::<Vec<_>>().join("\"");
    for field in ["\"bytes\":", "\"alone_bytes\":"] {
        let mut pieces = text.split(field).map(str::to_owned).collect::<Vec<_>>();
        for piece in pieces.iter_mut().skip(1) {
            *piece = format!("0{}", piece.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        text = pieces.join(field);
    }
    text
}

/// Compares with `tests/golden/<name>`; with `AIOS_BLESS` set, writes it.
fn golden(name: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("AIOS_BLESS").is_some() {
        fs::write(&file, actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; if that is meant, run the test with AIOS_BLESS=1\n--- is\n{actual}",
        file.display()
    );
}

#[test]
fn documents() {
    let machine = Machine::new();
    // Alone, whatever base stands beside.
    let take = |options: &str| machine.json(&format!("snapshot take {options}work/.venv"));
    take("");
    upgrade_idna(&machine.venv);
    take("--name upgraded ");
    fs::remove_file(machine.venv.cfg()).unwrap();
    take("");
    for (name, args) in [
        ("snapshots.json", "snapshot list"),
        ("snapshot.json", "snapshot show last"),
        ("diff.json", "snapshot diff 1 last"),
        ("history.json", "history work"),
    ] {
        let answer = machine.aios(&format!("{args} --format json")).exits_with(0);
        golden(name, &timeless(&answer.stdout, &machine));
    }
}
