//! The incident: an environment lost its `pyvenv.cfg`. What its programs say then, and what `check` says.

use std::fs;

use super::pythons::{Pythons, check, run};
use crate::support::Home;

/// What `python.exe` of each environment does without `pyvenv.cfg`: how it ends, and a part of what it
/// prints. A redirector stops; a copy starts with nothing but the standard library beside it.
const WITHOUT: [(&str, i32, &str); 4] = [
    ("redirect311", 106, "No pyvenv.cfg file"),
    ("redirect313", 106, "failed to locate pyvenv.cfg"),
    ("copied-313", 1, "ModuleNotFoundError: No module named 'markupsafe'"),
    ("made-by-uv", 1, "ModuleNotFoundError: No module named 'markupsafe'"),
];

#[test]
fn an_environment_without_its_marker() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, code, message) in WITHOUT {
        let twin = pythons.twin(name);
        let python = twin.scripts("python.exe");
        run(&python, &["-c", "import markupsafe"]).exits_with(0);
        let cfg = fs::read(twin.cfg()).unwrap();
        fs::remove_file(twin.cfg()).unwrap();

        let fails = run(&python, &["-c", "import markupsafe"]).exits_with(code);
        assert!(fails.stderr.contains(message), "{name}: {fails:?}");
        let fails = run(&twin.scripts("pip.exe"), &["--version"]);
        assert_ne!(fails.code, Some(0), "{name}: {fails:?}");

        let answer = check(&home, &twin.prefix).exits_with(1);
        let found = answer.findings(&twin.prefix);
        assert_eq!(found, [("pyvenv-cfg-missing".to_owned(), "error".to_owned())], "{name}");
        let environment = answer.environment(&twin.prefix);
        let minor = if name == "redirect311" { "3.11" } else { "3.13" };
        assert_eq!(environment["version"], minor, "{name}: what to stand it on again");
        let finding = &environment["findings"][0];
        assert_eq!(finding["paths"][0], twin.cfg().to_str().unwrap());
        let effect = finding["effect"].as_str().unwrap();
        assert!(effect.contains("failed to locate pyvenv.cfg"), "{effect}");
        assert!(finding["remedy"].as_str().unwrap().contains("write `pyvenv.cfg` again"));

        // The remedy is right: everything else is still there.
        fs::write(twin.cfg(), cfg).unwrap();
        run(&python, &["-c", "import markupsafe"]).exits_with(0);
        check(&home, &twin.prefix).exits_with(0);
    }
}
