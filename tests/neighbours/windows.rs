//! What only Windows has.

use std::os::windows::fs::OpenOptionsExt;

use super::files::IN_ENVIRONMENT;
use super::*;

/// As a virus scanner or an editor may hold them: no fault of the environment.
#[test]
fn files_that_another_program_holds_open() {
    let home = Home::new();
    let healthy = healthy(&home);
    let mut held = Vec::new();
    let mut prefixes = Vec::new();
    for (number, place) in IN_ENVIRONMENT.iter().enumerate() {
        let venv = home.venv(format!("held{number}/.venv"));
        let path = venv.prefix.join(system::place(place));
        if path.is_file() {
            held.push(fs::OpenOptions::new().write(true).share_mode(0).open(path).unwrap());
        }
        prefixes.push(venv.prefix);
    }
    assert!(held.len() > 5, "only {} files are held", held.len());
    for args in [&["find"][..], &["check"], &["check", "--deep"]] {
        let answer = run(&home, &[args, &["--format", "json", "."]].concat());
        assert_healthy(&answer, &healthy);
        for prefix in &prefixes {
            answer.environment(prefix);
        }
    }
}
