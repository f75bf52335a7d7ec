//! A story made by a script, and what the commands tell of it.

use super::*;

/// First seen, a distribution upgraded, another removed, `pyvenv.cfg` deleted: four snapshots.
fn broken_step_by_step() -> Machine {
    let machine = Machine::new();
    machine.take();
    upgrade_idna(&machine.venv);
    machine.json("snapshot take --name upgraded work");
    remove_webtool(&machine.venv);
    machine.take();
    fs::remove_file(machine.venv.cfg()).unwrap();
    machine.take();
    machine
}

#[test]
fn history_tells_what_happened_in_order() {
    let machine = broken_step_by_step();
    let document = machine.json("history work/.venv");
    assert_eq!(document["schema"], "aios.history/1");
    let story = &document["histories"][0];
    assert_eq!(path_of(&story["prefix"]), machine.venv.prefix);
    let moments = story["moments"].as_array().unwrap();
    let of = |field: &str| moments.iter().map(|one| one[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("snapshot"), [1, 2, 3, 4]);
    assert_eq!(of("status"), ["healthy", "healthy", "healthy", "broken"]);
    assert_eq!(of("name"), [json!(null), json!("upgraded"), json!(null), json!(null)]);
    let first = happened(&moments[0]["changes"]);
    assert!(first.contains(&"distribution added idna - 3.7".to_owned()), "{first:?}");
    assert_eq!(happened(&moments[1]["changes"]), ["distribution changed idna 3.7 4.0"]);
    assert_eq!(happened(&moments[2]["changes"]), ["distribution removed webtool 1.2.0 -"]);
    assert_eq!(
        happened(&moments[3]["changes"]),
        ["finding added pyvenv-cfg-missing - -", "file removed pyvenv.cfg - -"]
    );
    assert_eq!(story["status"], "broken");
    assert_eq!(story["codes"], json!(["pyvenv-cfg-missing"]));
    assert_eq!(story["since"], moments[3]["time"]);
    assert_eq!(story["last_healthy"]["snapshot"], 3);
    // The file that is gone is the cause.
    assert_eq!(happened(&story["just_before"]), ["file removed pyvenv.cfg - -"]);

    let text = machine.text("history work/.venv");
    let mut from = 0;
    for part in [
        "snapshot 1 first seen, healthy 4 distributions",
        "snapshot 2 (upgraded) idna 3.7 -> 4.0",
        "snapshot 3 webtool 1.2.0 removed",
        "snapshot 4 broken error: pyvenv-cfg-missing:",
        "pyvenv.cfg removed",
        "broken since ",
        " (pyvenv-cfg-missing); just before: pyvenv.cfg removed",
        "; last healthy ",
        " (snapshot 3) aios repair ",
    ] {
        let at = text[from..].find(part);
        from += at.unwrap_or_else(|| panic!("`{part}` is not in its place: {text}")) + part.len();
    }
}

#[test]
fn what_came_before_is_named_when_nothing_else_broke_it() {
    let machine = Machine::new();
    machine.take();
    remove_webtool(&machine.venv);
    machine.take();
    fs::write(machine.venv.site("idna/core.py"), "").unwrap();
    machine.take();
    machine.take();
    let story = machine.json("history work")["histories"][0].clone();
    assert_eq!(story["codes"], json!(["package-file-corrupt"]));
    assert_eq!(happened(&story["just_before"]), ["distribution removed webtool 1.2.0 -"]);
    let last = &story["moments"].as_array().unwrap()[2];
    assert_eq!((&last["snapshot"], &last["last_snapshot"]), (&json!(3), &json!(4)));
}

#[test]
fn healthy_again() {
    let machine = Machine::new();
    let cfg = fs::read(machine.venv.cfg()).unwrap();
    machine.take();
    fs::remove_file(machine.venv.cfg()).unwrap();
    machine.take();
    fs::write(machine.venv.cfg(), cfg).unwrap();
    let back = machine.take();
    let story = machine.json("history work")["histories"][0].clone();
    assert_eq!(story["status"], "healthy");
    assert_eq!(story["since"], back["snapshot"]["time"]);
    assert_eq!(story["next"], json!(null));
    let text = machine.text("history work");
    assert!(text.contains("no longer: pyvenv-cfg-missing"), "{text}");
    assert!(text.contains("healthy since "), "{text}");
}

#[test]
fn an_environment_is_named_in_many_ways() {
    let machine = Machine::new();
    machine.take();
    let story = |path: &str| {
        let document = machine.json(&format!("history {path}"));
        let histories = document["histories"].as_array().unwrap();
        assert_eq!(histories.len(), 1, "{path}");
        histories[0].clone()
    };
    let python = machine.venv.python();
    let python3 = python
        .with_file_name(python.file_name().unwrap().to_str().unwrap().replace("python", "python3"));
    let prefix = machine.venv.prefix.display();
    let ways = [
        "work/.venv".to_owned(),
        "./work/../work/.venv".to_owned(),
        "work".to_owned(),
        format!("{prefix}"),
        python.display().to_string(),
        python3.display().to_string(),
    ];
    for way in &ways {
        assert_eq!(path_of(&story(way)["prefix"]), machine.venv.prefix, "{way}");
    }
    // And when it is gone, with the folder above it.
    fs::remove_dir_all(machine.home.join("work")).unwrap();
    for way in ways.iter().filter(|way| !way.contains("..")) {
        let story = story(way);
        assert_eq!(path_of(&story["prefix"]), machine.venv.prefix, "{way}");
        assert_eq!(story["exists"], false);
    }
    let text = machine.text("history work/.venv");
    assert!(text.contains("healthy since "), "{text}");
    assert!(text.contains("nothing stands at its place now aios snapshot show 1 "), "{text}");
}

#[test]
fn what_is_gone_is_told() {
    let machine = Machine::new();
    machine.take();
    let other = machine.home.venv("other/.venv");
    machine.json("snapshot take other");
    fs::remove_dir_all(&machine.venv.prefix).unwrap();
    // Only who looks everywhere knows that it is gone.
    machine.take();
    machine.json("snapshot take");
    let story = machine.json("history work")["histories"][0].clone();
    assert_eq!((&story["status"], &story["last_healthy"]["snapshot"]), (&json!("gone"), &json!(3)));
    let text = machine.text("history work/.venv");
    assert!(text.contains("snapshot 4 gone gone since "), "{text}");
    assert!(text.contains(" (snapshot 3) aios snapshot show 3 "), "{text}");
    // It comes back as it was, with less.
    let back = machine.home.venv("work/.venv");
    remove_webtool(&back);
    machine.take();
    let story = machine.json("history work")["histories"][0].clone();
    let last = story["moments"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(happened(&last["changes"]), ["distribution removed webtool 1.2.0 -"]);
    assert_eq!(machine.json("history other")["histories"][0]["status"], "healthy");
    assert!(other.prefix.exists());
}

#[test]
fn the_list_says_what_changed() {
    let machine = broken_step_by_step();
    let document = machine.json("snapshot list");
    assert_eq!(document["schema"], "aios.snapshots/1");
    let all = document["snapshots"].as_array().unwrap();
    assert_eq!(ids(&document["snapshots"]), [1, 2, 3, 4]);
    assert_eq!((&all[1]["name"], &all[1]["reason"]), (&json!("upgraded"), &json!("snapshot take")));
    let broken: Vec<&Value> = all.iter().map(|one| &one["broken"]).collect();
    assert_eq!(broken, [0, 0, 0, 1]);
    assert_eq!(
        all[0]["changed"].as_array().unwrap().len(),
        all[0]["environments"].as_u64().unwrap() as usize
    );
    assert_eq!(all[0]["changed"][0]["how"], "new");
    let last = &all[3]["changed"][0];
    assert_eq!(
        (path_of(&last["prefix"]), &last["how"]),
        (machine.venv.prefix.as_path(), &json!("changed"))
    );
    // The present state has what the last one has; the others have some of their own.
    assert_eq!(all[3]["alone_bytes"], 0);
    assert!(all[0]["alone_bytes"].as_u64().unwrap() > 100, "{document}");
    let time = all[0]["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");

    let text = machine.text("snapshot list");
    for part in [
        "upgraded, snapshot take",
        ": idna 3.7 -> 4.0 3 ",
        ": error pyvenv-cfg-missing, pyvenv.cfg removed",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

#[test]
fn a_difference_is_told() {
    let machine = broken_step_by_step();
    let document = machine.json("snapshot diff 1 upgraded");
    assert_eq!(document["schema"], "aios.diff/1");
    assert_eq!((&document["from"]["id"], &document["to"]["id"]), (&json!(1), &json!(2)));
    assert_eq!(
        happened(&document["environments"][0]["changes"]),
        ["distribution changed idna 3.7 4.0"]
    );
    // To the last one by default; what is no snapshot is a path.
    let document = machine.json("snapshot diff 2 work/.venv");
    assert_eq!(document["to"]["id"], 4);
    let one = &document["environments"][0];
    assert_eq!(
        (&one["status_before"], &one["status_after"]),
        (&json!("healthy"), &json!("broken"))
    );
    assert!(happened(&one["changes"]).contains(&"distribution removed webtool 1.2.0 -".to_owned()));
    // And back.
    let document = machine.json("snapshot diff last 1");
    let changes = happened(&document["environments"][0]["changes"]);
    assert!(changes.contains(&"distribution changed idna 4.0 3.7".to_owned()), "{changes:?}");
    assert!(changes.contains(&"finding removed pyvenv-cfg-missing - -".to_owned()), "{changes:?}");
    let text = machine.text("snapshot diff 1");
    assert!(text.contains("healthy -> broken error: pyvenv-cfg-missing"), "{text}");
    assert!(text.contains("idna 3.7 -> 4.0 webtool 1.2.0 removed pyvenv.cfg removed"), "{text}");
    assert_eq!(machine.text("snapshot diff 4 4").rsplit(") ").next(), Some("nothing differs"));
}

#[test]
fn a_snapshot_is_shown() {
    let machine = broken_step_by_step();
    let document = machine.json("snapshot show upgraded work/.venv");
    assert_eq!(document["schema"], "aios.snapshot/1");
    assert_eq!(document["snapshot"]["id"], 2);
    let one = &document["environments"][0];
    assert_eq!((&one["status"], &one["findings"]), (&json!("healthy"), &json!([])));
    assert_eq!(one["facts"]["version"], "3.12.3");
    assert_eq!(path_of(&one["facts"]["base_prefix"]), machine.venv.base.prefix);
    let idna = json!({"name": "idna", "version": "4.0", "folder": "idna-4.0.dist-info"});
    assert!(has(&one["distributions"], &idna), "{one}");
    assert!(has(&one["files"], &json!("pyvenv.cfg")), "{one}");
    let text = machine.text("snapshot show last work/.venv/");
    for part in ["broken", "kind: venv", "error pyvenv-cfg-missing", "3 distributions", "idna 4.0"]
    {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    let text = machine.text("snapshot show 1 work");
    assert!(text.contains("venv, Python 3.12.3 healthy 4 "), "{text}");
    assert!(text.contains("1 environment, 4 distributions, "), "{text}");
}

#[test]
fn nothing_changed_is_said() {
    let machine = Machine::new();
    let first = machine.take();
    let text = machine.text("snapshot take --name again work");
    assert!(text.contains("again): "), "{text}");
    assert!(text.ends_with("it holds what snapshot 1 holds"), "{text}");
    let last = machine.json("snapshot show again");
    assert_eq!(
        (&last["snapshot"]["id"], &last["snapshot"]["hash"]),
        (&json!(2), &first["snapshot"]["hash"])
    );
}

#[test]
fn what_a_distribution_leaves_behind_did_not_come() {
    let machine = Machine::new();
    machine.take();
    // Its module and its script stay where they are, and belong to nothing.
    let folder = machine.venv.site("webtool-1.2.0.dist-info");
    let aside = machine.home.join("aside");
    fs::rename(&folder, &aside).unwrap();
    machine.take();
    fs::rename(&aside, &folder).unwrap();
    machine.take();
    let story = machine.json("history work")["histories"][0].clone();
    let changes = |at: usize| happened(&story["moments"][at]["changes"]);
    let of_distributions =
        |at| changes(at).into_iter().filter(|one| !one.starts_with("finding")).collect::<Vec<_>>();
    assert_eq!(of_distributions(1), ["distribution removed webtool 1.2.0 -"]);
    assert_eq!(of_distributions(2), ["distribution added webtool - 1.2.0"]);
}

#[test]
fn what_is_much_is_counted_for_people_and_whole_in_the_document() {
    let machine = Machine::new();
    machine.take();
    for number in 0..30 {
        fs::write(machine.venv.site(&format!("module_{number:02}.py")), "").unwrap();
    }
    machine.take();
    let changes = machine.json("snapshot diff 1")["environments"][0]["changes"].clone();
    assert_eq!(happened(&changes).len(), 30);
    let text = machine.text("snapshot diff 1");
    assert!(text.contains("module_07.py added and 22 more"), "{text}");
    let text = machine.text("history work");
    assert!(text.contains("module_07.py added and 22 more"), "{text}");
    // Whoever names an environment wants to know.
    let text = machine.text("snapshot diff 1 work/.venv");
    assert!(text.contains("module_29.py added") && !text.contains(" more"), "{text}");
}

#[test]
fn a_folder_names_all_that_was_in_it() {
    let machine = Machine::new();
    let other = machine.home.venv("work/other/.venv");
    machine.take();
    let prefixes = |document: &Value, part: &str| -> Vec<PathBuf> {
        let all = document[part].as_array().unwrap().iter();
        all.map(|one| path_of(&one["prefix"]).to_path_buf()).collect()
    };
    let both = [machine.venv.prefix.clone(), other.prefix.clone()];
    assert_eq!(prefixes(&machine.json("history work"), "histories"), both);
    fs::remove_dir_all(machine.home.join("work")).unwrap();
    assert_eq!(prefixes(&machine.json("history work"), "histories"), both);
    assert_eq!(prefixes(&machine.json("snapshot show 1 work"), "environments"), both);
    assert_eq!(prefixes(&machine.json("snapshot show 1 work/other"), "environments"), both[1..]);
}
