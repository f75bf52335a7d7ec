//! Requirements that are met, not met, and not asked for.

use std::fs;

use crate::environments::EnvironmentKind;
use crate::environments::health::packages::fabricated::{Fabricated, install_into};
use crate::environments::health::{Code, Depth};

const MODULE: &[u8] = b"__version__ = \"3.0.2\"\n";

fn with_jinja2(header: &str) -> Fabricated {
    let made = Fabricated::new();
    made.install("jinja2", "3.1.6", header, &[("jinja2/__init__.py", MODULE)]);
    made
}

#[test]
fn requirements() {
    let check = |header: &str, expected: &[(Code, &str)]| with_jinja2(header).expect(expected);
    let missing = [(Code::DependencyMissing, "markupsafe>=2.0")];
    check("Requires-Dist: MarkupSafe>=2.0\n", &missing);
    check("Requires-Dist: MarkupSafe (>=2.0)\n", &missing);
    check("Requires-Dist: Markup_Safe\n", &[(Code::DependencyMissing, "markup-safe")]);
    check("Requires-Dist: MarkupSafe>=2.0 ; python_version >= '3.8'\n", &missing);
    check("Requires-Dist: MarkupSafe ; sys_platform == 'win32'\n", &[]);
    check("Requires-Dist: MarkupSafe ; python_version < '3.11'\n", &[]);
    check("Requires-Dist: MarkupSafe ; python_full_version < '3.12.3'\n", &[]);
    check("Requires-Dist: MarkupSafe ; implementation_name == 'pypy'\n", &[]);
    check("Requires-Dist: MarkupSafe ; extra == 'fast'\nProvides-Extra: fast\n", &[]);
    check("Requires-Dist: jinja2\n", &[]);
    check("Requires-Dist: jinja2>=4\n", &[(Code::DependencyConflict, "jinja2>=4")]);
    check("Requires-Dist: ???\n", &[]);
}

#[test]
fn an_extra_counts_when_it_is_asked_for() {
    let made = with_jinja2(
        "Requires-Dist: Babel ; extra == 'i18n'\nRequires-Dist: jinja2[i18n] ; extra == 'all'\n",
    );
    made.expect(&[]);
    made.install("site", "1", "Requires-Dist: Jinja2[all]\n", &[]);
    made.expect(&[(Code::DependencyMissing, "babel")]);
}

#[test]
fn versions_of_what_is_gone_come_from_the_project() {
    let made = with_jinja2("Requires-Dist: MarkupSafe>=2.0\n");
    let project = made.prefix.parent().unwrap();
    fs::write(project.join("requirements.txt"), "six==1.17.0\nMarkupSafe==3.0.2  # pinned\n")
        .unwrap();
    made.expect(&[(Code::DependencyMissing, "markupsafe==3.0.2")]);
    fs::write(project.join("uv.lock"), "[[package]]\nname = 'markupsafe'\nversion = '3.0.1'\n")
        .unwrap();
    made.expect(&[(Code::DependencyMissing, "markupsafe==3.0.1")]);
    // A pin that the requirement does not accept is of another time.
    fs::write(project.join("uv.lock"), "[[package]]\nname = 'markupsafe'\nversion = '1.0'\n")
        .unwrap();
    made.expect(&[(Code::DependencyMissing, "markupsafe>=2.0")]);
}

#[test]
fn a_module_without_metadata() {
    let made = with_jinja2("Requires-Dist: MarkupSafe>=2.0\n");
    let info = made.install("MarkupSafe", "3.0.2", "", &[("markupsafe/__init__.py", MODULE)]);
    made.expect(&[]);
    fs::remove_dir_all(info).unwrap();
    made.expect(&[(Code::DistInfoMissing, "markupsafe==3.0.2")]);
}

#[test]
fn an_extension_without_metadata() {
    let made = with_jinja2("Requires-Dist: ujson\n");
    made.write("lib/python3.12/site-packages/ujson.cpython-312-x86_64-linux-gnu.so", MODULE);
    made.expect(&[(Code::DistInfoMissing, "ujson")]);
}

#[test]
fn a_command_of_a_module_without_metadata() {
    let made = Fabricated::new();
    made.write("lib/python3.12/site-packages/tabulate/__init__.py", MODULE);
    made.write("bin/deploy", b"#!/bin/sh\necho mine\n");
    made.expect(&[]);
    let script = b"#!/venv/bin/python\nimport sys\nfrom tabulate import _main\nif __name__ == '__main__':\n    sys.exit(_main())\n";
    made.write("bin/tabulate", script);
    made.expect(&[(Code::DistInfoMissing, "tabulate==3.0.2")]);
    made.install("tabulate", "3.0.2", "", &[("tabulate/__init__.py", MODULE)]);
    made.expect(&[]);
}

#[test]
fn what_the_base_has_counts_when_it_is_seen() {
    let mut made = with_jinja2("Requires-Dist: MarkupSafe>=2.0\n");
    install_into(&made.base_site(), "MarkupSafe", "3.0.2", "Requires-Dist: gone\n", &[]);
    made.expect(&[(Code::DependencyMissing, "markupsafe>=2.0")]);
    made.cfg = "include-system-site-packages = true\n";
    made.expect(&[]);
}

#[test]
fn eggs_count() {
    let made = with_jinja2("Requires-Dist: MarkupSafe>=2.0\n");
    made.write(
        "lib/python3.12/site-packages/MarkupSafe-3.0-py3.12.egg-info",
        b"Name: MarkupSafe\nVersion: 3.0\n",
    );
    made.expect(&[]);
    made.write(
        "lib/python3.12/site-packages/old-1.0.egg-info/PKG-INFO",
        b"Name: old\nVersion: 1.0\n",
    );
    made.write(
        "lib/python3.12/site-packages/old-1.0.egg-info/requires.txt",
        b"gone\n\n[dev]\nnot-asked-for\n",
    );
    made.expect(&[(Code::DependencyMissing, "gone")]);
}

#[test]
fn conda_packages_count_without_metadata() {
    let mut made = with_jinja2("Requires-Dist: MarkupSafe>=2.0\n");
    made.kind = EnvironmentKind::CondaEnv;
    made.write("conda-meta/markupsafe-3.0.2-py312h_0.json", b"{}");
    made.expect(&[]);
}

#[test]
fn a_gutted_distribution_is_not_missing_as_well() {
    let made = with_jinja2("Requires-Dist: MarkupSafe>=2.0\n");
    fs::create_dir(made.site.join("MarkupSafe-3.0.2.dist-info")).unwrap();
    made.expect(&[(Code::DistMetadataMissing, "markupsafe==3.0.2")]);
    assert!(made.check(Depth::Deep).len() == 1);
}
