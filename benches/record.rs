//! What it costs to remember a machine, against walking and looking at the same files, in the same run:
//! `cargo bench --bench record`.
//!
//! A number of environments (`AIOS_BENCH_ENVIRONMENTS`, 100) of 30 distributions with 40 files each; two thirds of
//! the distributions are the same in all of them. Each figure is CPU time (user and system), the median of
//! `AIOS_BENCH_ROUNDS` (5) rounds in which what is compared takes turns. The floor lists every folder of the
//! environments and looks at every entry, as little as a walk can do.

#[cfg(not(unix))]
fn main() {
    eprintln!("this benchmark asks the system for the CPU time of a process, as a Unix tells it");
}

#[cfg(unix)]
#[allow(dead_code, reason = "it runs no other program")]
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
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    use aios_core::engine::{Engine, Looked};
    use aios_core::environments::inspection::{Inspection, Limits, Request, inspect};
    use aios_core::{Depth, Host};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    use sha2::{Digest, Sha256};

    use crate::measure::{median, number};

    const DISTRIBUTIONS: usize = 30;
    /// Of them, those that all environments have.
    const SHARED: usize = 20;
    const FILES: usize = 40;
    /// aios trusts no stamp that is younger than two seconds.
    const SETTLED: Duration = Duration::from_millis(2500);

    pub(super) fn main() -> io::Result<()> {
        let args: Vec<OsString> = std::env::args_os().skip(1).collect();
        match args.as_slice() {
            [flag, folder] if flag == "--idle" => idle(Path::new(folder)),
            _ => compare(),
        }
    }

    fn compare() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = aios_core::fs::canonical(folder.path())?;
        let environments = root.join("environments");
        let count = number("AIOS_BENCH_ENVIRONMENTS", 100);
        for at in 0..count {
            environment(&environments.join(format!("project{at}/.venv")), at)?;
        }
        std::thread::sleep(SETTLED);
        let host = Host::current()?;
        let seen = look(&host, &environments);
        let mut rows: [(&str, Vec<f64>); 4] = [
            ("walk and look at every file", Vec::new()),
            ("a first record", Vec::new()),
            ("a record of what did not change", Vec::new()),
            ("check (first, without a cache)", Vec::new()),
        ];
        let (mut files, mut bytes) = (0, 0);
        for round in 0..number("AIOS_BENCH_ROUNDS", 5) {
            let memory = root.join(format!("memory{round}"));
            let before = cpu_ms()?;
            files = walk(&environments)?;
            rows[0].1.push(cpu_ms()? - before);
            for row in &mut rows[1..3] {
                let before = cpu_ms()?;
                record(&host, &memory, &seen)?;
                row.1.push(cpu_ms()? - before);
            }
            let before = cpu_ms()?;
            look(&host, &environments);
            rows[3].1.push(cpu_ms()? - before);
            bytes = store_bytes(&memory)?;
        }
        println!(
            "{count} environments, {DISTRIBUTIONS} distributions each, {files} files and folders\n"
        );
        println!("| what | CPU, ms | of the walk |\n|---|---|---|");
        let floor = median(rows[0].1.iter().copied());
        for (what, taken) in &rows {
            let taken = median(taken.iter().copied());
            println!("| {what} | {taken:.1} | {:.2} |", taken / floor);
        }
        let one = root.join("memory-of-one");
        let mut first = seen.clone();
        first.environments.truncate(1);
        record(&host, &one, &first)?;
        let alone = store_bytes(&one)?;
        let more = (bytes - alone) as f64 / (count - 1).max(1) as f64;
        println!(
            "\nthe first environment takes {:.1} KiB of the store, each further one {:.1} KiB",
            alone as f64 / 1024.0,
            more / 1024.0
        );
        let idle = Command::new(std::env::current_exe()?)
            .arg("--idle")
            .arg(root.join("memory0"))
            .output()?;
        println!(
            "an engine that is open and idle: {}",
            String::from_utf8_lossy(&idle.stdout).trim()
        );
        Ok(())
    }

    /// `project/.venv`: a third of its distributions are its own.
    fn environment(prefix: &Path, number: usize) -> io::Result<()> {
        let site = prefix.join("lib/python3.12/site-packages");
        fs::create_dir_all(&site)?;
        fs::create_dir_all(prefix.join("bin"))?;
        fs::write(prefix.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.12.1\n")?;
        for at in 0..DISTRIBUTIONS {
            let name =
                if at < SHARED { format!("shared{at}") } else { format!("own{number}x{at}") };
            let info = format!("{name}-1.0.dist-info");
            fs::create_dir_all(site.join(&name))?;
            fs::create_dir_all(site.join(&info))?;
            let mut record = String::new();
            let mut write = |path: String, content: String| {
                let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(content.as_bytes()));
                record.push_str(&format!("{path},sha256={hash},{}\n", content.len()));
                fs::write(site.join(path), content)
            };
            for file in 0..FILES {
                write(format!("{name}/module_{file}.py"), format!("x = '{name} {file}'\n"))?;
            }
            write(
                format!("{info}/METADATA"),
                format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
            )?;
            write(format!("{info}/INSTALLER"), "pip\n".to_owned())?;
            record.push_str(&format!("{info}/RECORD,,\n"));
            fs::write(site.join(&info).join("RECORD"), record)?;
        }
        Ok(())
    }

    fn look(host: &Host, folder: &Path) -> Inspection {
        let request = Request {
            paths: vec![folder.to_path_buf()],
            workspaces: Vec::new(),
            depth: Depth::Usual,
            limits: Limits::default(),
            cache: None,
            progress: std::sync::Arc::default(),
        };
        inspect(host, &request)
    }

    fn record(host: &Host, memory: &Path, seen: &Inspection) -> io::Result<()> {
        let looked = Looked { depth: Depth::Usual, whole: false, reason: "benchmark" };
        let mut engine = Engine::open(host, memory).map_err(io::Error::other)?;
        let report = engine.record(seen, looked).map_err(io::Error::other)?;
        match report.problems.first() {
            None => Ok(()),
            Some(problem) => Err(io::Error::other(format!("{problem:?}"))),
        }
    }

    /// Lists every folder, and looks at every entry.
    fn walk(folder: &Path) -> io::Result<usize> {
        let mut open: Vec<PathBuf> = vec![folder.to_path_buf()];
        let mut seen = 0;
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                seen += 1;
                if entry.metadata()?.is_dir() {
                    open.push(entry.path());
                }
            }
        }
        Ok(seen)
    }

    /// CPU time of this process so far, user and system together.
    fn cpu_ms() -> io::Result<f64> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e3)
    }

    fn store_bytes(memory: &Path) -> io::Result<u64> {
        let files = fs::read_dir(memory.join("context"))?;
        files.map(|file| Ok(file?.metadata()?.len())).sum()
    }

    /// Opens what is remembered, and says what memory that takes.
    fn idle(memory: &Path) -> io::Result<()> {
        let _engine = Engine::open(&Host::current()?, memory).map_err(io::Error::other)?;
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = |name: &str| {
            let found = status.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or(" not told by this system").trim().to_owned()
        };
        println!("{} resident, of that {} of its own", line("VmRSS:"), line("RssAnon:"));
        Ok(())
    }
}
