//! What runs at every start of the interpreter: code in `.pth` files, `sitecustomize`, `usercustomize`.
//!
//! Only imports that run for certain are judged, and only by whether their module can be found. Paths
//! in `.pth` files that do not exist have no effect; they are noted with the editable installs.

use std::path::Path;

use super::super::distributions::{Distribution, Installed, Part, Site};
use super::super::pth::{self, PthLine};
use super::super::python_source::{self, Imports, Source};
use super::{Code, Finding, Report, Subject};
use crate::fs::{self, Kind, ReadError};

mod modules;

use modules::{Modules, includes_system_packages};

/// Longer ones are not written by hand, and are not read.
const MAX_HOOK_BYTES: u64 = 1024 * 1024;

/// What the interpreter imports at start, if it is there.
const HOOKS: [&str; 2] = ["sitecustomize.py", "usercustomize.py"];

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let modules = Modules::of(subject);
    for site in &subject.installed.sites {
        check_pth_files(subject, site, &modules, report);
        // Hardly any folder has one: the listing knows, at no cost.
        if HOOKS.iter().any(|hook| site.has(hook)) {
            for hook in hooks(subject).into_iter().filter(|hook| site.has(hook)) {
                check_hook(&site.folder.join(hook), &modules, report);
            }
        }
    }
    // An installation of its own may have them in its standard library too.
    for library in subject.facts.libraries.iter().filter(|library| library.stdlib) {
        for hook in hooks(subject) {
            check_hook(&library.folder.join(hook), &modules, report);
        }
    }
}

fn check_pth_files(subject: &Subject<'_>, site: &Site, modules: &Modules<'_>, report: &mut Report) {
    let files = site.entries.iter().filter(|entry| entry.kind != Kind::Folder);
    for name in files.filter_map(|entry| entry.name.to_str()) {
        // Python skips hidden ones.
        if !name.ends_with(".pth") || name.starts_with('.') {
            continue;
        }
        let path = site.folder.join(name);
        let Some(why) = pth_defect(&path, modules) else { continue };
        let mut finding = Finding::new(Code::PthBroken, format!("`{name}` {why}"), [path]);
        if let Some(owner) = owner_of(subject.installed, name) {
            finding = finding.reinstalling([format!("{}=={}", owner.name, owner.version)]);
        }
        report.findings.push(finding);
    }
}

/// Why a `.pth` file cannot run, as the end of a sentence that starts with its name.
fn pth_defect(path: &Path, modules: &Modules<'_>) -> Option<String> {
    let bytes = match fs::read(path, pth::MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error @ ReadError::TooLarge { .. }) => return Some(too_large(&error)),
        // It waits for a fifo, and reads `/dev/zero` until memory ends.
        Err(ReadError::NotAFile { what: what @ ("a fifo" | "a device"), .. }) => {
            return Some(format!("is {what}, and Python reads it at every start"));
        }
        // Python goes on when it cannot open one.
        Err(_) => return None,
    };
    let pth = pth::parse(&bytes);
    if let Some(defect) = pth.defect {
        return Some(format!("{defect}: Python cannot read it at start"));
    }
    pth.lines.iter().find_map(|line| match line {
        PthLine::Path(_) => None,
        PthLine::Code { defect: Some(defect), .. } => Some(defect.clone()),
        PthLine::Code { imports, .. } => {
            imports.iter().find(|module| !modules.has(module)).map(|module| {
                format!("imports `{module}` at every start, and there is no such module")
            })
        }
    })
}

fn too_large(error: &ReadError) -> String {
    match error {
        ReadError::TooLarge { bytes, .. } => {
            format!("holds {bytes} bytes, which no such file does")
        }
        other => other.to_string(),
    }
}

/// The distribution that installed a file of site-packages.
fn owner_of<'i>(installed: &'i Installed, name: &str) -> Option<&'i Distribution> {
    let mut distributions = installed.sites.iter().flat_map(|site| &site.distributions);
    distributions.find(|distribution| {
        matches!(&distribution.record, Part::Read(record)
            if record.files.iter().any(|file| file.path == name))
    })
}

/// The hooks that this environment's interpreter imports from its own folders.
fn hooks(subject: &Subject<'_>) -> Vec<&'static str> {
    let is_virtual = subject.environment.is_virtual();
    let mut hooks = Vec::new();
    // The base's own comes first on the path, and hides one in site-packages.
    let base_hook = subject.facts.stdlib.as_ref().map(|stdlib| stdlib.join("sitecustomize.py"));
    if !is_virtual || !base_hook.is_some_and(|path| fs::is_file(&path)) {
        hooks.push("sitecustomize.py");
    }
    // A virtual environment of its own packages only has user packages switched off, and this hook.
    if !is_virtual || includes_system_packages(subject.facts) {
        hooks.push("usercustomize.py");
    }
    hooks
}

fn check_hook(path: &Path, modules: &Modules<'_>, report: &mut Report) {
    let why = match fs::read(path, MAX_HOOK_BYTES) {
        Ok(bytes) => hook_defect(&bytes, modules),
        Err(error @ ReadError::TooLarge { .. }) => Some(too_large(&error)),
        Err(_) => None,
    };
    if let Some(why) = why {
        let name = path.file_name().unwrap_or_default().display();
        report.add(Code::SitecustomizeBroken, format!("`{name}` {why}"), [path.to_path_buf()]);
    }
}

/// Why a hook cannot be imported, as the end of a sentence that starts with its name.
fn hook_defect(bytes: &[u8], modules: &Modules<'_>) -> Option<String> {
    if bytes.contains(&0) {
        return Some("holds NULs: Python cannot compile it".to_owned());
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (!declares_encoding(bytes))
            .then(|| "is not UTF-8, and names no encoding".to_owned());
    };
    let source = Source::read(text.strip_prefix('\u{feff}').unwrap_or(text));
    if let Some(what) = source.ends_within {
        return Some(format!("ends within {what}: the rest of it is gone"));
    }
    if source
        .lines
        .last()
        .and_then(|line| line.statements.last())
        .is_some_and(|last| opens_block(last))
    {
        return Some("ends where a block should follow: the rest of it is gone".to_owned());
    }
    for statement in
        source.lines.iter().filter(|line| line.outermost).flat_map(|line| &line.statements)
    {
        if pth::changes_search(statement) {
            return None;
        }
        let Imports::Named(names) = python_source::imports(statement) else { continue };
        if let Some(module) = names.iter().find(|module| !modules.has(module)) {
            return Some(format!("imports `{module}`, and there is no such module"));
        }
    }
    None
}

/// PEP 263: `# -*- coding: latin-1 -*-` in one of the first two lines.
fn declares_encoding(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == b'\n')
        .take(2)
        .any(|line| line.starts_with(b"#") && memchr::memmem::find(line, b"coding").is_some())
}

/// `try:`, `def f(x):`
fn opens_block(statement: &str) -> bool {
    let keywords = [
        "try", "if", "else", "elif", "for", "while", "def", "class", "with", "except", "finally",
        "async",
    ];
    statement.ends_with(':') && keywords.iter().any(|word| statement.starts_with(word))
}

#[cfg(test)]
mod tests;
