//! Measures the context tree, its snapshots, recall and shared memory beside others, in one run, and writes tables for
//! `docs/benchmarks.md` to its standard output; what it is doing goes to standard error.

use std::path::{Path, PathBuf};

mod engines;
mod forms;
mod growth;
mod measure;
mod plot;
mod recall;
mod records;
mod shared;
mod snapshot;
mod table;
mod tree;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const USAGE: &str = "\
Usage: aios-peers tree [--records N] [--rounds N] [--folder PATH]
       aios-peers snapshot [--mib N] [--largest-mib N] [--rounds N] [--plot PATH] [--folder PATH]
       aios-peers recall [--environments N] [--rounds N] [--folder PATH]
       aios-peers shared [--rounds N] [--folder PATH]

  --records      records in the tree, a multiple of 10000 [1000000]
  --mib          bytes of the context in MiB, with 800 records each MiB [64]
  --largest-mib  where the growth from 1 MiB ends; 0: it is not measured [1024]
  --environments how many are remembered, a multiple of 20 [10000, 100000 and 1000000]
  --rounds       how often everything takes its turn [5]
  --plot         where to write the growth as an SVG
  --folder       where stores are made, and removed at the end [the folder for temporary files]
";

struct Arguments {
    records: u64,
    mib: usize,
    largest_mib: usize,
    environments: Option<u64>,
    rounds: usize,
    plot: Option<PathBuf>,
    folder: PathBuf,
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let table = words.next().ok_or(USAGE)?;
    let arguments = Arguments::read(words)?;
    if table == "append-for" {
        return shared::append_for(&arguments.folder);
    }
    let folder = tempfile::Builder::new().prefix("aios-peers-").tempdir_in(&arguments.folder)?;
    println!("Machine: {}. Commit: `{}`.\n", measure::machine(), commit());
    match table.as_str() {
        "tree" => tree::run(folder.path(), arguments.records, arguments.rounds)?,
        "snapshot" => {
            snapshot::run(folder.path(), arguments.mib, arguments.rounds)?;
            if arguments.largest_mib > 0 {
                let plot = arguments.plot.as_deref();
                growth::run(folder.path(), arguments.largest_mib, arguments.rounds, plot)?;
            }
        }
        "shared" => {
            shared::run_ring(folder.path(), arguments.rounds)?;
            shared::run_state(folder.path(), arguments.rounds)?;
        }
        "recall" => {
            let sizes =
                arguments.environments.map_or(vec![10_000, 100_000, 1_000_000], |n| vec![n]);
            for environments in sizes {
                recall::run(folder.path(), environments, arguments.rounds)?;
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments> {
        let mut arguments = Arguments {
            records: 1_000_000,
            mib: 64,
            largest_mib: 1024,
            environments: None,
            rounds: 5,
            plot: None,
            folder: std::env::temp_dir(),
        };
        while let Some(option) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match option.as_str() {
                "--records" => arguments.records = value.parse()?,
                "--mib" => arguments.mib = value.parse()?,
                "--largest-mib" => arguments.largest_mib = value.parse()?,
                "--environments" => arguments.environments = Some(value.parse()?),
                "--rounds" => arguments.rounds = value.parse()?,
                "--plot" => arguments.plot = Some(value.into()),
                "--folder" => arguments.folder = value.into(),
                _ => return Err(USAGE.into()),
            }
        }
        let wrong = arguments.records == 0
            || !arguments.records.is_multiple_of(records::IN_ENVIRONMENT)
            || arguments.mib == 0
            || arguments.environments.is_some_and(|count| count == 0 || count % 20 != 0)
            || arguments.rounds == 0;
        if wrong { Err(USAGE.into()) } else { Ok(arguments) }
    }
}

/// The commit that was measured, `+` where files were changed since.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let run = std::process::Command::new("git").args(arguments).current_dir(folder).output();
        run.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Ok(commit) = git(&["rev-parse", "--short=8", "HEAD"]) else { return "unknown".into() };
    let changed = git(&["status", "--porcelain", "../../core"]).is_ok_and(|text| !text.is_empty());
    format!("{commit}{}", if changed { "+" } else { "" })
}
