//! Editable installs whose project is there, moved, or gone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::environments::health::packages::fabricated::Fabricated;
use crate::environments::health::{Code, Depth};
use crate::host::Platform;
use crate::system::rooted;

const PYPROJECT: &str = "[project]\nname = \"Lab.Src\"\n";

fn project(folder: &Path) {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("pyproject.toml"), PYPROJECT).unwrap();
}

fn direct_url(folder: &Path) -> String {
    // `file:///C:/x` on Windows.
    let path = format!("/{}", folder.display()).replace('\\', "/").replace("//", "/");
    format!(r#"{{"dir_info": {{"editable": true}}, "url": "file://{path}"}}"#)
}

/// An editable install of `proj/libs/labsrc`, by a `.pth` line.
fn with_editable() -> (Fabricated, PathBuf) {
    let made = Fabricated::new();
    let folder = made.home().join("proj/libs/labsrc");
    project(&folder);
    let pth = format!("{}/src\n", folder.display());
    made.install(
        "lab-src",
        "0.1",
        "",
        &[
            ("__editable__.lab_src-0.1.pth", pth.as_bytes()),
            ("lab_src-0.1.dist-info/direct_url.json", direct_url(&folder).as_bytes()),
        ],
    );
    (made, folder)
}

#[test]
fn a_project_that_is_there_is_fine() {
    let (made, _) = with_editable();
    made.expect(&[]);
}

#[test]
fn a_project_that_is_gone() {
    let (made, folder) = with_editable();
    fs::remove_dir_all(folder).unwrap();
    made.expect(&[(Code::EditableTargetMissing, "")]);
}

#[test]
fn a_project_that_was_moved_is_found_by_its_name() {
    let (made, folder) = with_editable();
    let moved = made.home().join("proj/packages/lab");
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(folder, &moved).unwrap();
    let found = made.check(Depth::Usual);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, Code::EditablePathStale);
    assert_eq!(
        found[0].paths,
        [made.site.join("__editable__.lab_src-0.1.pth"), moved],
        "{found:#?}"
    );
}

#[test]
fn a_project_that_moved_with_the_environment_is_found_at_the_same_place() {
    let made = Fabricated::new();
    let now = made.home().join("proj/libs/labsrc");
    // No project file: only the place tells.
    fs::create_dir_all(now.join("src")).unwrap();
    let old = rooted("/old/home/proj");
    let activate = format!("VIRTUAL_ENV=\"{old}/.venv\"\nexport VIRTUAL_ENV\n");
    made.write("bin/activate", activate.as_bytes());
    made.install(
        "lab-src",
        "0.1",
        "",
        &[
            ("lab_src.pth", format!("{old}/libs/labsrc/src\n").as_bytes()),
            (
                "lab_src-0.1.dist-info/direct_url.json",
                direct_url(&Path::new(&old).join("libs/labsrc")).as_bytes(),
            ),
        ],
    );
    let found = made.check(Depth::Usual);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].code, found[0].paths.last()), (Code::EditablePathStale, Some(&now)));
}

#[test]
fn a_finder_names_paths_too() {
    let made = Fabricated::new();
    let folder = made.home().join("proj/libs/labsrc");
    // As `repr` has it.
    let mapped = folder.join("code").to_str().unwrap().replace('\\', "\\\\");
    let finder = format!("MAPPING: dict[str, str] = {{'labsrc': '{mapped}'}}\n");
    made.install(
        "lab-src",
        "0.1",
        "",
        &[
            ("__editable___lab_src_0_1_finder.py", finder.as_bytes()),
            ("__editable__.lab_src-0.1.pth", b"import __editable___lab_src_0_1_finder\n"),
            ("lab_src-0.1.dist-info/direct_url.json", direct_url(&folder).as_bytes()),
        ],
    );
    fs::create_dir_all(folder.join("code")).unwrap();
    made.expect(&[]);
    fs::remove_dir_all(folder).unwrap();
    made.expect(&[(Code::EditableTargetMissing, "")]);
}

#[test]
fn links_of_setup_py_develop() {
    let made = Fabricated::new();
    let folder = made.home().join("proj/libs/labsrc");
    project(&folder);
    fs::create_dir_all(folder.join("src/lab_src.egg-info")).unwrap();
    fs::write(folder.join("src/lab_src.egg-info/PKG-INFO"), "Name: lab-src\nVersion: 0.1\n")
        .unwrap();
    let link = format!("{}/src\n../\n", folder.display());
    made.write("lib/python3.12/site-packages/lab-src.egg-link", link.as_bytes());
    made.write(
        "lib/python3.12/site-packages/easy-install.pth",
        format!("{}/src\n", folder.display()).as_bytes(),
    );
    made.expect(&[]);
    fs::remove_dir_all(folder).unwrap();
    made.expect(&[(Code::EditableTargetMissing, "")]);
}

#[test]
fn other_paths_are_information() {
    let made = Fabricated::new();
    made.write(
        "lib/python3.12/site-packages/mine.pth",
        format!("# note\n{}\nimport sys\n", rooted("/nowhere/at/all")).as_bytes(),
    );
    if Platform::CURRENT != Platform::Windows {
        made.write("lib/python3.12/site-packages/foreign.pth", b"C:\\proj\\src\n");
    }
    made.expect(&[(Code::PthPathMissing, "")]);
    made.expect_healthy();
}
