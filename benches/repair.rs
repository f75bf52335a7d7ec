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
        uv: PathBuf,
        python: PathBuf,
        home: PathBuf,
        cache: PathBuf,
        environment: PathBuf,
        requirements: PathBuf,
    }

    fn compare() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let Some(uv) = uv(folder.path())? else {
            eprintln!("uv is neither on PATH nor can pip install it: nothing was measured");
            return Ok(());
        };
        let below = |name: &str| folder.path().join(name);
        let bench = Bench {
            uv,
            python: base()?,
            home: below("home"),
            cache: std::env::var_os("UV_CACHE_DIR").map_or_else(|| below("cache"), PathBuf::from),
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

    /// uv of `PATH`, else one that pip installs into a temporary environment.
    fn uv(folder: &Path) -> io::Result<Option<PathBuf>> {
        let works = |uv: &Path| {
            let version = Command::new(uv).arg("--version").stdout(Stdio::null()).status();
            version.is_ok_and(|status| status.success())
        };
        if works(Path::new("uv")) {
            return Ok(Some(PathBuf::from("uv")));
        }
        let tools = folder.join("tools");
        let steps = [
            (base()?, vec!["-m".into(), "venv".into(), tools.clone().into_os_string()]),
            (tools.join("bin/pip"), ["install", "--quiet", "uv"].map(OsString::from).to_vec()),
        ];
        let done = steps.iter().all(|(program, args)| {
            Command::new(program).args(args).status().is_ok_and(|status| status.success())
        });
        let uv = tools.join("bin/uv");
        Ok((done && works(&uv)).then_some(uv))
    }

    /// The interpreter that environments are made with, by its own name.
    fn base() -> io::Result<PathBuf> {
        let python = std::env::var_os("AIOS_BENCH_PYTHON").unwrap_or_else(|| "python3".into());
        let program = "import sys; print(sys.executable)";
        let output = Command::new(python).args(["-c", program]).output()?;
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    }

    impl Bench {
        /// Fetches the packages, and writes which ones they are.
        fn prepare(&self) -> io::Result<()> {
            self.uv(&self.make())?;
            let into = ["pip", "install", "--quiet", "--python"].map(OsString::from);
            let mut install = into.to_vec();
            install.push(self.environment.clone().into_os_string());
            install.extend(PACKAGES.map(OsString::from));
            self.uv(&install)?;
            let mut freeze = ["pip", "freeze", "--quiet", "--python"].map(OsString::from).to_vec();
            freeze.push(self.environment.clone().into_os_string());
            let pins = self.uv(&freeze)?;
            let files = files_below(&self.environment)?;
            let distributions = pins.lines().count();
            println!("{distributions} distributions, {files} files");
            fs::write(&self.requirements, pins)
        }

        fn uv(&self, args: &[OsString]) -> io::Result<String> {
            let output = Command::new(&self.uv)
                .args(args)
                .env("UV_CACHE_DIR", &self.cache)
                .stderr(Stdio::inherit())
                .output()?;
            if !output.status.success() {
                return Err(io::Error::other(format!("uv {args:?}: {}", output.status)));
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }

        fn make(&self) -> Vec<OsString> {
            let mut args = ["venv", "--clear", "--quiet", "--python"].map(OsString::from).to_vec();
            args.push(self.python.clone().into_os_string());
            args.push(self.environment.clone().into_os_string());
            args
        }

        fn install(&self) -> Vec<OsString> {
            let words = ["pip", "install", "--quiet", "--offline", "--no-deps", "--python"];
            let mut args = words.map(OsString::from).to_vec();
            args.push(self.environment.clone().into_os_string());
            args.push("-r".into());
            args.push(self.requirements.clone().into_os_string());
            args
        }

        /// One of each, in the order of the rows.
        fn round(&self) -> io::Result<[Taken; 4]> {
            let made = self.measured(&self.uv, &self.make())?;
            let installed = self.measured(&self.uv, &self.install())?;
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
                ("UV_CACHE_DIR", self.cache.as_os_str()),
            ];
            let command = [&[program.as_os_str().to_owned()], args].concat();
            measure(&variables, &command)
        }
    }

    fn files_below(folder: &Path) -> io::Result<usize> {
        let mut files = 0;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            files += if kind.is_dir() { files_below(&entry.path())? } else { 1 };
        }
        Ok(files)
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
