//! How long a backup takes and the way back from it: `cargo bench --bench backup`.
//!
//! - PACKAGES and what they need, more than a hundred distributions, are backed up with their wheels, and come back
//!   to a place where nothing stands: by `aios backup restore`, and by uv from the very same wheels, without its
//!   cache. Both end with the same files; `aios` makes them durable and compares them with the backup.
//! - MANY environments with some ten distributions each are backed up without wheels: never looked at before, and
//!   after a check.
//!
//! Packages are fetched once, from the index that uv is configured for; nothing that is measured uses the network.
//! uv is taken from `PATH`, else installed by pip into a temporary environment. `AIOS_BENCH_PYTHON` (`python3`) is
//! the base, `AIOS_BENCH_ROUNDS` (5) the number of rounds, `AIOS_BENCH_ENVIRONMENTS` (100) how many are many. Every
//! figure is the median of rounds in which the programs take turns.

#[cfg(not(unix))]
fn main() {
    eprintln!("this benchmark measures with what Unix tells of processes");
}

#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod uv;

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    unix::main()
}

#[cfg(unix)]
mod unix {
    use std::ffi::{OsStr, OsString};
    use std::fs;
    use std::io;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    use zip::ZipArchive;

    use crate::measure::{Taken, measure, measure_once, median, number};
    use crate::uv::{Uv, files_below};

    const PACKAGES: [&str; 7] =
        ["django", "fastapi", "jupyterlab", "matplotlib", "pandas", "pytest", "sphinx"];

    /// What the many environments have, in turns.
    const OF_MANY: [&[&str]; 4] =
        [&["flask", "requests"], &["django", "pytest"], &["fastapi", "httpx"], &["sphinx"]];

    /// aios remembers nothing that changed less than two seconds ago.
    const SETTLED: Duration = Duration::from_millis(2500);

    /// Of all environments together, without wheels.
    const GOAL_CPU_MS: f64 = 2000.0;

    pub(super) fn main() -> io::Result<()> {
        let args: Vec<OsString> = std::env::args_os().skip(1).collect();
        if args.first().is_some_and(|arg| arg == "--measure") {
            return measure_once(&args[1..]);
        }
        let folder = tempfile::tempdir()?;
        let Some(uv) = Uv::find(folder.path())? else { return Ok(()) };
        let bench = Bench { uv, folder: folder.path().canonicalize()? };
        let rounds = number("AIOS_BENCH_ROUNDS", 5).max(1);
        bench.there_and_back(rounds)?;
        bench.many(rounds)
    }

    /// The programs and places of a run.
    struct Bench {
        uv: Uv,
        folder: PathBuf,
    }

    /// What is measured: a row of the table.
    struct Row {
        name: &'static str,
        taken: Vec<Taken>,
    }

    impl Row {
        fn new(name: &'static str) -> Row {
            Row { name, taken: Vec::new() }
        }

        fn median(&self, of: impl Fn(&Taken) -> f64) -> f64 {
            median(self.taken.iter().map(of))
        }

        fn print(&self, rest: &str) {
            let [wall, cpu] = [self.median(|one| one.wall_ms), self.median(|one| one.cpu_ms)];
            let peak = self.taken.iter().map(|one| one.peak_mib).fold(0.0, f64::max);
            println!("| {} | {wall:.0} | {cpu:.0} | {peak:.0} | {rest} |", self.name);
        }
    }

    impl Bench {
        /// An environment, its backup with wheels, and what brings it back. What is made in a round stays: ext4 uses no
        /// inode again that was freed just now, and whoever comes next would pay for looking for others.
        fn there_and_back(&self, rounds: usize) -> io::Result<()> {
            let environment = self.folder.join("environment");
            let pins = self.uv.fill(&environment, &PACKAGES)?;
            let (distributions, files) = (pins.lines().count(), files_below(&environment)?);
            let backup = self.folder.join("wheels.aiosb");
            let wheels = self.folder.join("wheels");
            let mut rows = [
                Row::new("aios backup create --wheels"),
                Row::new("uv venv, uv pip install --no-cache"),
                Row::new("the same, and all of it durable (`sync -f`)"),
                Row::new("aios backup restore"),
            ];
            // The first round fills the caches of the system, and is not counted.
            for round in 0..=rounds {
                let created = self.created(&backup, &["--wheels"], &environment)?;
                if round == 0 {
                    unpack(&backup, &wheels)?;
                }
                let [installed, durable] = self.installed(&wheels, round)?;
                let restored = self.restored(&backup, &pins, round)?;
                for (row, taken) in rows.iter_mut().zip([created, installed, durable, restored]) {
                    row.taken.extend((round > 0).then_some(taken));
                }
            }
            let bytes = fs::metadata(&backup)?.len() >> 20;
            println!("{distributions} distributions, {files} files, {bytes} MiB with wheels\n");
            println!("| run | wall ms | CPU ms | peak MiB | of uv: wall, CPU |");
            println!("|---|---|---|---|---|");
            let uv = [rows[1].median(|one| one.wall_ms), rows[1].median(|one| one.cpu_ms)];
            rows[0].print("");
            for row in &rows[1..] {
                let wall = row.median(|one| one.wall_ms) / uv[0];
                let cpu = row.median(|one| one.cpu_ms) / uv[1];
                row.print(&format!("{wall:.2}, {cpu:.2}"));
            }
            Ok(())
        }

        /// uv, from the wheels of the backup: as it leaves them, and until they are durable.
        fn installed(&self, wheels: &Path, round: usize) -> io::Result<[Taken; 2]> {
            let home = self.home()?;
            let new = self.folder.join(format!("by-uv-{round}"));
            let mut all: Vec<PathBuf> = Vec::new();
            for entry in fs::read_dir(wheels)? {
                all.push(entry?.path());
            }
            let options = ["--no-cache", "--no-index", "--no-deps"].map(OsStr::new);
            let files = all.iter().map(|path| path.as_os_str());
            let rest: Vec<&OsStr> = options.into_iter().chain(files).collect();
            let made = self.measured(&home, &self.uv.program, &self.uv.make(&new))?;
            let install = self.uv.pip("install", &new, &rest);
            let installed = together(made, self.measured(&home, &self.uv.program, &install)?);
            let sync = ["-f".into(), new.clone().into_os_string()];
            let synced = self.measured(&home, Path::new("sync"), &sync)?;
            Ok([installed, together(installed, synced)])
        }

        /// aios, which must call it exact; and uv finds installed what was.
        fn restored(&self, backup: &Path, pins: &str, round: usize) -> io::Result<Taken> {
            let home = self.home()?;
            let to = self.folder.join(format!("by-aios-{round}"));
            let args = ["backup", "restore", "--to"].map(OsString::from);
            let places = [to.clone().into_os_string(), backup.as_os_str().to_owned()];
            let taken = self.measured(&home, aios(), &[args.as_slice(), &places].concat())?;
            let new = to.join(self.folder.join("environment").strip_prefix("/").unwrap_or(&to));
            if self.uv.run(&self.uv.pip("freeze", &new, &[]))? != pins {
                return Err(io::Error::other("something else was restored"));
            }
            Ok(taken)
        }

        /// Backups of many environments without wheels.
        fn many(&self, rounds: usize) -> io::Result<()> {
            let count = number("AIOS_BENCH_ENVIRONMENTS", 100).max(1);
            let all = self.folder.join("many");
            let mut distributions = 0;
            for number in 0..count {
                let environment = all.join(format!("project-{number}/.venv"));
                fs::create_dir_all(environment.parent().unwrap_or(&all))?;
                let pins = self.uv.fill(&environment, OF_MANY[number % OF_MANY.len()])?;
                distributions += pins.lines().count();
            }
            std::thread::sleep(SETTLED);
            let file = self.folder.join("many.aiosb");
            let mut rows = [Row::new("never looked at before"), Row::new("after a check")];
            for round in 0..=rounds {
                let home = self.home()?;
                let first = self.created(&file, &[], &all)?;
                let check = ["check".into(), "--quiet".into(), all.clone().into_os_string()];
                // Its exit code says that something is broken.
                Command::new(aios()).args(check).env_clear().env("HOME", &home).output()?;
                let checked = self.created_at(&home, &file, &[], &all)?;
                for (row, taken) in rows.iter_mut().zip([first, checked]) {
                    row.taken.extend((round > 0).then_some(taken));
                }
            }
            println!("\n{count} environments, {distributions} distributions\n");
            println!("| run | wall ms | CPU ms | peak MiB | of the goal |");
            println!("|---|---|---|---|---|");
            for row in &rows {
                row.print(&format!("{:.2}", row.median(|one| one.cpu_ms) / GOAL_CPU_MS));
            }
            Ok(())
        }

        /// A backup by somebody who never looked.
        fn created(&self, file: &Path, options: &[&str], what: &Path) -> io::Result<Taken> {
            self.created_at(&self.home()?, file, options, what)
        }

        fn created_at(
            &self,
            home: &Path,
            file: &Path,
            options: &[&str],
            what: &Path,
        ) -> io::Result<Taken> {
            if file.exists() {
                fs::remove_file(file)?;
            }
            let words = ["backup", "create"].iter().chain(options).map(OsString::from);
            let places = [file, what].map(|path| path.as_os_str().to_owned());
            let args: Vec<OsString> = words.chain(places).collect();
            self.measured(home, aios(), &args)
        }

        /// A home where nothing was remembered yet.
        fn home(&self) -> io::Result<PathBuf> {
            let home = self.folder.join("home");
            if home.exists() {
                fs::remove_dir_all(&home)?;
            }
            fs::create_dir(&home)?;
            Ok(home)
        }

        fn measured(&self, home: &Path, program: &Path, args: &[OsString]) -> io::Result<Taken> {
            // uv made the environment, and is to make it again.
            let uv = self.uv.program.parent().map(Path::to_path_buf).into_iter();
            let path = std::env::var_os("PATH").unwrap_or_default();
            let path = std::env::join_paths(uv.chain(std::env::split_paths(&path)));
            let path = path.map_err(io::Error::other)?;
            // Where both have their temporary files.
            let temporary = self.folder.join("temporary");
            fs::create_dir_all(&temporary)?;
            let variables = [
                ("HOME", home.as_os_str()),
                ("PATH", path.as_os_str()),
                ("TMPDIR", temporary.as_os_str()),
            ];
            measure(&variables, &[&[program.as_os_str().to_owned()], args].concat())
        }
    }

    fn aios() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_aios"))
    }

    /// Two runs as one.
    fn together(first: Taken, second: Taken) -> Taken {
        Taken {
            wall_ms: first.wall_ms + second.wall_ms,
            cpu_ms: first.cpu_ms + second.cpu_ms,
            peak_mib: first.peak_mib.max(second.peak_mib),
        }
    }

    /// The wheels of a backup, an ordinary archive.
    fn unpack(backup: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        let mut archive = ZipArchive::new(fs::File::open(backup)?)?;
        for at in 0..archive.len() {
            let mut member = archive.by_index(at)?;
            let name = member.name()?.into_owned();
            let wheel = Path::new(&name).file_name().filter(|_| name.ends_with(".whl"));
            if let Some(path) = wheel.map(|name| to.join(name)) {
                io::copy(&mut member, &mut fs::File::create_new(path)?)?;
            }
        }
        Ok(())
    }
}
