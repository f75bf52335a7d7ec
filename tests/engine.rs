//! What the engine records, and what it says later.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aios_core::engine::changes::{Change, between};
use aios_core::engine::repairs::{self, Repaired};
use aios_core::engine::{Engine, Looked, Memory, Report, State, environments, history, identities};
use aios_core::environments::inspection::Inspection;
use aios_core::{Depth, Status};

use crate::support::{Distribution, Machine, Venv};

mod recall;
mod sealed;
#[cfg(unix)]
mod unix;

impl Machine {
    fn engine(&self) -> Engine {
        Engine::open(&self.host, &self.memory()).unwrap()
    }

    /// Looks at one environment and records it.
    fn record(&self, prefix: &Path) -> Report {
        let seen = self.look(&[prefix], &[], Depth::Usual);
        let looked = Looked { depth: Depth::Usual, whole: false, reason: "check" };
        let report = self.engine().record(&seen, looked).unwrap();
        assert_eq!(report.problems, []);
        report
    }

    /// What was recorded last of an environment.
    fn state(&self, prefix: &Path) -> State {
        let memory = Memory::open(&self.memory()).unwrap().unwrap();
        let all = environments(&memory.present().unwrap()).unwrap();
        all.into_iter().find(|(_, state)| state.prefix().unwrap() == prefix).unwrap().1
    }

    fn store_bytes(&self) -> u64 {
        let entries = fs::read_dir(self.memory().join("context")).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }
}

const IDNA_4: Distribution<'static> = Distribution {
    name: "idna",
    version: "4.0",
    requires: &[],
    files: &[("idna/__init__.py", b"# another one\n")],
    scripts: &[],
};

fn remove_idna(venv: &Venv) {
    for folder in ["idna", "idna-3.7.dist-info"] {
        fs::remove_dir_all(venv.site(folder)).unwrap();
    }
}

#[test]
fn what_is_recorded() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    let report = machine.record(&venv.prefix);
    assert_eq!(report.changed, [venv.prefix.as_path()]);
    let state = machine.state(&venv.prefix);
    assert_eq!(state.status(), Status::Healthy);
    assert_eq!(state.fact("version").unwrap().as_deref(), Some("3.12.3"));
    assert_eq!(state.path("base-prefix").unwrap().as_deref(), Some(venv.base.prefix.as_path()));
    let pins: Vec<String> = state.distributions().unwrap().iter().map(|one| one.pin()).collect();
    assert_eq!(pins.len(), 4, "{pins:?}");
    assert!(pins.contains(&"idna==3.7".to_owned()) && pins.contains(&"speedups==0.4".to_owned()));
    assert_eq!(state.pyvenv_cfg().unwrap().unwrap(), fs::read(venv.cfg()).unwrap());
    let installer = state.of_installer("idna-3.7.dist-info", "INSTALLER").unwrap();
    assert_eq!(installer.as_deref(), Some(&b"pip\n"[..]));
    let rest = state.rest().unwrap();
    assert!(rest.iter().any(|path| path.contains("python")), "{rest:?}");
    assert!(!rest.iter().any(|path| path.contains("webtool")), "{rest:?}");
}

#[test]
fn what_did_not_change_is_not_written() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    machine.record(&venv.prefix);
    let bytes = machine.store_bytes();
    let same = |seen: &Inspection| {
        let looked = Looked { depth: Depth::Usual, whole: true, reason: "check" };
        let report = machine.engine().record(seen, looked).unwrap();
        assert_eq!(
            (report.snapshot, &report.changed[..], &report.gone[..]),
            (None, &[][..], &[][..])
        );
        assert_eq!(machine.store_bytes(), bytes);
    };
    same(&machine.look(&[&venv.prefix], &[], Depth::Usual));
    // By whatever name it is found.
    let work = machine.home.join("work");
    let mut seen = machine.look(&[], &[&work], Depth::Usual);
    seen.environments.retain(|one| one.environment.prefix == venv.prefix);
    assert_eq!(seen.environments.len(), 1);
    same(&seen);
    // And when what was seen is forgotten.
    fs::remove_file(machine.memory().join("recorded")).unwrap();
    same(&seen);
    // A folder is touched, and holds what it held.
    let other = venv.site("other");
    fs::write(&other, "").unwrap();
    fs::remove_file(&other).unwrap();
    same(&machine.look(&[&venv.prefix], &[], Depth::Usual));
}

#[test]
fn each_change_is_a_moment_of_the_story() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    machine.record(&venv.prefix);
    remove_idna(&venv);
    venv.install(&IDNA_4);
    machine.record(&venv.prefix);
    machine.record(&venv.prefix);
    fs::write(venv.site("mine.py"), "x = 1\n").unwrap();
    machine.record(&venv.prefix);
    let cfg = fs::read(venv.cfg()).unwrap();
    fs::remove_file(venv.cfg()).unwrap();
    machine.record(&venv.prefix);

    let memory = Memory::open(&machine.memory()).unwrap().unwrap();
    let kept = memory.kept().unwrap();
    let ids = identities(&kept, &venv.prefix).unwrap();
    assert_eq!(ids.len(), 1);
    let story = history::of(&kept, &ids[0]).unwrap();
    assert_eq!(story.moments.len(), 4, "{story:#?}");
    let upgrade = Change::Version {
        name: "idna".to_owned(),
        before: "3.7".to_owned(),
        after: "4.0".to_owned(),
    };
    assert_eq!(story.moments[1].changes, [upgrade]);
    let [Change::File { path, is_new: Some(true) }] = story.moments[2].changes.as_slice() else {
        panic!("{:?}", story.moments[2].changes)
    };
    assert!(path.ends_with("site-packages/mine.py"), "{path}");
    let broke = story.broke().unwrap();
    assert_eq!(broke.snapshot.id, story.moments[3].snapshot.id);
    assert!(
        matches!(&broke.changes[0], Change::Appeared(found) if found.code == "pyvenv-cfg-missing")
    );
    assert_eq!(story.last_whole().unwrap().snapshot.id, story.moments[2].snapshot.id);
    // The file that is gone is the cause.
    assert_eq!(story.before_it_broke().unwrap().snapshot.id, broke.snapshot.id);
    let whole = story.last_whole().unwrap().state.clone().unwrap();
    assert_eq!(whole.pyvenv_cfg().unwrap().unwrap(), cfg);

    // Back again: nothing is broken any more, and the state is one that was there.
    fs::write(venv.cfg(), cfg).unwrap();
    machine.record(&venv.prefix);
    assert_eq!(machine.state(&venv.prefix).hash(), whole.hash());
    assert_eq!(between(Some(&whole), Some(&machine.state(&venv.prefix))).unwrap(), []);
}

#[test]
fn what_is_gone_stays_in_its_snapshots() {
    let machine = Machine::new();
    let (gone, stays) = (machine.home.venv("a/.venv"), machine.home.venv("b/.venv"));
    machine.record(&gone.prefix);
    machine.record(&stays.prefix);
    fs::remove_dir_all(&gone.prefix).unwrap();
    // Of a part of the machine nothing follows for the rest, and what stands there is not gone.
    let seen = machine.look(&[&stays.prefix], &[], Depth::Usual);
    let looked = |whole| Looked { depth: Depth::Usual, whole, reason: "check" };
    assert_eq!(machine.engine().record(&seen, looked(false)).unwrap().gone, [] as [&Path; 0]);
    let report = machine.engine().record(&Inspection::default(), looked(true)).unwrap();
    assert_eq!(report.gone, [gone.prefix.as_path()]);

    let memory = Memory::open(&machine.memory()).unwrap().unwrap();
    let kept = memory.kept().unwrap();
    let ids = identities(&kept, &gone.prefix).unwrap();
    let story = history::of(&kept, &ids[0]).unwrap();
    assert!(story.moments.last().unwrap().state.is_none());
    assert_eq!(
        story.last_whole().unwrap().state.as_ref().unwrap().distributions().unwrap().len(),
        4
    );
}

#[test]
fn what_only_a_deep_look_sees_is_not_gone_after_a_usual_one() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    // Text of the same length: only its hash tells.
    let core = venv.site("idna/core.py");
    let text = fs::read_to_string(&core).unwrap().replace("ascii", "utf-8");
    fs::write(&core, text).unwrap();
    let record = |depth| {
        let seen = machine.look(&[&venv.prefix], &[], depth);
        machine.engine().record(&seen, Looked { depth, whole: false, reason: "check" }).unwrap()
    };
    // What changed just now could change again within the same tick of the clock.
    std::thread::sleep(Duration::from_millis(2100));
    record(Depth::Deep);
    let codes = || {
        let found = machine.state(&venv.prefix).findings().unwrap();
        found.into_iter().map(|found| found.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(), ["package-file-modified"]);
    assert_eq!(record(Depth::Usual).snapshot, None);
    assert_eq!(codes(), ["package-file-modified"]);
}

#[test]
fn identical_distributions_are_stored_once() {
    let machine = Machine::new();
    let files: Vec<(String, Vec<u8>)> = (0..3000)
        .map(|n| (format!("big/module_{n}.py"), format!("x = {n}\n").into_bytes()))
        .collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let big =
        Distribution { name: "big", version: "1.0", files: &files, ..Distribution::default() };
    let mut sizes = Vec::new();
    for name in ["a/.venv", "b/.venv"] {
        let venv = machine.home.venv(name);
        venv.install(&big);
        machine.record(&venv.prefix);
        sizes.push(machine.store_bytes());
    }
    let (first, second) = (sizes[0], sizes[1] - sizes[0]);
    assert!(second * 8 < first, "the first takes {first} bytes, the second {second}");
}

#[test]
fn two_that_write_wait_for_each_other() {
    let machine = Machine::new();
    let venvs: Vec<Venv> = (0..6).map(|n| machine.home.venv(format!("w{n}/.venv"))).collect();
    std::thread::scope(|scope| {
        for venv in &venvs {
            scope.spawn(|| machine.record(&venv.prefix));
        }
    });
    let memory = Memory::open(&machine.memory()).unwrap().unwrap();
    assert_eq!(environments(&memory.present().unwrap()).unwrap().len(), venvs.len());
    assert_eq!(memory.kept().unwrap().len(), venvs.len());
    // Whoever waits too long is told who has it.
    let _held = machine.engine();
    let error = Engine::open_within(&machine.host, &machine.memory(), Duration::ZERO).unwrap_err();
    assert!(error.to_string().starts_with("another process writes to"), "{error}");
}

#[test]
fn a_failure_is_recognised_in_another_environment() {
    let machine = Machine::new();
    let codes = |all: &[&str]| all.iter().map(|code| (*code).to_owned()).collect();
    let mut engine = machine.engine();
    for (at, (pattern, prefix)) in
        [(&["a", "b"][..], "/one"), (&["a", "b", "c"], "/two"), (&["d"], "/three")]
            .iter()
            .enumerate()
    {
        let repaired = Repaired {
            codes: codes(pattern),
            prefix: PathBuf::from(prefix),
            time_ms: 1000 + at as u64,
            outcome: "repaired".to_owned(),
            actions: vec!["write-pyvenv-cfg".to_owned(), "reinstall".to_owned()],
        };
        engine.note_repair(&repaired).unwrap();
    }
    let tree = engine.context().live().unwrap();
    let alike = repairs::alike(&tree, &codes(&["a", "b"])).unwrap();
    let found: Vec<_> =
        alike.iter().map(|one| (one.repaired.prefix.to_str().unwrap(), one.similarity)).collect();
    assert_eq!(found, [("/one", 1.0), ("/two", 2.0 / 3.0)]);
    assert_eq!(alike[0].repaired.actions, ["write-pyvenv-cfg", "reinstall"]);
    // Of one pattern the last ones are remembered.
    for time_ms in 0..40 {
        let repaired = Repaired { time_ms, ..alike[0].repaired.clone() };
        engine.note_repair(&repaired).unwrap();
    }
    let tree = engine.context().live().unwrap();
    let times: Vec<u64> = repairs::alike(&tree, &codes(&["a", "b"]))
        .unwrap()
        .iter()
        .filter(|one| one.similarity == 1.0)
        .map(|one| one.repaired.time_ms)
        .collect();
    assert_eq!((times.len(), times[0]), (16, 1000));
}

#[test]
fn nothing_is_remembered_before_the_first_record() {
    let machine = Machine::new();
    assert!(Memory::open(&machine.memory()).unwrap().is_none());
}
