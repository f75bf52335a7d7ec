//! Distributions that are missing, and scripts.

use super::*;

#[test]
fn what_is_required_is_installed_with_what_it_requires() {
    let made = Fabricated::new();
    made.install("jinja2", "3.1", "Requires-Dist: markupsafe>=2\n", &[]);
    let wheels = wheelhouse(&made);
    let any = |name, version| Built::new(name, version, "py3-none-any");
    any("markupsafe", "1.9").file("markupsafe.py", b"old\n").write(&wheels);
    any("markupsafe", "4.0a1").file("markupsafe.py", b"pre\n").write(&wheels);
    any("markupsafe", "3.0")
        .file("markupsafe.py", b"right\n")
        .requires("six")
        .requires("colorama ; os_name == 'nt'")
        .write(&wheels);
    let plan = self::plan(&made);
    assert_eq!(plan.steps, []);
    assert!(unsolved(&plan)[0].1.starts_with("six (a wheel for"), "{plan:?}");

    any("six", "1.17.0").file("six.py", b"x = 1\n").write(&wheels);
    let plan = mend(&made);
    assert_eq!(plan.steps.len(), 2, "{plan:?}");
    assert_eq!(plan.steps[0].reasons, [Code::DependencyMissing]);
    assert_eq!(std::fs::read(made.site.join("markupsafe.py")).unwrap(), b"right\n");
    // Nobody asked for it by name.
    assert!(!made.site.join("six-1.17.0.dist-info/REQUESTED").exists());
}

#[test]
fn a_lost_site_packages_is_filled_from_the_requirements() {
    let made = Fabricated::new();
    std::fs::remove_dir_all(&made.site).unwrap();
    let project = made.prefix.parent().unwrap();
    std::fs::write(project.join("requirements.txt"), "idna==3.10\n-e ./libs/own\n").unwrap();
    let plan = self::plan(&made);
    assert_eq!(plan.steps, []);
    idna().requires("six").write(&wheelhouse(&made));
    Built::new("six", "1.17.0", "py3-none-any").file("six.py", b"").write(&wheelhouse(&made));

    let plan = self::plan(&made);
    apply(&plan);
    made.expect_healthy();
    assert_eq!(changed(&made, &plan)[..2], ["/SITE", "/SITE/idna"]);
    let [(Code::SitePackagesMissing, hint)] = unsolved(&plan)[..] else { panic!("{plan:?}") };
    assert!(hint.contains("`-e ./libs/own`"), "{hint}");
    assert!(made.site.join("idna-3.10.dist-info/REQUESTED").exists());
    assert!(!made.site.join("six-1.17.0.dist-info/REQUESTED").exists());
}

/// An installed command with the script that `form` gives for its interpreter.
fn with_command(form: impl Fn(&str) -> String) -> (Fabricated, String) {
    let made = Fabricated::new();
    let script = form(made.prefix.join("bin").join("python").to_str().unwrap());
    let points = b"[console_scripts]\ntool = tool.cli:Main.run\n";
    made.install(
        "tool",
        "1",
        "",
        &[
            ("tool/cli.py", b""),
            ("tool-1.dist-info/entry_points.txt", points),
            ("../../../bin/tool", script.as_bytes()),
        ],
    );
    (made, script)
}

#[test]
fn a_script_is_written_as_its_installer_wrote_it() {
    let (made, script) = with_command(|python| {
        format!(
            "#!{python}\n# -*- coding: utf-8 -*-\nimport sys\nfrom tool.cli import Main\n\
             if __name__ == \"__main__\":\n    if sys.argv[0].endswith(\"-script.pyw\"):\n        \
             sys.argv[0] = sys.argv[0][:-11]\n    elif sys.argv[0].endswith(\".exe\"):\n        \
             sys.argv[0] = sys.argv[0][:-4]\n    sys.exit(Main.run())\n"
        )
    });
    std::fs::remove_file(made.prefix.join("bin/tool")).unwrap();
    let plan = mend(&made);
    assert_eq!(changed(&made, &plan), ["+bin/tool"]);
    assert_eq!(std::fs::read_to_string(made.prefix.join("bin/tool")).unwrap(), script);
}

#[test]
fn a_script_of_unknown_form_is_recorded_anew() {
    let (made, _) = with_command(|python| format!("#!{python}\n# of an unknown tool\n"));
    std::fs::remove_file(made.prefix.join("bin/tool")).unwrap();
    let plan = mend(&made);
    assert_eq!(changed(&made, &plan), ["+bin/tool", "+SITE/tool-1.dist-info/RECORD"]);
    let script = std::fs::read_to_string(made.prefix.join("bin/tool")).unwrap();
    assert!(script.contains("from tool.cli import Main\n"), "{script}");
    assert!(script.ends_with("    sys.exit(Main.run())\n"), "{script}");
    let record = std::fs::read_to_string(made.site.join("tool-1.dist-info/RECORD")).unwrap();
    let line = super::super::record::line_of("../../../bin/tool".to_owned(), script.as_bytes());
    assert!(record.contains(line.hash.as_deref().unwrap()), "{record}");
}

#[test]
fn every_scheme_of_a_wheel_has_its_folder() {
    let made = Fabricated::new();
    made.install("user", "1", "Requires-Dist: tool\n", &[]);
    Built::new("tool", "1", "py3-none-any")
        .file("tool.py", b"")
        .file("tool-1.data/purelib/pure.py", b"")
        .file("tool-1.data/data/share/tool.txt", b"text")
        .file("tool-1.data/headers/tool.h", b"")
        .program("tool-1.data/scripts/run", b"#!python\nimport tool\n")
        .program("tool-1.data/scripts/native", b"\x7fELF")
        .file("tool-1.dist-info/entry_points.txt", b"[console_scripts]\ntool = tool:main\n")
        .write(&wheelhouse(&made));
    let plan = mend(&made);
    let text = |path: &str| std::fs::read_to_string(made.prefix.join(path)).unwrap();
    let python = made.prefix.join("bin").join("python");
    assert_eq!(text("bin/run"), format!("#!{}\nimport tool\n", python.display()));
    assert_eq!(text("share/tool.txt"), "text");
    assert!(text("bin/tool").contains("from tool import main\n"));
    assert!(changed(&made, &plan).contains(&"+include/site/python3.12/tool/tool.h".to_owned()));
    let record = text("lib/python3.12/site-packages/tool-1.dist-info/RECORD");
    for path in [
        "../../../bin/native,",
        "../../../bin/run,",
        "../../../bin/tool,",
        "../../../share/tool.txt,",
        "pure.py,",
    ] {
        assert!(record.lines().any(|line| line.starts_with(path)), "{path}\n{record}");
    }
}

#[test]
fn somebodys_script_of_the_same_name_stays() {
    let made = Fabricated::new();
    made.install("user", "1", "Requires-Dist: tool\n", &[]);
    made.write("bin/tool", b"#!/bin/sh\necho mine\n");
    made.write("bin/other", b"\x7fELF\0mine");
    Built::new("tool", "1", "py3-none-any")
        .file("tool.py", b"")
        .file(
            "tool-1.dist-info/entry_points.txt",
            b"[console_scripts]\ntool = tool:main\nother = tool:main\n",
        )
        .write(&wheelhouse(&made));
    mend(&made);
    assert_eq!(std::fs::read(made.prefix.join("bin/other")).unwrap(), b"\x7fELF\0mine");
    assert_eq!(std::fs::read(made.prefix.join("bin/tool")).unwrap(), b"#!/bin/sh\necho mine\n");
    let record = std::fs::read_to_string(made.site.join("tool-1.dist-info/RECORD")).unwrap();
    assert!(!record.contains("bin/tool"), "{record}");
}

#[test]
fn on_windows_a_command_is_a_launcher() {
    let made = Fabricated::new();
    made.install("user", "1", "Requires-Dist: tool\n", &[]);
    let wheels = wheelhouse(&made);
    Built::new("tool", "1", "py3-none-any")
        .file("tool.py", b"")
        .file("tool-1.dist-info/entry_points.txt", b"[console_scripts]\ntool = tool:main\n")
        .write(&wheels);
    let pip = Built::new("pip", "24.0", "py3-none-any");
    ["64", "32", "64-arm"]
        .iter()
        .fold(pip, |pip, bits| pip.file(&format!("pip/_vendor/distlib/t{bits}.exe"), b"MZ t"))
        .write(&made.stdlib().join("ensurepip/_bundled"));
    let plan = super::super::fabricated::plan_on_windows(&made);
    apply(&plan);
    let launcher = std::fs::read(made.prefix.join("bin/tool.exe")).unwrap();
    let python = made.prefix.join("bin").join("python.exe");
    let start = format!("MZ t#!{}\r\nPK", python.display());
    assert!(launcher.starts_with(start.as_bytes()), "{}", String::from_utf8_lossy(&launcher));
    let record = std::fs::read_to_string(made.site.join("tool-1.dist-info/RECORD")).unwrap();
    assert!(record.contains("../../../bin/tool.exe,sha256="), "{record}");
}

#[test]
fn every_installed_requirement_is_heard() {
    let made = Fabricated::new();
    made.install("a", "1", "Requires-Dist: six\n", &[]);
    made.install("b", "1", "Requires-Dist: six<1.17\n", &[]);
    for version in ["1.16.0", "1.17.0"] {
        Built::new("six", version, "py3-none-any").file("six.py", b"").write(&wheelhouse(&made));
    }
    mend(&made);
    assert!(made.site.join("six-1.16.0.dist-info").is_dir());
}
