//! Single files and metadata.

use super::*;

#[test]
fn only_damaged_files_are_written() {
    let made = with_idna();
    std::fs::write(made.site.join("idna/core.py"), [0; 40]).unwrap();
    std::fs::remove_file(made.site.join("idna/data.bin")).unwrap();
    let edited = b"from . import core\nimport os\n";
    std::fs::write(made.site.join("idna/__init__.py"), edited).unwrap();
    let plan = mend(&made);
    assert_eq!(changed(&made, &plan), ["+SITE/idna/core.py", "+SITE/idna/data.bin"]);
    assert_eq!(plan.steps[0].action, Action::RestoreFiles);
    assert_eq!(plan.steps[0].reasons, [Code::PackageFilesMissing, Code::PackageFileCorrupt]);
    assert_eq!(std::fs::read(made.site.join("idna/__init__.py")).unwrap(), edited);
    assert_eq!(std::fs::read(made.site.join("idna/core.py")).unwrap(), IDNA[1].1);
}

#[test]
fn a_lost_folder_is_made_again() {
    let made = with_idna();
    std::fs::remove_dir_all(made.site.join("idna")).unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        ["/SITE/idna", "+SITE/idna/__init__.py", "+SITE/idna/core.py", "+SITE/idna/data.bin"]
    );
}

#[test]
fn a_folder_in_the_place_of_a_file_is_moved_away() {
    let made = with_idna();
    std::fs::remove_file(made.site.join("idna/core.py")).unwrap();
    std::fs::create_dir(made.site.join("idna/core.py")).unwrap();
    let plan = mend(&made);
    assert_eq!(changed(&made, &plan), ["-SITE/idna/core.py", "+SITE/idna/core.py"]);
}

#[test]
fn another_build_replaces_the_whole() {
    let made = Fabricated::new();
    let mut files = IDNA.to_vec();
    files.extend([("idna/edited.py", b"x = 1\n".as_slice()), ("../../../pyvenv.cfg", b"a = b\n")]);
    made.install("idna", "3.10", "", &files);
    std::fs::write(made.site.join("idna/edited.py"), b"x = 2\n").unwrap();
    Built::new("idna", "3.10", "py3-none-any")
        .file("idna/__init__.py", b"from . import core, more\n")
        .file("idna/core.py", IDNA[1].1)
        .file("idna/more.py", b"")
        .write(&wheelhouse(&made));
    std::fs::write(made.site.join("idna/__init__.py"), b"").unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        [
            "+SITE/idna/__init__.py",
            "+SITE/idna/more.py",
            "+SITE/idna-3.10.dist-info/RECORD",
            "-SITE/idna/data.bin",
        ]
    );
    assert_eq!(plan.steps[0].action, Action::Reinstall);
}

#[test]
fn what_is_wanted_is_named() {
    let made = Fabricated::new();
    made.install("idna", "3.10", "", &IDNA);
    std::fs::write(made.site.join("idna/core.py"), b"").unwrap();
    let plan = plan(&made);
    assert_eq!(plan.steps, []);
    let [(Code::PackageFileCorrupt, hint)] = unsolved(&plan)[..] else { panic!("{plan:?}") };
    assert!(hint.starts_with("idna==3.10 (a wheel for cp312 on "), "{hint}");
    assert!(hint.contains("--wheelhouse DIR"), "{hint}");
}

#[test]
fn the_wrong_python_is_replaced_by_the_right_one() {
    let made = Fabricated::new();
    let text = b"from ._x import y\n";
    let native = |minor: u16| format!("x/_x.cpython-{minor}-x86_64-linux-gnu.so");
    let foreign: &[(&str, &[u8])] =
        &[("x/__init__.py", text), ("x/_x.cpython-311-x86_64-linux-gnu.so", b"old")];
    made.install("x", "1", "", foreign);
    std::fs::write(
        made.site.join("x-1.dist-info/WHEEL"),
        "Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n",
    )
    .unwrap();
    std::fs::write(made.site.join("x/__init__.py"), b"from ._x import y, z\n").unwrap();
    std::fs::write(made.site.join("x/mine.txt"), b"notes").unwrap();
    let machine = std::env::consts::ARCH;
    let tag: &'static str = format!("cp312-cp312-manylinux_2_17_{machine}").leak();
    let other: &'static str = format!("cp311-cp311-manylinux_2_17_{machine}").leak();
    let built = |tag: &'static str, minor: u16, content: &[u8]| {
        Built::new("x", "1", tag).file("x/__init__.py", text).program(&native(minor), content)
    };
    built(other, 311, b"old").write(&wheelhouse(&made));
    built(tag, 312, b"right").write(&wheelhouse(&made));
    let plan = plan(&made);
    apply(&plan);
    assert_eq!(
        changed(&made, &plan),
        [
            "+SITE/x/_x.cpython-312-x86_64-linux-gnu.so",
            "+SITE/x-1.dist-info/WHEEL",
            "+SITE/x-1.dist-info/RECORD",
            "-SITE/x/_x.cpython-311-x86_64-linux-gnu.so",
        ]
    );
    let edited = std::fs::read(made.site.join("x/__init__.py")).unwrap();
    assert_eq!(edited, b"from ._x import y, z\n");
    assert_eq!(std::fs::read(made.site.join("x/mine.txt")).unwrap(), b"notes");
}

#[test]
fn record_is_written_as_it_was() {
    let made = with_idna();
    let record = made.site.join("idna-3.10.dist-info/RECORD");
    let mut before: Vec<String> =
        std::fs::read_to_string(&record).unwrap().lines().map(str::to_owned).collect();
    std::fs::remove_file(&record).unwrap();
    let plan = mend(&made);
    // The fabricated wheel has a METADATA without the blank header line of the installed one.
    assert!(changed(&made, &plan).contains(&"+SITE/idna-3.10.dist-info/RECORD".to_owned()));
    let after = std::fs::read_to_string(&record).unwrap();
    before.retain(|line| !line.contains("METADATA") && !line.contains("WHEEL"));
    for line in before {
        assert!(after.lines().any(|one| one == line), "{line}\n{after}");
    }
}

#[test]
fn an_empty_folder_of_metadata_is_filled() {
    let made = with_idna();
    std::fs::remove_dir_all(made.site.join("idna-3.10.dist-info")).unwrap();
    std::fs::create_dir(made.site.join("idna-3.10.dist-info")).unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        [
            "+SITE/idna-3.10.dist-info/METADATA",
            "+SITE/idna-3.10.dist-info/WHEEL",
            "+SITE/idna-3.10.dist-info/INSTALLER",
            "+SITE/idna-3.10.dist-info/RECORD",
        ]
    );
}

#[test]
fn files_of_another_version_are_not_taken_over() {
    let made = with_idna();
    std::fs::remove_dir_all(made.site.join("idna-3.10.dist-info")).unwrap();
    std::fs::create_dir(made.site.join("idna-3.10.dist-info")).unwrap();
    std::fs::write(made.site.join("idna/core.py"), b"# another\n").unwrap();
    std::fs::write(made.site.join("idna/__init__.py"), b"# another\n").unwrap();
    let plan = plan(&made);
    assert_eq!(plan.steps, []);
    assert!(unsolved(&plan)[0].1.contains("are not those of this version"), "{plan:?}");
}

#[test]
fn leftovers_are_moved_away() {
    let made = with_idna();
    std::fs::create_dir(made.site.join("idna-3.7.dist-info")).unwrap();
    std::fs::create_dir(made.site.join("~dna")).unwrap();
    let old = made.install("six", "1.16", "", &[]);
    made.install("six", "1.17", "", &[("six.py", b"x = 17\n")]);
    let record = "six.py,sha256=AAAA,5\nsix-1.16.dist-info/RECORD,,\n";
    std::fs::write(old.join("RECORD"), record).unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        ["-SITE/six-1.16.dist-info", "-SITE/idna-3.7.dist-info", "-SITE/~dna"]
    );
}

#[test]
fn the_only_copy_gets_its_name_back() {
    let made = Fabricated::new();
    made.install("idna", "3.10", "", &IDNA);
    std::fs::rename(made.site.join("idna"), made.site.join("~dna")).unwrap();
    let info = made.site.join("~dna-3.10.dist-info");
    std::fs::rename(made.site.join("idna-3.10.dist-info"), &info).unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        ["SITE/~dna>SITE/idna", "SITE/~dna-3.10.dist-info>SITE/idna-3.10.dist-info"]
    );

    // Damaged, it is kept and named.
    std::fs::rename(made.site.join("idna"), made.site.join("~dna")).unwrap();
    std::fs::rename(made.site.join("idna-3.10.dist-info"), &info).unwrap();
    std::fs::write(made.site.join("~dna/core.py"), b"").unwrap();
    let plan = self::plan(&made);
    assert!(!changed(&made, &plan).contains(&"-SITE/~dna-3.10.dist-info".to_owned()), "{plan:?}");
    assert_eq!(unsolved(&plan)[0].0, Code::DistTildeLeftover);
}

#[test]
fn hooks_without_an_owner() {
    let made = Fabricated::new();
    std::fs::write(made.site.join("gone.pth"), b"import _gone_hook\n").unwrap();
    let mine = b"import _gone_mine\nimport os; os.environ['X'] = '1'\n";
    std::fs::write(made.site.join("mine.pth"), mine).unwrap();
    let plan = plan(&made);
    assert_eq!(changed(&made, &plan), ["-SITE/gone.pth"]);
    assert_eq!(unsolved(&plan)[0].0, Code::PthBroken);
}

#[test]
fn a_hook_of_a_distribution_is_given_back() {
    let made = Fabricated::new();
    let files: [(&str, &[u8]); 2] = [("hook.pth", b"import _hook\n"), ("_hook.py", b"")];
    made.install("hook", "1", "", &files);
    let built = Built::new("hook", "1", "py3-none-any");
    files
        .iter()
        .fold(built, |built, (path, bytes)| built.file(path, bytes))
        .write(&wheelhouse(&made));
    std::fs::write(made.site.join("hook.pth"), [0; 13]).unwrap();
    let plan = mend(&made);
    assert_eq!(changed(&made, &plan), ["+SITE/hook.pth"]);
}

#[test]
fn a_cut_record_of_conda_is_put_together() {
    let made = Fabricated::new();
    made.write("conda-meta/history", b"");
    made.write("lib/x.txt", b"x");
    made.write(
        "conda-meta/x-1.0-h12_3.json",
        br#"{"channel": "main", "files": ["lib/x.txt"], "fn": "x-1.0-h12_3.conda", "paths_data": {"pa"#,
    );
    let plan = plan(&made);
    assert_eq!(changed(&made, &plan), ["+conda-meta/x-1.0-h12_3.json"]);
    apply(&plan);
    let text = std::fs::read(made.prefix.join("conda-meta/x-1.0-h12_3.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(record["name"], "x");
    assert_eq!(record["version"], "1.0");
    assert_eq!(record["build_number"], 3);
    assert_eq!(record["paths_data"]["paths"][0]["size_in_bytes"], 1);

    made.write("conda-meta/x-1.0-h12_3.json", &[0; 90]);
    let plan = self::plan(&made);
    assert_eq!(plan.steps, []);
    assert!(unsolved(&plan)[0].1.contains("conda install --force-reinstall"), "{plan:?}");
}

#[test]
fn what_came_from_elsewhere_is_not_taken_from_an_index() {
    let made = with_idna();
    let info = made.site.join("idna-3.10.dist-info");
    let direct = br#"{"url": "https://example.org/idna.git", "vcs_info": {"vcs": "git"}}"#;
    std::fs::write(info.join("direct_url.json"), direct).unwrap();
    std::fs::remove_file(info.join("RECORD")).unwrap();
    let plan = plan(&made);
    assert_eq!(plan.steps, []);
    assert!(unsolved(&plan)[0].1.contains("direct_url.json"), "{plan:?}");
}

#[test]
fn a_leftover_of_what_is_installed_again_is_moved_away_once() {
    let made = Fabricated::new();
    made.install("idna", "3.10", "", &IDNA);
    std::fs::write(made.site.join("idna/core.py"), b"").unwrap();
    std::fs::create_dir(made.site.join("idna-3.7.dist-info")).unwrap();
    idna().file("idna/more.py", b"").write(&wheelhouse(&made));
    std::fs::write(made.site.join("idna-3.10.dist-info/RECORD"), {
        let text = std::fs::read_to_string(made.site.join("idna-3.10.dist-info/RECORD")).unwrap();
        let hash = super::super::record::line_of(String::new(), IDNA[1].1).hash.unwrap();
        text.replace(&hash, "sha256=AAAA")
    })
    .unwrap();
    let plan = mend(&made);
    let removed = changed(&made, &plan).into_iter().filter(|one| one.starts_with('-'));
    assert_eq!(removed.collect::<Vec<_>>(), ["-SITE/idna-3.7.dist-info"]);
}

#[test]
fn of_two_versions_that_match_alike_none_is_chosen() {
    let made = Fabricated::new();
    made.install("idna", "3.7", "", &IDNA);
    made.install("idna", "3.10", "", &IDNA);
    let plan = plan(&made);
    assert_eq!(plan.steps, []);
    assert_eq!(unsolved(&plan)[0].0, Code::DistInfoDuplicate);
}

/// Nothing names the version: the same files do.
#[test]
fn metadata_of_a_module_comes_from_the_wheel_with_the_same_files() {
    let made = Fabricated::new();
    made.install("user", "1", "Requires-Dist: idna\n", &[]);
    made.write("lib/python3.12/site-packages/idna/__init__.py", b"encode = 1\n");
    let wheel = |version: &'static str, text: &'static [u8]| {
        let built = Built::new("idna", version, "py3-none-any");
        built.file("idna/__init__.py", text).write(&wheelhouse(&made));
    };
    wheel("3.11", b"encode = 2\n");
    let unknown = plan(&made);
    assert_eq!(unknown.steps, []);
    let (code, hint) = &unsolved(&unknown)[0];
    assert_eq!(*code, Code::DistInfoMissing);
    assert!(
        hint.contains("uv pip install --python") && hint.ends_with("--reinstall idna`"),
        "{hint}"
    );
    wheel("3.10", b"encode = 1\n");
    let known = plan(&made);
    assert_eq!(known.steps[0].reasons, [Code::DistInfoMissing], "{known:?}");
    assert!(known.steps[0].what.contains("idna==3.10"), "{known:?}");
    // Two that differ in nothing that is installed.
    wheel("3.9", b"encode = 1\n");
    assert_eq!(plan(&made).steps, []);
}

#[test]
fn metadata_of_a_module_comes_from_its_version() {
    let made = Fabricated::new();
    made.install("user", "1", "Requires-Dist: idna\n", &[]);
    let module = b"__version__ = '3.10'\n";
    made.write("lib/python3.12/site-packages/idna.py", module);
    for (version, text) in [("3.10", module.as_slice()), ("3.11", b"__version__ = '3.11'\n")] {
        Built::new("idna", version, "py3-none-any").file("idna.py", text).write(&wheelhouse(&made));
    }
    let plan = mend(&made);
    assert_eq!(plan.steps[0].reasons, [Code::DistInfoMissing]);
    assert!(made.site.join("idna-3.10.dist-info/METADATA").is_file());
    assert!(!changed(&made, &plan).contains(&"+SITE/idna.py".to_owned()));
}
