//! `.pth` files of site-packages, as CPython's `site` module reads them at every start: each line is a
//! comment, a path to add to `sys.path`, or, when it starts with `import`, code to run.
//!
//! ```text
//! # editable install
//! /home/alice/project/src
//! import _virtualenv
//! ```

use super::python_source::{self, Imports, Source};

/// The largest seen lists some hundreds of paths.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// The content of a `.pth` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pth {
    /// What is not a comment and not blank, in order.
    pub lines: Vec<PthLine>,
    /// Why the bytes are no text, as the end of a sentence that starts with the file's name.
    pub defect: Option<&'static str>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PthLine {
    /// A path, absolute or relative to the folder of the file.
    Path(String),
    /// Code: the modules that it imports for certain, and what cannot be compiled about it.
    Code {
        /// Dotted names, in order.
        imports: Vec<String>,
        /// "ends within a string", ...
        defect: Option<String>,
    },
}

/// Reads the bytes of a `.pth` file.
pub fn parse(bytes: &[u8]) -> Pth {
    if bytes.contains(&0) {
        return Pth { lines: Vec::new(), defect: Some("holds NULs") };
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Pth { lines: Vec::new(), defect: Some("is not UTF-8") };
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| match line.starts_with("import ") || line.starts_with("import\t") {
            true => code(line),
            false => PthLine::Path(line.trim_end().to_owned()),
        })
        .collect();
    Pth { lines, defect: None }
}

fn code(line: &str) -> PthLine {
    let source = Source::read(line);
    let mut defect = source.ends_within.map(|what| format!("ends within {what}"));
    let mut imports = Vec::new();
    if is_switched_off(line) {
        return PthLine::Code { imports, defect };
    }
    for statement in source.lines.iter().flat_map(|line| &line.statements) {
        // From here on modules may come from places that only running it would tell.
        if changes_search(statement) {
            break;
        }
        match python_source::imports(statement) {
            Imports::Named(names) => imports.extend(names),
            Imports::Unknown => {}
            Imports::Invalid => {
                defect.get_or_insert_with(|| format!("cannot be compiled: `{statement}`"));
            }
        }
    }
    PthLine::Code { imports, defect }
}

/// Whether modules may be found in other places after the statement than before. Also used of
/// `sitecustomize`.
pub(super) fn changes_search(statement: &str) -> bool {
    [
        "addsitedir",
        "meta_path",
        "path_hooks",
        "sys.path.",
        "sys.path[",
        "sys.path =",
        "sys.path=",
        "sys.path +=",
    ]
    .iter()
    .any(|change| statement.contains(change))
}

/// `os.environ.get(var, 'stdlib') == 'local'`: off unless a variable turns it on, as old versions of
/// setuptools have it.
fn is_switched_off(line: &str) -> bool {
    line.split_once("environ.get(").is_some_and(|(_, rest)| {
        let mut words = rest.split('\'');
        let literals = [words.nth(1), words.nth(1)];
        rest.contains(" == ")
            && matches!(literals, [Some(default), Some(wanted)] if default != wanted)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<PthLine> {
        parse(text.as_bytes()).lines
    }

    #[test]
    fn reads_what_site_reads() {
        let path = |text: &str| PthLine::Path(text.to_owned());
        let code = |names: &[&str]| PthLine::Code {
            imports: names.iter().map(|name| (*name).to_owned()).collect(),
            defect: None,
        };
        let check = |text: &str, expected: &[PthLine]| assert_eq!(lines(text), expected, "{text}");
        check("# c\n\n/a b \r\n./c\n", &[path("/a b"), path("./c")]);
        check("\u{feff}/a\n", &[path("/a")]);
        check("import _virtualenv", &[code(&["_virtualenv"])]);
        check(" import x", &[path(" import x")]);
        check(
            "import __editable___a_finder; __editable___a_finder.install()",
            &[code(&["__editable___a_finder"])],
        );
        check(
            "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; \
             enabled = os.environ.get(var, 'local') == 'local'; \
             enabled and __import__('_distutils_hack').add_shim(); ",
            &[code(&["os", "_distutils_hack"])],
        );
        check(
            "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; \
             enabled = os.environ.get(var, 'stdlib') == 'local'; \
             enabled and __import__('_distutils_hack').add_shim(); ",
            &[code(&[])],
        );
        check(
            "import os, sys;exec('try:\\n import gone\\nexcept ImportError: pass')",
            &[code(&["os", "sys"])],
        );
        check(
            "import sys; sys.__plen = len(sys.path)\n./a.egg\nimport sys; new=sys.path[sys.__plen:]; \
             del sys.path[sys.__plen:]; import gone",
            &[code(&["sys"]), path("./a.egg"), code(&["sys"])],
        );
        check(
            "import sys, types, os;has_mfs = sys.version_info > (3, 5);\
             p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('google',));\
             importlib = has_mfs and __import__('importlib.util');\
             has_mfs and __import__('importlib.machinery');\
             m = has_mfs and sys.modules.setdefault('google', importlib.util.module_from_spec(1));\
             mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)",
            &[code(&["sys", "types", "os", "importlib.util", "importlib.machinery"])],
        );
    }

    #[test]
    fn names_defects() {
        assert_eq!(parse(b"/a\0\0").defect, Some("holds NULs"));
        assert_eq!(parse(b"\xff\xfei\0").defect, Some("holds NULs"));
        assert_eq!(parse(b"/caf\xe9\n").defect, Some("is not UTF-8"));
        let check = |text: &str, expected: &str| match lines(text).as_slice() {
            [PthLine::Code { defect, .. }] => assert_eq!(defect.as_deref(), Some(expected)),
            other => panic!("{other:?}"),
        };
        check("import os; var = 'SETUPTOOLS_USE_DIST", "ends within a string");
        check("import os; f(1, ", "ends within brackets");
        check("import a-b", "cannot be compiled: `import a-b`");
    }

    proptest! {
        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn survives_any_import(rest in "\\PC{0,80}") {
            let _ = parse(format!("import {rest}").as_bytes());
        }
    }
}
