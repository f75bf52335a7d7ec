//! Each way to break an installed distribution, and odd ones that are fine.

use std::fs;

use super::fabricated::{Fabricated, install_into};
use crate::environments::EnvironmentKind;
use crate::environments::health::{Code, Depth, Severity};

const CORE: &[u8] = b"def answer():\n    return 42\n# the last line is long enough to be cut\n";

fn with_idna() -> Fabricated {
    let made = Fabricated::new();
    made.install("idna", "3.10", "", &[("idna/__init__.py", b""), ("idna/core.py", CORE)]);
    made
}

fn with_command(script: &[u8]) -> Fabricated {
    let made = Fabricated::new();
    made.install(
        "tabulate",
        "0.9.0",
        "",
        &[
            ("tabulate.py", CORE),
            ("../../../bin/tabulate", script),
            ("tabulate-0.9.0.dist-info/entry_points.txt", b"[console_scripts]\ntabulate = t:m\n"),
        ],
    );
    made
}

#[test]
fn whole_ones_are_fine() {
    with_idna().expect(&[]);
    with_idna().expect_healthy();
    with_command(b"#!/venv/bin/python\n").expect_healthy();
    Fabricated::new().expect(&[]);
}

#[test]
fn files() {
    let check = |content: Option<&[u8]>, expected: &[(Code, &str)]| {
        let made = with_idna();
        let core = made.site.join("idna/core.py");
        match content {
            Some(content) => fs::write(core, content).unwrap(),
            None => fs::remove_file(core).unwrap(),
        }
        made.expect(expected);
    };
    let nul = vec![0; CORE.len()];
    let tail = [&CORE[..40], &nul[40..]].concat();
    let corrupt = [(Code::PackageFileCorrupt, "idna==3.10")];
    check(None, &[(Code::PackageFilesMissing, "idna==3.10")]);
    check(Some(b""), &corrupt);
    check(Some(&nul), &corrupt);
    check(Some(&tail), &corrupt);
    check(Some(&CORE[..CORE.len() / 2]), &corrupt);
    // Valid text that differs is the user's.
    check(Some(b"def answer():\n    return 43\n"), &[(Code::PackageFileModified, "")]);
    check(Some(&[CORE, b"# mine\n"].concat()), &[(Code::PackageFileModified, "")]);
}

#[test]
fn a_change_of_the_same_size_is_found_by_hashing() {
    let made = with_idna();
    let edited = String::from_utf8(CORE.to_vec()).unwrap().replace("42", "43");
    made.write("lib/python3.12/site-packages/idna/core.py", edited.as_bytes());
    made.expect(&[]);
    let found = made.check(Depth::Deep);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].code, found[0].severity), (Code::PackageFileModified, Severity::Info));
}

#[test]
fn a_missing_package_is_one_finding_with_one_path() {
    let made = with_idna();
    fs::remove_dir_all(made.site.join("idna")).unwrap();
    let found = made.check(Depth::Usual);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].paths, [made.site.join("idna")]);
    assert!(
        found[0].message.starts_with("`idna` 3.10: 2 of 3 files are missing: `idna`"),
        "{found:#?}"
    );
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    let made = with_idna();
    let core = made.site.join("idna/core.py");
    fs::remove_file(&core).unwrap();
    fs::create_dir(&core).unwrap();
    made.expect(&[(Code::FileTypeConflict, "idna==3.10")]);
}

#[test]
fn a_file_in_the_place_of_a_folder() {
    let made = with_idna();
    fs::remove_dir_all(made.site.join("idna")).unwrap();
    made.write("lib/python3.12/site-packages/idna", b"");
    let found = made.check(Depth::Usual);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, Code::FileTypeConflict);
    assert_eq!(found[0].paths, [made.site.join("idna")]);
    // The same of the metadata: nothing of it can be read.
    let made = with_idna();
    fs::remove_dir_all(made.site.join("idna-3.10.dist-info")).unwrap();
    made.write("lib/python3.12/site-packages/idna-3.10.dist-info", b"");
    made.expect(&[(Code::DistMetadataMissing, "idna==3.10")]);
}

#[test]
fn files_that_lead_to_projects_are_rewritten_rightly() {
    let made = Fabricated::new();
    let pth = made.prefix.to_string_lossy().into_owned();
    made.install("lab", "1", "", &[("_lab.pth", pth.as_bytes())]);
    made.write(
        "lib/python3.12/site-packages/_lab.pth",
        std::env::temp_dir().to_str().unwrap().as_bytes(),
    );
    made.expect_healthy();
    made.expect(&[]);
}

#[test]
fn what_nothing_imports_is_information() {
    let made = Fabricated::new();
    made.install(
        "six",
        "1",
        "",
        &[
            ("six/tests/test_x.py", CORE),
            ("six/x.py", CORE),
            ("six/__pycache__/x.cpython-312.pyc", CORE),
        ],
    );
    fs::remove_dir_all(made.site.join("six/tests")).unwrap();
    fs::remove_dir_all(made.site.join("six/__pycache__")).unwrap();
    made.expect_healthy();
    made.expect(&[(Code::PackageFilesMissing, "")]);
}

#[test]
fn extensions_are_judged_by_their_headers_elsewhere() {
    let made = Fabricated::new();
    let files: [(&str, &[u8]); 2] =
        [("ujson.cpython-312-x86_64-linux-gnu.so", CORE), ("ujson.libs/libx.so.1", CORE)];
    made.install("ujson", "5.10.0", "", &files);
    made.write("lib/python3.12/site-packages/ujson.cpython-312-x86_64-linux-gnu.so", &CORE[..10]);
    made.expect(&[]);
    made.write("lib/python3.12/site-packages/ujson.libs/libx.so.1", b"");
    made.expect(&[(Code::PackageFileCorrupt, "ujson==5.10.0")]);
    fs::remove_file(made.site.join("ujson.cpython-312-x86_64-linux-gnu.so")).unwrap();
    made.expect(&[
        (Code::PackageFilesMissing, "ujson==5.10.0"),
        (Code::PackageFileCorrupt, "ujson==5.10.0"),
    ]);
}

#[test]
fn paths_that_lead_outside_are_not_followed() {
    let made = with_idna();
    let record = made.site.join("idna-3.10.dist-info/RECORD");
    let text = fs::read_to_string(&record).unwrap();
    let more = "../../../../../../../etc/gone,sha256=x,7\n/etc/gone,sha256=x,7\n";
    fs::write(&record, format!("{text}{more}")).unwrap();
    made.expect(&[]);
}

#[test]
fn metadata() {
    let check = |name: &str, content: Option<&[u8]>, expected: &[(Code, &str)]| {
        let made = with_idna();
        let path = made.site.join("idna-3.10.dist-info").join(name);
        match content {
            Some(content) => fs::write(path, content).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        made.expect(expected);
    };
    let no_metadata = [(Code::DistMetadataMissing, "idna==3.10")];
    let no_record = [(Code::DistRecordMissing, "idna==3.10")];
    check("METADATA", None, &no_metadata);
    check("METADATA", Some(b""), &no_metadata);
    check("METADATA", Some(&[0; 100]), &no_metadata);
    check("METADATA", Some(b"Metadata-Version: 2.1\n"), &no_metadata);
    check("RECORD", None, &no_record);
    check("RECORD", Some(b""), &no_record);
    check("RECORD", Some(&[0; 100]), &no_record);
}

#[test]
fn a_huge_description_is_not_read() {
    let made = with_idna();
    let path = made.site.join("idna-3.10.dist-info/METADATA");
    let header = fs::read(&path).unwrap();
    fs::write(&path, header).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 32).unwrap();
    let found = made.check(Depth::Usual);
    assert!(found.iter().all(|finding| finding.code != Code::DistMetadataMissing), "{found:#?}");
}

#[test]
fn only_wheel_installers_owe_a_record() {
    let mut made = with_idna();
    fs::remove_file(made.site.join("idna-3.10.dist-info/RECORD")).unwrap();
    fs::write(made.site.join("idna-3.10.dist-info/INSTALLER"), "conda").unwrap();
    made.expect(&[]);
    fs::remove_file(made.site.join("idna-3.10.dist-info/INSTALLER")).unwrap();
    made.expect(&[(Code::DistRecordMissing, "idna==3.10")]);
    made.kind = EnvironmentKind::System;
    made.expect(&[]);
}

#[test]
fn a_gutted_folder_beside_a_whole_one() {
    let made = with_idna();
    made.write("lib/python3.12/site-packages/idna-3.7.dist-info/REQUESTED", b"");
    made.expect(&[(Code::DistInfoLeftover, "")]);
}

#[test]
fn of_two_whole_ones_the_files_decide() {
    let check = |newer_is_right: bool| {
        let made = Fabricated::new();
        let (old, new): (&[u8], &[u8]) = (b"VERSION = 'old'\n", b"VERSION = 'newest'\n");
        let first = made.install("idna", "3.7", "", &[("idna/core.py", old)]);
        let second = made.install("idna", "3.10", "", &[("idna/core.py", new)]);
        let wrong = if newer_is_right { first } else { second };
        if !newer_is_right {
            made.write("lib/python3.12/site-packages/idna/core.py", old);
        }
        let found = made.check(Depth::Usual);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].code, &found[0].paths), (Code::DistInfoDuplicate, &vec![wrong]));
    };
    check(true);
    check(false);
}

#[test]
fn leftovers_of_an_interrupted_pip() {
    let made = with_idna();
    made.write("lib/python3.12/site-packages/~dna/core.py", b"");
    made.write("lib/python3.12/site-packages/~dna-3.7.dist-info/METADATA", b"Name: idna\n");
    made.write("lib/python3.12/site-packages/~$notes.docx", b"");
    let found = made.check(Depth::Usual);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].code, found[0].paths.len()), (Code::DistTildeLeftover, 2));
}

#[test]
fn commands() {
    let made = with_command(b"#!/venv/bin/python\n");
    fs::remove_file(made.prefix.join("bin/tabulate")).unwrap();
    made.expect(&[(Code::EntryScriptMissing, "")]);
    // A missing `bin` has a cause of its own.
    fs::remove_dir_all(made.prefix.join("bin")).unwrap();
    made.expect(&[]);
}

#[test]
fn rewritten_scripts_are_fine() {
    let made = with_command(b"#!/venv/bin/python\n# long enough\n");
    made.write("bin/tabulate", b"#!/elsewhere\nno line end");
    made.expect_healthy();
    made.expect(&[]);
}

const PIP_SCRIPT: &[u8] =
    b"#!/venv/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n";

#[test]
fn pip() {
    let check = |break_it: fn(&Fabricated), expected: &[(Code, &str)]| {
        let made = Fabricated::new();
        let files: [(&str, &[u8]); 3] = [
            ("pip/__init__.py", b"__version__ = '24.2'\n"),
            ("pip/_internal/__init__.py", CORE),
            ("pip/_internal/cli/main.py", CORE),
        ];
        made.install("pip", "24.2", "", &files);
        made.write("bin/pip", PIP_SCRIPT);
        made.expect(&[]);
        break_it(&made);
        made.expect(expected);
    };
    check(
        |made| fs::remove_dir_all(made.site.join("pip/_internal")).unwrap(),
        &[(Code::PipBroken, "")],
    );
    check(
        |made| fs::remove_dir_all(made.site.join("pip-24.2.dist-info")).unwrap(),
        &[(Code::PipBroken, "")],
    );
    check(
        |made| {
            fs::remove_dir_all(made.site.join("pip")).unwrap();
            fs::remove_dir_all(made.site.join("pip-24.2.dist-info")).unwrap();
        },
        &[(Code::PipMissing, "")],
    );
    check(
        |made| {
            fs::remove_dir_all(made.site.join("pip")).unwrap();
            fs::remove_dir_all(made.site.join("pip-24.2.dist-info")).unwrap();
            fs::write(made.prefix.join("bin/pip"), "#!/bin/sh\necho my own pip\n").unwrap();
        },
        &[],
    );
}

#[test]
fn an_inherited_pip_counts() {
    let mut made = Fabricated::new();
    made.write("bin/pip", PIP_SCRIPT);
    made.expect(&[(Code::PipMissing, "")]);
    install_into(&made.base_site(), "pip", "24.2", "", &[("pip/__init__.py", CORE)]);
    made.expect(&[(Code::PipMissing, "")]);
    made.cfg = "include-system-site-packages = true\n";
    made.expect(&[]);
}

#[test]
fn conda_leaves_files_out() {
    let mut made = with_idna();
    made.kind = EnvironmentKind::CondaEnv;
    fs::write(made.site.join("idna-3.10.dist-info/INSTALLER"), "conda").unwrap();
    made.write(
        "conda-meta/idna-3.10-0.json",
        br#"{"files": ["lib/python3.12/site-packages/idna/__init__.py"]}"#,
    );
    fs::remove_file(made.site.join("idna/core.py")).unwrap();
    made.expect(&[]);
    made.write(
        "conda-meta/idna-3.10-0.json",
        br#"{"files": ["lib/python3.12/site-packages/idna/core.py"]}"#,
    );
    made.expect(&[(Code::PackageFilesMissing, "idna==3.10")]);
}
