//! `docs/format.md` is enough to read the published state in another language.

use std::process::Command;

use aios_core::publish::environments::{Environment, Environments, Finding};

use super::*;

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Environments of a home of their own, one of them broken, and those of the golden file.
fn states() -> [Vec<u8>; 2] {
    let golden = std::fs::read(here("tests/golden/environments-1.aios")).unwrap();
    let broken = Code::PyvenvCfgMissing;
    let read = Environments::of(&golden).unwrap();
    assert_eq!(read.get(0).unwrap().findings().next().unwrap().code(), broken.as_str());

    let home = crate::support::Home::new();
    home.venv("work/.venv");
    std::fs::remove_file(home.path().join("work/.venv/pyvenv.cfg")).unwrap();
    let request = Request {
        paths: vec![home.path().join("work")],
        workspaces: Vec::new(),
        depth: Depth::Usual,
        limits: Limits::default(),
        cache: None,
        progress: Progress::default().into(),
    };
    let inspection = inspect(&Host::empty(Platform::CURRENT, home.path()), &request);
    let found: &[Inspected] = &inspection.environments;
    assert!(!found.is_empty());
    let about = About { time: UNIX_EPOCH, snapshot: None, engine: "0.1.0" };
    [golden, encode(about, found, &inspection.problems)]
}

fn lines(version: u64, read: Environments<'_>) -> Vec<String> {
    let counts = read.counts();
    let time = read.time().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let (snapshot, engine) = (read.snapshot().unwrap_or_default(), read.engine());
    let mut lines = vec![format!(
        "state\t{version}\t{time}\t{snapshot}\t{}\t{}\t{}\t{engine}",
        counts.healthy, counts.warning, counts.broken,
    )];
    for one in read.iter() {
        lines.push(environment(one));
        lines.extend(one.findings().map(finding));
    }
    lines.extend(
        read.problems()
            .map(|one| format!("problem\t{}\t{}", one.path.to_string_lossy(), one.message)),
    );
    lines
}

fn environment(one: Environment<'_>) -> String {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let path = |path: Option<aios_core::publish::environments::Path<'_>>| {
        path.map_or_else(|| "-".to_owned(), |path| path.to_string_lossy().into_owned())
    };
    let flags = u8::from(one.is_externally_managed())
        | u8::from(one.is_virtual()) << 1
        | u8::from(one.is_repairable()) << 2;
    let found: Vec<&str> = one.found_by().flat_map(|found| [found.source, found.detail]).collect();
    let paths = |paths: &mut dyn Iterator<Item = aios_core::publish::environments::Path<'_>>| {
        paths.map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
    };
    [
        "environment".into(),
        one.id().into(),
        one.status().to_string(),
        flags.to_string(),
        one.owner().unwrap_or(u32::MAX).to_string(),
        one.kind().into(),
        text(one.name()),
        path(Some(one.prefix())),
        path(one.executable()),
        text(one.version()),
        text(one.implementation()),
        one.abi_flags().into(),
        text(one.architecture()),
        path(one.base_prefix()),
        path(one.base_executable()),
        text(one.base_id()),
        text(one.manager()),
        path(one.project()),
        text(one.created_by()),
        paths(&mut one.aliases()),
        paths(&mut one.site_packages()),
        found.join(","),
        one.errors().to_string(),
        one.warnings().to_string(),
    ]
    .join("\t")
}

fn finding(one: Finding<'_>) -> String {
    let paths: Vec<_> = one.paths().map(|path| path.to_string_lossy().into_owned()).collect();
    let distributions: Vec<&str> = one.distributions().collect();
    let severity = one.severity().to_string();
    let method = (one.method() as u8).to_string();
    let texts = [one.code(), one.message(), one.meaning(), one.effect(), one.remedy()];
    let lists = [paths.join(","), distributions.join(",")];
    let all = ["finding", &severity, &method].into_iter().chain(texts);
    all.chain(lists.iter().map(String::as_str)).collect::<Vec<_>>().join("\t")
}

#[test]
fn a_reader_in_another_language_reads_what_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut publisher = Publisher::create(&place, Shape::default()).unwrap();
    for (number, state) in states().into_iter().enumerate() {
        publisher.publish(&state).unwrap();
        let reader = Reader::open(&place).unwrap();
        let view = reader.pin().unwrap().unwrap();
        let expected = lines(number as u64 + 1, Environments::of(view.bytes()).unwrap());
        assert!(expected.iter().any(|line| line.starts_with("finding\terror")), "{expected:#?}");
        // Elsewhere the memory has no file.
        if cfg!(target_os = "linux") {
            let file = Path::new("/dev/shm").join(place.name(What::State));
            let mut command = Command::new("python3");
            let Ok(output) = command.arg(here("tests/publish/read_state.py")).arg(file).output()
            else {
                eprintln!("skipped: there is no python3");
                return;
            };
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said.lines().collect::<Vec<_>>(), expected);
        }
    }
}
