use super::*;
use crate::support::{system, write};

#[test]
fn homes_that_are_none() {
    let home = Home::new();
    let healthy = healthy(&home);
    system::put_odd_files(home.path());
    let long = format!("/{}", "a".repeat(10_000));
    let deep = "/d".repeat(5_000);
    let homes = [
        "/dev",
        "/dev/zero",
        "/dev/fd",
        "/proc/self",
        "/proc/self/fd",
        "/proc/self/root",
        "//server/share/python/bin",
        "\\\\server\\share\\python",
        "C:\\Python312",
        "relative/bin",
        "..",
        ".",
        "",
        "~",
        "/",
        "$HOME",
        "/a\0b",
        "/esc\u{1b}[2J",
        "file:///usr/bin",
        &long,
        &deep,
        &"\0".repeat(10_000),
        &home.join("fifo").display().to_string(),
        &home.join("own/22/.venv/bin").display().to_string(),
    ];
    for (number, value) in homes.iter().enumerate() {
        for (kind, keep) in [("own", false), ("linked", true)] {
            let venv = home.venv(format!("{kind}/{number}/.venv"));
            write(&venv.cfg(), format!("home = {value}\nversion = 3.12.3\n"));
            if !keep {
                system::lead_interpreter_to(&venv, Path::new(value.trim_matches('\0')));
            }
        }
    }
    let answer = checked(&home).exits_with(1);
    assert_healthy(&answer, &healthy);
    for (number, value) in homes.iter().enumerate() {
        for kind in ["own", "linked"] {
            let environment = answer.environment(&home.join(format!("{kind}/{number}/.venv")));
            let is_relative = Path::new(value).is_relative() && !value.is_empty();
            let status = environment["status"].as_str().unwrap();
            // A link to the interpreter makes up for a `home` that means something else elsewhere.
            let expected = if is_relative && kind == "linked" { status } else { "broken" };
            assert_eq!(status, expected, "{kind} {value:.60}: {environment}");
        }
    }
}

#[test]
fn environments_that_stand_on_each_other() {
    let home = Home::new();
    let healthy = healthy(&home);
    let [a, b, own] = ["a", "b", "own"].map(|name| home.venv(format!("{name}/.venv")));
    for (one, other) in [(&a, &b), (&b, &a), (&own, &own)] {
        write(&one.cfg(), format!("home = {}\n", other.bin("").display()));
        system::lead_interpreter_to(one, &other.bin(""));
    }
    // A hundred, each made from the one before, and the first from the last.
    let ring: Vec<Venv> = (0..100).map(|n| home.venv(format!("ring/{n}"))).collect();
    for (number, venv) in ring.iter().enumerate() {
        let before = &ring[(number + 99) % 100];
        write(&venv.cfg(), format!("home = {}\n", before.bin("").display()));
        system::lead_interpreter_to(venv, &before.bin(""));
    }
    let answer = checked(&home).exits_with(1);
    assert_healthy(&answer, &healthy);
    for venv in [&a, &b, &own].into_iter().chain(&ring) {
        assert_eq!(answer.environment(&venv.prefix)["status"], "broken");
        message(&answer, &venv.prefix, system::CODE_OF_A_RING);
    }
}

#[test]
fn markers_of_any_content() {
    let home = Home::new();
    let healthy = healthy(&home);
    let contents: &[(&str, Vec<u8>)] = &[
        ("zeros", vec![0; 60_000]),
        ("bytes", (0..=255).cycle().take(60_000).collect()),
        ("equals", b"=".repeat(60_000)),
        ("lines", b"home = /usr/bin\n".repeat(4_000)),
        ("utf16", b"h\0o\0m\0e\0 \0=\0 \0/\0x\0\n\0".to_vec()),
        ("long-key", [b"k".repeat(60_000), b" = v\n".to_vec()].concat()),
        ("version", b"home = /usr/bin\nversion = 99999999999999999999.99999999999.9\n".to_vec()),
        ("versions", b"home = /usr/bin\nversion = 3.4294967296.3\nversion_info = -1.2\n".to_vec()),
        ("prompt", b"home = /usr/bin\nprompt = \x1b]0;x\x07\xe2\x80\xae\n".to_vec()),
    ];
    for (name, content) in contents {
        write(&home.venv(format!("{name}/.venv")).cfg(), content);
    }
    let answer = checked(&home).exits_with(1);
    assert_healthy(&answer, &healthy);
    for (name, _) in contents {
        answer.environment(&home.join(format!("{name}/.venv")));
    }
}

/// Whatever an interpreter, a script or a start-up hook would do is not done.
#[test]
fn planted_programs_are_not_run() {
    let home = Home::new();
    let healthy = healthy(&home);
    let mark = home.join("was-run");
    let shell = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    let python = format!("import os; os.system('touch {}')\n", mark.display());
    let traps = [home.venv("trap/.venv"), home.venv("trap/conda")];
    for venv in &traps {
        let scripts = ["pip", "webtool", "uv", "conda"].map(|name| venv.script(name));
        for path in system::INTERPRETERS.iter().map(|name| venv.bin(name)).chain(scripts) {
            remove(&path);
            system::write_program(&path, &shell);
        }
        write(&venv.site("trap.pth"), &python);
        write(&venv.site("sitecustomize.py"), &python);
    }
    write(&traps[1].prefix.join("conda-meta/history"), "");
    for command in ["find", "check"] {
        for path in ["trap", "trap/.venv", "trap/.venv/bin", "trap/.venv/bin/python", "."] {
            let path = &*system::place(path);
            for flags in [&[][..], &["--quiet", "--no-cache", "--color", "always"]] {
                run(&home, &[&[command, path], flags].concat());
            }
        }
    }
    let answer = run(&home, &["check", "--deep", "--format", "json", "."]).exits_with(1);
    assert_healthy(&answer, &healthy);
    run(&home, &["check", "--workspace", "trap"]);
    assert!(!mark.exists());
}

#[test]
fn interpreters_that_are_none() {
    let home = Home::new();
    let healthy = healthy(&home);
    let real = fs::read(healthy.base.executable()).unwrap();
    let mut wild = real.clone();
    // Offsets, sizes and counts of an ELF header: all ones.
    wild[24..64].fill(0xff);
    let mut tables = real.clone();
    tables[54..64].fill(0xff);
    let pe = [b"MZ".to_vec(), vec![0xff; 4096]].concat();
    let contents: &[(&str, Vec<u8>)] = &[
        ("empty", Vec::new()),
        ("magic", b"\x7fELF".to_vec()),
        ("half", real[..40].to_vec()),
        ("wild", wild),
        ("tables", tables),
        ("pe", pe),
        ("macho", [vec![0xcf, 0xfa, 0xed, 0xfe], vec![0xff; 200]].concat()),
        ("fat", [vec![0xca, 0xfe, 0xba, 0xbe], vec![0xff; 200]].concat()),
        ("zeros", vec![0; 100_000]),
        ("shebang", b"#!".repeat(100_000)),
        ("link-text", b"/usr/bin/python3".to_vec()),
    ];
    for (name, content) in contents {
        let venv = home.venv(format!("{name}/.venv"));
        for program in system::INTERPRETERS {
            remove(&venv.bin(program));
        }
        system::write_program(&venv.python(), content);
        write(&venv.site(&venv.extension("_fast")), content);
    }
    let answer = checked(&home).exits_with(1);
    assert_healthy(&answer, &healthy);
    for (name, _) in contents {
        let prefix = home.join(format!("{name}/.venv"));
        assert_eq!(answer.environment(&prefix)["status"], "broken", "{name}");
    }
    // 2 GiB that start like an interpreter, and are searched for a version.
    let venv = home.venv("huge/.venv");
    for program in system::INTERPRETERS {
        remove(&venv.bin(program));
    }
    system::write_program(&venv.python(), &real);
    fs::OpenOptions::new().write(true).open(venv.python()).unwrap().set_len(2 << 30).unwrap();
    assert_healthy(&checked(&home), &healthy);
}
