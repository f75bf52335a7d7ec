use std::fs;
use std::path::{Path, PathBuf};

use aios_core::engine::recall::{Cue, Recalled, index, like};
use aios_core::engine::{Memory, State};

use crate::support::{Distribution, Machine, Venv};

/// Numbers that are the same on each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn install(venv: &Venv, package: u64, version: u64) {
    let name = format!("package{package}");
    let (code, module) = (format!("{name}/__init__.py"), format!("{name}/core.py"));
    let text = format!("version = {version}\n").into_bytes();
    venv.install(&Distribution {
        name: &name,
        version: &format!("{version}.0"),
        files: &[(&code, &text), (&module, b"x = 1\n")],
        ..Distribution::default()
    });
}

fn uninstall(venv: &Venv, package: u64) {
    for entry in fs::read_dir(venv.site_packages()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let name = format!("package{package}");
        if file == name || file.starts_with(&format!("{name}-")) {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// Removes half of what stands in site-packages.
fn halve(venv: &Venv, dice: &mut Dice) {
    let entries = fs::read_dir(venv.site_packages()).unwrap();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for _ in 0..entries.len() / 2 {
        let path = entries.swap_remove(dice.below(entries.len() as u64) as usize);
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }
}

/// What is most like an environment as it stands, but for itself.
fn recalled(machine: &Machine, prefix: &Path) -> Recalled {
    let present = machine.state(prefix);
    let memory = Memory::open(&machine.memory()).unwrap().unwrap();
    let kept = memory.kept().unwrap();
    let index = index(&machine.memory(), &kept).unwrap();
    let all = like(&kept, &index, &Cue::of(&present).unwrap(), 3).unwrap();
    all.into_iter().find(|one| one.state.hash() != present.hash()).unwrap()
}

/// Thirty environments, ten families of three with most in common; changed, moved, and then halved.
#[test]
fn each_of_thirty_is_recalled_when_half_of_it_is_gone() {
    let machine = Machine::new();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut known: Vec<(Venv, State)> = Vec::new();
    for number in 0..30 {
        let venv = machine.home.venv(format!("w{number}/.venv"));
        let mut family = Dice(1 + number / 3);
        for _ in 0..12 {
            install(&venv, family.below(40), 1);
        }
        machine.record(&venv.prefix);
        // Its own packages, a newer version, one less.
        install(&venv, 100 + number, 1);
        let changed = dice.below(40);
        uninstall(&venv, changed);
        install(&venv, changed, 2);
        machine.record(&venv.prefix);
        let state = machine.state(&venv.prefix);
        known.push((venv, state));
    }
    for (number, (venv, _)) in known.iter_mut().enumerate() {
        if number % 3 == 1 {
            // Renamed: its launchers and cfg say another place now.
            let moved = machine.home.join(format!("moved{number}"));
            fs::rename(&venv.prefix, &moved).unwrap();
            venv.prefix = moved;
        }
        halve(venv, &mut dice);
    }
    for (venv, before) in &known {
        machine.record(&venv.prefix);
        let found = recalled(&machine, &venv.prefix);
        let (name, right) = (found.state.prefix().unwrap(), before.prefix().unwrap());
        assert_eq!(
            found.state.hash(),
            before.hash(),
            "{} is {}, not {}",
            venv.prefix.display(),
            name.display(),
            right.display()
        );
        assert!(found.found.exact && found.found.similarity > 0.3, "{:?}", found.found);
    }
}

#[test]
fn packages_that_somebody_remembers() {
    let machine = Machine::new();
    let (one, other) = (machine.home.venv("a/.venv"), machine.home.venv("b/.venv"));
    install(&one, 1, 1);
    install(&other, 2, 2);
    machine.record(&one.prefix);
    machine.record(&other.prefix);
    let memory = Memory::open(&machine.memory()).unwrap().unwrap();
    let kept = memory.kept().unwrap();
    let index = index(&machine.memory(), &kept).unwrap();
    let first = |packages: &[&str]| {
        let cue = Cue::of_packages(packages.iter().copied());
        let found = like(&kept, &index, &cue, 1).unwrap();
        found.first().map(|one| one.state.prefix().unwrap())
    };
    assert_eq!(first(&["Package1"]).as_deref(), Some(one.prefix.as_path()));
    assert_eq!(first(&["package2==2.0"]).as_deref(), Some(other.prefix.as_path()));
    assert_eq!(first(&["unheard-of"]), None);
}

#[test]
fn an_index_that_is_gone_or_damaged_is_made_of_the_snapshots() {
    let machine = Machine::new();
    let venv = machine.home.venv("a/.venv");
    machine.record(&venv.prefix);
    install(&venv, 1, 1);
    machine.record(&venv.prefix);
    let folder = machine.memory().join("recall");
    let states = || {
        let memory = Memory::open(&machine.memory()).unwrap().unwrap();
        let index = index(&machine.memory(), &memory.kept().unwrap()).unwrap();
        (index.states().len(), index.health().is_damaged())
    };
    assert_eq!(states(), (2, false));
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(states(), (2, false));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(states(), (2, false));
    // The next record makes it durable.
    install(&venv, 2, 1);
    machine.record(&venv.prefix);
    assert!(folder.exists());
    assert_eq!(states(), (3, false));
}
