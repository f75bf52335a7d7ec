//! What a check took from its cache is not looked at again, and what is recorded is right all the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use aios_core::Depth;
use aios_core::engine::{Engine, Looked, Memory, Report, environments};
use aios_core::environments::inspection::{Inspection, Limits, Request, inspect};

use super::{IDNA_4, remove_idna};
use crate::support::{Machine, Venv, write};

/// What changed less than two seconds ago may change again unseen, and is not cached.
const SETTLED: Duration = Duration::from_millis(2_500);

/// What the cache trusts is a time of change that programs cannot set, which Windows does not tell.
const SEALS: bool = cfg!(unix);

const CHECK: Looked<'_> = Looked { depth: Depth::Usual, whole: false, reason: "check" };

impl Machine {
    /// Looks as `check` does, with its cache.
    fn check(&self, prefixes: &[&Path]) -> Inspection {
        let request = Request {
            paths: prefixes.iter().map(|prefix| prefix.to_path_buf()).collect(),
            workspaces: Vec::new(),
            depth: Depth::Usual,
            limits: Limits::default(),
            cache: Some(self.home.join("cache/environments.cache")),
            progress: std::sync::Arc::default(),
        };
        inspect(&self.host, &request)
    }

    fn record_all(&self, seen: &Inspection) -> Report {
        let report = self.engine().record(seen, CHECK).unwrap();
        assert_eq!(report.problems, []);
        report
    }

    /// What one that remembers nothing records of this.
    fn anew(&self, seen: &Inspection, prefix: &Path) -> Records {
        let folder = self.home.join("anew");
        Engine::open(&self.host, &folder).unwrap().record(seen, CHECK).unwrap();
        let records = records(&folder, prefix);
        fs::remove_dir_all(folder).unwrap();
        records
    }
}

/// All that is recorded of an environment, by path.
type Records = BTreeMap<String, (u16, u64, Vec<u8>)>;

fn records(memory: &Path, prefix: &Path) -> Records {
    let present = Memory::open(memory).unwrap().unwrap().present().unwrap();
    let all = environments(&present).unwrap();
    let (id, _) = all.iter().find(|(_, state)| state.prefix().unwrap() == prefix).unwrap();
    let tree = present.subtree(&[b"environments", id.0.as_bytes()]).unwrap().unwrap();
    let mut records = BTreeMap::new();
    let walked = tree.walk(&mut |path, value| {
        let path: Vec<_> = path.iter().map(|key| String::from_utf8_lossy(key)).collect();
        records.insert(path.join("/"), (value.tag, value.weight, value.bytes.to_vec()));
        Ok(())
    });
    walked.unwrap();
    records
}

/// A way to change an environment, which a record tells or must not be misled by.
type Way = (&'static str, fn(&Venv));

const WAYS: [Way; 14] = [
    ("a distribution is replaced", |venv| {
        remove_idna(venv);
        venv.install(&IDNA_4);
    }),
    ("a distribution is gone", remove_idna),
    ("RECORD in place", |venv| edit(&venv.site("idna-3.7.dist-info/RECORD"))),
    ("METADATA in place", |venv| edit(&venv.site("idna-3.7.dist-info/METADATA"))),
    ("INSTALLER is another", |venv| write(&venv.site("idna-3.7.dist-info/INSTALLER"), "uv\n")),
    ("pyvenv.cfg in place", |venv| {
        let text = fs::read_to_string(venv.cfg()).unwrap() + "prompt = another\n";
        fs::write(venv.cfg(), text).unwrap();
    }),
    ("pyvenv.cfg is gone", |venv| fs::remove_file(venv.cfg()).unwrap()),
    ("a module of nobody", |venv| write(&venv.site("mine.py"), "x = 1\n")),
    ("a new .pth", |venv| write(&venv.site("mine.pth"), "# nothing\n")),
    ("an editable install", |venv| write(&venv.site("mine.egg-link"), "/somewhere\n")),
    ("a file of a distribution is gone", |venv| {
        fs::remove_file(venv.site("idna/core.py")).unwrap();
    }),
    ("a script of nobody", |venv| write(&venv.script("mine"), "#!/bin/sh\n")),
    ("activate in place", |venv| edit(&venv.bin("activate"))),
    ("packages of conda", |venv| write(&venv.prefix.join("conda-meta/zlib-1.3-0.json"), "{}")),
];

/// Another content of the same length.
fn edit(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let at = bytes.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
    let mut edited = bytes.clone();
    edited[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    fs::write(path, edited).unwrap();
}

#[test]
fn a_cached_check_is_recorded_as_a_fresh_one() {
    let machine = Machine::new();
    let venvs: Vec<Venv> =
        (0..WAYS.len()).map(|n| machine.home.venv(format!("w{n}/.venv"))).collect();
    let prefixes: Vec<&Path> = venvs.iter().map(|venv| venv.prefix.as_path()).collect();
    std::thread::sleep(SETTLED);
    machine.record_all(&machine.check(&prefixes));
    let seen = machine.check(&prefixes);
    assert!(seen.environments.iter().all(|one| one.seal.is_some() == SEALS));
    assert_eq!(machine.record_all(&seen).snapshot, None);

    for ((_, change), venv) in WAYS.iter().zip(&venvs) {
        change(venv);
    }
    let same_as_anew = |when: &str| {
        let seen = machine.check(&prefixes);
        machine.record_all(&seen);
        for ((what, _), venv) in WAYS.iter().zip(&venvs) {
            // Without seals a record goes by RECORD, which an installer writes last.
            if !SEALS && *what == "INSTALLER is another" {
                continue;
            }
            let recorded = records(&machine.memory(), &venv.prefix);
            let mut differing = machine.anew(&seen, &venv.prefix);
            differing.retain(|path, value| recorded.get(path) != Some(value));
            assert_eq!(differing, Records::new(), "{what}, {when}");
        }
        seen
    };
    // Until it has settled, what is not in the folder of packages may be overlooked.
    machine.record_all(&machine.check(&prefixes));
    std::thread::sleep(SETTLED);
    same_as_anew("settled");
    let seen = same_as_anew("from the cache");
    let sealed = seen.environments.iter().filter(|one| one.seal.is_some()).count();
    assert!(sealed > WAYS.len() / 3 || !SEALS, "{sealed}");
}

#[test]
fn what_a_check_took_from_its_cache_is_not_looked_at() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    std::thread::sleep(SETTLED);
    machine.record_all(&machine.check(&[&venv.prefix]));
    let seen = machine.check(&[&venv.prefix]);
    // Nothing of it stands there any more, and nobody notices.
    fs::rename(&venv.prefix, machine.home.join("work/elsewhere")).unwrap();
    let report = machine.record_all(&seen);
    assert_eq!(report.changed.len(), usize::from(!SEALS), "{report:?}");
    // Without the seal it is looked at.
    let mut unsealed = seen;
    unsealed.environments.iter_mut().for_each(|one| one.seal = None);
    assert_eq!(machine.record_all(&unsealed).changed.len(), usize::from(SEALS));
}

#[test]
fn what_an_ended_record_left_is_kept_by_the_next() {
    let machine = Machine::new();
    let (one, two) = (machine.home.venv("a/.venv"), machine.home.venv("b/.venv"));
    machine.record(&one.prefix);
    let seen = machine.check(&[&two.prefix]);
    let mut engine = machine.engine();
    engine.record(&seen, CHECK).unwrap();
    let whole = engine.context().live().unwrap().hash();
    // What a record leaves that was killed between two commits: environments, and no snapshot with them.
    let id = seen.environments[0].environment.id.0.clone();
    engine.context().remove(&[b"environments", id.as_bytes()]).unwrap();
    engine.commit().unwrap();
    drop(engine);
    let report = machine.record_all(&machine.check(&[&two.prefix]));
    // It is what the last snapshot kept.
    assert_eq!((report.changed.len(), report.snapshot), (1, None));

    let mut engine = machine.engine();
    assert_eq!(engine.context().live().unwrap().hash(), whole);
    engine.context().remove(&[b"environments", id.as_bytes()]).unwrap();
    engine.commit().unwrap();
    drop(engine);
    // Nothing of this one is new, and what is remembered differs from the last snapshot.
    let report = machine.record_all(&machine.check(&[&one.prefix]));
    assert_eq!((report.changed.len(), report.snapshot.is_some()), (0, true));
    assert_eq!(machine.record_all(&machine.check(&[&one.prefix])).snapshot, None);
}

#[test]
fn a_large_record_is_committed_in_parts() {
    let machine = Machine::new();
    let venvs: Vec<Venv> = (0..3).map(|n| machine.home.venv(format!("w{n}/.venv"))).collect();
    for (number, venv) in venvs.iter().enumerate() {
        for part in 0..80 {
            let text = format!("# {number} {part}\n").repeat(6_000);
            write(&venv.site(&format!("part{part}.pth")), text);
        }
    }
    let prefixes: Vec<&Path> = venvs.iter().map(|venv| venv.prefix.as_path()).collect();
    machine.record_all(&machine.check(&prefixes));
    let memory = Memory::open(&machine.memory()).unwrap().unwrap();
    // The first one makes the store, and the last one keeps the snapshot.
    let commits = memory.reader().sequence();
    assert!(commits > 2, "{commits} commits");
    assert_eq!(memory.kept().unwrap().len(), 1);
    assert_eq!(memory.kept().unwrap()[0].environments().unwrap().len(), venvs.len());
}
