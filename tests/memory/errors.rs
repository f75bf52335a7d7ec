//! What cannot be done, and what is said then.

use super::*;

/// Bytes of a superblock.
const PAGE: usize = 4096;

/// The checksum that `docs/format.md` names.
fn crc32c(bytes: &[u8]) -> u32 {
    let shifted = |sum: u32| if sum & 1 == 1 { sum >> 1 ^ 0x82F6_3B78 } else { sum >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shifted(sum)))
}

/// The command ends with 2, and says these things.
#[track_caller]
fn fails(machine: &Machine, args: &str, parts: &[&str]) {
    let answer = machine.aios(args).exits_with(2);
    assert_eq!(answer.stdout, "", "{answer:?}");
    let said = answer.stderr.replace(std::path::MAIN_SEPARATOR, "/");
    assert!(said.contains("hint: "), "{answer:?}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in {said}");
    }
}

#[test]
fn nothing_is_remembered_yet() {
    let machine = Machine::new();
    for args in [
        "snapshot list",
        "snapshot show last",
        "snapshot diff 1",
        "snapshot restore 1",
        "snapshot prune",
        "snapshot verify",
        "history work",
    ] {
        fails(&machine, args, &["nothing is remembered yet in `", "`aios snapshot take`"]);
        assert!(!machine.memory().exists(), "{args} made a folder");
    }
}

#[test]
fn names_that_nothing_has() {
    let machine = Machine::new();
    machine.take();
    fails(&machine, "snapshot show 2", &["there is no snapshot `2`", "`aios snapshot list`"]);
    fails(&machine, "snapshot diff before", &["there is no snapshot `before`"]);
    fails(&machine, "history elsewhere", &["nothing is remembered of `elsewhere`"]);
    fails(&machine, "history work/.venv-2", &["nothing is remembered of `work/.venv-2`"]);
    machine.home.venv("other/.venv");
    machine.json("snapshot take other");
    fails(
        &machine,
        "snapshot show 1 other",
        &["snapshot 1 has nothing of `other`", "`aios history"],
    );
    for name in ["7", "last", "a/b", "\x1b[31m"] {
        let answer = machine.home.aios(["snapshot", "take", "work", "--name", name]).exits_with(2);
        assert!(answer.stderr.contains("a snapshot cannot be called `"), "{answer:?}");
        assert!(!answer.stderr.contains('\x1b'), "{answer:?}");
    }
}

#[test]
fn a_store_that_cannot_be_read() {
    let machine = Machine::new();
    // Neither superblock is that of the empty store any more, which needs no bytes behind it.
    machine.take();
    machine.take();
    let file = machine.store();
    let whole = fs::read(&file).unwrap();
    // A later format, in both superblocks.
    let mut later = whole.clone();
    for page in later[..2 * PAGE].chunks_exact_mut(PAGE) {
        page[12] = 99;
        let checksum = crc32c(&page[..PAGE - 4]).to_le_bytes();
        page[PAGE - 4..].copy_from_slice(&checksum);
    }
    fs::write(&file, later).unwrap();
    fails(
        &machine,
        "snapshot list",
        &["has version 99 of the format", "use the aios that wrote it"],
    );
    fs::write(&file, &whole[..2 * PAGE]).unwrap();
    fails(&machine, "history work", &["was cut short", "move it away to begin anew"]);
    fs::write(&file, vec![7; whole.len()]).unwrap();
    fails(&machine, "snapshot show last", &["move it away to begin anew"]);
    fs::remove_file(&file).unwrap();
    fails(&machine, "snapshot prune", &["is not a store of aios"]);
    // On Windows folders have no numeric owner; only root can give one away.
    #[cfg(unix)]
    if std::os::unix::fs::chown(machine.memory(), Some(12345), None).is_ok() {
        for args in ["snapshot list", "history work", "snapshot take work"] {
            fails(&machine, args, &["belongs to another user", "let that user do it"]);
        }
    }
}

#[test]
fn no_name_reaches_the_terminal_raw() {
    let machine = Machine::new();
    // A mark that reverses what follows; Windows has no names with escape sequences.
    let mark = if cfg!(windows) { "\u{202e}" } else { "\x1b[31m\n\u{202e}" };
    let odd = machine.home.venv(format!("odd{mark}name/.venv"));
    machine.json("snapshot take");
    fs::write(odd.site(&format!("evil{mark}.py")), "").unwrap();
    fs::remove_file(odd.cfg()).unwrap();
    machine.json("snapshot take");
    let path = odd.prefix.to_str().unwrap();
    for args in [
        &["snapshot", "list"][..],
        &["snapshot", "show", "last"],
        &["snapshot", "show", "last", path],
        &["snapshot", "diff", "1", "2"],
        &["history", path],
    ] {
        for format in ["human", "json"] {
            let output = machine
                .home
                .command()
                .env("AIOS_HOME", machine.memory())
                .args(args)
                .args(["--format", format, "--color", "never"])
                .output()
                .unwrap();
            let answer = Answer::of(output).exits_with(0);
            assert!(!answer.stdout.contains(['\x1b', '\u{202e}']), "{answer:?}");
            let escaped = ["u{202e}", "u202e"].iter().any(|one| answer.stdout.contains(one));
            assert!(escaped, "{answer:?}");
        }
    }
}
