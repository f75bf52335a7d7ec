use super::*;

#[test]
fn variables_that_lead_elsewhere_are_dropped() {
    let mut host = Host::empty(Platform::CURRENT, std::env::temp_dir());
    let prefix = std::env::temp_dir().join("project").join(".venv");
    let elsewhere = std::env::temp_dir().join("tools");
    let path = std::env::join_paths([prefix.join("bin"), elsewhere.clone()]).unwrap();
    host.variables.insert("PATH".into(), path);
    let kept = ["HTTPS_PROXY", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE", "HOME"];
    let dropped = [
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_PYTHON",
        "PIP_REQUIREMENT",
        "UV_PYTHON",
        "UV_CACHE_DIR",
        "VIRTUALENV_PIP",
        "CONDA_PREFIX",
        "LD_PRELOAD",
    ];
    for name in kept.iter().chain(&dropped) {
        host.variables.insert(name.into(), "x".into());
    }
    let variables = variables(&host, &[&prefix]);
    let value = |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, v)| v);
    for name in kept {
        assert_eq!(value(name).unwrap(), "x", "{name}");
    }
    for name in dropped {
        assert_eq!(value(name), None, "{name}");
    }
    assert_eq!(value("PATH").unwrap(), elsewhere.as_os_str());
}

#[test]
fn nothing_of_a_broken_environment_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let real = fs::canonical(folder.path()).unwrap();
    let (old, new) = (real.join(".venv"), real.join(".venv.aios-new-1"));
    let host = Host::empty(Platform::CURRENT, "/");
    for prefix in [&old, &new] {
        std::fs::create_dir_all(prefix.join("bin")).unwrap();
        std::fs::write(prefix.join("bin/uv"), "").unwrap();
        assert!(!may_run(&host, &[&old, &new], &prefix.join("bin/uv")));
    }
    std::fs::write(real.join("uv"), "").unwrap();
    assert!(may_run(&host, &[&old, &new], &real.join("uv")));
}

#[test]
fn a_virtualenv_whose_python_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let real = fs::canonical(folder.path()).unwrap();
    let broken = real.join(".venv");
    let mut host = Host::empty(Platform::CURRENT, "/");
    let is_windows = Platform::CURRENT == Platform::Windows;
    let (program, python) = match is_windows {
        true => ("virtualenv.exe", "python.exe"),
        false => ("virtualenv", "python3"),
    };
    let folders = ["shims", "own", "tools"].map(|name| real.join(name));
    let write = |path: &Path, text: &[u8]| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    // As pip makes them: of a launcher it is the line before the archive.
    let script = |python: &Path| {
        let line = format!("#!{}\n", python.display()).into_bytes();
        let archive = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
        if is_windows { [b"MZ".to_vec(), line, archive].concat() } else { line }
    };
    write(&folders[0].join(program), b"#!/usr/bin/env bash\nexec pyenv virtualenv\n");
    write(&broken.join(python), b"");
    write(&folders[1].join(program), &script(&broken.join(python)));
    write(&folders[2].join(python), b"");
    host.variables.insert("PATH".into(), std::env::join_paths(&folders).unwrap());
    assert_eq!(virtualenv(&host, &[&broken]), None);
    write(&folders[2].join(program), &script(&folders[2].join(python)));
    assert_eq!(virtualenv(&host, &[&broken]), Some(folders[2].join(program)));
}

// Not on Windows: rights are no bits there.
#[cfg(unix)]
#[test]
fn what_others_can_change_is_not_run() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let host = Host::empty(Platform::CURRENT, "/");
    let own = folder.path().join("bin");
    std::fs::create_dir(&own).unwrap();
    let program = own.join("python");
    std::fs::write(&program, "").unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    assert!(is_guarded(&host, &program));
    set(&own, 0o777);
    assert!(!is_guarded(&host, &program), "anybody may put another one there");
    set(&own, 0o1777);
    assert!(is_guarded(&host, &program), "only its owner may");
    set(&program, 0o666);
    assert!(!is_guarded(&host, &program), "anybody may write to it");
    assert!(!is_guarded(&host, &own.join("gone")));
    set(&program, 0o644);
    let mut other = host;
    other.user.uid = Some(other.user.uid.unwrap() + 1);
    let of_root = program.ancestors().all(|one| one.metadata().unwrap().uid() == 0);
    assert_eq!(is_guarded(&other, &program), of_root, "it belongs to somebody else");
}
