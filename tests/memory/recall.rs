//! What memory is for: an environment is recognised by what is left of it, and repaired by what it was.

use super::*;
use crate::support::system;

impl Machine {
    /// Breaks it beyond what the files that are left tell.
    fn lose_packages(&self) {
        fs::remove_dir_all(self.venv.site_packages()).unwrap();
    }

    fn wheels(&self) -> String {
        let wheels = self.home.join("wheels");
        self.venv.write_wheels(&wheels);
        wheels.display().to_string()
    }

    fn pins(&self) -> Vec<String> {
        let shown = self.json("snapshot show last work/.venv");
        let all = shown["environments"][0]["distributions"].as_array().unwrap();
        let pin = |one: &Value| {
            format!("{} {}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap())
        };
        all.iter().map(pin).collect()
    }
}

#[test]
fn packages_that_are_gone_come_back() {
    let machine = Machine::new();
    machine.take();
    let before = machine.pins();
    let wheels = machine.wheels();
    machine.lose_packages();
    // Nothing else says what was installed.
    let plan = flat(&machine.aios("repair --dry-run work/.venv").shown());
    assert!(plan.contains("the 4 distributions that were installed"), "{plan}");
    assert!(plan.contains("as remembered by snapshot 1 of 2"), "{plan}");
    let answer = machine.aios(&format!("repair --yes --wheelhouse {wheels} work/.venv"));
    let said = flat(&answer.exits_with(0).shown());
    assert!(said.contains("install idna==3.7 from") && said.contains("snapshot 1 of 2"), "{said}");
    machine.take();
    assert_eq!(machine.pins(), before);
    // Before the repair and after it, each with its reason.
    let history = machine.json("history work/.venv");
    let moments = history["histories"][0]["moments"].as_array().unwrap();
    let told: Vec<[&str; 2]> = moments
        .iter()
        .map(|one| ["reason", "status"].map(|field| one[field].as_str().unwrap()))
        .collect();
    let expected =
        [["snapshot take", "healthy"], ["before a repair", "broken"], ["repaired", "healthy"]];
    assert_eq!(told, expected);
}

#[test]
fn a_marker_that_is_gone_comes_back_with_all_that_it_held() {
    let machine = Machine::new();
    machine.venv.edit_cfg(|text| text + "prompt = mine\nmy-key = kept\n");
    machine.aios("check work/.venv").exits_with(0);
    let before = fs::read(machine.venv.cfg()).unwrap();
    fs::remove_file(machine.venv.cfg()).unwrap();
    machine.aios("repair --yes work/.venv").exits_with(0);
    assert_eq!(fs::read(machine.venv.cfg()).unwrap(), before);
    assert!(!machine.memory().join("nothing").exists());
}

#[test]
fn an_environment_that_was_moved_and_lost_its_packages_is_recognised() {
    let mut machine = Machine::new();
    machine.take();
    let wheels = machine.wheels();
    let moved = machine.home.join("elsewhere");
    fs::rename(&machine.venv.prefix, &moved).unwrap();
    let old = std::mem::replace(&mut machine.venv.prefix, moved);
    // A half of its distributions is gone.
    for folder in ["idna", "idna-3.7.dist-info", "speedups", "speedups-0.4.dist-info"] {
        fs::remove_dir_all(machine.venv.site(folder)).unwrap();
    }
    let recalled = machine.json("recall elsewhere");
    let like = &recalled["recollections"][0]["alike"][0];
    assert_eq!((&like["prefix"], &like["exact"]), (&json!(old.to_str().unwrap()), &json!(true)));
    assert!(like["similarity"].as_f64().unwrap() > 0.4, "{like}");
    let text = machine.text("recall elsewhere");
    assert!(
        text.contains("like it:") && text.contains("2 of 4 distributions the same, snapshot 2 ("),
        "{text}"
    );

    // To return to what it was is a plan of its own, which is taken back as every repair.
    fs::rename(&machine.venv.prefix, &old).unwrap();
    machine.venv.prefix = old;
    let differs = machine.text("snapshot restore 1 work/.venv");
    assert!(differs.contains("install idna 3.7") && differs.contains("--apply"), "{differs}");
    let apply = format!("snapshot restore 1 work/.venv --apply --yes --wheelhouse {wheels}");
    let said = machine.text(&apply);
    assert!(said.contains("repaired") && said.contains("idna==3.7"), "{said}");
    machine.take();
    assert_eq!(machine.pins().len(), 4);
    machine.aios("repair --undo work/.venv").exits_with(0);
    machine.take();
    assert_eq!(machine.pins().len(), 2);
}

#[test]
fn a_pattern_that_was_repaired_is_recognised() {
    let machine = Machine::new();
    system::tell_version(&machine.venv);
    fs::remove_file(machine.venv.cfg()).unwrap();
    machine.aios("repair --yes work/.venv").exits_with(0);
    let other = machine.home.venv("other/.venv");
    fs::remove_file(other.cfg()).unwrap();
    let recalled = machine.json("recall other/.venv");
    let repaired = &recalled["recollections"][0]["repaired"][0];
    assert_eq!(repaired["prefix"], machine.venv.prefix.to_str().unwrap());
    assert_eq!(repaired["codes"], json!(["pyvenv-cfg-missing"]));
    assert_eq!((&repaired["outcome"], &repaired["similarity"]), (&json!("repaired"), &json!(1.0)));
    let text = machine.text("recall other/.venv");
    assert!(text.contains("the same was seen in ~/work/.venv on 2"), "{text}");
    assert!(text.contains("write-pyvenv-cfg repaired it"), "{text}");
}

#[test]
fn packages_recall_their_environment() {
    let machine = Machine::new();
    machine.take();
    let text = machine.text("recall --package idna webtool==1.2.0");
    assert!(text.contains("3 of 3") && text.contains("/work/.venv"), "{text}");
    let nothing = machine.aios("recall --package numpy").exits_with(1);
    assert!(nothing.shown().contains("no environment that is remembered had them"));
    // What is gone from disk is recalled as it was.
    fs::remove_dir_all(&machine.venv.prefix).unwrap();
    let recalled = machine.json("recall work/.venv");
    assert_eq!(recalled["recollections"][0]["history"]["exists"], false);
    let unknown = machine.aios("recall nowhere").exits_with(2);
    assert!(unknown.stderr.contains("nothing is remembered of"), "{}", unknown.stderr);
}
