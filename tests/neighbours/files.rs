use super::*;
use crate::support::system;

/// What stands where a regular file belongs: its name, and what puts it there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odd(pub(super) &'static str, pub(super) fn(&Path));

impl Odd {
    /// Puts it there.
    fn put(self, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        remove(path);
        (self.1)(path);
    }
}

/// Files of an environment that have `webtool` installed.
pub(super) const IN_ENVIRONMENT: &[&str] = &[
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
    "lib/python3.12/site-packages/speedups/_fast",
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
        || system::NOT_JUDGED.contains(&place)
        || odd.0 == "link to nowhere" && IN_HOME.contains(&place)
        || odd.0 == "unreadable file" && place == "bin/webtool"
}

/// Files of the home folder and of projects that name environments.
pub(super) const IN_HOME: &[&str] = &[
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
fn environments(home: &Home, odd: Odd) -> Vec<(&'static str, PathBuf, PathBuf)> {
    let mut made = Vec::new();
    for (number, place) in IN_ENVIRONMENT.iter().enumerate() {
        let venv = home.venv(format!("odd{number}/.venv"));
        let path = match place.ends_with("/_fast") {
            true => venv.site(&venv.extension("_fast")),
            false => venv.prefix.join(system::place(place)).components().collect(),
        };
        odd.put(&path);
        made.push((*place, venv.prefix, path));
    }
    made
}

#[track_caller]
pub(super) fn check(odd: Odd) {
    check_as(odd, &run);
}

/// The same, with the program run in a way of its own.
#[track_caller]
pub(super) fn check_as(odd: Odd, run: &dyn Fn(&Home, &[&str]) -> Answer) {
    let home = Home::new();
    let healthy = healthy(&home);
    let made = environments(&home, odd);
    run(&home, &["find", "--no-cache", "."]).exits_with(0);
    for depth in [&["."][..], &["--deep", "."]] {
        let args = [&["check", "--format", "json"], depth].concat();
        let answer = run(&home, &args).exits_with(1);
        assert_healthy(&answer, &healthy);
        for (place, prefix, path) in &made {
            let environment = answer.environment(prefix);
            let noticed = environment["status"] != "healthy" || is_reported(&answer, path);
            assert!(noticed || is_hint(odd, place), "{odd:?} as `{place}`: {environment}");
        }
    }
    // What leads to environments.
    for place in IN_HOME {
        odd.put(&home.join(system::place_in_home(place)));
    }
    let answer = run(&home, &["check", "--format", "json", "--workspace", "."]);
    assert_healthy(&answer, &healthy);
    for place in IN_HOME {
        let noticed = is_reported(&answer, &home.join(system::place_in_home(place)));
        assert!(noticed || is_hint(odd, place), "{odd:?} as `{place}`: {answer:?}");
    }
}

#[test]
fn folders() {
    check(Odd("folder", |path| fs::create_dir(path).unwrap()));
}

#[test]
fn huge_files() {
    check(Odd("huge file", |path| sparse(path, 2 << 30)));
}
