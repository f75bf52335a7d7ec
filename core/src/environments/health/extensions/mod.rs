//! Native extension modules that RECORDs list: for another ABI, for another machine, or no image.
//!
//! Names are judged before anything is opened, and of a file only its headers are read. Whether a
//! listed file is there at all is judged with the other files of its distribution, in `packages`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::distributions::{Distribution, Part, RecordedFile, Site};
use super::super::facts::{LinkEnd, Scheme};
use super::super::image::{self, Format};
use super::super::{Architecture, Problem, PythonTag};
use super::{Code, Finding, Report, Subject};
use crate::fs;
use crate::host::Platform;
use crate::system;

mod name;

use name::{Abi, ExtensionName, System};

/// More say nothing more.
const MAX_PATHS: usize = 20;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let Some(target) = Target::of(subject, report) else { return };
    let mut seen = HashSet::new();
    for site in &subject.installed.sites {
        let library = subject
            .facts
            .libraries
            .iter()
            .find(|library| library.site_packages.as_deref() == Some(site.folder.as_path()));
        // The packages in `lib/python3.11` were installed for 3.11, whatever `bin/python` is now.
        let tag = library.and_then(|library| library.tag).or(subject.facts.tag);
        let target = Target { tag, ..target };
        for distribution in &site.distributions {
            check_distribution(&target, site, distribution, &mut seen, report);
        }
    }
}

/// What an extension must be made for to be loaded here.
#[derive(Debug, Clone, Copy)]
struct Target {
    tag: Option<PythonTag>,
    system: System,
    /// `None` when it is not known, or when the interpreter itself is the wrong one.
    architecture: Option<Architecture>,
}

impl Target {
    /// `None` for an environment of another operating system: it has one finding, and that is enough.
    fn of(subject: &Subject<'_>, report: &Report) -> Option<Target> {
        let (system, scheme, format) = match subject.host.platform {
            Platform::Linux => (System::Linux, Scheme::Posix, Format::Elf),
            Platform::MacOs => (System::MacOs, Scheme::Posix, Format::MachO),
            Platform::Windows => (System::Windows, Scheme::Windows, Format::Pe),
        };
        let reported = |code| report.findings.iter().any(|finding| finding.code == code);
        let foreign_interpreter = subject.facts.interpreters.iter().any(|interpreter| {
            matches!(&interpreter.end, LinkEnd::File { image: Ok(image), .. }
                if image.format != format && image.format != Format::Script)
        });
        if subject.facts.scheme != scheme || foreign_interpreter || reported(Code::ForeignPlatform)
        {
            return None;
        }
        let architecture = subject
            .environment
            .architecture
            .filter(|known| *known != Architecture::Universal)
            .filter(|_| !reported(Code::InterpreterWrongArch));
        Some(Target { tag: subject.facts.tag, system, architecture })
    }
}

/// The defective files of one distribution, with what is wrong with the first of each kind.
#[derive(Debug, Default)]
struct Defects {
    corrupt: Vec<(PathBuf, String)>,
    foreign_abi: Vec<(PathBuf, String)>,
    foreign_machine: Vec<(PathBuf, String)>,
}

fn check_distribution(
    target: &Target,
    site: &Site,
    distribution: &Distribution,
    seen: &mut HashSet<PathBuf>,
    report: &mut Report,
) {
    let Part::Read(record) = &distribution.record else { return };
    let natives: Vec<Native<'_>> = record.natives().filter_map(Native::of).collect();
    if natives.is_empty() {
        return;
    }
    let mut defects = Defects::default();
    // Wheels that promise to run anywhere ship libraries for several Pythons and machines.
    let anywhere = distribution
        .wheel
        .as_ref()
        .is_some_and(|wheel| wheel.pure || wheel.tags.iter().any(|tag| tag.ends_with("-none-any")));
    let mut undecided = Vec::new();
    let mut machine_found = false;
    for native in &natives {
        let path = site.folder.join(&native.file.path);
        // Two `.dist-info` of one distribution list the same files.
        if !seen.insert(path.clone()) {
            continue;
        }
        let by_name = if anywhere { None } else { judge_name(target, native, &natives) };
        match by_name {
            // `packages` says what is gone.
            Some(_) if !fs::is_file(&path) || has_unrecorded_twin(target, native, &path) => {}
            Some(Foreign::Abi(why)) => defects.foreign_abi.push((path, why)),
            Some(Foreign::Machine(why)) => defects.foreign_machine.push((path, why)),
            None => match open(native, &path) {
                Opened::Corrupt(why) => defects.corrupt.push((path, why)),
                Opened::Image(image) if !anywhere => match judge_image(target, &image) {
                    Some(why) if native.is_module() => defects.foreign_machine.push((path, why)),
                    Some(why) => undecided.push((path, why)),
                    None => machine_found = true,
                },
                Opened::InUse => {
                    let path = system::native(path);
                    report.problems.push(Problem::new(path, "cannot be read: it is in use"));
                }
                Opened::Image(_) | Opened::NotJudged => {}
            },
        }
    }
    // A library without a tag may be meant for another machine: debuggers carry some to inject. It
    // is wrong only when nothing in its distribution is right.
    if !machine_found && defects.foreign_machine.is_empty() {
        defects.foreign_machine = undecided;
    }
    defects.report(distribution, report);
}

impl Defects {
    fn report(self, distribution: &Distribution, report: &mut Report) {
        let (name, version) = (&distribution.name, &distribution.version);
        for (code, files) in [
            (Code::ExtensionAbiMismatch, self.foreign_abi),
            (Code::ExtensionWrongArch, self.foreign_machine),
            (Code::ExtensionCorrupt, self.corrupt),
        ] {
            let Some((first, why)) = files.first() else { continue };
            let file = first.file_name().unwrap_or_default().display();
            let more = match files.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            let message = format!("`{name}` {version}: `{file}` {why}{more}");
            let paths = files.into_iter().map(|(path, _)| path).take(MAX_PATHS);
            report.findings.push(
                Finding::new(code, message, paths).reinstalling([format!("{name}=={version}")]),
            );
        }
    }
}

/// One native file of a RECORD.
#[derive(Debug)]
struct Native<'a> {
    file: &'a RecordedFile,
    /// The folder, `/`-separated, as RECORD has it.
    folder: &'a str,
    name: ExtensionName<'a>,
}

impl<'a> Native<'a> {
    fn of(file: &'a RecordedFile) -> Option<Native<'a>> {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let name = ExtensionName::parse(name)?;
        Some(Native { file, folder, name })
    }

    /// Whether it is made to be imported: its name carries a tag. Others are loaded by others, or are
    /// extensions of which the name tells nothing.
    fn is_module(&self) -> bool {
        self.name.abi != Abi::Untagged
    }
}

/// Why a file is for another Python or machine, as the end of a sentence that starts with its name.
#[derive(Debug)]
enum Foreign {
    Abi(String),
    Machine(String),
}

fn judge_name(target: &Target, native: &Native<'_>, all: &[Native<'_>]) -> Option<Foreign> {
    let foreign = judge_tag(target, &native.name)?;
    let has_matching_twin = all.iter().any(|other| {
        other.folder == native.folder
            && other.name.stem == native.name.stem
            && judge_tag(target, &other.name).is_none()
    });
    (!has_matching_twin).then_some(foreign)
}

/// Whether a file that this RECORD does not list lets the same module be imported, such as what another
/// version of the distribution left.
fn has_unrecorded_twin(target: &Target, native: &Native<'_>, path: &Path) -> bool {
    let entries = path.parent().and_then(|folder| fs::list_unsorted(folder).ok());
    entries.unwrap_or_default().iter().any(|entry| {
        let name = entry.name.to_str().and_then(ExtensionName::parse);
        name.is_some_and(|name| name.stem == native.name.stem && judge_tag(target, &name).is_none())
    })
}

fn judge_tag(target: &Target, name: &ExtensionName<'_>) -> Option<Foreign> {
    if let Some(tag) = target.tag {
        let here = tag.xy();
        match name.abi {
            Abi::Exact(made_for) if !made_for.loads_in(tag) => {
                return Some(Foreign::Abi(format!(
                    "is for {made_for}, this environment is {here}"
                )));
            }
            Abi::Stable if tag.free_threaded => {
                return Some(Foreign::Abi(format!(
                    "uses the stable ABI, which a free-threaded Python ({here}) cannot load"
                )));
            }
            _ => {}
        }
    }
    if let Some(system) = name.system.filter(|system| *system != target.system) {
        return Some(Foreign::Machine(format!(
            "is for {system}, this environment is for {}",
            target.system
        )));
    }
    let (made_for, here) = (name.architecture?, target.architecture?);
    (made_for != here)
        .then(|| Foreign::Machine(format!("is for {made_for}, this environment is {here}")))
}

/// Why an image cannot be loaded here.
fn judge_image(target: &Target, image: &image::Image) -> Option<String> {
    let system = match image.format {
        Format::Elf => System::Linux,
        Format::Pe => System::Windows,
        Format::MachO => System::MacOs,
        Format::Script | Format::Unread => return None,
    };
    if system != target.system {
        return Some(format!("is for {system}, this environment is for {}", target.system));
    }
    let (built_for, here) = (image.architecture?, target.architecture?);
    (built_for != here && built_for != Architecture::Universal)
        .then(|| format!("is built for {built_for}, this environment is {here}"))
}

/// What opening a file gave.
enum Opened {
    Image(image::Image),
    /// Why it is no loadable image.
    Corrupt(String),
    /// Another program keeps it to itself.
    InUse,
    /// Gone, not readable for this user, or as its publisher made it.
    NotJudged,
}

fn open(native: &Native<'_>, path: &Path) -> Opened {
    let (mut file, metadata) = match fs::open(path) {
        Ok(opened) => opened,
        Err(fs::ReadError::NotAFile { what, .. }) => {
            return Opened::Corrupt(format!("is {what}, not a regular file"));
        }
        Err(error) if error.is_in_use() => return Opened::InUse,
        // `packages` says what is gone and `rights` what may not be read.
        Err(_) => return Opened::NotJudged,
    };
    let reason = match image::read_from(&mut file) {
        Ok(image) if image.format == Format::Script => "is a script".to_owned(),
        Ok(image) => return Opened::Image(image),
        Err(reason) => reason,
    };
    // What no interpreter imports may be anything: linker scripts, test data. It counts as damaged
    // only when it is not what was installed.
    let as_installed = native.file.bytes == Some(metadata.len()) && !reason.contains("NUL");
    if image::is_linker_script(&mut file)
        || (!native.is_module() && as_installed && !reason.contains("Git LFS"))
    {
        return Opened::NotJudged;
    }
    Opened::Corrupt(reason)
}

#[cfg(test)]
mod tests;
