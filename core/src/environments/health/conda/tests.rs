use super::super::super::facts::Shape;
use super::super::builder::Staged;
use super::*;
use crate::system::rooted;

/// A conda environment whose record of `python` lists these files.
fn staged(files: &[(&str, &str)]) -> Staged {
    let mut staged = Staged::new();
    staged.facts.shape = Shape::Conda;
    staged.write("conda-meta/history", "");
    let mut paths = Vec::new();
    for (path, content) in files {
        let content = content.replace("{env}", staged.prefix().to_str().unwrap());
        staged.write(path, content);
        paths.push(format!(
            r#"{{"_path": "{path}", "file_mode": "text", "prefix_placeholder": "/opt/p"}}"#
        ));
    }
    let json = format!(
        r#"{{"name": "python", "version": "3.12.1", "paths_data": {{"paths": [{}]}}}}"#,
        paths.join(",")
    );
    staged.write("conda-meta/python-3.12.1-0.json", json);
    staged
}

/// What is found, with the environment's own folder as `{env}`.
fn found(staged: &Staged) -> Vec<String> {
    let prefix = staged.prefix().to_str().unwrap();
    staged.messages(check).into_iter().map(|text| text.replace(prefix, "{env}")).collect()
}

#[test]
fn a_whole_environment_has_no_findings() {
    let mut healthy = staged(&[
        ("lib/pkgconfig/python3.pc", "prefix={env}\n"),
        ("bin/2to3", "#!{env}/bin/python3.12\n"),
        ("bin/wrapped", "#!/usr/bin/env python3\n"),
    ]);
    healthy.write("conda-meta/state", "not a record");
    healthy.write("conda-meta/._python.json", "not one either");
    assert_eq!(found(&healthy), Vec::<String>::new());
    healthy.facts.shape = Shape::Virtual;
    healthy.write("conda-meta/broken.json", "");
    assert_eq!(found(&healthy), Vec::<String>::new());
}

#[test]
fn sees_records_that_cannot_be_read() {
    let staged = staged(&[]);
    staged.write("conda-meta/ujson-5.10.0-py312_0.json", "{\"name\": \"uj");
    staged.write("conda-meta/zlib-1.3-0.json", "");
    let report = staged.check(check);
    assert_eq!(
        report.findings[0].message,
        "`conda-meta/ujson-5.10.0-py312_0.json` is cut short: its JSON does not end (line 1) \
         (and 1 more such files)"
    );
    assert_eq!(report.findings[0].repair.distributions, ["ujson==5.10.0", "zlib==1.3"]);
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn sees_that_history_is_gone() {
    let staged = staged(&[]);
    std::fs::remove_file(staged.prefix().join("conda-meta/history")).unwrap();
    assert_eq!(
        found(&staged),
        [
            "conda-history-missing: `conda-meta` holds no `history`, by which conda knows an environment"
        ]
    );
}

#[test]
fn files_vote_on_the_prefix() {
    let gone = rooted("/gone");
    let check = |files: &[(&str, &str)], expected: Option<&str>| {
        let texts: Vec<String> =
            files.iter().map(|(_, text)| text.replace("/gone", &gone)).collect();
        let files: Vec<(&str, &str)> =
            files.iter().zip(&texts).map(|((path, _), text)| (*path, text.as_str())).collect();
        let expected: Vec<_> = expected
            .map(|count| {
                format!(
                    "conda-prefix-stale: {count} of this environment name the prefix `{gone}/old`, \
                     but it stands in `{{env}}`"
                )
            })
            .into_iter()
            .collect();
        assert_eq!(found(&staged(&files)), expected, "{files:?}");
    };
    check(&[("lib/pkgconfig/python3.pc", "# pc\nprefix=/gone/old\n")], Some("a file"));
    check(
        &[
            ("bin/a", "#!/gone/old/bin/python\n"),
            ("bin/b-config", "#!/bin/sh\nprefix=\"/gone/old\""),
        ],
        Some("2 files"),
    );
    check(
        &[("bin/a", "#!/bin/sh\n'''exec' \"/gone/old/bin/python\" \"$0\" \"$@\"\n' '''\n")],
        Some("a file"),
    );
    // Another environment whose name only starts like this one's.
    check(&[("bin/a", "#!/gone/old/bin/python\n# {env}-old\n")], Some("a file"));
    check(&[("bin/a", "#!/gone/old/bin/python\n"), ("bin/b", "#!{env}/bin/python\n")], None);
    // Windows has the interpreter in the prefix.
    let script = "#!\"/gone/old/python.exe\"\n";
    check(&[("Scripts/a-script.py", script)], Some("a file"));
    check(&[("Scripts/a-script.py", "#!/gone/old/python.exe -I\n")], Some("a file"));
    check(&[("bin/a", "#!/usr/bin/perl\n"), ("share/b", "nothing to see")], None);
}

#[test]
fn what_no_record_lists_counts_when_it_names_a_conda_environment() {
    let staged = staged(&[]);
    let base = staged.environment.base_prefix.clone().unwrap();
    staged.write("bin/a", format!("#!{}/bin/python\n", base.display()));
    assert_eq!(found(&staged), Vec::<String>::new());
    std::fs::create_dir(base.join("conda-meta")).unwrap();
    assert_eq!(found(&staged).len(), 1);
    std::fs::remove_dir_all(base).unwrap();
    assert_eq!(found(&staged).len(), 1);
}

#[test]
fn an_alias_is_a_right_name() {
    let mut staged = staged(&[("bin/a", "#!/other/name/bin/python\n")]);
    staged.environment.aliases = vec!["/other/name".into()];
    assert_eq!(found(&staged), Vec::<String>::new());
}

#[test]
fn sees_files_that_are_gone() {
    let mut staged = staged(&[]);
    staged.write("lib/there.so", "");
    let files = [
        "lib/there.so",
        "lib/libz.so.1",
        "lib/libz.so",
        "lib/libz.a",
        "lib/__pycache__/x.cpython-312.pyc",
        "share/man/man1/z.1",
        "lib/python3.12/site-packages/six.py",
    ];
    let record = |name: &str| {
        format!(r#"{{"name": "{name}", "version": "1.0", "files": {}}}"#, json_list(&files))
    };
    staged.write("conda-meta/six-1.0-0.json", record("six"));
    assert_eq!(
        found(&staged),
        [
            "package-files-missing: the conda package `six` 1.0 installed `lib/libz.so.1` and 2 other \
         files, which are gone"
        ]
    );
    // With a RECORD of its own, the distribution is judged by that.
    staged.install("six", "1.16", &[], &[]);
    assert_eq!(
        found(&staged),
        [
            "package-files-missing: the conda package `six` 1.0 installed `lib/libz.so.1` and another \
         file, which are gone"
        ]
    );
}

#[test]
fn a_missing_interpreter_is_one_finding() {
    let staged = staged(&[]);
    let record =
        r#"{"name": "python", "version": "3.12.1", "files": ["bin/python", "bin/python3.12"]}"#;
    staged.write("conda-meta/python-3.12.1-0.json", record);
    assert_eq!(found(&staged).len(), 1);
    let mut report = Report::default();
    report.add(Code::InterpreterMissing, "no `python`", []);
    staged.check_into(check, &mut report);
    assert_eq!(report.findings.len(), 1);
}

fn json_list(items: &[&str]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(","))
}
