//! Where wheels come from, and wheels that are not to be trusted.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

type Zip = ZipWriter<Cursor<Vec<u8>>>;

fn damaged() -> Fabricated {
    let made = Fabricated::new();
    made.install("idna", "3.10", "", &IDNA);
    std::fs::write(made.site.join("idna/core.py"), b"").unwrap();
    made
}

#[test]
fn caches_of_pip_and_uv() {
    let made = damaged();
    idna().write(&made.home().join(".cache/pip/wheels/aa/bb/cc/dd"));
    mend(&made);

    let made = damaged();
    idna().unpack(&made.home().join(".cache/uv/archive-v0/x1"));
    mend(&made);

    let made = damaged();
    let folder = made.home().join(".cache/pip/http-v2/a/b/c/d/e");
    std::fs::rename(idna().write(&folder), folder.join("abcde0.body")).unwrap();
    mend(&made);
}

#[test]
fn what_pip_fetched_is_not_listed_while_another_place_has_the_wheel() {
    let made = with_idna();
    let fetched = made.home().join(".cache/pip/http-v2/a/b/c/d/e");
    std::fs::rename(idna().write(&fetched), fetched.join("abcde0.body")).unwrap();
    super::super::fabricated::with_case(&made, |case| {
        let wheels = super::super::wheels::Wheels::of(case);
        let found =
            || wheels.of_version("idna", "3.10").map(|one| one.wheel.location.path().to_path_buf());
        assert_eq!(found().next().unwrap().parent(), Some(&*wheelhouse(&made)));
        assert_eq!(wheels.whole_of_version("idna", "3.10").len(), 1);
        assert!(!wheels.has_listed_what_pip_fetched());
        assert_eq!(found().nth(1), Some(fetched.join("abcde0.body")));
        assert!(wheels.has_listed_what_pip_fetched());
    });
}

#[test]
fn a_file_that_is_another_wheel_than_it_seems_is_passed_over() {
    let metadata: [(&str, &[u8]); 2] = [
        ("idna-3.10.dist-info/METADATA", b"Name: evil\nVersion: 1\n"),
        ("idna-3.10.dist-info/WHEEL", b"Tag: py3-none-any\n"),
    ];
    let files = || IDNA.iter().chain(&metadata);
    let line = |(name, content): &(&str, &[u8])| {
        super::super::record::line_of((*name).to_owned(), content)
    };
    let record = super::super::record::write(files().map(line).collect(), "idna-3.10.dist-info");
    let record: (&str, &[u8]) = ("idna-3.10.dist-info/RECORD", &record);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files().chain([&record]) {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    let made = damaged();
    let path = made.home().join(".cache/pip/http-v2/a/b/c/d/e/abcde0.body");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, zip.finish().unwrap().into_inner()).unwrap();
    assert!(crate::environments::wheels::name::by_content(&path).is_some());
    assert_eq!(plan(&made).steps, []);
}

#[test]
fn a_wheel_that_is_not_what_its_record_says_is_passed_over() {
    let made = damaged();
    let hash = super::super::record::line_of("idna/core.py".to_owned(), IDNA[1].1).hash.unwrap();
    // Of the same name in the wheelhouse, with another content under the right hash.
    let liar = Built::new("idna", "3.10", "py3-none-any")
        .file("idna/__init__.py", IDNA[0].1)
        .file("idna/core.py", b"import evil\n")
        .file("idna/data.bin", IDNA[2].1);
    liar.write_with(&wheelhouse(&made), |record| {
        let lines = record.lines().map(|line| match line.starts_with("idna/core.py") {
            true => format!("idna/core.py,{hash},{}\n", IDNA[1].1.len()),
            false => format!("{line}\n"),
        });
        lines.collect()
    });
    let plan = plan(&made);
    assert_eq!(plan.steps, []);
    assert_eq!(unsolved(&plan)[0].0, Code::PackageFileCorrupt);
    idna().write(&made.home().join(".cache/pip/wheels/aa"));
    mend(&made);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../../../../evil.py",
        "/evil.py",
        "idna/../../evil.py",
        "idna-3.10.data/data/../../e",
        "idna-3.10.data/other/x",
        "c:evil",
        "idna-3.10.data/data/pyvenv.cfg",
        "idna-3.10.data/scripts/python3",
        "idna/a\\b",
    ] {
        let made = damaged();
        idna().file(name, b"evil\n").write(&wheelhouse(&made));
        let plan = plan(&made);
        assert_eq!(plan.steps, [], "{name}");
    }
}

#[test]
fn links_and_bombs_are_refused() {
    let link = |zip: &mut Zip| {
        zip.add_symlink("idna/core.py", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    };
    let bomb = |zip: &mut Zip| {
        zip.start_file("idna/core.py", SimpleFileOptions::default()).unwrap();
        for _ in 0..2 {
            zip.write_all(&[0; 1 << 20]).unwrap();
        }
    };
    let add: [&dyn Fn(&mut Zip); 2] = [&link, &bomb];
    for add in add {
        let folder = tempfile::tempdir().unwrap();
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        add(&mut zip);
        let path = folder.path().join("x.whl");
        std::fs::write(&path, zip.finish().unwrap().into_inner()).unwrap();
        let mut archive =
            crate::environments::wheels::archive::Archive::open(&path.clone().into()).unwrap();
        assert!(archive.read("idna/core.py", 1000).is_err());
    }
}

// Not on Windows: making a link needs a privilege there.
#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let made = damaged();
    idna().write(&wheelhouse(&made));
    let elsewhere = made.home().join("elsewhere");
    std::fs::rename(made.site.join("idna"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, made.site.join("idna")).unwrap();
    let plan = plan(&made);
    assert_eq!(plan.steps, [], "{plan:?}");
    assert_eq!(std::fs::read(elsewhere.join("core.py")).unwrap(), b"");
}

#[test]
fn a_wheel_for_another_python_is_not_taken() {
    let made = damaged();
    let built = Built::new("idna", "3.10", "cp311-cp311-manylinux2014_x86_64");
    IDNA.iter()
        .fold(built, |built, (path, bytes)| built.file(path, bytes))
        .write(&wheelhouse(&made));
    assert_eq!(plan(&made).steps, []);
}

#[test]
fn missing_wheels_are_listed() {
    let made = damaged();
    made.install("user", "1", "Requires-Dist: six>=1\n", &[]);
    assert_eq!(super::super::fabricated::missing(&made), ["idna==3.10", "six>=1"]);
    idna().write(&wheelhouse(&made));
    assert_eq!(super::super::fabricated::missing(&made), ["six>=1"]);
}
