use super::*;
use crate::support::write;

/// What stands where a regular file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    Fifo,
    Socket,
    LinkToDevice,
    Device,
    Folder,
    Huge,
    Unreadable,
    Loop,
    Dangling,
}

/// Puts it there.
fn put(odd: Odd, path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    remove(path);
    match odd {
        Odd::Fifo => fifo(path),
        Odd::Socket => {
            // The name of a socket is short; afterwards it may be moved.
            let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
            UnixListener::bind(folder.path().join("s")).unwrap();
            fs::rename(folder.path().join("s"), path).unwrap();
        }
        Odd::LinkToDevice => symlink("/dev/zero", path).unwrap(),
        Odd::Device => {
            let zero = ["c", "1", "5"];
            assert!(Command::new("mknod").arg(path).args(zero).status().unwrap().success());
        }
        Odd::Folder => fs::create_dir(path).unwrap(),
        Odd::Huge => sparse(path, 2 << 30),
        Odd::Unreadable => {
            write(path, "");
            set_mode(path, 0o000);
        }
        Odd::Loop => symlink(path.file_name().unwrap(), path).unwrap(),
        Odd::Dangling => symlink("nowhere", path).unwrap(),
    }
}

/// Files of an environment that have `webtool` installed.
const IN_ENVIRONMENT: &[&str] = &[
    "pyvenv.cfg",
    "bin/python",
    "bin/python3",
    "bin/activate",
    "bin/webtool",
    ".project",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/METADATA",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/RECORD",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/WHEEL",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/INSTALLER",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/direct_url.json",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/entry_points.txt",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info",
    "lib/python3.12/site-packages/webtool/__init__.py",
    "lib/python3.12/site-packages/speedups/_fast.cpython-312-x86_64-linux-gnu.so",
    "lib/python3.12/site-packages/odd.pth",
    "lib/python3.12/site-packages/odd.egg-link",
    "lib/python3.12/site-packages/odd.egg-info",
    "lib/python3.12/site-packages/sitecustomize.py",
    "lib/python3.12/site-packages",
    "lib/python3.12",
    "lib64",
    "bin",
    "conda-meta/history",
    "conda-meta/idna-3.7-0.json",
    "conda-meta",
];

/// Hints, and what an environment need not have: nothing has to be said when they are of no use.
const HINTS: &[&str] = &[
    "bin/activate",
    ".project",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/INSTALLER",
    "lib/python3.12/site-packages/webtool-1.2.0.dist-info/direct_url.json",
    "lib/python3.12/site-packages/odd.egg-link",
    "lib/python3.12/site-packages/odd.egg-info",
    "lib/python3.12/site-packages/odd.pth",
    "lib/python3.12/site-packages/sitecustomize.py",
    "lib64",
    "conda-meta",
    "conda-meta/history",
    ".config/systemd/user/odd.service",
    ".local/bin/odd",
    "healthy/.idea/misc.xml",
    "healthy/pyproject.toml",
    "healthy/requirements.txt",
    "healthy/uv.lock",
];

fn is_hint(odd: Odd, place: &str) -> bool {
    HINTS.contains(&place)
        || odd == Odd::Dangling && IN_HOME.contains(&place)
        || odd == Odd::Unreadable && place == "bin/webtool"
}

/// Files of the home folder and of projects that name environments.
const IN_HOME: &[&str] = &[
    ".conda/environments.txt",
    ".condarc",
    ".local/share/jupyter/kernels/odd/kernel.json",
    ".config/Code/User/settings.json",
    ".config/pypoetry/config.toml",
    ".config/hatch/config.toml",
    ".config/systemd/user/odd.service",
    ".pixi/config.toml",
    ".local/bin/odd",
    "healthy/.vscode/settings.json",
    "healthy/.idea/misc.xml",
    "healthy/pyproject.toml",
    "healthy/requirements.txt",
    "healthy/uv.lock",
];

/// An environment for each place, with an odd thing in it.
fn environments(home: &Home, odd: Odd) -> Vec<(PathBuf, PathBuf)> {
    let mut made = Vec::new();
    for (number, place) in IN_ENVIRONMENT.iter().enumerate() {
        let venv = home.venv(format!("odd{number}/.venv"));
        let path = venv.prefix.join(place);
        put(odd, &path);
        made.push((venv.prefix, path));
    }
    made
}

#[track_caller]
fn check(odd: Odd) {
    let home = Home::new();
    open_to_all(&home);
    let healthy = healthy(&home);
    let made = environments(&home, odd);
    let who = if odd == Odd::Unreadable { As::Nobody } else { As::Us };
    run(&home, who, &["find", "--no-cache", "."]).exits_with(0);
    for depth in [&["."][..], &["--deep", "."]] {
        let args = [&["check", "--format", "json"], depth].concat();
        let answer = run(&home, who, &args).exits_with(1);
        assert_healthy(&answer, &healthy);
        for (prefix, path) in &made {
            let place = path.strip_prefix(prefix).unwrap().to_str().unwrap();
            let environment = answer.environment(prefix);
            let noticed = environment["status"] != "healthy" || is_reported(&answer, path);
            assert!(noticed || is_hint(odd, place), "{odd:?} as `{place}`: {environment}");
        }
    }
    // What leads to environments.
    for place in IN_HOME {
        put(odd, &home.join(place));
    }
    let answer = run(&home, who, &["check", "--format", "json", "--workspace", "."]);
    assert_healthy(&answer, &healthy);
    for place in IN_HOME {
        let noticed = is_reported(&answer, &home.join(place));
        assert!(noticed || is_hint(odd, place), "{odd:?} as `{place}`: {answer:?}");
    }
}

#[test]
fn fifos() {
    check(Odd::Fifo);
}

#[test]
fn sockets() {
    check(Odd::Socket);
}

#[test]
fn links_to_devices() {
    check(Odd::LinkToDevice);
}

#[test]
fn devices() {
    let probe = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = probe.path().join("zero");
    if !is_root() || std::panic::catch_unwind(|| put(Odd::Device, &path)).is_err() {
        return eprintln!("skipped: this user may not make devices");
    }
    check(Odd::Device);
}

#[test]
fn folders() {
    check(Odd::Folder);
}

#[test]
fn huge_files() {
    check(Odd::Huge);
}

#[test]
fn unreadable_files() {
    if can_lack_rights() {
        check(Odd::Unreadable);
    }
}

#[test]
fn links_to_themselves() {
    check(Odd::Loop);
}

#[test]
fn links_that_lead_nowhere() {
    check(Odd::Dangling);
}
