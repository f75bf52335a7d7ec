//! Recall by a partial cue: which environment is it, of which half is lost?

mod entrants;
mod model;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aios_core::index::holographic::{Index, Sketch};
use roaring::RoaringBitmap;

use crate::Result;
use crate::measure::{median, nanoseconds, timed};
use crate::table::{Goal, figure, print, time};
use entrants::{ASKED, Aios, All, Counted, Entrant, Usearch, build_aios};
use model::{Cue, Environments};

const CUES: usize = 1000;
/// Cues of popular packages only: 1 to so many.
const POPULAR: usize = 40;
/// Whoever has asked for so long is asked no more in a round.
const ENOUGH_SECONDS: f64 = 8.0;
/// Of more the graph of usearch takes too long to build.
const MOST_CONNECTED: u64 = 10_000;
const OPENINGS: usize = 15;
const ENCODED: u64 = 2000;

/// Whose figures these are.
#[derive(Default)]
struct Figures {
    name: String,
    built_seconds: f64,
    bytes: u64,
    /// Of each cue the least of all rounds: what other programs do to this machine only ever adds time.
    times: Vec<f64>,
    popular: Vec<f64>,
    cues: usize,
    first: usize,
    ten: usize,
    family: usize,
}

/// Measures and prints the table.
pub fn run(folder: &Path, count: u64, rounds: usize) -> Result<()> {
    let started = Instant::now();
    let note = |what: &str| eprintln!("{:6.1} s  {count}: {what}", started.elapsed().as_secs_f64());
    let environments = Environments::new(count);
    let distributions = environments.all().len() as f64 / count as f64;
    let (cues, popular) = (environments.damaged(CUES), environments.popular(POPULAR));
    note("made");
    let folder = tempfile::tempdir_in(folder)?;
    let ((), building) = timed(|| build_aios(folder.path(), &environments))?;
    let file = only_file(folder.path())?;
    let aios = aios_of(folder.path(), "**aios**")?;
    note("aios is built");
    let (inverted, inverting) =
        timed(|| Ok(Counted::<Vec<u32>>::new("inverted index", &environments)))?;
    let (roaring, compressing) =
        timed(|| Ok(Counted::<RoaringBitmap>::new("roaring", &environments)))?;
    note("lists are built");
    let mut entrants: Vec<(Box<dyn Entrant + '_>, f64)> = vec![
        (Box::new(aios), building.as_secs_f64()),
        (Box::new(inverted), inverting.as_secs_f64()),
        (Box::new(roaring), compressing.as_secs_f64()),
        (Box::new(All::new(&environments)), 0.0),
    ];
    if count <= MOST_CONNECTED {
        let (usearch, connecting) = timed(|| Usearch::new(&environments))?;
        entrants.push((Box::new(usearch), connecting.as_secs_f64()));
        note("usearch is built");
    }
    let figures = |(entrant, built): &(Box<dyn Entrant + '_>, f64)| Figures {
        name: entrant.name(),
        bytes: entrant.bytes(),
        built_seconds: *built,
        ..Figures::default()
    };
    let mut all: Vec<Figures> = entrants.iter().map(figures).collect();
    for round in 0..rounds {
        for ((entrant, _), figures) in entrants.iter_mut().zip(&mut all) {
            ask(&mut **entrant, figures, &cues, &popular, &environments, round)?;
        }
        note(&format!("round {}", round + 1));
    }
    drop(entrants);
    for (what, is_lost) in DAMAGE {
        let lost = damage(&file, *is_lost)?;
        let mut entrant = aios_of(folder.path(), what)?;
        let mut figures =
            Figures { name: entrant.name(), bytes: entrant.bytes(), ..Figures::default() };
        for round in 0..rounds {
            ask(&mut entrant, &mut figures, &cues, &popular, &environments, round)?;
        }
        all.push(figures);
        drop(entrant);
        undo(&file, &lost)?;
        note(what);
    }
    let encoding = encoding(&environments);
    let opening = opening(folder.path(), &cues)?;
    println!(
        "{count} environments with {distributions:.0} distributions each, {} cues and {POPULAR} of popular \
         packages alone, {rounds} rounds:\n",
        cues.len()
    );
    rows(&all, count);
    goals(&all[0], encoding, opening, count);
    Ok(())
}

/// Which pages are lost: of this kind, stripe and place in the file.
type IsLost = fn(u8, u8, u64) -> bool;
const DAMAGE: &[(&str, IsLost)] = &[
    ("aios, postings gone", |kind, _, _| kind == 2),
    ("aios, half of the stripes gone", |kind, stripe, _| kind == 1 && stripe % 2 == 0),
    ("aios, both gone", |kind, stripe, _| kind == 2 || kind == 1 && stripe % 2 == 0),
    ("aios, half of all pages gone", |kind, _, at| {
        kind <= 2 && (at / 64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0
    }),
    ("aios, 9 of 10 pages gone", |kind, _, at| {
        kind <= 2 && (at / 64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 < (1 << 32) / 10 * 9
    }),
];

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|name| name == "aios"));
    Ok(files.pop().ok_or("there is no file of the index")?)
}

/// The index as it is on disk, every page looked at, as those of the others are in memory.
fn aios_of(folder: &Path, what: &str) -> Result<Aios> {
    let index = Index::open(folder)?;
    index.health();
    let bytes = std::fs::metadata(only_file(folder)?)?.len();
    Ok(Aios { index, what: what.into(), bytes })
}

/// Flips a bit in the last byte of each lost page. Returns where.
fn damage(path: &Path, is_lost: IsLost) -> Result<Vec<u64>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut lost = Vec::new();
    let mut at = 8192;
    while at < length {
        let mut header = [0; 16];
        file.read_exact_at(&mut header, at)?;
        let page_bytes = u32::from_le_bytes(header[4..8].try_into()?);
        if is_lost(header[12], header[13], at) {
            let last = at + u64::from(page_bytes) - 1;
            flip(&file, last)?;
            lost.push(last);
        }
        at += u64::from(page_bytes);
    }
    Ok(lost)
}

fn flip(file: &File, at: u64) -> Result<()> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 1], at)?;
    Ok(())
}

fn undo(path: &Path, lost: &[u64]) -> Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    lost.iter().try_for_each(|at| flip(&file, *at))
}

fn ask(
    entrant: &mut dyn Entrant,
    figures: &mut Figures,
    cues: &[Cue],
    popular: &[Cue],
    environments: &Environments,
    round: usize,
) -> Result<()> {
    let started = Instant::now();
    let mut measure = |cue: &Cue| -> Result<(Vec<u64>, f64)> {
        let (found, taken) = timed(|| entrant.ask(cue))?;
        Ok((found, nanoseconds(taken)))
    };
    for (number, cue) in cues.iter().enumerate() {
        if started.elapsed().as_secs_f64() > ENOUGH_SECONDS {
            break;
        }
        let (found, taken) = measure(cue)?;
        keep_least(&mut figures.times, number, taken);
        let Some(right) = cue.of.filter(|_| round == 0) else { continue };
        figures.cues += 1;
        figures.first += usize::from(found.first() == Some(&right));
        figures.ten += usize::from(found[..found.len().min(ASKED)].contains(&right));
        let family = |one: &u64| environments.family(*one) == environments.family(right);
        figures.family += usize::from(found.first().is_some_and(family));
    }
    for (number, cue) in popular.iter().enumerate() {
        if started.elapsed().as_secs_f64() > 2.0 * ENOUGH_SECONDS {
            break;
        }
        let taken = measure(cue)?.1;
        keep_least(&mut figures.popular, number, taken);
    }
    Ok(())
}

fn keep_least(times: &mut Vec<f64>, number: usize, taken: f64) {
    match times.get_mut(number) {
        Some(time) => *time = time.min(taken),
        None => times.push(taken),
    }
}

fn rows(all: &[Figures], count: u64) {
    let header = [
        "",
        "r@1",
        "r@10",
        "family",
        "p50",
        "worst",
        "popular, p50",
        "popular, worst",
        "bytes each",
        "built in",
    ];
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|figures| {
            let share = |count: usize| format!("{:.3}", count as f64 / figures.cues as f64);
            let built = figures.built_seconds;
            vec![
                figures.name.clone(),
                share(figures.first),
                share(figures.ten),
                share(figures.family),
                time(median(&figures.times)),
                time(worst(&figures.times)),
                time(median(&figures.popular)),
                time(worst(&figures.popular)),
                figure(figures.bytes as f64 / count as f64),
                if built > 0.0 { format!("{} s", figure(built)) } else { String::new() },
            ]
        })
        .collect();
    print(&header, &rows);
}

fn worst(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

/// The sketch of a set, p50 in nanoseconds.
fn encoding(environments: &Environments) -> f64 {
    let step = environments.count() / ENCODED.min(environments.count());
    let times: Vec<f64> = (0..ENCODED.min(environments.count()))
        .map(|number| {
            let tokens = environments.tokens(environments.set(number * step));
            let start = Instant::now();
            std::hint::black_box(Sketch::of(std::hint::black_box(&tokens)));
            nanoseconds(start.elapsed())
        })
        .collect();
    median(&times)
}

/// Opening and the first query, p50 in nanoseconds: the pages that it reads are looked at for the first time.
fn opening(folder: &Path, cues: &[Cue]) -> Result<f64> {
    let mut times = Vec::new();
    for cue in &cues[..OPENINGS] {
        let start = Instant::now();
        let index = Index::open(folder)?;
        std::hint::black_box(index.query(&cue.tokens, ASKED));
        times.push(nanoseconds(start.elapsed()));
    }
    Ok(median(&times))
}

fn goals(aios: &Figures, encoding: f64, opening: f64, count: u64) {
    let worst = worst(&aios.times).max(worst(&aios.popular));
    let mut rows = Vec::new();
    let mut row = |what: &str, value: f64, goal: Option<f64>| {
        let goal = goal.filter(|_| count == 1_000_000).map(Goal::most);
        let (goal, verdict) = goal.map_or_else(Default::default, |goal| goal.cells(value / 1e3));
        rows.push(vec![what.into(), time(value), goal, verdict]);
    };
    row("query, p50", median(&aios.times), Some(50.0));
    row("query, worst cue of all", worst, Some(6000.0));
    row("sketch of a set, p50", encoding, Some(20.0));
    row("opening and a first query, p50", opening, None);
    print(&["aios", "time", "goal, us", ""], &rows);
}
