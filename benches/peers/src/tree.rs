//! The tree beside other stores: all of them hold the same records, and take turns.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::engines::{Aios, Engine, Fjall, Imbl, Lmdb, Redb, Scanned, StdMap};
use crate::measure::{clock_cost, cpu, least, median, nanoseconds, quantile, timed, written};
use crate::records::{self, Content, IN_ENVIRONMENT, Key, Random, Value};
use crate::table::{Goal, figure, print, ratio};
use crate::{Result, measure};

const GETS: usize = 50_000;
const SCANS: usize = 30;
const COMMITS: usize = 40;
const PACKAGE_CHANGES: usize = 20;
const CHANGES: usize = 50;
const REOPENINGS: usize = 15;

/// Figures of one store.
#[derive(Debug, Default)]
struct Figures {
    get: Vec<f64>,
    get_p99: Vec<f64>,
    load: f64,
    load_wall: f64,
    scan: Vec<f64>,
    distinct_bytes: f64,
    /// The same where records that are alike are not stored as such.
    shared_bytes: Option<f64>,
    diff: Vec<f64>,
    diff_first: Vec<f64>,
    written: Vec<f64>,
    commit: Vec<f64>,
    keep: Vec<f64>,
    reopen: Vec<f64>,
}

/// A store that takes part, whatever its type is.
trait Entrant {
    fn name(&self) -> &'static str;
    fn figures(&mut self) -> &mut Figures;
    fn measure_shared(&mut self, records: u64) -> Result<()>;
    fn load(&mut self, records: u64, generating: f64) -> Result<()>;
    fn check(&mut self, records: u64) -> Result<Scanned>;
    fn get(&mut self, keys: &[Key], clock: f64) -> Result<()>;
    fn scan(&mut self, environments: &[u64]) -> Result<()>;
    fn diff(&mut self, records: u64, seed: u64) -> Result<()>;
    fn commit(&mut self, changes: &[(Key, Value)]) -> Result<()>;
    fn change_packages(&mut self, records: u64, seed: u64) -> Result<()>;
    fn keep(&mut self, records: u64, seed: u64) -> Result<()>;
    fn close(&mut self) -> Result<()>;
    fn reopen(&mut self, key: &Key) -> Result<()>;
}

struct Store<E: Engine> {
    folder: PathBuf,
    engine: Option<E>,
    figures: Figures,
}

impl<E: Engine> Store<E> {
    fn entrant(folder: &Path) -> Result<Box<dyn Entrant>>
    where
        E: 'static,
    {
        let folder = folder.join(E::NAME);
        std::fs::create_dir(&folder)?;
        Ok(Box::new(Store::<E> { folder, engine: None, figures: Figures::default() }))
    }

    fn engine(&mut self) -> Result<&mut E> {
        Ok(self.engine.as_mut().ok_or("the store is closed")?)
    }
}

impl<E: Engine> Entrant for Store<E> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn figures(&mut self) -> &mut Figures {
        &mut self.figures
    }

    fn measure_shared(&mut self, records: u64) -> Result<()> {
        if E::SHARES {
            let folder = self.folder.with_extension("shared");
            std::fs::create_dir(&folder)?;
            let mut engine = E::create(&folder)?;
            engine.load(records, Content::Shared)?;
            self.figures.shared_bytes = Some(engine.stored_bytes()? as f64 / records as f64);
            engine.close()?;
            std::fs::remove_dir_all(folder)?;
        }
        Ok(())
    }

    fn load(&mut self, records: u64, generating: f64) -> Result<()> {
        let mut engine = E::create(&self.folder)?;
        let before = cpu();
        let ((), wall) = timed(|| engine.load(records, Content::Distinct))?;
        let used = nanoseconds(cpu() - before) - generating;
        self.figures.load = records as f64 * 1e3 / used;
        self.figures.load_wall = records as f64 * 1e3 / (nanoseconds(wall) - generating);
        self.figures.distinct_bytes = engine.stored_bytes()? as f64 / records as f64;
        if !E::SHARES {
            self.figures.shared_bytes = Some(self.figures.distinct_bytes);
        }
        self.engine = Some(engine);
        Ok(())
    }

    fn check(&mut self, records: u64) -> Result<Scanned> {
        let view = self.engine()?.view()?;
        let mut all = Scanned::default();
        for environment in 0..records / IN_ENVIRONMENT {
            let Scanned { records, sum } = E::scan(&view, environment)?;
            all.records += records;
            all.sum += sum;
        }
        Ok(all)
    }

    fn get(&mut self, keys: &[Key], clock: f64) -> Result<()> {
        let view = self.engine()?.view()?;
        let mut times = Vec::with_capacity(keys.len());
        for key in keys {
            let start = Instant::now();
            let found = E::get(&view, key)?;
            times.push((nanoseconds(start.elapsed()) - clock) / 1e3);
            if found != Some(records::VALUE_BYTES) {
                return Err(format!("{} does not find a record", E::NAME).into());
            }
        }
        self.figures.get.push(median(&times));
        self.figures.get_p99.push(quantile(&times, 0.99));
        Ok(())
    }

    fn scan(&mut self, environments: &[u64]) -> Result<()> {
        let view = self.engine()?.view()?;
        let mut rates = Vec::new();
        for environment in environments {
            let (scanned, time) = timed(|| E::scan(&view, *environment))?;
            rates.push(scanned.records as f64 * 1e3 / nanoseconds(time));
        }
        self.figures.scan.push(median(&rates));
        Ok(())
    }

    fn diff(&mut self, records: u64, seed: u64) -> Result<()> {
        if takes_long(&self.figures.diff) {
            return Ok(());
        }
        let engine = self.engine()?;
        let before = engine.view()?;
        engine.change(&records::scattered(&mut Random(seed), records, CHANGES))?;
        let after = engine.view()?;
        let mut times = Vec::new();
        // What takes long is not done again.
        while times.len() < 30 && times.iter().sum::<f64>() < 1e6 {
            let (different, time) = timed(|| E::diff(&before, &after))?;
            if different != CHANGES as u64 {
                return Err(format!("{} sees {different} changes of {CHANGES}", E::NAME).into());
            }
            times.push(nanoseconds(time) / 1e3);
        }
        self.figures.diff_first.push(times[0]);
        self.figures.diff.push(median(&times));
        Ok(())
    }

    fn commit(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        let engine = self.engine()?;
        let ((), time) = timed(|| engine.change(changes))?;
        self.figures.commit.push(nanoseconds(time) / 1e3);
        Ok(())
    }

    fn change_packages(&mut self, records: u64, seed: u64) -> Result<()> {
        let mut random = Random(seed);
        let environments = records / IN_ENVIRONMENT;
        let engine = self.engine()?;
        engine.settle()?;
        let before = written()?;
        for _ in 0..PACKAGE_CHANGES {
            let changes = records::package_change(random.below(environments), random.next());
            engine.change(&changes)?;
        }
        engine.settle()?;
        let bytes = (written()? - before) as f64;
        self.figures.written.push(bytes / 1e3 / PACKAGE_CHANGES as f64);
        Ok(())
    }

    fn keep(&mut self, records: u64, seed: u64) -> Result<()> {
        if takes_long(&self.figures.keep) {
            return Ok(());
        }
        let mut random = Random(seed);
        let mut times = Vec::new();
        while times.len() < 20 && times.iter().sum::<f64>() < 1e5 {
            let engine = self.engine()?;
            engine.change(&records::scattered(&mut random, records, 1))?;
            let folder = tempfile::tempdir_in(&self.folder)?;
            let engine = self.engine()?;
            let (kept, time) = timed(|| engine.keep(folder.path()))?;
            if kept.is_none() {
                return Ok(());
            }
            times.push(nanoseconds(time) / 1e3);
        }
        self.figures.keep.extend(times);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.engine.take().map_or(Ok(()), E::close)
    }

    fn reopen(&mut self, key: &Key) -> Result<()> {
        if !E::DURABLE {
            return Ok(());
        }
        let mut times = Vec::new();
        for _ in 0..REOPENINGS {
            let (found, time) = timed(|| E::reopen(&self.folder, key))?;
            if found != Some(records::VALUE_BYTES) {
                return Err(format!("{} does not find a record again", E::NAME).into());
            }
            times.push(nanoseconds(time) / 1e3);
        }
        self.figures.reopen.push(median(&times));
        Ok(())
    }
}

/// What took more than a second, in microseconds, is not done again in a later round.
fn takes_long(times: &[f64]) -> bool {
    times.last().is_some_and(|time| *time > 1e6)
}

/// Measures all of them and prints the table.
pub fn run(folder: &Path, records: u64, rounds: usize) -> Result<()> {
    let mut entrants = vec![
        Store::<Aios>::entrant(folder)?,
        Store::<Lmdb>::entrant(folder)?,
        Store::<Redb>::entrant(folder)?,
        Store::<Fjall>::entrant(folder)?,
        Store::<StdMap>::entrant(folder)?,
        Store::<Imbl>::entrant(folder)?,
    ];
    let started = Instant::now();
    let say = |what: &str| eprintln!("{:5.1} s  {what}", started.elapsed().as_secs_f64());
    for entrant in &mut entrants {
        say(&format!("sharing: {}", entrant.name()));
        entrant.measure_shared(records)?;
    }
    let generating = generating(records);
    let mut content = None;
    for entrant in &mut entrants {
        say(&format!("loading: {}", entrant.name()));
        entrant.load(records, generating)?;
        // Every page is in memory from here on, and every store is known to hold the same.
        let all = entrant.check(records)?;
        if all.records != records || *content.get_or_insert(all) != all {
            return Err(format!("{} holds {all:?}, others {content:?}", entrant.name()).into());
        }
    }
    let mut random = Random(1);
    let clock = clock_cost();
    let mut floor = Floor::new(folder)?;
    for round in 0..rounds as u64 {
        say(&format!("round {} of {rounds}", round + 1));
        let keys: Vec<Key> = (0..GETS).map(|_| Key::of(random.place(records))).collect();
        let environments: Vec<u64> =
            (0..SCANS).map(|_| random.below(records / IN_ENVIRONMENT)).collect();
        let seed = random.next();
        entrants.iter_mut().try_for_each(|entrant| entrant.get(&keys, clock))?;
        entrants.iter_mut().try_for_each(|entrant| entrant.scan(&environments))?;
        // The disk is quicker at one time than at another: one commit of each, in turn.
        for _ in 0..COMMITS {
            let changes = records::scattered(&mut random, records, 1);
            floor.measure()?;
            entrants.iter_mut().try_for_each(|entrant| entrant.commit(&changes))?;
        }
        entrants.iter_mut().try_for_each(|entrant| entrant.change_packages(records, seed))?;
        // Copying and comparing everything takes long: three times are enough.
        if round < 3 {
            entrants.iter_mut().try_for_each(|entrant| entrant.keep(records, seed))?;
            entrants.iter_mut().try_for_each(|entrant| entrant.diff(records, seed))?;
        }
    }
    let peak = measure::anonymous_bytes()?;
    entrants.iter_mut().try_for_each(|entrant| entrant.close())?;
    say("opening again");
    for _ in 0..rounds {
        let key = Key::of(random.place(records));
        entrants.iter_mut().try_for_each(|entrant| entrant.reopen(&key))?;
    }
    say("done");
    let names: Vec<_> = entrants.iter().map(|entrant| entrant.name()).collect();
    let figures: Vec<_> = entrants.iter_mut().map(|entrant| &*entrant.figures()).collect();
    report(records, rounds, median(&floor.times), peak, &names, &figures);
    Ok(())
}

/// CPU time that making the records takes, in nanoseconds.
fn generating(records: u64) -> f64 {
    let before = cpu();
    let _ = records::each(records, Content::Distinct, |key, value| {
        std::hint::black_box((key.path(), key.flat(), value));
        Ok::<(), ()>(())
    });
    nanoseconds(cpu() - before)
}

/// What the disk takes at least: a page written in place, and the system asked to make it durable.
struct Floor {
    file: std::fs::File,
    times: Vec<f64>,
}

impl Floor {
    fn new(folder: &Path) -> Result<Floor> {
        let file = std::fs::File::create(folder.join("floor"))?;
        file.write_all_at(&[1; 4096], 0)?;
        file.sync_all()?;
        Ok(Floor { file, times: Vec::new() })
    }

    fn measure(&mut self) -> Result<()> {
        let page = [self.times.len() as u8; 4096];
        let write = || Ok(self.file.write_all_at(&page, 0).and_then(|()| self.file.sync_data())?);
        let ((), time) = timed(write)?;
        self.times.push(nanoseconds(time) / 1e3);
        Ok(())
    }
}

/// A row: what is measured, of whom, and what it should be of the first one.
type Row<'a> = (&'a str, &'a dyn Fn(&Figures) -> Option<f64>, Option<Goal>);

fn report(
    records: u64,
    rounds: usize,
    floor: f64,
    peak: u64,
    names: &[&str],
    figures: &[&Figures],
) {
    let many = records > 3_000_000;
    let lmdb = figures[1];
    // Each commit and each snapshot is as quick as the disk then is.
    let middle = |values: &[f64]| (!values.is_empty()).then(|| median(values));
    let of_lmdb = |of: &dyn Fn(&Figures) -> Option<f64>| of(lmdb).unwrap_or(f64::NAN);
    let get = |one: &Figures| least(&one.get);
    let load = |one: &Figures| Some(one.load);
    let scan = |one: &Figures| one.scan.iter().copied().reduce(f64::max);
    let (get_goal, get_factor) = if many { (0.4, 0.27) } else { (0.35, 0.48) };
    let commit_goal = Goal::most(150.0).and_times(1.2, "fsync", floor);
    let rows: [Row<'_>; 13] = [
        (
            "get p50, us",
            &get,
            Some(Goal::most(get_goal).and_times(get_factor, "LMDB", of_lmdb(&get))),
        ),
        ("get p99, us", &|one| least(&one.get_p99), None),
        (
            "bulk load, M records per CPU second",
            &load,
            Some(Goal::least(15.0).and_times(4.4, "LMDB", of_lmdb(&load))),
        ),
        ("bulk load, M records per second", &|one| Some(one.load_wall), None),
        (
            "scan of one environment, M records/s",
            &scan,
            Some(Goal::least(150.0).and_times(3.8, "LMDB", of_lmdb(&scan))),
        ),
        ("bytes per record, all distinct", &|one| Some(one.distinct_bytes), None),
        ("bytes per record, shared distributions", &|one| one.shared_bytes, Some(Goal::most(25.0))),
        ("diff, 50 changes, us", &|one| least(&one.diff), Some(Goal::most(100.0))),
        (
            "the same, for the first time, us",
            &|one| least(&one.diff_first),
            Some(Goal::most(100.0)),
        ),
        ("KB written per package change", &|one| least(&one.written), Some(Goal::most(8.0))),
        ("durable commit p50, us", &|one| middle(&one.commit), Some(commit_goal)),
        (
            "keep a snapshot, us",
            &|one| middle(&one.keep),
            Some(Goal::most(200.0).and_times(1.6, "fsync", floor)),
        ),
        ("reopen to first read, us", &|one| least(&one.reopen), Some(Goal::most(50.0))),
    ];
    println!("{records} records in {} environments, {rounds} rounds:\n", records / IN_ENVIRONMENT);
    let header: Vec<&str> = ["measure"]
        .iter()
        .chain(names)
        .chain(&["best durable peer", "goal", ""])
        .copied()
        .collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| cells(row, figures)).collect();
    print(&header, &rows);
    println!(
        "A page written in place and made durable takes {} us (`fsync` above). All of them together take {} GB of memory that is no file's.\n",
        figure(floor),
        figure(peak as f64 / 1e9),
    );
}

fn cells((name, of, goal): &Row<'_>, figures: &[&Figures]) -> Vec<String> {
    let values: Vec<Option<f64>> = figures
        .iter()
        .enumerate()
        // The last two are in memory: nothing is written or made durable.
        .map(|(number, one)| of(one).filter(|_| number < 4 || !is_of_disk(name)))
        .collect();
    let mut cells = vec![(*name).to_owned()];
    cells.extend(values.iter().map(|value| value.map_or("-".into(), figure)));
    let own = values[0].unwrap_or(f64::NAN);
    let is_rate = name.contains("M records");
    let best = values[1..4].iter().flatten().copied();
    let best = if is_rate { best.reduce(f64::max) } else { best.reduce(f64::min) };
    cells.push(best.map_or("-".into(), |best| ratio(best / own)));
    let (goal, verdict) = goal.as_ref().map_or_else(Default::default, |goal| goal.cells(own));
    cells.extend([goal, verdict]);
    cells
}

fn is_of_disk(name: &str) -> bool {
    name.starts_with("KB written") || name.starts_with("durable")
}
