//! How long it takes to repair an environment in place, against making it anew with uv from a warm cache, in
//! the same run: `cargo bench --bench repair`.
//!
//! Real packages: PACKAGES and what they need, some two hundred distributions. They are fetched once, from
//! the index that uv is configured for; nothing that is measured uses the network. uv is taken from `PATH`,
//! else installed by pip into a temporary environment. `AIOS_BENCH_PYTHON` (`python3`) is the base,
//! `AIOS_BENCH_ROUNDS` (5) the number of rounds. Every figure is the median of rounds in which the programs
//! take turns.

#[cfg(not(unix))]
fn main() {
    eprintln!("this benchmark breaks environments of links, and needs a Unix");
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
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use crate::measure::{Taken, measure, measure_once, median, number};
    use crate::uv::{Uv, files_below};

    const PACKAGES: [&str; 21] = [
        "ansible-core",
        "celery",
        "cookiecutter",
        "django",
        "fastapi",
        "flask",
        "httpx",
        "jupyterlab",
        "matplotlib",
        "mkdocs-material",
        "mypy",
        "pandas",
        "poetry",
        "pre-commit",
        "pylint",
        "pytest",
        "scrapy",
        "sphinx",
        "sqlalchemy",
        "tox",
        "twine",
    ];

    /// aios remembers nothing that changed less than two seconds ago.
    const SETTLED: Duration = Duration::from_millis(2500);

    pub(super) fn main() -> io::Result<()> {
        let args: Vec<OsString> = std::env::args_os().skip(1).collect();
        match args.first().and_then(|arg| arg.to_str()) {
            Some("--measure") => measure_once(&args[1..]),
            // `cargo bench` adds `--bench`.
            _ => compare(),
        }
    }

    /// What is measured: a row of the table.
    struct Row {
        name: &'static str,
        taken: Vec<Taken>,
    }

    /// The programs and places of a run.
    struct Bench {
        uv: Uv,
        home: PathBuf,
        environment: PathBuf,
        requirements: PathBuf,
    }

    fn compare() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let Some(uv) = Uv::find(folder.path())? else { return Ok(()) };
        let below = |name: &str| folder.path().join(name);
        let bench = Bench {
            uv,
            home: below("home"),
            environment: below("environment"),
            requirements: below("requirements.txt"),
        };
        fs::create_dir_all(&bench.home)?;
        bench.prepare()?;
        let mut rows = ["uv venv --clear, uv pip install", "pyvenv.cfg gone", "interpreter gone"]
            .into_iter()
            .chain(["pyvenv.cfg gone, never checked before"])
            .map(|name| Row { name, taken: Vec::new() })
            .collect::<Vec<_>>();
        // The first round fills the caches, those of the system too, and is not counted.
        for round in 0..=number("AIOS_BENCH_ROUNDS", 5).max(1) {
            let taken = bench.round()?;
            for (row, taken) in rows.iter_mut().zip(taken).filter(|_| round > 0) {
                row.taken.push(taken);
            }
        }
        print(&rows);
        Ok(())
    }

    impl Bench {
        /// Fetches the packages, and writes which ones they are.
        fn prepare(&self) -> io::Result<()> {
            let pins = self.uv.fill(&self.environment, &PACKAGES)?;
            let files = files_below(&self.environment)?;
            let distributions = pins.lines().count();
            println!("{distributions} distributions, {files} files");
            fs::write(&self.requirements, pins)
        }

        fn install(&self) -> Vec<OsString> {
            let options = ["--offline", "--no-deps", "-r"].map(OsStr::new);
            let rest = [options.as_slice(), &[self.requirements.as_os_str()]].concat();
            self.uv.pip("install", &self.environment, &rest)
        }

        /// One of each, in the order of the rows.
        fn round(&self) -> io::Result<[Taken; 4]> {
            let made = self.measured(&self.uv.program, &self.uv.make(&self.environment))?;
            let installed = self.measured(&self.uv.program, &self.install())?;
            let anew = Taken {
                wall_ms: made.wall_ms + installed.wall_ms,
                cpu_ms: made.cpu_ms + installed.cpu_ms,
                peak_mib: made.peak_mib.max(installed.peak_mib),
            };
            std::thread::sleep(SETTLED);
            let marker = self.environment.join("pyvenv.cfg");
            fs::remove_file(&marker)?;
            let unchecked = self.repaired()?;
            // Whoever repairs has checked before: that is how it came out.
            fs::remove_file(&marker)?;
            self.aios("check")?;
            let without_marker = self.repaired()?;
            for entry in fs::read_dir(self.environment.join("bin"))? {
                let entry = entry?;
                if entry.file_name().as_encoded_bytes().starts_with(b"python") {
                    fs::remove_file(entry.path())?;
                }
            }
            self.aios("check")?;
            let without_interpreter = self.repaired()?;
            Ok([anew, without_marker, without_interpreter, unchecked])
        }

        /// What a repair takes, which must leave nothing to do and an interpreter that starts. What it
        /// kept is removed, so that the next one finds what this one found.
        fn repaired(&self) -> io::Result<Taken> {
            let aios = Path::new(env!("CARGO_BIN_EXE_aios"));
            let args = ["repair", "--yes", "--quiet"].map(OsString::from);
            let args = [args.as_slice(), &[self.environment.clone().into_os_string()]].concat();
            let taken = self.measured(aios, &args)?;
            let program = "import sys, pytest; assert sys.prefix != sys.base_prefix";
            let python = self.environment.join("bin/python");
            let started = Command::new(&python).args(["-I", "-B", "-c", program]).status()?;
            if !started.success() {
                return Err(io::Error::other(format!("`{}`: {started}", python.display())));
            }
            fs::remove_dir_all(self.environment.join(".aios-repair"))?;
            fs::remove_dir_all(self.home.join(".cache")).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
            Ok(taken)
        }

        fn aios(&self, command: &str) -> io::Result<()> {
            // Its exit code says that something is broken.
            Command::new(env!("CARGO_BIN_EXE_aios"))
                .args([OsStr::new(command), OsStr::new("--quiet"), self.environment.as_os_str()])
                .env_clear()
                .env("HOME", &self.home)
                .stdout(Stdio::null())
                .status()
                .map(|_| ())
        }

        fn measured(&self, program: &Path, args: &[OsString]) -> io::Result<Taken> {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let variables = [
                ("HOME", self.home.as_os_str()),
                ("PATH", path.as_os_str()),
                ("UV_CACHE_DIR", self.uv.cache.as_os_str()),
            ];
            let command = [&[program.as_os_str().to_owned()], args].concat();
            measure(&variables, &command)
        }
    }

    fn print(rows: &[Row]) {
        let cpu = |row: &Row| median(row.taken.iter().map(|taken| taken.cpu_ms));
        let wall = |row: &Row| median(row.taken.iter().map(|taken| taken.wall_ms));
        let peak = |row: &Row| row.taken.iter().map(|taken| taken.peak_mib).fold(0.0, f64::max);
        println!("\n| run | wall ms | CPU ms | faster, wall | CPU | peak MiB |");
        println!("|---|---|---|---|---|---|");
        for row in rows {
            let faster = |of: &dyn Fn(&Row) -> f64| of(&rows[0]) / of(row);
            println!(
                "| {} | {:.0} | {:.0} | {:.1} x | {:.1} x | {:.0} |",
                row.name,
                wall(row),
                cpu(row),
                faster(&wall),
                faster(&cpu),
                peak(row)
            );
        }
    }
}
