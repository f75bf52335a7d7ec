//! How long it takes to find and to check many environments, against a floor measured in the same
//! run: `cargo bench --bench discovery`.
//!
//! `AIOS_BENCH_ENVIRONMENTS` (2000), `AIOS_BENCH_MODULES` (1 in each of 5 distributions) and
//! `AIOS_BENCH_ROUNDS` (7) choose the size. Every figure is the median of rounds in which the programs take
//! turns, so that other load falls on all alike. Each program runs as a process of its own; its CPU time is
//! user and system time together.

#[cfg(not(unix))]
fn main() {
    eprintln!("this benchmark builds environments of links, and needs a Unix");
}

#[cfg(unix)]
mod measure;

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    unix::main()
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsString;
    use std::fs;
    use std::io;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};

    use crate::measure::{Taken, measure, measure_once, median, number};

    /// Distributions in each environment.
    const DISTRIBUTIONS: usize = 5;
    const THREADS: usize = 2;

    /// This program runs itself again: to measure another one, and as the floor.
    pub(super) fn main() -> io::Result<()> {
        let args: Vec<OsString> = std::env::args_os().skip(1).collect();
        match args.first().and_then(|arg| arg.to_str()) {
            Some("--floor") => {
                println!("{} environments", floor(Path::new(&args[1])));
                Ok(())
            }
            Some("--measure") => measure_once(&args[1..]),
            // `cargo bench` adds `--bench`.
            _ => compare(),
        }
    }

    /// One program that is measured.
    struct Case {
        name: &'static str,
        args: Vec<OsString>,
        /// The row that it is compared with, the greatest ratio, and what is measured by it.
        goal: Option<(usize, f64)>,
        taken: Vec<Taken>,
    }

    fn compare() -> io::Result<()> {
        let environments = number("AIOS_BENCH_ENVIRONMENTS", 2000);
        let rounds = number("AIOS_BENCH_ROUNDS", 7).max(1);
        let modules = number("AIOS_BENCH_MODULES", 1);
        let folder = tempfile::tempdir()?;
        let many = folder.path().join("many");
        build(folder.path(), &many, environments, modules)?;
        println!(
            "{environments} environments in one folder, {DISTRIBUTIONS} distributions of {modules} \
             module(s) in each; medians of {rounds} rounds\n"
        );

        let own = std::env::current_exe()?.into_os_string();
        let aios = |words: &[&str]| -> Vec<OsString> {
            let mut args = vec![OsString::from(env!("CARGO_BIN_EXE_aios"))];
            args.extend(words.iter().map(OsString::from));
            args.extend(["--format", "json"].map(OsString::from));
            args.push(many.clone().into_os_string());
            args
        };
        let case = |name, args, goal| Case { name, args, goal, taken: Vec::new() };
        let mut cases = [
            case("floor", vec![own.clone(), "--floor".into(), many.clone().into()], None),
            case("find", aios(&["find", "--no-cache"]), Some((0, 2.0))),
            case("check", aios(&["check", "--no-cache"]), Some((0, 4.0))),
            case("find, again", aios(&["find"]), Some((1, 1.0 / 3.0))),
            case("check, again", aios(&["check"]), Some((2, 1.0 / 3.0))),
        ];
        // The first round fills the caches, those of the system too, and is not counted.
        for round in 0..=rounds {
            for case in &mut cases {
                let taken = measure(&[("HOME", folder.path().as_os_str())], &case.args)?;
                if round > 0 {
                    case.taken.push(taken);
                }
            }
        }
        print(&cases);
        Ok(())
    }

    fn print(cases: &[Case]) {
        println!("| run | wall ms | CPU ms | CPU ratio | goal | | peak MiB |");
        println!("|---|---|---|---|---|---|---|");
        let cpu = |case: &Case| median(case.taken.iter().map(|taken| taken.cpu_ms));
        for case in cases {
            let wall = median(case.taken.iter().map(|taken| taken.wall_ms));
            let peak = case.taken.iter().map(|taken| taken.peak_mib).fold(0.0, f64::max);
            let judged = case.goal.map_or("| | ".to_owned(), |(other, limit)| {
                let ratio = cpu(case) / cpu(&cases[other]);
                let verdict = if ratio <= limit { "met" } else { "missed" };
                format!("{ratio:.2} x {} | <= {limit:.2} | {verdict}", cases[other].name)
            });
            println!("| {} | {wall:.0} | {:.0} | {judged} | {peak:.0} |", case.name, cpu(case));
        }
        println!("\ngoal for the peak: below 100 MiB");
    }

    /// The least that any program must do that finds environments and looks whether each can start:
    /// walk, read `pyvenv.cfg`, read the link of the interpreter and see that its target is there.
    fn floor(folder: &Path) -> usize {
        let open = Mutex::new((vec![folder.to_path_buf()], 0_usize));
        let changed = Condvar::new();
        let environments = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Some(folder) = next(&open, &changed) {
                        let below = look(&folder, &environments);
                        let mut state = open.lock().expect("no thread panics");
                        state.0.extend(below);
                        state.1 -= 1;
                        drop(state);
                        changed.notify_all();
                    }
                });
            }
        });
        environments.into_inner()
    }

    /// Folders that are open, and how many threads work on one.
    type Open = Mutex<(Vec<PathBuf>, usize)>;

    fn next(open: &Open, changed: &Condvar) -> Option<PathBuf> {
        let mut state = open.lock().expect("no thread panics");
        loop {
            if let Some(folder) = state.0.pop() {
                state.1 += 1;
                return Some(folder);
            }
            if state.1 == 0 {
                changed.notify_all();
                return None;
            }
            state = changed.wait(state).expect("no thread panics");
        }
    }

    /// The folders below, or none when this is an environment.
    fn look(folder: &Path, environments: &AtomicUsize) -> Vec<PathBuf> {
        let mut below = Vec::new();
        let mut marked = false;
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => below.push(entry.path()),
                Ok(kind) if kind.is_file() => marked |= entry.file_name() == "pyvenv.cfg",
                _ => {}
            }
        }
        if !marked {
            return below;
        }
        environments.fetch_add(1, Ordering::Relaxed);
        let python = folder.join("bin/python");
        std::hint::black_box(fs::read(folder.join("pyvenv.cfg")).is_ok());
        std::hint::black_box(fs::read_link(&python).is_ok());
        std::hint::black_box(fs::metadata(&python).is_ok());
        Vec::new()
    }

    /// A base installation, and environments whose files are hard links to one pool.
    fn build(folder: &Path, many: &Path, environments: usize, modules: usize) -> io::Result<()> {
        let base = folder.join("python-3.12.3");
        build_base(&base)?;
        let pool = folder.join("pool");
        let files = build_pool(&pool, modules)?;
        for number in 0..environments {
            let prefix = many.join(format!("environment-{number:05}"));
            let site = prefix.join("lib/python3.12/site-packages");
            fs::create_dir_all(prefix.join("bin"))?;
            fs::create_dir_all(&site)?;
            let cfg = format!(
                "home = {home}/bin\ninclude-system-site-packages = false\nversion = 3.12.3\n\
                 executable = {home}/bin/python3.12\n",
                home = base.display()
            );
            fs::write(prefix.join("pyvenv.cfg"), cfg)?;
            symlink("lib", prefix.join("lib64"))?;
            symlink(base.join("bin/python3.12"), prefix.join("bin/python"))?;
            symlink("python", prefix.join("bin/python3"))?;
            symlink("python", prefix.join("bin/python3.12"))?;
            for file in &files {
                let target = site.join(file);
                fs::create_dir_all(target.parent().expect("it has one"))?;
                fs::hard_link(pool.join(file), target)?;
            }
        }
        Ok(())
    }

    fn build_base(base: &Path) -> io::Result<()> {
        let library = base.join("lib/python3.12");
        for folder in ["bin", "lib/python3.12/encodings", "include/python3.12"] {
            fs::create_dir_all(base.join(folder))?;
        }
        // Any program of this system is an executable image.
        fs::copy(std::env::current_exe()?, base.join("bin/python3.12"))?;
        for module in [
            "abc",
            "codecs",
            "io",
            "os",
            "site",
            "stat",
            "posixpath",
            "genericpath",
            "types",
            "enum",
            "_collections_abc",
            "_sitebuiltins",
            "functools",
            "encodings/__init__",
            "encodings/aliases",
            "encodings/utf_8",
            "importlib/__init__",
            "importlib/_bootstrap",
            "collections/__init__",
            "re/__init__",
        ] {
            let file = library.join(module).with_extension("py");
            fs::create_dir_all(file.parent().expect("it has one"))?;
            fs::write(file, "# standard library\n")?;
        }
        fs::write(
            base.join("include/python3.12/patchlevel.h"),
            "#define PY_VERSION              \"3.12.3\"\n",
        )
    }

    /// The files of the distributions; their paths below `site-packages`.
    fn build_pool(pool: &Path, modules: usize) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        for number in 0..DISTRIBUTIONS {
            let name = format!("package{number}");
            let info = format!("{name}-1.{number}.0.dist-info");
            let mut contents = vec![
                (
                    format!("{info}/METADATA"),
                    format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.{number}.0\n"),
                ),
                (format!("{info}/INSTALLER"), "pip\n".to_owned()),
                (
                    format!("{info}/WHEEL"),
                    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
                ),
            ];
            for module in 0..modules {
                let file = match module {
                    0 => format!("{name}/__init__.py"),
                    _ => format!("{name}/module{module}.py"),
                };
                contents.push((file, "VALUE = 1\n".repeat(40)));
            }
            let mut record: String =
                contents.iter().map(|(file, text)| format!("{file},,{}\n", text.len())).collect();
            record.push_str(&format!("{info}/RECORD,,\n"));
            contents.push((format!("{info}/RECORD"), record));
            for (file, text) in contents {
                let path = pool.join(&file);
                fs::create_dir_all(path.parent().expect("it has one"))?;
                fs::write(path, text)?;
                files.push(file);
            }
        }
        Ok(files)
    }
}
