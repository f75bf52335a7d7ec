use super::*;
use crate::support::{Distribution, system, write};

/// An environment with a distribution `odd` whose metadata this makes odd.
fn venv(home: &Home, name: &str) -> Venv {
    let venv = home.venv(format!("{name}/.venv"));
    venv.install(&Distribution {
        name: "odd",
        version: "1.0",
        files: &[("odd/__init__.py", b"# odd\n")],
        ..Distribution::default()
    });
    venv
}

const INFO: &str = "odd-1.0.dist-info";

fn part(venv: &Venv, name: &str) -> PathBuf {
    venv.site(INFO).join(name)
}

/// The codes of the findings, after `check` and `check --deep` went through.
#[track_caller]
fn codes(home: &Home, healthy: &Venv, venv: &Venv) -> Vec<String> {
    let deep = run(home, &["check", "--deep", "--format", "json", "."]);
    assert_healthy(&deep, healthy);
    deep.environment(&venv.prefix);
    let answer = checked(home);
    assert_healthy(&answer, healthy);
    answer.findings(&venv.prefix).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn metadata_of_any_size() {
    let home = Home::new();
    let healthy = healthy(&home);
    let header = b"Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n";
    // A description of 100 MiB is no fault: only the header is read.
    let described = venv(&home, "described");
    write(&part(&described, "METADATA"), [&header[..], b"\n"].concat());
    let file = fs::OpenOptions::new().write(true).open(part(&described, "METADATA")).unwrap();
    file.set_len(100 << 20).unwrap();
    let endless = venv(&home, "endless");
    write(&part(&endless, "METADATA"), [&header[..], &b"X: y\n".repeat(400_000)].concat());
    let line = venv(&home, "line");
    write(&part(&line, "METADATA"), [&header[..], &b"x".repeat(10 << 20)].concat());
    let continued = venv(&home, "continued");
    let lines = b" Requires-Dist\n".repeat(60_000);
    write(&part(&continued, "METADATA"), [&header[..], b"Name: x\n", &lines].concat());
    assert!(!codes(&home, &healthy, &described).contains(&"dist-metadata-missing".to_owned()));
    for venv in [&endless, &line] {
        assert_eq!(codes(&home, &healthy, venv), ["dist-metadata-missing"], "{:?}", venv.prefix);
    }
    codes(&home, &healthy, &continued);
}

/// Requirements that take a parser or an evaluator to its limits.
#[test]
fn requirements_of_any_shape() {
    let wild = |text: &str| text.repeat(900_000 / text.len());
    let nested = format!("a ; {}os_name == 'x'{}", "(".repeat(60_000), ")".repeat(60_000));
    let many = |join: &str, count: usize| -> String {
        let one = |n: usize| format!("(extra == 'a{n:02}' {join} extra == 'b{n:02}')");
        let other = if join == "or" { " and " } else { " or " };
        format!("a ; {}", (0..count).map(one).collect::<Vec<_>>().join(other))
    };
    let cases = [
        ("nested", nested),
        ("open", format!("a ; {}", "(".repeat(500_000))),
        ("not", format!("a ; {}", wild("not "))),
        ("ands", format!("a ; os_name == 'x'{}", wild(" and os_name == 'x'"))),
        ("ors", format!("a ; os_name == 'x'{}", wild(" or os_name != 'y'"))),
        ("pairs-or", many("or", 40)),
        ("pairs-and", many("and", 40)),
        ("diagram", many("and", 12)),
        ("diagrams", vec![many("and", 11); 900].join("\nRequires-Dist: ")),
        ("extras", format!("a[{}]", wild("x,"))),
        ("versions", format!("a {}", wild(">=1,"))),
        ("version", format!("a >={}", wild("1."))),
        ("digits", format!("a >={}", wild("9"))),
        ("url", format!("a @ {}", wild("file:///"))),
        ("name", wild("a")),
        ("quote", format!("a ; os_name == '{}", wild("x"))),
        ("text", wild("\u{1f40d}")),
    ];
    for (name, requirement) in cases {
        let home = Home::new();
        let healthy = healthy(&home);
        let venv = venv(&home, "odd");
        let metadata = format!("Name: odd\nVersion: 1.0\nRequires-Dist: {requirement}\n\n");
        write(&part(&venv, "METADATA"), metadata);
        let answer = checked(&home);
        assert_healthy(&answer, &healthy);
        assert_eq!(answer.environment(&venv.prefix)["version"], "3.12.3", "{name}");
    }
}

#[test]
fn records_of_any_size() {
    let home = Home::new();
    let healthy = healthy(&home);
    let zeros = venv(&home, "zeros");
    sparse(&part(&zeros, "RECORD"), 100 << 20);
    let large = venv(&home, "large");
    write(&part(&large, "RECORD"), b"odd/a.py,sha256=abc,1\n".repeat(5_000_000));
    let lines: String = (0..1_000_000).map(|n| format!("odd/{n}.py,,\n")).collect();
    let many = venv(&home, "many");
    write(&part(&many, "RECORD"), lines);
    let same = venv(&home, "same");
    write(&part(&same, "RECORD"), b"odd/__init__.py,sha256=abc,3\n".repeat(20_000));
    let short = venv(&home, "short");
    write(&part(&short, "RECORD"), b"a,,\n".repeat(3_900_000));
    let folders = venv(&home, "folders");
    write(&part(&folders, "RECORD"), format!("{}x,,\n", "a/".repeat(1_000_000)));
    let invalid = venv(&home, "invalid");
    write(&part(&invalid, "RECORD"), b"\xff".repeat(8 << 20));
    let allowed = venv(&home, "allowed");
    let lines: String =
        (0..2 * system::CROWD).map(|n| format!("odd/{n}.py,sha256=abcdef,1\n")).collect();
    write(&part(&allowed, "RECORD"), lines);
    let line = venv(&home, "line");
    write(&part(&line, "RECORD"), "odd/__init__.py,sha256=".repeat(100_000));
    for venv in [&zeros, &large, &many, &same, &short, &folders, &invalid, &line, &allowed] {
        let answer =
            run(&home, &["check", "--format", "json", venv.prefix.to_str().unwrap(), "healthy"]);
        assert_healthy(&answer, &healthy);
        assert!(answer.stdout.len() < 100_000);
    }
}

/// What RECORD names outside of its environment is not looked at.
#[test]
fn records_that_lead_elsewhere() {
    let home = Home::new();
    let healthy = healthy(&home);
    let venv = venv(&home, "odd");
    system::put_odd_files(home.path());
    system::put_odd_modules(&venv.site("odd"), &home.join("fifo"));
    let fifo = home.join("fifo");
    let paths = [
        "/etc/passwd",
        "../../../../../../../../../../../../etc/passwd",
        "/dev/zero",
        "//dev//zero",
        "../../../../../fifo",
        "odd/../../../../../../fifo",
        fifo.to_str().unwrap(),
        "odd/fifo.py",
        "odd/zero.py",
        "odd/passwd.txt",
        "odd/link.py",
        "odd/root/dev/zero",
        "odd/root/etc/passwd",
        "",
        ".",
        "..",
        "/",
        "odd/",
        "odd/__init__.py/",
        "C:\\Windows\\x.py",
        "\\\\server\\share\\x.py",
        "//server/share/x.py",
        "~/x.py",
        "$HOME/x.py",
    ];
    let mut record = String::new();
    for path in paths {
        for rest in ["sha256=abc,12", ",", "sha256=abc,", ",99999999999999999999999", "md5=,-1"] {
            record.push_str(&format!("{path},{rest}\n"));
        }
    }
    write(&part(&venv, "RECORD"), &record);
    let found = codes(&home, &healthy, &venv);
    let expected = system::CODE_OF_ODD_MODULES;
    assert!(found.iter().any(|code| code == expected), "{found:?}");
    let environment = checked(&home).environment(&venv.prefix);
    let findings = environment["findings"].as_array().unwrap();
    for path in findings.iter().flat_map(|finding| finding["paths"].as_array().unwrap()) {
        assert!(path.as_str().unwrap().starts_with(venv.prefix.to_str().unwrap()), "{path}");
    }
}

#[test]
fn records_of_any_quoting() {
    let cases: [&[u8]; 16] = [
        b"\"",
        b"\"\"",
        b"\"\"\"\"\"",
        b"\"odd/a.py",
        b"\"odd/a.py\"\"\n,,\n",
        b"\"odd\n/a.py\",,\n\"",
        b",,,,,,,,,,,\n",
        b"\r\r\r\r",
        b"\n\n\n",
        b"odd/__init__.py,\"sha256=x\",\"1\"\n",
        b"\xef\xbb\xbfodd/__init__.py,,\n",
        b"o\0d\0d\0",
        b"odd/__init__.py,,\n\0\0\0\0",
        b"odd/__init__.py;sha256=x;1\n",
        b"odd/__init__.py,sha256=",
        b"<html></html>",
    ];
    let home = Home::new();
    let healthy = healthy(&home);
    for (number, record) in cases.iter().enumerate() {
        for (kind, times) in [("once", 1), ("often", 10_000)] {
            let venv = venv(&home, &format!("{kind}/{number}"));
            write(&part(&venv, "RECORD"), record.repeat(times));
        }
    }
    let answer = checked(&home);
    assert_healthy(&answer, &healthy);
    for number in 0..cases.len() {
        answer.environment(&home.join(format!("once/{number}/.venv")));
        answer.environment(&home.join(format!("often/{number}/.venv")));
    }
}

/// Documents nested deeper than any stack, wherever JSON or TOML is read.
#[test]
fn documents_nested_without_end() {
    let home = Home::new();
    let healthy = healthy(&home);
    let venv = venv(&home, "odd");
    let nest = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let documents = [
        nest("[", "]"),
        nest("{\"a\":", "}"),
        format!("{{\"name\": \"x\", \"url\": {}}}", nest("[", "]")),
        format!("{{\"argv\": {}}}", nest("[", "]")),
        format!("[{}0]", "0,".repeat(120_000)),
        format!("{{{}\"a\":0}}", "\"a\":{},".repeat(30_000)),
        format!("\"{}\"", "\\u0000".repeat(30_000)),
        format!("a = {}", nest("[", "]")),
        format!("a{} = 1", ".a".repeat(50_000)),
        format!("[{}a]\n", "a.".repeat(50_000)),
        format!("envs_dirs: {}", nest("[", "]")),
        "/*".repeat(100_000),
        "]}".repeat(100_000),
        "\"\\".repeat(60_000),
    ];
    fs::create_dir_all(venv.prefix.join("conda-meta")).unwrap();
    for document in &documents {
        for place in [
            "odd/.venv/conda-meta/history",
            "odd/.venv/conda-meta/idna-3.7-0.json",
            ".local/share/jupyter/kernels/odd/kernel.json",
            "odd/.vscode/settings.json",
            "odd/.idea/misc.xml",
            "odd/pyproject.toml",
            "odd/uv.lock",
            "odd/poetry.lock",
            "odd/requirements.txt",
            ".config/Code/User/settings.json",
            ".config/pypoetry/config.toml",
            ".config/hatch/config.toml",
            ".config/systemd/user/odd.service",
            ".pixi/config.toml",
            ".condarc",
            ".conda/environments.txt",
        ] {
            write(&home.join(system::place_in_home(&system::place(place))), document);
        }
        write(&part(&venv, "direct_url.json"), document);
        write(&part(&venv, "entry_points.txt"), document);
        write(&part(&venv, "WHEEL"), document);
        let dependent = "Name: odd\nVersion: 1.0\nRequires-Dist: gone\n\n";
        write(&part(&venv, "METADATA"), dependent);
        write(&venv.site("odd.pth"), format!("import {document}"));
        write(&venv.site("sitecustomize.py"), document);
        let answer = run(&home, &["check", "--format", "json", "--workspace", "."]);
        assert_healthy(&answer, &healthy);
        answer.environment(&venv.prefix);
    }
}

/// Files of the size that is still read.
#[test]
fn documents_as_large_as_allowed() {
    let home = Home::new();
    let healthy = healthy(&home);
    let venv = venv(&home, "odd");
    let dependent = "Name: odd\nVersion: 1.0\nRequires-Dist: gone\n\n";
    write(&part(&venv, "METADATA"), dependent);
    let large = |start: &str, one: &str, end: &str, bytes: usize| {
        format!("{start}{}{end}", one.repeat((bytes - start.len() - end.len()) / one.len()))
    };
    let mib = 1 << 20;
    for (place, content) in [
        ("odd/.vscode/settings.json", large("{\"a\": [", "0,", "0]}", 4 * mib)),
        ("odd/.vscode/settings.json", large("{\"a\": [", "{},", "0]}", 4 * mib)),
        (
            "odd/.venv/conda-meta/a-1-0.json",
            large("{\"name\": \"a\", \"files\": [", "\"\",", "\"\"]}", 16 * mib),
        ),
        (
            "odd/.venv/conda-meta/a-1-0.json",
            large("{\"name\": \"a\", \"paths_data\": {\"paths\": [", "{},", "{}]}}", 16 * mib),
        ),
        (
            "odd/.venv/conda-meta/a-1-0.json",
            large("{\"name\": \"a\", \"files\": [", "\"bin/python3.12-config\",", "\"\"]}", mib),
        ),
        ("odd/uv.lock", large("", "[[package]]\nname = \"a\"\nversion = \"1\"\n", "", 8 * mib)),
        ("odd/requirements.txt", large("", "a==1\n", "", mib)),
        ("odd/.venv/lib/python3.12/site-packages/a.pth", large("import sys", ";a", "", mib)),
        (
            "odd/.venv/lib/python3.12/site-packages/odd-1.0.dist-info/entry_points.txt",
            large("[console_scripts]\n", "a=\n", "", 4 * mib),
        ),
    ] {
        let place = &home.join(system::place(place));
        write(place, &content);
        let answer = run(&home, &["check", "--format", "json", "--workspace", "."]);
        assert_healthy(&answer, &healthy);
        remove(place);
    }
}
