//! Folders of site-packages, and what is shared between them.

use std::fs;
use std::path::Path;

use super::*;

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn reads_a_distribution() {
    let folder = tempfile::tempdir().unwrap();
    let info = folder.path().join("Tab_ulate-0.9.0.dist-info");
    put(&info.join("METADATA"), b"Name: Tab.ulate\nVersion: 0.9.0\n\n");
    put(&info.join("RECORD"), b"tabulate.py,,\n");
    put(&info.join("INSTALLER"), b"Poetry 1.8.2\n");
    put(&info.join("WHEEL"), b"Tag: py3-none-any\n");
    put(&info.join("entry_points.txt"), b"[console_scripts]\ntabulate = t:m\n");
    put(&folder.path().join("~ip-1.dist-info/METADATA"), b"Name: pip\nVersion: 1\n");
    let (installed, problems) = read(&[folder.path().to_path_buf()], &Shared::new());
    assert_eq!(problems, []);
    let [one] = installed.sites[0].distributions.as_slice() else { panic!("{installed:#?}") };
    assert_eq!((one.name.as_str(), one.pin().as_str()), ("tab-ulate", "tab-ulate==0.9.0"));
    assert!(one.by_wheel_installer());
    assert_eq!(one.commands, ["tabulate"]);
    assert_eq!(one.wheel.as_ref().unwrap().tags, ["py3-none-any"]);
    assert_eq!(one.record.get().unwrap().files.len(), 1);
}

#[test]
fn a_missing_folder_is_no_problem_and_has_nothing() {
    let (installed, problems) = read(&[Path::new("/nowhere/at/all").to_path_buf()], &Shared::new());
    assert!(installed.sites.is_empty() && problems.is_empty());
}

#[test]
fn equal_files_are_parsed_once() {
    let folder = tempfile::tempdir().unwrap();
    let content = b"Name: six\nVersion: 1\n\n";
    let site = |name: &str| folder.path().join(name);
    put(&site("a").join("six-1.dist-info/METADATA"), content);
    put(&site("copy").join("six-1.dist-info/METADATA"), content);
    fs::create_dir_all(site("link").join("six-1.dist-info")).unwrap();
    fs::hard_link(
        site("a").join("six-1.dist-info/METADATA"),
        site("link").join("six-1.dist-info/METADATA"),
    )
    .unwrap();
    let (installed, _) = read(&[site("a"), site("copy"), site("link")], &Shared::new());
    let parsed: Vec<_> = installed
        .sites
        .iter()
        .map(|site| match &site.distributions[0].metadata {
            Part::Read(metadata) => Arc::as_ptr(metadata),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(parsed.iter().all(|one| *one == parsed[0]));
}

#[test]
fn a_copy_of_a_large_record_is_the_same_record() {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..4000).map(|at| format!("django/locale/{at}.py,,\n")).collect();
    let site = |name: &str| folder.path().join(name);
    for name in ["a", "copy"] {
        put(&site(name).join("django-1.dist-info/RECORD"), lines.as_bytes());
    }
    let (installed, _) = read(&[site("a"), site("copy")], &Shared::new());
    let records = installed.sites.iter().map(|site| match &site.distributions[0].record {
        Part::Read(record) => Arc::as_ptr(record),
        other => panic!("{other:?}"),
    });
    let records: Vec<_> = records.collect();
    assert_eq!(records[0], records[1]);
}

#[test]
fn strange_files_are_said_to_be_strange() {
    let folder = tempfile::tempdir().unwrap();
    let info = folder.path().join("six-1.dist-info");
    fs::create_dir_all(info.join("METADATA")).unwrap();
    put(&info.join("RECORD"), b"");
    let (installed, _) = read(&[folder.path().to_path_buf()], &Shared::new());
    let one = &installed.sites[0].distributions[0];
    assert!(matches!(&one.metadata, Part::Bad(why) if why == "is a folder, not a regular file"));
    assert!(matches!(&one.record, Part::Bad(why) if why == "is empty"));
    assert_eq!((one.name.as_str(), one.version.as_str()), ("six", "1"));
}
