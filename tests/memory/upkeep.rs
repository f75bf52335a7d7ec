//! Pruning.

use super::*;

#[test]
fn the_last_healthy_state_is_never_pruned() {
    let machine = Machine::new();
    machine.take();
    upgrade_idna(&machine.venv);
    machine.take();
    remove_webtool(&machine.venv);
    machine.json("snapshot take --name mine work");
    fs::write(machine.venv.site("more.py"), "").unwrap();
    machine.take();
    fs::remove_file(machine.venv.cfg()).unwrap();
    for text in ["a", "b", "c"] {
        fs::write(machine.venv.site("mine.py"), text).unwrap();
        fs::write(machine.venv.site(&format!("{text}.pth")), text).unwrap();
        machine.take();
    }
    let all = || ids(&machine.json("snapshot list")["snapshots"]);
    assert_eq!(all(), [1, 2, 3, 4, 5, 6, 7]);
    let planned = machine.json("snapshot prune --keep 2 --days 0 --dry-run");
    assert_eq!(planned["schema"], "aios.prune/1");
    assert_eq!(all().len(), 7);
    // 3 has a name, 4 was the last without anything broken, 6 and 7 are the newest.
    assert_eq!(ids(&planned["removed"]), [1, 2, 5]);
    assert_eq!((&planned["left"], &planned["freed_bytes"]), (&json!(4), &json!(null)));
    let held = &planned["held"];
    assert_eq!(
        (ids(held), path_of(&held[0]["prefixes"][0])),
        (vec![4], machine.venv.prefix.as_path())
    );
    let unused = planned["unused_bytes"].as_u64().unwrap();
    assert!(unused > 1000, "{planned}");

    let file_bytes = || -> u64 {
        let entries = fs::read_dir(machine.memory().join("context")).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let before = file_bytes();
    let pruned = machine.json("snapshot prune --keep 2 --days 0");
    assert_eq!((ids(&pruned["removed"]), ids(&pruned["held"])), (vec![1, 2, 5], vec![4]));
    assert_eq!(all(), [3, 4, 6, 7]);
    let freed = pruned["freed_bytes"].as_u64().unwrap();
    // The file is written anew only when that is worth it.
    assert!(freed == 0 || file_bytes() < before, "{pruned}");
    let text = machine.text("snapshot prune --keep 0 --days 0");
    assert!(text.contains("keeps snapshot 4: it alone has the last healthy state of "), "{text}");
    // The newest stays too.
    assert_eq!(all(), [3, 4, 7]);
    let story = machine.json("history work")["histories"][0].clone();
    assert_eq!(
        (&story["status"], &story["last_healthy"]["snapshot"]),
        (&json!("broken"), &json!(4))
    );
    let text = machine.text("snapshot prune");
    assert!(text.contains("nothing to remove: 3 snapshots stay"), "{text}");
}

#[test]
fn a_state_that_another_snapshot_has_holds_nothing() {
    let machine = Machine::new();
    for name in ["a", "b", "c"] {
        machine.json(&format!("snapshot take --name {name} work"));
    }
    machine.take();
    machine.take();
    let pruned = machine.json("snapshot prune --keep 1 --days 0");
    assert_eq!((ids(&pruned["removed"]), &pruned["held"]), (vec![4], &json!([])));
}
