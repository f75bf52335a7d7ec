//! A store with damaged blocks: what is said of it, and what is healed.

use super::*;

/// Something of `pyvenv.cfg`, which is kept with its content.
const MARK: &[u8] = b"include-system-site-packages";

/// Three snapshots: the first state, another one, and the same again, so that no damage is in the last
/// commit, where it could not be told from a crash.
fn three() -> Machine {
    let machine = Machine::new();
    machine.take();
    fs::write(machine.venv.site("mine.py"), "").unwrap();
    machine.take();
    machine.take();
    machine
}

/// Changes a byte of the mark, where it is in the store for the first or the last time.
fn damage(machine: &Machine, last: bool) {
    let mut bytes = fs::read(machine.store()).unwrap();
    let found = |at: &usize| bytes[*at..].starts_with(MARK);
    let at = if last { (0..bytes.len()).rev().find(found) } else { (0..bytes.len()).find(found) };
    bytes[at.unwrap()] ^= 1;
    fs::write(machine.store(), bytes).unwrap();
}

fn hash_of(machine: &Machine, id: u64) -> Value {
    machine.json(&format!("snapshot show {id}"))["environments"].clone()
}

#[test]
fn a_whole_store() {
    let machine = three();
    let document = machine.json("snapshot verify");
    assert_eq!((&document["schema"], &document["damaged"]), (&json!("aios.verify/1"), &json!(0)));
    assert!(document["blocks"].as_u64().unwrap() > 3, "{document}");
    let text = machine.text("snapshot verify");
    assert!(text.starts_with("whole: "), "{text}");
}

#[test]
fn damage_is_named_and_healed_from_what_stands_on_disk() {
    let machine = three();
    let before = hash_of(&machine, 2);
    damage(&machine, true);
    let document = machine.aios("snapshot verify --format json").exits_with(1).json();
    let part = &document["parts"][0];
    assert_eq!(path_of(&part["prefix"]), machine.venv.prefix);
    assert_eq!((&part["present"], &part["damaged_in"]), (&json!(true), &json!([2, 3])));
    assert_eq!((&part["whole_in"], &document["healed"]), (&json!([1]), &json!(null)));
    let answer = machine.aios("snapshot verify").exits_with(1);
    let text = flat(&answer.stdout);
    for part in [
        "damaged ",
        "in as it was seen last, snapshots 3, 2 whole in snapshot 1, as it was then",
        "1 damaged block of ",
        "aios snapshot verify --heal",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    // What needs it says where to go.
    let answer = machine.aios("snapshot show last work/.venv").exits_with(2);
    assert!(answer.stderr.contains("`aios snapshot verify` says what is damaged"), "{answer:?}");
    assert_eq!(machine.json("snapshot show 1")["environments"][0]["status"], "healthy");

    let document = machine.json("snapshot verify --heal");
    assert_eq!((&document["healed"], &document["damaged"]), (&json!(1), &json!(0)));
    assert_eq!(machine.json("snapshot verify")["damaged"], 0);
    assert_eq!(hash_of(&machine, 2), before);
    assert_eq!(
        machine.json("history work")["histories"][0]["moments"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn what_nothing_has_stays_damaged() {
    let machine = three();
    damage(&machine, false);
    let heal = || machine.aios("snapshot verify --heal --format json").exits_with(1).json();
    for document in [heal(), heal()] {
        assert_eq!((&document["healed"], &document["damaged"]), (&json!(0), &json!(1)));
        let part = &document["parts"][0];
        assert_eq!((&part["damaged_in"], &part["whole_in"]), (&json!([1]), &json!([2, 3])));
        assert_eq!(part["present"], false);
    }
    let text = flat(&machine.aios("snapshot verify --heal").exits_with(1).stdout);
    assert!(text.contains("healed 0 blocks"), "{text}");
    assert!(text.contains("nothing has a whole copy of them"), "{text}");
    assert_eq!(machine.json("snapshot show 2 work/.venv")["environments"][0]["status"], "healthy");
}
