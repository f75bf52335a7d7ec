use std::ffi::{OsStr, OsString};

use base64::Engine;

use super::*;
use crate::support::{system, write};

/// As the JSON format has a path.
fn bytes_of(path: &Value) -> Vec<u8> {
    match path {
        Value::String(text) => text.as_bytes().to_vec(),
        object => {
            let text = object["bytes"].as_str().expect("a string or bytes");
            base64::engine::general_purpose::STANDARD.decode(text).unwrap()
        }
    }
}

/// Nothing that a terminal obeys, but ends of lines.
#[track_caller]
fn assert_inert(text: &str) {
    let obeyed = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(
        !text.contains(obeyed),
        "{:?}",
        text.chars().filter(|c| obeyed(*c)).collect::<String>()
    );
}

#[test]
fn environments_of_any_name() {
    let home = Home::new();
    let healthy = healthy(&home);
    let mut prefixes = Vec::new();
    for name in system::unusual_names() {
        let make = |folder: &str| {
            let prefix = home.join(folder).join(&name);
            let venv = Venv::make(&prefix, &home.base());
            // No installer writes a script with such a path.
            if prefix.to_str().is_some() {
                venv.install_usual();
            }
            venv
        };
        prefixes.push(make("fine").prefix);
        let broken = make("broken");
        system::lead_interpreter_to(&broken, Path::new(&name));
        prefixes.push(broken.prefix);
    }
    let answer = checked(&home).exits_with(1);
    assert_healthy(&answer, &healthy);
    assert_inert(&answer.stdout);
    let document = answer.json();
    let found: Vec<(Vec<u8>, String)> = document["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (bytes_of(&one["prefix"]), one["status"].as_str().unwrap().to_owned()))
        .collect();
    for prefix in &prefixes {
        let fine = prefix.parent().unwrap().ends_with("fine");
        let status = if fine { "healthy" } else { "broken" };
        let expected = (prefix.as_os_str().as_encoded_bytes().to_vec(), status.to_owned());
        assert!(found.contains(&expected), "{prefix:?} is not {status}");
    }
    for command in ["find", "check"] {
        let answer = run(&home, &[command, "."]);
        assert_inert(&answer.stdout);
        assert_inert(&answer.stderr);
    }
    // Each can be named, beside a path that does not exist.
    for prefix in prefixes.iter().filter(|prefix| !prefix.to_string_lossy().contains("broken")) {
        let mut gone = prefix.as_os_str().to_owned();
        gone.push("-gone");
        let mut command = home.command();
        command.args(["find", "--"]).args([prefix.as_os_str(), &gone]);
        let answer = Answer::of(command.output().unwrap()).exits_with(2);
        assert!(answer.stdout.contains("1 environment"), "{answer:?}");
        assert_inert(&answer.stdout);
        assert_inert(&answer.stderr);
    }
}

#[test]
fn packages_of_any_name() {
    let home = Home::new();
    let healthy = healthy(&home);
    let venv = home.venv("odd/.venv");
    let mut record = Vec::new();
    for name in system::unusual_names() {
        let bytes = name.as_encoded_bytes();
        let with = |before: &str, after: &str| -> OsString {
            [OsStr::new(before), &name, OsStr::new(after)].join(OsStr::new(""))
        };
        let site = venv.site_packages();
        fs::create_dir_all(site.join(with("", ""))).unwrap();
        fs::create_dir_all(site.join(with("", "-1.0.dist-info"))).unwrap();
        fs::create_dir_all(site.join(with("idna-", ".dist-info"))).unwrap();
        fs::create_dir_all(site.join(with("~", "-1.0.dist-info"))).unwrap();
        write(&site.join(with("a", ".egg-info")), "Name: x\nVersion: 1\n");
        write(&site.join(with("b", ".egg-link")), with("/", "\n").as_encoded_bytes());
        write(&site.join(with("c", ".pth")), with("/x", "\nimport gone\n").as_encoded_bytes());
        write(&site.join(with("_d", &system::extension_suffix("3.12"))), bytes);
        write(&venv.bin("").join(with("s", "")), [b"#!/gone/", bytes, b"\n"].concat());
        system::put_dangling(&venv.bin("").join(with("python3.", "")));
        record.extend([b"odd/", bytes, b".py,sha256=abc,12\n"].concat());
        record.extend([b"\"odd/", bytes, b"2.py\",,\n"].concat());
    }
    let metadata = "Name: odd\x1b[2J\nVersion: 1\u{202e}\nRequires-Dist: gone\x1b[2J\n";
    write(&venv.site("odd-1.dist-info/METADATA"), metadata);
    write(&venv.site("odd-1.dist-info/RECORD"), record);
    write(&venv.site("odd-1.dist-info/INSTALLER"), "pip\x1b[2J\n");
    let points = "[console_scripts]\n\x1b[2J = x:y\na\u{202e} = x:y\n";
    write(&venv.site("odd-1.dist-info/entry_points.txt"), points);
    let answer = checked(&home).exits_with(1);
    assert_healthy(&answer, &healthy);
    assert_eq!(answer.environment(&venv.prefix)["status"], "broken");
    assert_inert(&answer.stdout);
    for args in [&["check", "."][..], &["check", "--deep", "--quiet", "."]] {
        let answer = run(&home, args).exits_with(1);
        assert_inert(&answer.stdout);
        assert_inert(&answer.stderr);
    }
}
