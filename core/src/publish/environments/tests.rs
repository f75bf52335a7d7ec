use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::environments::health::{Code, Method, Repair};
use crate::environments::inspection::Inspected;
use crate::environments::{Architecture, Implementation};
use crate::{Environment as Record, EnvironmentId, EnvironmentKind, Severity, Source, Status};

fn bare(prefix: &str) -> Record {
    Record::bare(EnvironmentKind::System, prefix.into())
}

fn finding(code: Code, severity: Severity) -> crate::Finding {
    let mut one = crate::Finding::new(code, "what is observed", [PathBuf::from("/p"), "/q".into()]);
    one.severity = severity;
    one
}

/// One with everything, one with nothing, one that only warns.
fn sample() -> Vec<Inspected> {
    let full = Record {
        kind: EnvironmentKind::UvVenv,
        name: Some("näme".into()),
        executable: Some("/e/.venv/bin/python".into()),
        version: Some("3.12.4".parse().unwrap()),
        implementation: Some(Implementation::CPython),
        abi_flags: "t".into(),
        architecture: Some(Architecture::X86_64),
        base_prefix: Some("/usr".into()),
        base_executable: Some("/usr/bin/python3.12".into()),
        base_id: Some(EnvironmentId("0123456789abcdef".into())),
        manager: Some("uv".into()),
        project: Some("/e".into()),
        aliases: vec!["/a".into(), "/b".into()],
        found_by: vec![crate::Found { source: Source::Active, detail: "VIRTUAL_ENV".into() }],
        site_packages: vec!["/e/.venv/lib/python3.12/site-packages".into()],
        created_by: Some("uv 0.9.2".into()),
        externally_managed: true,
        owner: Some(1000),
        ..bare("/e/.venv")
    };
    let mut reinstall = finding(Code::PyvenvCfgEmpty, Severity::Warning);
    reinstall.repair =
        Repair { method: Method::Reinstall, distributions: vec!["attrs==25.4.0".into()] };
    let broken = finding(Code::PyvenvCfgMissing, Severity::Error);
    vec![
        Inspected {
            environment: full,
            findings: vec![broken, reinstall.clone()],
            hint: None,
            seal: None,
        },
        Inspected { environment: bare("/nothing"), findings: Vec::new(), hint: None, seal: None },
        Inspected {
            environment: bare("/warns"),
            findings: vec![reinstall],
            hint: None,
            seal: None,
        },
    ]
}

fn encoded(environments: &[Inspected]) -> Vec<u8> {
    let about = About {
        time: UNIX_EPOCH + Duration::from_nanos(1_763_800_000_123_456_789),
        snapshot: Some(42),
        engine: "0.1.0",
    };
    encode(about, environments, &[crate::Problem::new("/closed", "cannot be read")])
}

#[test]
fn everything_is_read_as_it_was_given() {
    let sample = sample();
    let bytes = encoded(&sample);
    let read = Environments::of(&bytes).unwrap();
    assert!(read.is_whole());
    assert_eq!((read.len(), read.snapshot(), read.engine()), (3, Some(42), "0.1.0"));
    assert_eq!(read.time(), UNIX_EPOCH + Duration::from_nanos(1_763_800_000_123_456_789));
    assert_eq!(read.counts(), Counts { healthy: 1, warning: 1, broken: 1 });
    let problem = read.problems().next().unwrap();
    assert_eq!((problem.path.bytes(), problem.message), (b"/closed".as_slice(), "cannot be read"));

    let one = read.get(0).unwrap();
    let path = |path: Option<Path<'_>>| path.unwrap().to_string_lossy().into_owned();
    assert_eq!(
        (one.id(), one.kind(), one.name()),
        (&*sample[0].environment.id.0, "uv-venv", Some("näme"))
    );
    assert_eq!(one.prefix().to_path_buf(), Some("/e/.venv".into()));
    assert_eq!(path(one.executable()), "/e/.venv/bin/python");
    assert_eq!((one.version(), one.implementation()), (Some("3.12.4"), Some("cpython")));
    assert_eq!((one.abi_flags(), one.architecture()), ("t", Some("x86_64")));
    assert_eq!(
        (path(one.base_prefix()), path(one.base_executable())),
        ("/usr".into(), "/usr/bin/python3.12".into())
    );
    assert_eq!((one.base_id(), one.manager()), (Some("0123456789abcdef"), Some("uv")));
    assert_eq!((path(one.project()), one.created_by()), ("/e".into(), Some("uv 0.9.2")));
    assert!(one.is_virtual() && one.is_externally_managed() && !one.is_repairable());
    assert_eq!((one.status(), one.errors(), one.warnings()), (Status::Broken, 1, 1));
    assert_eq!(one.owner(), Some(1000));
    assert!(one.aliases().map(|alias| alias.bytes()).eq([b"/a", b"/b"]));
    assert_eq!(one.site_packages().len(), 1);
    assert!(one.found_by().eq([Found { source: "active", detail: "VIRTUAL_ENV" }]));

    let findings: Vec<Finding<'_>> = one.findings().collect();
    let code = Code::PyvenvCfgMissing;
    assert_eq!((findings[0].code(), findings[0].message()), (code.as_str(), "what is observed"));
    assert_eq!((findings[0].meaning(), findings[0].effect()), (code.meaning(), code.effect()));
    assert_eq!((findings[0].remedy(), findings[0].severity()), (code.remedy(), Severity::Error));
    let paths: Vec<_> = findings[0].paths().map(|path| path.to_path_buf()).collect();
    assert_eq!(paths, [Some("/p".into()), Some("/q".into())]);
    assert_eq!(findings[1].method(), Method::Reinstall);
    assert!(findings[1].distributions().eq(["attrs==25.4.0"]));
    assert_eq!(findings[1].environment().map(|one| one.index()), Some(0));

    let nothing = read.find(&sample[1].environment.id).unwrap();
    assert_eq!(
        (nothing.index(), nothing.status(), nothing.findings().len()),
        (1, Status::Healthy, 0)
    );
    assert_eq!((nothing.name(), nothing.executable(), nothing.owner()), (None, None, None));
    assert_eq!(read.get(2).unwrap().findings().next().unwrap().environment().unwrap().index(), 2);
    assert_eq!(read.get(3).map(|one| one.index()), None);

    // Strings are there once, and nothing is as good as nothing.
    let twice = [sample.clone(), sample].concat();
    assert!(encoded(&twice).len() - bytes.len() < bytes.len() / 2);
    let none = encoded(&[]);
    assert!(Environments::of(&none).unwrap().is_empty());
}

/// Reads all there is.
fn walk(read: Environments<'_>) -> usize {
    let mut seen =
        read.engine().len() + read.problems().map(|one| one.message.len()).sum::<usize>();
    for one in read.iter() {
        let texts = [one.name(), one.version(), one.implementation(), one.architecture()];
        seen += one.id().len() + one.kind().len() + one.prefix().bytes().len();
        seen += texts.into_iter().flatten().map(str::len).sum::<usize>();
        let paths = [one.executable(), one.base_prefix(), one.base_executable(), one.project()];
        seen += paths.into_iter().flatten().map(|path| path.bytes().len()).sum::<usize>();
        seen += one.aliases().len() + one.site_packages().len() + one.found_by().count();
        seen += one.status() as usize + one.errors() as usize;
        for finding in one.findings() {
            seen += finding.code().len() + finding.message().len() + finding.remedy().len();
            seen += finding.paths().map(|path| path.bytes().len()).sum::<usize>();
            seen += finding.distributions().map(str::len).sum::<usize>();
            seen += finding.severity() as usize + finding.method() as usize;
            seen += finding.environment().map_or(0, |one| one.index());
        }
    }
    seen
}

#[test]
fn damage_is_refused_or_read_within_bounds() {
    let bytes = encoded(&sample());
    for cut in 0..bytes.len() {
        assert!(Environments::of(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut refused = 0;
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            match Environments::of(&damaged) {
                Ok(read) => {
                    assert!(!read.is_whole(), "byte {at}");
                    walk(read);
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > bytes.len() / 5, "{refused} of {}", bytes.len());
}

proptest! {
    #[test]
    fn hostile_bytes_are_read_within_bounds(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..6),
    ) {
        let mut bytes = encoded(&sample());
        for (place, value) in places {
            let at = place.index(bytes.len() / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        if let Ok(read) = Environments::of(&bytes) {
            walk(read);
        }
    }
}

/// `docs/format.md` and readers in other languages have these numbers.
#[test]
fn offsets_are_those_of_the_document() {
    use super::layout::{environment, finding, header};
    assert_eq!((HEADER_BYTES, ENVIRONMENT_BYTES, FINDING_BYTES), (128, 184, 64));
    assert_eq!((PROBLEM_BYTES, TEXT_BYTES, VERSION), (16, 8, 1));
    assert_eq!((header::ARRAYS, header::HEAP, header::ENGINE), (40, 88, 112));
    assert_eq!((environment::KIND, environment::FINDINGS, environment::WARNINGS), (24, 136, 172));
    assert_eq!((finding::PATHS, finding::SEVERITY, finding::ENVIRONMENT), (40, 56, 60));
    for (number, one) in Status::ALL.iter().enumerate() {
        assert_eq!(*one as usize, number);
    }
    assert_eq!(
        [Severity::Info, Severity::Warning, Severity::Error].map(|one| one as u8),
        [0, 1, 2]
    );
    let methods = [
        Method::InPlace,
        Method::Reinstall,
        Method::Recreate,
        Method::NeedsBasePython,
        Method::None,
    ];
    assert_eq!(methods.map(|one| one as u8), [0, 1, 2, 3, 4]);
}

/// Version 1 is read for ever.
#[test]
fn golden_state_is_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/golden/environments-1.aios");
    let sample = encoded(&sample());
    if std::env::var_os("AIOS_BLESS").is_some() {
        std::fs::write(&path, &sample).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    let (read, fresh) = (Environments::of(&golden).unwrap(), Environments::of(&sample).unwrap());
    assert!(read.is_whole());
    assert_eq!((read.len(), read.counts(), walk(read)), (3, fresh.counts(), walk(fresh)));
}
