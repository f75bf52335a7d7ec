//! What is remembered is checked before it is used.

use super::*;

#[test]
fn pyvenv_cfg_is_used_whole_or_not_at_all() {
    let home = crate::system::rooted("/opt/bin");
    let check = |bytes: &[u8], expected: bool| {
        let bytes = Some(bytes.to_vec());
        let remembered = Remembered { pyvenv_cfg: bytes.clone(), ..Remembered::default() };
        assert_eq!(remembered.cfg().is_some(), expected, "{bytes:?}");
    };
    let text = format!("home = {home}\r\nprompt = x\r\n");
    check(text.as_bytes(), true);
    check(b"", false);
    check(b"\0\0\0\0", false);
    check(&[text.as_bytes(), b"\0"].concat(), false);
    check(&[text.as_bytes(), b"\xff"].concat(), false);
    check(&[b"\xef\xbb\xbf", text.as_bytes()].concat(), false);
    check(b"prompt = x\n", false);
    check(b"home = bin\n", false);
    check(b"home = //elsewhere/share/bin\n", false);
    check(format!("{text}{}", "x = y\n".repeat(20_000)).as_bytes(), false);
}

#[test]
fn the_first_of_a_name_counts() {
    let of = |name: &str, version: &str| RememberedDistribution {
        name: name.to_owned(),
        version: version.to_owned(),
        ..RememberedDistribution::default()
    };
    let check = |distributions: Vec<RememberedDistribution>, expected: Option<(&[&str], usize)>| {
        let remembered = Remembered { distributions, ..Remembered::default() };
        let contents = remembered.contents();
        let pins: Option<(Vec<String>, usize)> =
            contents.map(|one| (one.pinned.iter().map(Pinned::pin).collect(), one.unusable));
        let expected = expected
            .map(|(pins, unusable)| (pins.iter().map(|pin| (*pin).to_owned()).collect(), unusable));
        assert_eq!(pins, expected);
    };
    check(Vec::new(), None);
    check(vec![of("a", "1"); MAX_DISTRIBUTIONS + 1], None);
    check(vec![of("a", "1"); MAX_DISTRIBUTIONS], Some((&["a==1"], 0)));
    check(
        vec![
            of("Ruamel_YAML", "0.18"),
            of("ruamel.yaml", "0.17"),
            of("torch", "2.1+cpu"),
            of("x", "y"),
        ],
        Some((&["ruamel-yaml==0.18", "torch==2.1+cpu"], 1)),
    );
}

#[test]
fn versions_are_equal_however_they_are_written() {
    let pinned = |version: &str| {
        Pinned::of(&RememberedDistribution {
            name: "a".to_owned(),
            version: version.to_owned(),
            ..RememberedDistribution::default()
        })
        .unwrap()
    };
    assert!(pinned("1.0").has_version("1"));
    assert!(pinned("1.0.0-beta1").has_version("1.0b1"));
    assert!(!pinned("1.0").has_version("1.0.post1"));
    assert!(!pinned("1.0").has_version("of old"));
}
