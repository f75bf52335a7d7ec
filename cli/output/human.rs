//! Text for people: a table of environments, blocks of findings, the meaning of a code.
//!
//! Nothing here is a contract: programs read JSON. Every text that may come from disk passes
//! [`text::shown`].

use std::io::{self, Write};

use aios_core::environments::inspection::{Inspected, Inspection};
use aios_core::{Code, Environment, Finding, Method, Problem, Severity, Status};
use anstyle::{AnsiColor, Style};

use super::text::{counted, probed_version, shown, shown_path, typed, width, wrapped};
use super::{Page, ProbeOutcome, Seen};

/// Findings of one code in one environment that are written out; the rest is counted.
const SHOWN_OF_ONE_CODE: usize = 3;
/// Distributions to install again that are named.
const SHOWN_DISTRIBUTIONS: usize = 6;
/// Problems that are written out.
const SHOWN_PROBLEMS: usize = 10;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

fn color_of(status: Status) -> Style {
    match status {
        Status::Healthy => AnsiColor::Green.on_default(),
        Status::Warning => AnsiColor::Yellow.on_default(),
        Status::Broken => AnsiColor::Red.on_default().bold(),
    }
}

fn color_of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Info => AnsiColor::Cyan.on_default(),
        Severity::Warning => color_of(Status::Warning),
        Severity::Error => color_of(Status::Broken),
    }
}

/// The table of `aios find`.
pub(super) fn find(out: &mut dyn Write, seen: &Seen, page: &Page) -> io::Result<()> {
    let rows: Vec<Row> = seen
        .inspection
        .environments
        .iter()
        .filter(|inspected| !page.quiet || !seen.is_fine(inspected))
        .map(|inspected| Row::new(inspected, page))
        .collect();
    let widest =
        |column: fn(&Row) -> &str| rows.iter().map(|row| width(column(row))).max().unwrap_or(0);
    let kind = widest(|row| row.kind).max("kind".len());
    let version = widest(|row| &row.version).max("version".len());
    if !rows.is_empty() && !page.quiet {
        writeln!(out, "{DIM}{:kind$}  {:version$}  status   path{DIM:#}", "kind", "version")?;
    }
    for row in &rows {
        let color = color_of(row.status);
        write!(out, "{:kind$}  {:version$}  ", row.kind, row.version)?;
        // The path stands last and is never cut, so that it can be copied.
        write!(out, "{color}{:7}{color:#}  {}", row.status, row.path)?;
        match &row.name {
            Some(name) => writeln!(out, "  {DIM}({name}){DIM:#}")?,
            None => writeln!(out)?,
        }
    }
    for inspected in &seen.inspection.environments {
        if let Some(outcome) = seen.probe_of(&inspected.environment)
            && (!page.quiet || !outcome.is_fine())
        {
            let path = shown_path(&inspected.environment.prefix, page.home.as_deref());
            writeln!(out, "{path}: {}", started(outcome, page))?;
        }
    }
    if page.quiet {
        return Ok(());
    }
    if !rows.is_empty() {
        writeln!(out)?;
    }
    problems(out, &seen.inspection.problems, page)?;
    summary(out, &seen.inspection)?;
    if seen.inspection.environments.iter().any(|inspected| inspected.status() != Status::Healthy) {
        writeln!(out, "`aios check` says why, and what to do")?;
    }
    Ok(())
}

/// One line of the table.
struct Row {
    kind: &'static str,
    version: String,
    status: Status,
    path: String,
    name: Option<String>,
}

impl Row {
    fn new(inspected: &Inspected, page: &Page) -> Row {
        let environment = &inspected.environment;
        Row {
            kind: environment.kind.as_str(),
            version: version(environment).unwrap_or_else(|| "-".to_owned()),
            status: inspected.status(),
            path: shown_path(&environment.prefix, page.home.as_deref()),
            name: telling_name(environment).map(shown),
        }
    }
}

/// `3.14.0t`; `pypy 3.10.14`.
fn version(environment: &Environment) -> Option<String> {
    use aios_core::environments::Implementation;
    let version = environment.version.as_ref()?;
    let prefix = match environment.implementation {
        Some(Implementation::CPython) | None => "",
        Some(Implementation::PyPy) => "pypy ",
        Some(Implementation::GraalPy) => "graalpy ",
    };
    Some(format!("{prefix}{version}{}", shown(&environment.abi_flags)))
}

/// The name, unless the path says the same.
fn telling_name(environment: &Environment) -> Option<&str> {
    let name = environment.name.as_deref()?;
    (environment.prefix.file_name() != Some(name.as_ref())).then_some(name)
}

/// The blocks of `aios check`: broken environments first, healthy ones only when named.
pub(super) fn check(out: &mut dyn Write, seen: &Seen, page: &Page) -> io::Result<()> {
    let environments = &seen.inspection.environments;
    for status in [Status::Broken, Status::Warning, Status::Healthy] {
        for inspected in environments.iter().filter(|one| one.status() == status) {
            let named = page.names(&inspected.environment);
            if !seen.is_fine(inspected) || (named && !page.quiet) {
                block(out, inspected, seen, named, page)?;
            }
        }
    }
    if page.quiet {
        return Ok(());
    }
    problems(out, &seen.inspection.problems, page)?;
    summary(out, &seen.inspection)?;
    repair_command(out, &seen.inspection, page)
}

/// Environments that the command for them names; with more it says `--all`.
const NAMED_IN_COMMAND: usize = 3;

/// What to type to have repaired what can be.
fn repair_command(out: &mut dyn Write, seen: &Inspection, page: &Page) -> io::Result<()> {
    let can_be = |finding: &&Finding| {
        finding.severity > Severity::Info && finding.repair.method != Method::None
    };
    let is_interrupted =
        |one: &&Inspected| one.findings.iter().any(|one| one.code == Code::RepairInterrupted);
    for one in seen.environments.iter().filter(is_interrupted) {
        let path = typed(&one.environment.prefix, page.home.as_deref());
        writeln!(out, "to go on with the repair that was interrupted, or to take it back:")?;
        writeln!(out, "    aios repair --resume {path}\n    aios repair --undo {path}")?;
    }
    let broken: Vec<&Environment> = seen
        .environments
        .iter()
        .filter(|one| one.environment.is_repairable() && one.findings.iter().any(|f| can_be(&f)))
        .filter(|one| !is_interrupted(one))
        .map(|one| &one.environment)
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> =
        broken.iter().map(|one| typed(&one.prefix, page.home.as_deref())).collect();
    let what = if broken.len() <= NAMED_IN_COMMAND { paths.join(" ") } else { "--all".to_owned() };
    writeln!(out, "to repair what can be, with a plan to look at first:")?;
    writeln!(out, "    aios repair {what}")
}

/// One environment and what is wrong with it.
fn block(
    out: &mut dyn Write,
    inspected: &Inspected,
    seen: &Seen,
    named: bool,
    page: &Page,
) -> io::Result<()> {
    let environment = &inspected.environment;
    let status = inspected.status();
    let color = color_of(status);
    let path = shown_path(&environment.prefix, page.home.as_deref());
    write!(out, "{color}{status}{color:#}  {BOLD}{path}{BOLD:#}")?;
    if let Some(name) = telling_name(environment) {
        write!(out, "  {DIM}({}){DIM:#}", shown(name))?;
    }
    writeln!(out)?;
    for line in wrapped(&described(environment, page), page.width.saturating_sub(4)) {
        writeln!(out, "    {DIM}{line}{DIM:#}")?;
    }
    if let Some(outcome) = seen.probe_of(environment) {
        paragraph(out, "", &started(outcome, page), page)?;
    }
    let groups = by_code(&inspected.findings);
    for group in &groups {
        // In a list of many environments, what is odd and fine is only named.
        if named || group[0].severity > Severity::Info {
            findings(out, group, named, page)?;
        }
    }
    let infos: Vec<String> = groups
        .iter()
        .filter(|group| !named && group[0].severity == Severity::Info)
        .map(|group| match group.len() {
            1 => group[0].code.to_string(),
            count => format!("{} ({count})", group[0].code),
        })
        .collect();
    if !infos.is_empty() {
        let color = color_of_severity(Severity::Info);
        writeln!(out, "  {color}info{color:#}  {}", infos.join(", "))?;
    }
    writeln!(out)
}

/// `uv-venv, Python 3.14.0t, made by uv 0.9.2, on ~/.local/share/uv/python/...`.
fn described(environment: &Environment, page: &Page) -> String {
    let mut parts = vec![environment.kind.to_string()];
    parts.push(match version(environment) {
        Some(version) => format!("Python {version}"),
        None => "version unknown".to_owned(),
    });
    if let Some(creator) = &environment.created_by
        && creator != environment.kind.as_str()
    {
        parts.push(format!("made by {}", shown(creator)));
    }
    if let Some(base) = environment.base_prefix.as_deref()
        && base != environment.prefix
    {
        parts.push(format!("on {}", shown_path(base, page.home.as_deref())));
    }
    parts.join(", ")
}

/// What came of starting the interpreter.
fn started(outcome: &ProbeOutcome, page: &Page) -> String {
    let (probed, differs) = match outcome {
        ProbeOutcome::Failed(error) => return format!("does not answer: {}", shown(error)),
        ProbeOutcome::Answered { differs, .. } if differs.is_empty() => {
            return "starts, and says what the files say".to_owned();
        }
        ProbeOutcome::Answered { probed, differs } => (probed, differs),
    };
    let said: Vec<String> = differs
        .iter()
        .map(|field| match *field {
            "version" => format!("version {}", probed_version(probed)),
            "prefix" => format!("prefix {}", shown_path(&probed.prefix, page.home.as_deref())),
            "base_prefix" => {
                format!("base {}", shown_path(&probed.base_prefix, page.home.as_deref()))
            }
            "implementation" => format!("implementation {}", shown(&probed.implementation)),
            _ => format!("ABI flags `{}`", shown(&probed.abi_flags)),
        })
        .collect();
    format!("starts, and contradicts the files: {}", said.join(", "))
}

/// Findings of one code together, in the order in which each code first appears.
fn by_code(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let same = |group: &&mut Vec<&Finding>| {
            group[0].code == finding.code && group[0].severity == finding.severity
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// All findings of one code: the evidence of each, then once what they cause and what to do.
fn findings(out: &mut dyn Write, group: &[&Finding], all: bool, page: &Page) -> io::Result<()> {
    let (code, severity) = (group[0].code, group[0].severity);
    let color = color_of_severity(severity);
    writeln!(out, "  {color}{severity}{color:#}  {BOLD}{code}{BOLD:#}")?;
    let written = if all { group.len() } else { SHOWN_OF_ONE_CODE };
    for finding in group.iter().take(written) {
        paragraph(out, "", &shown(&finding.message), page)?;
    }
    if group.len() > written {
        paragraph(out, "", &format!("and {} more", group.len() - written), page)?;
    }
    paragraph(out, "causes: ", code.effect(), page)?;
    let mut distributions: Vec<&str> = group
        .iter()
        .flat_map(|finding| &finding.repair.distributions)
        .map(String::as_str)
        .collect();
    distributions.sort_unstable();
    distributions.dedup();
    let remedy = match (distributions.as_slice(), group[0].repair.method) {
        ([], _) | (_, Method::None) => code.remedy().to_owned(),
        (distributions, _) => {
            format!("{}: {}", code.remedy(), shown(enumerated(distributions, all)))
        }
    };
    paragraph(out, "do: ", &remedy, page)
}

fn enumerated(items: &[&str], all: bool) -> String {
    let named = if all { items.len() } else { items.len().min(SHOWN_DISTRIBUTIONS) };
    let mut text = items[..named].join(", ");
    if items.len() > named {
        text.push_str(&format!(" and {} more", items.len() - named));
    }
    text
}

/// Indented and wrapped text, with the label before its first line.
fn paragraph(out: &mut dyn Write, label: &str, text: &str, page: &Page) -> io::Result<()> {
    const INDENT: usize = 4;
    let columns = page.width.saturating_sub(INDENT + label.len());
    for (number, line) in wrapped(text, columns).iter().enumerate() {
        let label = if number == 0 { label } else { &" ".repeat(label.len()) };
        writeln!(out, "    {DIM}{label}{DIM:#}{line}")?;
    }
    Ok(())
}

/// What could not be looked at, and an empty line.
fn problems(out: &mut dyn Write, problems: &[Problem], page: &Page) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "{BOLD}not looked at{BOLD:#}")?;
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        let path = shown_path(&problem.path, page.home.as_deref());
        writeln!(out, "  {path}: {}", shown(&problem.message))?;
    }
    if problems.len() > SHOWN_PROBLEMS {
        let rest = problems.len() - SHOWN_PROBLEMS;
        writeln!(out, "  and {rest} more; `--format json` has all of them")?;
    }
    writeln!(out)
}

/// `44 environments: 2 broken, 1 with warnings, 41 healthy`.
fn summary(out: &mut dyn Write, seen: &Inspection) -> io::Result<()> {
    let total = seen.environments.len();
    let with = |status| seen.environments.iter().filter(|one| one.status() == status).count();
    let parts: Vec<String> = [
        (with(Status::Broken), "broken", Status::Broken),
        (with(Status::Warning), "with warnings", Status::Warning),
        (with(Status::Healthy), "healthy", Status::Healthy),
    ]
    .iter()
    .filter(|(count, _, _)| *count > 0)
    .map(|(count, words, status)| {
        let color = color_of(*status);
        format!("{color}{count} {words}{color:#}")
    })
    .collect();
    if total == 0 {
        return writeln!(out, "no Python environment was found");
    }
    writeln!(out, "{}: {}", counted(total, "environment"), parts.join(", "))
}

/// What a code means, causes, and what to do.
pub(super) fn explain(out: &mut dyn Write, code: Code, page: &Page) -> io::Result<()> {
    let color = color_of_severity(code.severity());
    writeln!(out, "{color}{}{color:#}  {BOLD}{code}{BOLD:#}", code.severity())?;
    paragraph(out, "means: ", code.meaning(), page)?;
    paragraph(out, "causes: ", code.effect(), page)?;
    paragraph(out, "do: ", code.remedy(), page)?;
    let repair = match code.method() {
        Method::InPlace => "in place: the environment stays, offline, with all its packages",
        Method::Reinstall => "by installing the damaged distributions again, the same versions",
        Method::Recreate => "by a new environment with the same packages",
        Method::NeedsBasePython => "after the right Python is installed",
        Method::None => "nothing here can be repaired automatically",
    };
    paragraph(out, "repair: ", repair, page)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::output::sample;

    fn page(named: &[&str], quiet: bool) -> Page {
        Page {
            width: 80,
            home: Some(PathBuf::from("/home/u")),
            named: named.iter().map(PathBuf::from).collect(),
            quiet,
        }
    }

    fn plain(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn tables_and_blocks() {
        let machine = sample::machine();
        let all = page(&[], false);
        sample::golden("find.txt", &plain(|out| find(out, &machine, &all)));
        sample::golden("check.txt", &plain(|out| check(out, &machine, &all)));
        sample::golden("explain.txt", &plain(|out| explain(out, Code::EnvMoved, &all)));
    }

    #[test]
    fn what_is_named_is_shown_whole() {
        let named = page(&["/srv/odd", "/home/u/work/api/.venv"], false);
        let text = plain(|out| check(out, &sample::machine(), &named));
        let name = format!("healthy  ~{}zoo/a\\nb", std::path::MAIN_SEPARATOR);
        assert!(text.contains(&name), "{text}");
        assert!(text.contains("numpy/version.py"), "{text}");
        assert!(text.contains("info  lib64-link-missing\n    there is no `lib64`"), "{text}");
    }

    #[test]
    fn quiet_prints_only_what_is_not_healthy() {
        let machine = sample::machine();
        let quiet = page(&["/srv/odd"], true);
        let text = plain(|out| find(out, &machine, &quiet));
        assert_eq!(text.lines().count(), 2, "{text}");
        let text = plain(|out| check(out, &machine, &quiet));
        assert!(!text.contains("healthy") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn nothing_from_disk_reaches_the_terminal_raw() {
        let named = page(&["/srv/odd"], false);
        for write in [find, check] {
            let mut out = Vec::new();
            write(&mut out, &sample::machine(), &named).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains("a\\nb \\u{1b}[31mred"), "{text}");
        }
    }

    #[test]
    fn an_empty_machine() {
        let text = plain(|out| find(out, &Seen::default(), &page(&[], false)));
        assert_eq!(text, "no Python environment was found\n");
    }

    #[test]
    fn lines_fit_the_page() {
        let text = plain(|out| check(out, &sample::machine(), &page(&[], false)));
        for line in text.lines() {
            assert!(width(line) <= 80, "{line}");
        }
    }
}
