use super::*;
use crate::support::{Distribution, write};

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
    let deep = run(home, As::Us, &["check", "--deep", "--format", "json", "."]);
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
        println!("{name}");
        let start = Instant::now();
        let answer = checked(&home);
        println!("{name} {:?}", start.elapsed());
        assert_healthy(&answer, &healthy);
    }
}
