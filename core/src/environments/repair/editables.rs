//! Editable installs whose project was moved: the files in site-packages that lead to it lead to where
//! it is now. Only the paths in them change.
//!
//! ```text
//! __editable__.labsrc-0.1.pth, easy-install.pth     /home/alice/proj/libs/labsrc/src
//! __editable___labfinder_0_1_finder.py              MAPPING: dict[str, str] = {'labfinder': '/home/...'}
//! labsrc-0.1.dist-info/direct_url.json              "url": "file:///home/alice/proj/libs/labsrc"
//! labsrc.egg-link                                   /home/alice/proj/libs/labsrc
//! ```

use std::path::{Path, PathBuf};

use super::change::{Change, Content};
use super::{Action, Case, Plan, Step, Unsolved, record};
use crate::environments::distributions::direct_url;
use crate::environments::health::Code;
use crate::environments::health::editables::{self, Candidate, Lost, mapping_line, next_string};

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    if !case.has(&[Code::EditablePathStale]) {
        return;
    }
    for (lost, candidates) in editables::lost(case.subject) {
        let found = match candidates.as_slice() {
            [] => continue,
            [Candidate { project, moved: Some((from, to)) }] => {
                relink(case, &lost, &Move { from, to }, project, plan)
            }
            _ => None,
        };
        match found {
            Some(step) => plan.steps.push(step),
            None => {
                let hint = hint(&lost, &candidates);
                plan.unsolved.push(Unsolved { code: Code::EditablePathStale, hint });
            }
        }
    }
}

fn hint(lost: &Lost<'_>, candidates: &[Candidate]) -> String {
    let name = &lost.distribution.name;
    let folders: Vec<String> =
        candidates.iter().map(|one| format!("`{}`", one.project.display())).collect();
    match folders.as_slice() {
        [only] => format!(
            "what leads to the project of `{name}` cannot be rewritten: install it again with \
             `pip install --no-deps -e` {only}"
        ),
        _ => format!(
            "the project of `{name}` may be any of {}: install the right one again with \
             `pip install --no-deps -e`, or remove the others",
            folders.join(", ")
        ),
    }
}

/// A folder of old, and the same one now.
struct Move<'a> {
    from: &'a Path,
    to: &'a Path,
}

impl Move<'_> {
    /// Where a path below the old folder is now.
    fn of(&self, path: &str) -> Option<String> {
        let relative = Path::new(path).strip_prefix(self.from).ok()?;
        let new = match relative.as_os_str().is_empty() {
            true => self.to.to_path_buf(),
            false => self.to.join(relative),
        };
        new.into_os_string().into_string().ok().filter(|new| !new.contains(['\n', '\r', '\0']))
    }
}

fn relink(
    case: &Case<'_>,
    lost: &Lost<'_>,
    moved: &Move<'_>,
    project: &Path,
    plan: &Plan,
) -> Option<Step> {
    let distribution = lost.distribution;
    let direct_url = distribution.info.join("direct_url.json");
    // An egg-link is itself the metadata of the distribution.
    let own = [direct_url.clone(), egg_link(lost)];
    let files = lost.files.iter().chain(own.iter().filter(|file| !lost.files.contains(file)));
    let mut changes = Vec::new();
    for path in files {
        let written =
            changes.iter().any(|change: &Change| change.paths().contains(&path.as_path()));
        let Some(old) = record::content(plan, path).filter(|_| !written) else { continue };
        let text = String::from_utf8(old).ok()?;
        let name = path.file_name()?.to_str()?;
        let new = if *path == direct_url {
            with_url(&text, moved)
        } else if name.ends_with(".py") {
            with_literals(&text, moved)
        } else {
            with_lines(&text, moved)
        };
        if new != text {
            let content = Content::Bytes(new.into_bytes());
            changes.push(Change::Write { path: path.clone(), content, mode: None });
        }
    }
    // What leads to the project lies within the environment, or is not its own.
    let inside = changes.iter().flat_map(Change::paths).all(|path| path.starts_with(case.prefix()));
    let leads =
        |file: &PathBuf| changes.iter().any(|change| change.paths().contains(&file.as_path()));
    (inside && lost.files.iter().all(leads)).then(|| Step {
        action: Action::RelinkEditable,
        reasons: vec![Code::EditablePathStale],
        what: format!(
            "point the editable install of `{}` to `{}`",
            distribution.name,
            project.display()
        ),
        changes,
    })
}

/// `labsrc.egg-link` beside the `.pth` file, of `setup.py develop`.
fn egg_link(lost: &Lost<'_>) -> PathBuf {
    lost.distribution.site_packages().join(format!("{}.egg-link", lost.distribution.name))
}

/// Lines that are paths below the old folder; line ends and comments as they were.
fn with_lines(text: &str, moved: &Move<'_>) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let start = if line.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let path = line[start..].trim_end();
        match moved.of(path) {
            Some(new) => format!("{}{new}{}", &line[..start], &line[start + path.len()..]),
            None => line.to_owned(),
        }
    });
    lines.collect()
}

/// The literals of a finder's tables that are paths below the old folder.
fn with_literals(text: &str, moved: &Move<'_>) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let Some(literal) = mapping_line(line, &["MAPPING", "NAMESPACES"]) else {
            return line.to_owned();
        };
        let mut new = line[..line.len() - literal.len()].to_owned();
        let mut rest = literal;
        while let Some((string, span)) = next_string(rest) {
            new.push_str(&rest[..span.start]);
            match moved.of(&string) {
                Some(path) => new.push_str(&repr(&path)),
                None => new.push_str(&rest[span.clone()]),
            }
            rest = &rest[span.end..];
        }
        new + rest
    });
    lines.collect()
}

/// A string as Python writes it.
fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut literal = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\t' => literal.push_str("\\t"),
            _ if character == quote => literal.extend(['\\', quote]),
            _ => literal.push(character),
        }
    }
    literal.push(quote);
    literal
}

/// The URL of `direct_url.json`, every other byte as it was.
fn with_url(text: &str, moved: &Move<'_>) -> String {
    let url = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("url")?.as_str().map(str::to_owned));
    let Some(url) = url else { return text.to_owned() };
    let old =
        direct_url::path_of_url(&url).and_then(|path| path.into_os_string().into_string().ok());
    let Some(new) = old.and_then(|path| moved.of(&path)) else { return text.to_owned() };
    // A fragment or query of the old one is about what is in the folder.
    let rest = url.find(['?', '#']).map_or("", |at| &url[at..]);
    text.replacen(&format!("\"{url}\""), &format!("\"{}{rest}\"", direct_url::url_of_path(&new)), 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fabricated::{Broken, SCRIPTS, SITE};
    use super::*;
    use crate::host::Platform;
    use crate::system::rooted;

    const PYPROJECT: &str = "[project]\nname = \"labsrc\"\n";

    fn url(folder: &Path) -> String {
        let url = direct_url::url_of_path(folder.to_str().unwrap());
        format!("{{\"dir_info\": {{\"editable\": true}}, \"url\": \"{url}\"}}")
    }

    fn project(folder: &Path) {
        std::fs::create_dir_all(folder.join("src")).unwrap();
        std::fs::write(folder.join("pyproject.toml"), PYPROJECT).unwrap();
    }

    /// An editable install of `proj/libs/labsrc`, which is not there.
    fn broken() -> (Broken, PathBuf, PathBuf) {
        let broken = Broken::new();
        let home = broken.prefix.parent().unwrap().to_path_buf();
        let old = home.join("libs/labsrc");
        let pth = format!("# mine\r\n{}\r\n# /other\n", old.join("src").display());
        let finder = format!(
            "MAPPING: dict[str, str] = {{'labsrc': {}}}\nX = '/y'\n",
            repr(old.join("src").to_str().unwrap())
        );
        broken.install(
            "labsrc",
            &[
                ("__editable__.labsrc-1.0.pth", pth.as_bytes()),
                ("__editable___labsrc_1_0_finder.py", finder.as_bytes()),
                ("labsrc-1.0.dist-info/direct_url.json", url(&old).as_bytes()),
            ],
        );
        (broken, old, home)
    }

    #[test]
    fn leads_to_where_the_project_is() {
        let (broken, _, home) = broken();
        // Windows has no quotes in names.
        let quote = if Platform::CURRENT == Platform::Windows { "" } else { "\"" };
        let now = home.join(format!("it's a {quote}new{quote} pl\u{e4}ce%"));
        project(&now);
        assert!(broken.has(Code::EditablePathStale));
        let plan = broken.repair(plan);
        assert_eq!(plan.steps.len(), 1, "{plan:#?}");
        assert_eq!(plan.unsolved, []);
        let site = SITE;
        let src = now.join("src");
        assert_eq!(
            broken.read(&format!("{site}/__editable__.labsrc-1.0.pth")),
            format!("# mine\r\n{}\r\n# /other\n", src.display())
        );
        assert_eq!(
            broken.read(&format!("{site}/__editable___labsrc_1_0_finder.py")),
            format!(
                "MAPPING: dict[str, str] = {{'labsrc': {}}}\nX = '/y'\n",
                repr(src.to_str().unwrap())
            )
        );
        let json = broken.read(&format!("{site}/labsrc-1.0.dist-info/direct_url.json"));
        assert_eq!(direct_url::editable(json.as_bytes()), Some(now));
        broken.case(|case| {
            assert_eq!(
                case.findings.iter().find(|found| {
                    !matches!(found.code, Code::PthPathMissing | Code::Lib64LinkMissing)
                        && !found.code.as_str().starts_with("interpreter")
                        && !found.code.as_str().starts_with("base")
                        && !found.code.as_str().starts_with("pyvenv")
                }),
                None
            )
        });
        assert_eq!(broken.plan(super::plan), Plan::default());
    }

    #[test]
    fn two_candidates_are_a_choice_of_the_user() {
        let (broken, _, home) = broken();
        let (a, b) = (home.join("a"), home.join("b"));
        project(&a);
        project(&b);
        let plan = broken.plan(plan);
        assert_eq!(plan.steps, []);
        let [unsolved] = plan.unsolved.as_slice() else { panic!("{plan:?}") };
        for folder in [a, b] {
            assert!(unsolved.hint.contains(folder.to_str().unwrap()), "{}", unsolved.hint);
        }
    }

    #[test]
    fn develop_installs() {
        let broken = Broken::new();
        let home = broken.prefix.parent().unwrap().to_path_buf();
        let old = home.join("libs").join("labsrc");
        let site = SITE;
        let easy = format!("{}\n/other/path\n", old.display());
        broken.write(&format!("{site}/easy-install.pth"), &easy);
        broken.write(&format!("{site}/labsrc.egg-link"), format!("{}\n.", old.display()));
        let now = home.join("moved").join("labsrc");
        project(&now);
        std::fs::create_dir_all(now.join("labsrc.egg-info")).unwrap();
        std::fs::write(now.join("labsrc.egg-info/PKG-INFO"), "Name: labsrc\nVersion: 1.0\n")
            .unwrap();
        let plan = broken.repair(plan);
        if plan.steps.is_empty() {
            // Without metadata of its own nothing says whose path it is.
            assert!(!broken.has(Code::EditablePathStale));
            return;
        }
        assert_eq!(
            broken.read(&format!("{site}/easy-install.pth")),
            format!("{}\n/other/path\n", now.display())
        );
        assert_eq!(
            broken.read(&format!("{site}/labsrc.egg-link")),
            format!("{}\n.", now.display())
        );
    }

    #[test]
    fn what_moved_along() {
        let broken = Broken::new();
        let home = broken.prefix.parent().unwrap().to_path_buf();
        let was = rooted("/was/elsewhere");
        broken.write(&format!("{SCRIPTS}/activate"), format!("VIRTUAL_ENV=\"{was}/.venv\"\n"));
        let pth = format!("{was}/src\n");
        broken.install(
            "labsrc",
            &[
                ("labsrc.pth", pth.as_bytes()),
                ("labsrc-1.0.dist-info/direct_url.json", url(Path::new(&was)).as_bytes()),
            ],
        );
        std::fs::create_dir_all(home.join("src")).unwrap();
        let plan = broken.repair(plan);
        assert_eq!(plan.steps.len(), 1, "{plan:#?}");
        assert_eq!(
            broken.read(&format!("{SITE}/labsrc.pth")),
            format!("{}\n", home.join("src").display())
        );
    }

    proptest! {
        #[test]
        fn literals_are_read_as_written(path in "/[a-z '\"\\\\é]{0,20}") {
            let text = repr(&path);
            prop_assert_eq!(next_string(&text), Some((path, 0..text.len())));
        }

        // Not on Windows: the texts hold Unix's paths.
        #[cfg(unix)]
        #[test]
        fn there_and_back(name in "[a-zé '\"]{1,9}", text in "(/old|/other|#|x|\n|\r\n|'|, ){0,12}") {
            let new = PathBuf::from(rooted(&format!("/n/{name}x")));
            let (old, new) = (Path::new("/old"), new.as_path());
            let there = Move { from: old, to: new };
            let back = Move { from: new, to: old };
            prop_assert_eq!(with_lines(&with_lines(&text, &there), &back), text.clone());
            let finder = format!("MAPPING = {{'a': '/old', 'b': '/x'}}\n{text}");
            prop_assert_eq!(with_literals(&with_literals(&finder, &there), &back), finder);
        }
    }
}
