//! What is remembered of a healthy state is evidence: for `pyvenv.cfg`, for the base, for distributions.
//!
//! Not on Windows: interpreters of the fabricated machines are links.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use aios_core::Platform;
use aios_core::environments::PythonTag;
use aios_core::environments::repair::{
    Goal, Options, Plan, RealDisk, Remembered, RememberedDistribution, Session, Verdict,
};

use super::machines::Machine;
use crate::support::{Distribution, differences, timeless, tree, write};

const SOURCE: &str = "snapshot 12 of 2026-11-19 14:03";

fn options(remembered: Remembered) -> Options {
    let remembered = Remembered { source: SOURCE.to_owned(), ..remembered };
    Options { remembered: Some(remembered), ..Options::default() }
}

fn with_cfg(cfg: &str) -> Options {
    options(Remembered { pyvenv_cfg: Some(cfg.into()), ..Remembered::default() })
}

fn with_base(base: &Path) -> Options {
    options(Remembered { base: Some(base.into()), ..Remembered::default() })
}

fn carry_out(plan: &Plan) {
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    session.carry_out(plan, || Verdict::Keep).unwrap();
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn said(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("{}\n", step.what));
    let unsolved = plan.unsolved.iter().map(|one| format!("{}: {}\n", one.code, one.hint));
    steps.chain(unsolved).collect()
}

/// Two releases of one minor version, and an environment that stood on the first.
fn two_bases() -> (Machine, [PathBuf; 2], PathBuf) {
    let machine = Machine::new(Platform::Linux);
    let bases = ["3.12.1", "3.12.4"].map(|release| {
        let prefix = format!("/home/me/.pyenv/versions/{release}");
        machine.python(&prefix, "python3.12", release)
    });
    let prefix = machine.venv(".venv", "python3.12", &bases[0]);
    write(&prefix.join("pyvenv.cfg"), cfg(&bases[0]));
    (machine, bases, prefix)
}

fn cfg(base: &Path) -> String {
    format!(
        "home = {}\r\n# mine\r\nprompt = it's\r\nmy-key = kept\r\nversion = 3.12.1\r\n\
         include-system-site-packages = true\r\n",
        base.parent().unwrap().display()
    )
}

#[test]
fn a_lost_marker_comes_back_as_it_was() {
    let (machine, [base, other], prefix) = two_bases();
    let marker = prefix.join("pyvenv.cfg");
    let garbled: [Option<&[u8]>; 5] =
        [None, Some(b""), Some(&[0; 64]), Some(b"<html>not found</html>"), Some(b"home = \xff\n")];
    for bytes in garbled {
        match bytes {
            Some(bytes) => fs::write(&marker, bytes).unwrap(),
            None => fs::remove_file(&marker).unwrap(),
        }
        let (plan, _) = machine.look_with(&prefix, &with_cfg(&cfg(&base)));
        let expected = format!("writes `pyvenv.cfg` as remembered by {SOURCE}\n");
        assert_eq!(said(&plan), expected, "{bytes:?}");
        carry_out(&plan);
        assert_eq!(text(&marker), cfg(&base), "{bytes:?}");
        assert_eq!(machine.look_with(&prefix, &Options::default()).1, Vec::<String>::new());
    }

    // What it says of another base is corrected; what is no `pyvenv.cfg` of a healthy one is not used.
    for then in [cfg(&other), cfg(Path::new("/gone/bin/python"))] {
        fs::write(&marker, "").unwrap();
        let (plan, _) = machine.look_with(&prefix, &with_cfg(&then));
        let expected = format!(
            "writes `pyvenv.cfg` as remembered by {SOURCE}, with home for `{}`: `bin/python` links to it\n",
            base.display()
        );
        assert_eq!(said(&plan), expected);
        carry_out(&plan);
        assert_eq!(text(&marker), cfg(&base));
    }
    fs::write(&marker, "").unwrap();
    let (usual, _) = machine.look_with(&prefix, &Options::default());
    let mut of_another = with_cfg(&cfg(&base));
    of_another.remembered.as_mut().unwrap().tag = Some(PythonTag::cpython(3, 11));
    for options in [with_cfg("\0"), with_cfg("prompt = x\n"), with_cfg(""), of_another] {
        assert_eq!(machine.look_with(&prefix, &options).0, usual);
    }
}

/// A file that holds keys is evidence itself: only what is wrong in it is changed.
#[test]
fn a_marker_that_is_there_is_not_replaced() {
    let (machine, [base, _], prefix) = two_bases();
    let marker = prefix.join("pyvenv.cfg");
    for text in ["\u{feff}home = /gone\n", "home = /gone\nprompt = new\n"] {
        fs::write(&marker, text).unwrap();
        let (usual, _) = machine.look_with(&prefix, &Options::default());
        assert_eq!(usual.steps.len(), 1);
        assert_eq!(machine.look_with(&prefix, &with_cfg(&cfg(&base))).0, usual);
    }
}

#[test]
fn of_several_bases_the_remembered_one_decides() {
    let (machine, [base, other], prefix) = two_bases();
    let unknown = machine.at("/gone/bin/python3.12");
    fs::remove_file(prefix.join("bin/python")).unwrap();
    std::os::unix::fs::symlink(&unknown, prefix.join("bin/python")).unwrap();
    fs::remove_file(prefix.join("pyvenv.cfg")).unwrap();
    let refused = |options: &Options| {
        let (plan, _) = machine.look_with(&prefix, options);
        assert_eq!(plan.steps, [], "{options:?}");
        assert!(said(&plan).contains("several python3.12 fit; choose one"), "{}", said(&plan));
    };
    refused(&Options::default());

    // Gone, of another minor version, of the environment itself, of another life of it.
    let older = machine.python("/home/me/.pyenv/versions/3.11.2", "python3.11", "3.11.2");
    let own = prefix.join("bin/python3.12");
    for base in [&unknown, &older, &own, Path::new("bin/python3.12")] {
        refused(&with_base(base));
    }
    let mut of_another = with_base(&base);
    of_another.remembered.as_mut().unwrap().tag = Some(PythonTag::cpython(3, 11));
    refused(&of_another);

    let version = |text: &str| Some(text.parse().unwrap());
    let by_home = with_cfg(&format!("home = {}\n", other.parent().unwrap().display()));
    let by_release = options(Remembered { version: version("3.12.4"), ..Remembered::default() });
    for (options, base, evidence) in [
        (with_base(&base), &base, "it stood on that"),
        (with_base(&other), &other, "it stood on that"),
        (by_home, &other, "`home` in `pyvenv.cfg` named its folder"),
        (by_release, &other, "it is the release that it stood on"),
    ] {
        let (plan, _) = machine.look_with(&prefix, &options);
        let expected =
            format!("lead to `{}`: {evidence}, as remembered by {SOURCE}\n", base.display());
        assert!(said(&plan).contains(&expected), "{}", said(&plan));
        assert_eq!(plan.unsolved, []);
    }
    let (plan, _) = machine.look_with(&prefix, &with_base(&other));
    carry_out(&plan);
    assert_eq!(fs::read_link(prefix.join("bin/python")).unwrap(), other);
    assert_eq!(machine.look_with(&prefix, &Options::default()).1, Vec::<String>::new());

    // What the files say comes first, and what the user says before that.
    fs::remove_file(prefix.join("pyvenv.cfg")).unwrap();
    let (plan, _) = machine.look_with(&prefix, &with_base(&base));
    assert!(said(&plan).contains("`bin/python` links to it"), "{}", said(&plan));
    let chosen = Options { base: Some(other.clone()), ..with_base(&base) };
    let (plan, _) = machine.look_with(&prefix, &chosen);
    assert!(said(&plan).contains("`--base` names it"), "{}", said(&plan));
}

/// Neither a library nor an interpreter is left: only memory knows the version.
#[test]
fn the_version_of_an_environment_that_lost_all() {
    let (machine, [base, _], prefix) = two_bases();
    fs::remove_dir_all(prefix.join("lib")).unwrap();
    fs::remove_dir_all(prefix.join("bin")).unwrap();
    write(&prefix.join("pyvenv.cfg"), "home = /gone/bin\n");
    let (plan, _) = machine.look_with(&prefix, &Options::default());
    assert!(said(&plan).contains("nothing tells the Python version"), "{}", said(&plan));
    let mut options = with_base(&base);
    assert_eq!(machine.look_with(&prefix, &options).0, plan, "nor does a base tell it alone");
    options.remembered.as_mut().unwrap().tag = Some(PythonTag::cpython(3, 12));
    let (plan, _) = machine.look_with(&prefix, &options);
    let step = format!("lead to `{}`: it stood on that, as remembered by", base.display());
    assert!(said(&plan).contains(&step), "{}", said(&plan));
    carry_out(&plan);
    let (_, left) = machine.look_with(&prefix, &Options::default());
    assert_eq!(left, ["site-packages-missing"]);

    // Its base is gone, and there is one more of that version.
    let (machine, [base, other], prefix) = two_bases();
    for gone in [prefix.join("lib"), prefix.join("bin"), base.ancestors().nth(2).unwrap().into()] {
        fs::remove_dir_all(gone).unwrap();
    }
    write(&prefix.join("pyvenv.cfg"), "home = /gone/bin\n");
    options.remembered.as_mut().unwrap().base = Some(base);
    let (plan, _) = machine.look_with(&prefix, &options);
    let step = format!(
        "lead to `{}`: it is the only python3.12 of this machine, which it was for, as remembered by",
        other.display()
    );
    assert!(said(&plan).contains(&step), "{}", said(&plan));
}

#[test]
fn an_environment_with_site_packages_gone_comes_back() {
    let (machine, [base, _], prefix) = two_bases();
    let wheels = machine.at("/home/me/wheels");
    let files: &[(&str, &[u8])] = &[("idna/__init__.py", b"# idna\n")];
    let idna = |version| Distribution { name: "idna", version, files, ..Distribution::default() };
    for version in ["3.7", "3.8"] {
        idna(version).write_wheel(&wheels, "3.12");
    }
    fs::remove_dir_all(prefix.join("lib/python3.12/site-packages")).unwrap();
    fs::remove_file(prefix.join("pyvenv.cfg")).unwrap();
    let before = tree(&prefix);
    let remembered = Remembered {
        pyvenv_cfg: Some(cfg(&base).into()),
        distributions: vec![RememberedDistribution {
            name: "idna".to_owned(),
            version: "3.7".to_owned(),
            ..RememberedDistribution::default()
        }],
        ..Remembered::default()
    };
    let options = Options { wheelhouses: vec![wheels], ..options(remembered) };
    let (plan, found) = machine.look_with(&prefix, &options);
    assert_eq!(found, ["pyvenv-cfg-missing", "site-packages-missing"]);
    assert_eq!(plan.unsolved, []);
    carry_out(&plan);
    assert_eq!(machine.look_with(&prefix, &options).1, Vec::<String>::new());
    assert!(prefix.join("lib/python3.12/site-packages/idna-3.7.dist-info/RECORD").is_file());
    assert_eq!(text(&prefix.join("pyvenv.cfg")), cfg(&base));

    let session = Session::begin(&RealDisk, &prefix).unwrap();
    session.undo().unwrap().expect("a repair");
    session.prune(0).unwrap();
    drop(session);
    fs::remove_dir_all(prefix.join(".aios-repair")).unwrap();
    assert_eq!(differences(&timeless(&before), &timeless(&tree(&prefix))), "");
}

#[test]
fn pyvenv_cfg_is_returned_to_where_it_says_something_else() {
    let (machine, [base, other], prefix) = two_bases();
    let marker = prefix.join("pyvenv.cfg");
    let returns = |cfg: &str| {
        let distributions = vec![RememberedDistribution {
            name: "fast".to_owned(),
            version: "no version".to_owned(),
            ..RememberedDistribution::default()
        }];
        let pyvenv_cfg = Some(cfg.into());
        let remembered = Remembered { pyvenv_cfg, distributions, ..Remembered::default() };
        let options = Options { goal: Goal::Remembered, ..options(remembered) };
        let (mut plan, found) = machine.look_with(&prefix, &options);
        assert_eq!(found, Vec::<String>::new());
        // Nothing is known of distributions.
        plan.unsolved.clear();
        plan
    };
    let healthy = text(&marker);
    let home = base.parent().unwrap().display();
    for same in [healthy.clone(), healthy.replace("# mine\r\n", ""), healthy.replace(" = ", "=")] {
        assert_eq!(returns(&same).steps, []);
    }
    // An environment that works stands on what it stands on.
    assert_eq!(returns(&cfg(&other)).steps, []);
    let plan = returns(&format!("home = {home}\nprompt = then\n"));
    assert_eq!(said(&plan), format!("writes `pyvenv.cfg` as remembered by {SOURCE}\n"));
    let plan = returns("home = /gone/bin\nprompt = then\n");
    carry_out(&plan);
    assert_eq!(text(&marker), format!("home = {home}\nprompt = then\n"));
}
