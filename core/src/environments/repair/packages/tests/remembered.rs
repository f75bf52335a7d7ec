//! Distributions as they are remembered.

use sha2::{Digest, Sha256};

use super::super::fabricated::{plan_with, with_options};
use super::*;
use crate::environments::PythonTag;
use crate::environments::distributions::direct_url::url_of_path;
use crate::environments::repair::change::Change;
use crate::environments::repair::{
    Fetched, Goal, Network, Options, Plan, Remembered, RememberedDistribution, RememberedFile,
};

const SOURCE: &str = "snapshot 12 of 2026-11-19 14:03";

fn pinned(name: &str, version: &str) -> RememberedDistribution {
    let (name, version) = (name.to_owned(), version.to_owned());
    let installer = Some("pip".to_owned());
    RememberedDistribution { name, version, installer, ..RememberedDistribution::default() }
}

fn from(name: &str, direct_url: &str) -> RememberedDistribution {
    RememberedDistribution { direct_url: Some(direct_url.into()), ..pinned(name, "1.0") }
}

fn options(distributions: Vec<RememberedDistribution>) -> Options {
    let remembered = Remembered {
        source: SOURCE.to_owned(),
        tag: Some(PythonTag::cpython(3, 12)),
        distributions,
        ..Remembered::default()
    };
    Options { remembered: Some(remembered), ..Options::default() }
}

fn returning(distributions: Vec<RememberedDistribution>) -> Options {
    Options { goal: Goal::Remembered, ..options(distributions) }
}

fn missing(made: &Fabricated, options: Options) -> Vec<String> {
    with_options(made, options, super::super::missing_wheels)
}

fn gone() -> Fabricated {
    let made = Fabricated::new();
    std::fs::remove_dir_all(&made.site).unwrap();
    made
}

/// What the steps say.
fn told(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.what.clone()).collect()
}

fn text(made: &Fabricated, below: &str) -> String {
    std::fs::read_to_string(made.site.join(below)).unwrap()
}

fn any(name: &'static str, version: &'static str) -> Built {
    Built::new(name, version, "py3-none-any").file(&format!("{name}.py"), version.as_bytes())
}

#[test]
fn a_lost_site_packages_is_filled_as_remembered() {
    let made = gone();
    // Neither asked nor followed: what was installed is known.
    let project = made.prefix.parent().unwrap();
    std::fs::write(project.join("requirements.txt"), "idna>=3\nother\n").unwrap();
    idna().requires("unheard-of").write(&wheelhouse(&made));
    any("idna", "3.11").write(&wheelhouse(&made));
    any("six", "1.17.0").write(&wheelhouse(&made));
    let six = RememberedDistribution {
        requested: true,
        installer: Some("uv".to_owned()),
        ..pinned("Six", "1.17")
    };
    let plan = plan_with(&made, options(vec![pinned("idna", "3.10"), six]));
    assert_eq!(plan.unsolved, []);
    let told = told(&plan);
    let first = format!(
        "make `{}` again, for the 2 distributions that were installed, as remembered by {SOURCE}; \
         `requirements.txt` is not asked, since this is exact",
        made.site.display()
    );
    assert_eq!(told[0].replace('\\', "/"), first.replace('\\', "/"));
    for (what, start) in told[1..].iter().zip(["install idna==3.10 from ", "install six==1.17 "]) {
        assert!(
            what.starts_with(start) && what.contains("3.10-py3") == start.contains("idna"),
            "{what}"
        );
        assert!(what.ends_with(&format!(", as remembered by {SOURCE}")), "{what}");
    }
    assert_eq!(told.len(), 3);
    apply(&plan);
    assert_eq!(text(&made, "six.py"), "1.17.0");
    assert_eq!(text(&made, "six-1.17.0.dist-info/INSTALLER"), "uv");
    assert_eq!(text(&made, "six-1.17.0.dist-info/REQUESTED"), "");
    assert_eq!(text(&made, "idna-3.10.dist-info/INSTALLER"), "pip\n");
    assert!(!made.site.join("idna-3.10.dist-info/REQUESTED").exists());
    let record = text(&made, "six-1.17.0.dist-info/RECORD");
    assert!(record.contains("six-1.17.0.dist-info/REQUESTED,sha256="), "{record}");
}

#[test]
fn wheels_that_are_missing_are_asked_for_exactly() {
    let made = gone();
    idna().write(&wheelhouse(&made));
    any("six", "1.16.0").write(&wheelhouse(&made));
    let wanted = || options(vec![pinned("idna", "3.10"), pinned("six", "1.17.0")]);
    let plan = plan_with(&made, wanted());
    assert_eq!(plan.steps, [], "all of them or none: nothing would ask for the rest later");
    let hints = unsolved(&plan);
    let expected =
        format!("the 2 distributions that were installed can come back, as remembered by {SOURCE}");
    assert_eq!(hints[0], (Code::SitePackagesMissing, expected.as_str()));
    assert!(hints[1].1.starts_with("six==1.17.0 (a wheel for "), "{hints:?}");
    assert_eq!(missing(&made, wanted()), ["six==1.17.0"]);
    any("six", "1.17.0").write(&wheelhouse(&made));
    assert_eq!(missing(&made, wanted()), [""; 0]);
}

#[test]
fn any_pip_does_where_its_version_cannot_come() {
    let made = gone();
    idna().write(&wheelhouse(&made));
    let bundled = made.stdlib().join("ensurepip/_bundled");
    Built::new("pip", "24.0", "py3-none-any").file("pip/__init__.py", b"").write(&bundled);
    let with = |network| Options {
        network,
        ..options(vec![pinned("idna", "3.10"), pinned("pip", "25.1")])
    };
    let allowed = |unavailable| Network::Allowed(Fetched { unavailable, ..Fetched::default() });
    assert_eq!(missing(&made, with(allowed(Vec::new()))), ["pip==25.1"]);
    let tried = allowed(vec![("pip==25.1".to_owned(), "no such wheel".to_owned())]);
    for network in [tried, Network::Never] {
        assert_eq!(missing(&made, with(network.clone())), [""; 0]);
        let plan = plan_with(&made, with(network));
        assert_eq!(plan.unsolved, []);
        assert!(told(&plan)[2].starts_with("install pip 24.0 again from "), "{plan:#?}");
    }
}

#[test]
fn of_another_python_or_of_nothing_it_is_not_used() {
    let made = gone();
    idna().write(&wheelhouse(&made));
    let project = made.prefix.parent().unwrap();
    std::fs::write(project.join("requirements.txt"), "idna\n").unwrap();
    let usual = plan(&made);
    assert_eq!(usual.steps.len(), 2, "{usual:?}");
    let mut of_another = options(vec![pinned("six", "1")]);
    of_another.remembered.as_mut().unwrap().tag = Some(PythonTag::cpython(3, 11));
    for options in [of_another, options(Vec::new()), options(vec![pinned("a", "1"); 100_000])] {
        assert_eq!(plan_with(&made, options), usual);
    }
}

#[test]
fn what_came_from_elsewhere() {
    let made = gone();
    let project = made.home().join("it's");
    std::fs::create_dir_all(&project).unwrap();
    let url = |path: &std::path::Path| url_of_path(path.to_str().unwrap());
    let wheel = any("local", "1.0").write(&made.home().join("dist"));
    let hash = Sha256::digest(std::fs::read(&wheel).unwrap());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let of_wheel = |hash: &str| {
        let info = format!("{{\"hashes\": {{\"sha256\": \"{hash}\"}}}}");
        format!("{{\"url\": \"{}\", \"archive_info\": {info}}}", url(&wheel))
    };
    let editable = |path: &std::path::Path| {
        format!("{{\"url\": \"{}\", \"dir_info\": {{\"editable\": true}}}}", url(path))
    };
    let check = |direct_url: &str, expected: &str| {
        let plan =
            plan_with(&made, options(vec![from("local", direct_url), pinned("pip", "24.0")]));
        let hints = unsolved(&plan);
        let start = format!("local==1.0 was installed, as remembered by {SOURCE}, from ");
        let found: Vec<&str> =
            hints.iter().filter_map(|(_, hint)| hint.strip_prefix(&*start)).collect();
        // A URL has no `\`.
        let expected = expected.replace('\\', "/");
        let says = |hint: &str| hint.replace('\\', "/").contains(&expected);
        assert!(matches!(found[..], [hint] if says(hint)), "{expected}: {hints:#?}");
    };
    Built::new("pip", "24.0", "py3-none-any")
        .file("pip/__init__.py", b"")
        .write(&wheelhouse(&made));
    // An index may have another one of this name and version.
    any("local", "1.0").write(&wheelhouse(&made));
    let typed = crate::environments::repair::typed(&project);
    check(&editable(&project), &format!("-m pip install --no-deps -e {typed}` installs it again"));
    check(&editable(&made.home().join("gone")), "which is gone: bring it back, then `");
    check(
        r#"{"url": "https://example.org/l.git", "vcs_info": {"vcs": "git", "commit_id": "4f2c"}}"#,
        "install --no-deps 'local @ git+https://example.org/l.git@4f2c'`"
            .replace('\'', QUOTE)
            .as_str(),
    );
    check(&of_wheel(&"0".repeat(64)), "is another file now");
    check(&of_wheel(&hash).replace("-py3", "-py2"), "is gone");
    check(r#"{"url": "https://example.org/$(x)`y`", "archive_info": {}}"#, "does not tell");
    check("\0", "does not tell");

    let plan = plan_with(&made, options(vec![from("local", &of_wheel(&hash))]));
    assert_eq!(plan.unsolved, []);
    apply(&plan);
    assert_eq!(text(&made, "local-1.0.dist-info/direct_url.json"), of_wheel(&hash));
    let record = text(&made, "local-1.0.dist-info/RECORD");
    assert!(record.contains("local-1.0.dist-info/direct_url.json,sha256="), "{record}");
    made.expect_healthy();
}

/// The files of an editable install of `project`, as setuptools makes them.
fn links(project: &std::path::Path) -> Vec<RememberedFile> {
    let file = |path: &str, content: &str| RememberedFile {
        path: path.to_owned(),
        content: content.as_bytes().to_vec(),
    };
    let pth = format!("{}\n", project.join("src").display());
    vec![
        file("__editable__.local-1.0.pth", &pth),
        file("local-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: local\nVersion: 1.0\n"),
        file("local-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"),
        file("local-1.0.dist-info/entry_points.txt", "[console_scripts]\nlocal = local:main\n"),
        file("local-1.0.dist-info/INSTALLER", "other"),
        file("local-1.0.dist-info/RECORD", "../../../../../evil,,\n"),
        file("../../../bin/local", "#!/gone/python\n"),
        file("__pycache__/x.cpython-312.pyc", "\0"),
    ]
}

#[test]
fn an_editable_install_is_linked_again() {
    let made = gone();
    let project = made.home().join("libs/local");
    std::fs::create_dir_all(project.join("src")).unwrap();
    let url = url_of_path(project.to_str().unwrap());
    let direct_url = format!("{{\"url\": \"{url}\", \"dir_info\": {{\"editable\": true}}}}");
    let with =
        |files| options(vec![RememberedDistribution { files, ..from("local", &direct_url) }]);
    let plan = plan_with(&made, with(links(&project)));
    assert_eq!(plan.unsolved, []);
    let expected = format!(
        "install local==1.0 as a link to `{}`, as remembered by {SOURCE}",
        project.display()
    );
    assert_eq!(told(&plan)[1].replace('\\', "/"), expected.replace('\\', "/"));
    assert_eq!(plan.steps[1].action, Action::RelinkEditable);

    // What is no link, or of another distribution, is not written: the command that does it is said.
    let with_file = |path: &str| {
        let mut files = links(&project);
        files.push(RememberedFile { path: path.to_owned(), content: b"evil".to_vec() });
        files
    };
    let renamed = |old: &str, new: &str| {
        let mut files = links(&project);
        for file in &mut files {
            file.content = String::from_utf8_lossy(&file.content).replace(old, new).into_bytes();
        }
        files
    };
    for files in [
        with_file("sitecustomize.py"),
        with_file("pip/__init__.py"),
        with_file("/etc/evil.pth"),
        with_file("a/../../evil.dist-info/x"),
        with_file("local-1.0.dist-info/../../../evil"),
        with_file("other-1.0.dist-info/METADATA"),
        with_file("c:evil.pth"),
        renamed("Name: local", "Name: other"),
        renamed("Version: 1.0", "Version: 1.1"),
        vec![RememberedFile::default(); 201],
        vec![RememberedFile { path: "x.pth".to_owned(), content: vec![b'#'; 2 << 20] }],
        Vec::new(),
    ] {
        let plan = plan_with(&made, with(files));
        assert_eq!(plan.steps.len(), 1, "{plan:#?}");
        assert!(unsolved(&plan)[0].1.contains("--no-deps -e "), "{plan:#?}");
    }

    apply(&plan);
    made.expect_healthy();
    assert_eq!(text(&made, "local-1.0.dist-info/INSTALLER"), "pip\n");
    assert_eq!(text(&made, "local-1.0.dist-info/direct_url.json"), direct_url);
    let script = std::fs::read_to_string(made.prefix.join("bin/local")).unwrap();
    assert!(script.contains("from local import main\n"), "{script}");
    let record = text(&made, "local-1.0.dist-info/RECORD");
    assert!(record.contains("../../../bin/local,sha256=") && !record.contains("evil"), "{record}");
}

#[test]
fn what_conda_installed_is_named_in_one_command() {
    let by_conda = |name| RememberedDistribution {
        installer: Some("conda".to_owned()),
        ..pinned(name, "1.0")
    };
    let wanted = || vec![by_conda("six"), pinned("idna", "3.10"), by_conda("numpy")];
    let changed = Fabricated::new();
    for (made, options) in [(gone(), options(wanted())), (changed, returning(wanted()))] {
        idna().write(&wheelhouse(&made));
        any("six", "1.0").write(&wheelhouse(&made));
        let plan = plan_with(&made, options);
        let [(_, hint)] = unsolved(&plan)[..] else { panic!("{plan:#?}") };
        let end = format!(" six=1.0 numpy=1.0`, as remembered by {SOURCE}");
        assert!(
            hint.starts_with("conda installed it: `conda install ") && hint.ends_with(&end),
            "{hint}"
        );
        assert!(told(&plan).last().unwrap().starts_with("install idna==3.10 "), "{plan:#?}");
    }
}

/// How a shell of this system is told that a text is one word.
const QUOTE: &str = if cfg!(windows) { "\"" } else { "'" };

#[test]
fn hostile_contents_lead_nowhere() {
    let made = gone();
    idna().write(&wheelhouse(&made));
    let mut all = vec![pinned("idna", "3.10")];
    for (name, version) in [
        ("../../evil", "1"),
        ("/etc/evil", "1"),
        ("", "1"),
        ("-r", "1"),
        ("a b", "1"),
        ("six[x]", "1"),
        ("\u{1b}[31m", "1"),
        ("six", "1; touch x"),
        ("six", "$(x)"),
        ("six", "../1"),
        ("six", ""),
        ("six", "1 @ https://example.org/x.whl"),
    ] {
        all.push(pinned(name, version));
    }
    all.push(pinned(&"a".repeat(100_000), "1"));
    all.push(pinned("idna", "9.9"));
    let outside = made.home().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    let url = url_of_path(outside.to_str().unwrap());
    all.push(from("out", &format!("{{\"url\": \"{url}\", \"dir_info\": {{\"editable\": true}}}}")));
    all.push(from("out2", r#"{"url": "file:///dev/zero.whl", "archive_info": {}}"#));
    for goal in [Goal::Health, Goal::Remembered] {
        let options = Options { goal, ..options(all.clone()) };
        assert_eq!(missing(&made, options.clone()), [""; 0]);
        let plan = plan_with(&made, options);
        for path in plan.steps.iter().flat_map(|step| &step.changes).flat_map(Change::paths) {
            assert!(path.starts_with(&made.prefix), "{}", path.display());
            assert!(!path.display().to_string().contains("evil"), "{}", path.display());
        }
        assert_eq!(plan.steps.len(), 2, "{plan:#?}");
        let hints = unsolved(&plan);
        assert_eq!(hints.len(), 3, "{hints:#?}");
        let expected = format!(
            "13 distributions of {SOURCE} cannot come back: the name or version is none of a wheel"
        );
        assert_eq!(hints[2].1, expected);
    }
}

/// `idna` was upgraded, `six` deleted, `extra` added.
fn changed_since() -> Fabricated {
    let made = Fabricated::new();
    let info =
        made.install("idna", "3.11", "", &[("idna/__init__.py", b"new"), ("idna/new.py", b"new")]);
    std::fs::write(info.join("REQUESTED"), "").unwrap();
    made.install("extra", "2.0", "", &[("extra.py", b"extra")]);
    made.install("same", "1.0", "", &[("same.py", b"same")]);
    idna().write(&wheelhouse(&made));
    any("six", "1.17.0").write(&wheelhouse(&made));
    made
}

fn then() -> Vec<RememberedDistribution> {
    vec![pinned("idna", "3.10"), pinned("six", "1.17.0"), pinned("Same", "1.0.0")]
}

#[test]
fn a_state_is_returned_to() {
    let made = changed_since();
    assert_eq!(plan_with(&made, options(then())), Plan::default(), "nothing is wrong");
    let plan = plan_with(&made, returning(then()));
    assert_eq!(plan.unsolved, []);
    let added = with_options(&made, returning(then()), super::super::added);
    assert_eq!(added, ["extra==2.0"]);
    let told = told(&plan);
    assert!(told[0].starts_with("install idna==3.10 in the place of 3.11 from `"), "{told:?}");
    assert!(told[1].starts_with("install six==1.17.0 from `"), "{told:?}");
    assert!(told.iter().all(|what| what.ends_with(&format!(", as remembered by {SOURCE}"))));
    apply(&plan);
    made.expect_healthy();
    assert!(made.site.join("idna-3.10.dist-info").is_dir());
    for gone in ["idna/new.py", "idna-3.11.dist-info", "idna-3.10.dist-info/REQUESTED"] {
        assert!(!made.site.join(gone).exists(), "{gone}");
    }
    assert_eq!(text(&made, "extra.py"), "extra");
    assert_eq!(plan_with(&made, returning(then())), Plan::default());
}

#[test]
fn half_of_site_packages_is_returned_to() {
    let made = with_idna();
    made.install("user", "1", "Requires-Dist: idna\n", &[]);
    any("six", "1.17.0").write(&wheelhouse(&made));
    std::fs::remove_dir_all(made.site.join("idna-3.10.dist-info")).unwrap();
    std::fs::remove_file(made.site.join("idna/core.py")).unwrap();
    let mut wanted = vec![pinned("idna", "3.10"), pinned("six", "1.17.0"), pinned("user", "1")];
    let plan = plan_with(&made, returning(wanted.clone()));
    assert_eq!(plan.unsolved, []);
    let expected = ["+SITE/idna/core.py", "/SITE/idna-3.10.dist-info"];
    assert_eq!(changed(&made, &plan)[..2], expected);
    apply(&plan);
    made.expect_healthy();
    assert!(made.site.join("six.py").is_file());

    // One for which there is no wheel keeps none of the others from coming back.
    std::fs::remove_file(made.site.join("six.py")).unwrap();
    std::fs::remove_dir_all(made.site.join("six-1.17.0.dist-info")).unwrap();
    wanted.push(pinned("none", "1.0"));
    assert_eq!(missing(&made, returning(wanted.clone())), ["none==1.0"]);
    let plan = plan_with(&made, returning(wanted));
    assert_eq!(plan.steps.len(), 1, "{plan:#?}");
    let [(Code::PackageFilesMissing, hint)] = unsolved(&plan)[..] else { panic!("{plan:?}") };
    assert!(hint.starts_with("none==1.0 ("), "{hint}");
}

#[test]
fn where_it_came_from_is_a_part_of_the_state() {
    let made = Fabricated::new();
    let url = url_of_path(made.home().join("libs").to_str().unwrap());
    let editable = format!("{{\"url\": \"{url}\", \"dir_info\": {{\"editable\": true}}}}");
    let info = made.install("six", "1.0", "", &[("six.pth", b"# a link")]);
    // Not all installers record it.
    std::fs::write(info.join("direct_url.json"), &editable).unwrap();
    any("six", "1.0").write(&wheelhouse(&made));
    let as_it_is = plan_with(&made, returning(vec![from("six", &editable)]));
    assert_eq!(as_it_is, Plan::default());
    let plan = plan_with(&made, returning(vec![pinned("six", "1.0")]));
    assert_eq!(plan.unsolved, []);
    apply(&plan);
    assert_eq!(text(&made, "six.py"), "1.0");
    for gone in ["six.pth", "six-1.0.dist-info/direct_url.json"] {
        assert!(!made.site.join(gone).exists(), "{gone}");
    }
    made.expect_healthy();
    // The other way round it takes the tool that builds it.
    let plan = plan_with(&made, returning(vec![from("six", &editable)]));
    assert_eq!(plan.steps, []);
    assert!(
        unsolved(&plan)[0].1.contains("which is gone: bring it back, then `uv pip install"),
        "{plan:?}"
    );
}

#[test]
fn a_state_of_another_python_is_not_returned_to() {
    let made = changed_since();
    let mut options = returning(then());
    options.remembered.as_mut().unwrap().tag = Some(PythonTag::cpython(3, 11));
    let plan = plan_with(&made, options);
    assert_eq!(plan.steps, []);
    let expected = format!("it was for python3.11, as remembered by {SOURCE}, and is not now");
    assert!(unsolved(&plan)[0].1.starts_with(&expected), "{plan:?}");
}
