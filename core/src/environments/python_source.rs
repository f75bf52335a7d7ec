//! As much of Python's syntax as it takes to see what a file imports when it starts: logical lines,
//! the statements in them, and the modules they name. It is no parser and accepts what it does not know.

/// A piece of source text, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Logical lines, in order, without comments and blank ones.
    pub lines: Vec<LogicalLine>,
    /// What the text ends in the middle of, if it does: "a string", "brackets".
    pub ends_within: Option<&'static str>,
}

/// One logical line: brackets and triple quotes join physical ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalLine {
    /// Whether it starts in the first column, outside of any block.
    pub outermost: bool,
    /// What `;` separates, trimmed.
    pub statements: Vec<String>,
}

impl Source {
    /// Takes a text apart. Linear in its length.
    pub fn read(text: &str) -> Source {
        Reader { rest: text, depth: 0, source: Source::default() }.read()
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Open brackets. Their kinds are not told apart.
    depth: usize,
    source: Source,
}

impl Reader<'_> {
    fn read(mut self) -> Source {
        while !self.rest.is_empty() && self.source.ends_within.is_none() {
            self.line();
        }
        if self.source.ends_within.is_none() && self.depth > 0 {
            self.source.ends_within = Some("brackets");
        }
        self.source
    }

    /// Reads one logical line.
    fn line(&mut self) {
        let outermost = !self.rest.starts_with([' ', '\t']);
        let mut statements = Vec::new();
        let mut statement = String::new();
        while let Some(c) = self.rest.chars().next() {
            match c {
                '\'' | '"' => {
                    let Some(length) = self.string(c) else {
                        self.source.ends_within = Some("a string");
                        break;
                    };
                    statement.push_str(&self.rest[..length]);
                    self.rest = &self.rest[length..];
                    continue;
                }
                '#' => {
                    self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
                    continue;
                }
                '\\' if self.rest[1..].starts_with('\n') => {
                    self.rest = &self.rest[2..];
                    continue;
                }
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                ';' if self.depth == 0 => {
                    statements.push(std::mem::take(&mut statement));
                    self.rest = &self.rest[1..];
                    continue;
                }
                '\n' if self.depth == 0 => {
                    self.rest = &self.rest[1..];
                    break;
                }
                _ => {}
            }
            statement.push(if c == '\n' { ' ' } else { c });
            self.rest = &self.rest[c.len_utf8()..];
        }
        statements.push(statement);
        let statements: Vec<String> = statements
            .iter()
            .map(|statement| statement.trim().to_owned())
            .filter(|statement| !statement.is_empty())
            .collect();
        if !statements.is_empty() {
            self.source.lines.push(LogicalLine { outermost, statements });
        }
    }

    /// The length of the string literal at the start of the rest, quotes included; `None` when it does
    /// not end.
    fn string(&self, quote: char) -> Option<usize> {
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let (start, end) = match self.rest.starts_with(triple) {
            true => (3, triple),
            false => (1, &triple[..1]),
        };
        let mut escaped = false;
        for (at, c) in self.rest[start..].char_indices().map(|(at, c)| (start + at, c)) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' if start == 1 => return None,
                _ if c == quote && self.rest[at..].starts_with(end) => return Some(at + start),
                _ => {}
            }
        }
        None
    }
}

/// The modules that a statement imports, by what it is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imports {
    /// `import a.b, c`, `from a import b`, `__import__('a')`: dotted names; none for other statements.
    Named(Vec<String>),
    /// It runs code that cannot be seen, or depends on something: `exec(...)`, `a in os.environ and ...`.
    Unknown,
    /// It starts with `import` and cannot be compiled.
    Invalid,
}

/// What decides at run time whether the rest of an expression runs.
const CONDITIONS: [&str; 8] = [
    "environ",
    "getenv",
    "version_info",
    "sys.platform",
    "os.name",
    "find_spec",
    "sys.modules",
    "hasattr",
];

/// What one statement imports.
pub fn imports(statement: &str) -> Imports {
    if let Some(names) = keyword(statement, "import") {
        return names
            .split(',')
            .map(imported_name)
            .collect::<Option<_>>()
            .map_or(Imports::Invalid, Imports::Named);
    }
    if let Some(rest) = keyword(statement, "from") {
        let module = rest.split_ascii_whitespace().next().unwrap_or_default();
        // `from . import x` cannot fail for want of a distribution.
        if module.starts_with('.') {
            return Imports::Named(Vec::new());
        }
        return match is_dotted_name(module) {
            true => Imports::Named(vec![module.to_owned()]),
            false => Imports::Invalid,
        };
    }
    if ["exec(", "eval(", "compile("].iter().any(|call| statement.contains(call)) {
        return Imports::Unknown;
    }
    called_imports(statement)
}

/// The rest of a statement that starts with this keyword.
fn keyword<'a>(statement: &'a str, word: &str) -> Option<&'a str> {
    let rest = statement.strip_prefix(word)?;
    rest.starts_with([' ', '\t']).then(|| rest.trim())
}

/// `a.b` of `a.b as c`.
fn imported_name(clause: &str) -> Option<String> {
    let mut words = clause.split_ascii_whitespace();
    let name = words.next()?;
    let rest = [words.next(), words.next(), words.next()];
    let complete = matches!(rest, [None, None, None] | [Some("as"), Some(_), None]);
    (complete && is_dotted_name(name)).then(|| name.to_owned())
}

fn is_dotted_name(name: &str) -> bool {
    name.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// `__import__('a')` and `importlib.import_module("a")` inside an expression.
fn called_imports(statement: &str) -> Imports {
    let mut names = Vec::new();
    for call in ["__import__(", "import_module("] {
        for (at, _) in statement.match_indices(call) {
            let argument = statement[at + call.len()..].trim_start();
            let name = ['\'', '"'].iter().find_map(|quote| {
                argument.strip_prefix(*quote)?.split_once(*quote).map(|(name, _)| name)
            });
            match name {
                Some(name) if is_dotted_name(name) => names.push(name.to_owned()),
                _ => return Imports::Unknown,
            }
        }
    }
    if !names.is_empty() && CONDITIONS.iter().any(|condition| statement.contains(condition)) {
        return Imports::Unknown;
    }
    Imports::Named(names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_text_apart() {
        let check = |text: &str, expected: &[(bool, &[&str])], ends_within: Option<&str>| {
            let source = Source::read(text);
            let lines: Vec<(bool, Vec<&str>)> = source
                .lines
                .iter()
                .map(|line| (line.outermost, line.statements.iter().map(String::as_str).collect()))
                .collect();
            let expected: Vec<_> =
                expected.iter().map(|(outer, texts)| (*outer, texts.to_vec())).collect();
            assert_eq!((lines, source.ends_within), (expected, ends_within), "{text}");
        };
        check("import a; b = 1;\n", &[(true, &["import a", "b = 1"])], None);
        check("# c\n\ntry:\n    import a\n", &[(true, &["try:"]), (false, &["import a"])], None);
        check("a = ';#' # x\n", &[(true, &["a = ';#'"])], None);
        check("f(1,\n  2)\nb\n", &[(true, &["f(1,   2)"]), (true, &["b"])], None);
        check("'''x\nimport y\n'''\nz", &[(true, &["'''x\nimport y\n'''"]), (true, &["z"])], None);
        check("a = \\\n  1\r\nb", &[(true, &["a =   1"]), (true, &["b"])], None);
        check("import os; v = 'SETUP", &[(true, &["import os", "v ="])], Some("a string"));
        check("x = \"\"\"abc\n\nd", &[(true, &["x ="])], Some("a string"));
        check("x = f(1,\n 2", &[(true, &["x = f(1,  2"])], Some("brackets"));
        check(r"a = 'it\'s'; b", &[(true, &[r"a = 'it\'s'", "b"])], None);
    }

    #[test]
    fn names_what_is_imported() {
        let check = |statement: &str, expected: &[&str]| {
            let expected = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(imports(statement), Imports::Named(expected), "{statement}");
        };
        check("import a", &["a"]);
        check("import a.b as c, d", &["a.b", "d"]);
        check("from a.b import c", &["a.b"]);
        check("from . import c", &[]);
        check("enabled and __import__('_distutils_hack').add_shim()", &["_distutils_hack"]);
        check("m = importlib.import_module(\"a.b\")", &["a.b"]);
        check("important = 1", &[]);
        check("x.install()", &[]);
        let check = |statement: &str, expected: Imports| {
            assert_eq!(imports(statement), expected, "{statement}");
        };
        check("exec('try: import a\\nexcept ImportError: pass')", Imports::Unknown);
        check("'A' in os.environ and __import__('a')", Imports::Unknown);
        check("__import__('tomllib') if sys.version_info > (3, 11) else 0", Imports::Unknown);
        check("__import__(name)", Imports::Unknown);
        check("import a-b", Imports::Invalid);
        check("import a b", Imports::Invalid);
        check("import a,", Imports::Invalid);
    }

    proptest! {
        #[test]
        fn survives_any_text(text in "[a-z_'\"();#\\\\ \n\u{e9}\u{2028}\\[\\].]{0,200}|\\PC{0,200}") {
            for line in Source::read(&text).lines {
                for statement in line.statements {
                    let _ = imports(&statement);
                }
            }
        }
    }
}
