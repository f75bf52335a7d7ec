//! Mode bits against a user and groups.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::super::distributions::{Distribution, Part, Site};
use super::super::super::facts::{LinkEnd, Marker};
use super::super::{Code, Finding, Report, Severity, Subject};
use crate::fs::{self, Access, Kind, Seen};

/// More say nothing more.
const MAX_PATHS: usize = 20;

/// Below this depth one file speaks for its folder: whoever installs writes all with one mask.
const MAX_DEPTH_OF_EVERY_FILE: usize = 2;

const READ: u32 = 4;
const SEARCH: u32 = 1;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let Some(asker) = Asker::of(subject) else { return };
    let mut denied = Denied::default();
    check_outline(subject, &asker, &mut denied);
    for site in &subject.installed.sites {
        check_site(site, &asker, &mut denied);
    }
    denied.report(&asker, report);
}

/// On whose behalf files are judged.
#[derive(Debug)]
pub struct Asker {
    /// `None` is everybody but root.
    uid: Option<u32>,
    gids: Vec<u32>,
    /// Whether it is this process, so that trying gives the last word.
    is_self: bool,
}

impl Asker {
    /// Who asks; for root the owner of the environment, and of root's own everybody whom it lets in.
    pub fn of(subject: &Subject<'_>) -> Option<Asker> {
        let user = &subject.host.user;
        match user.uid? {
            0 => match subject.facts.owner? {
                0 => {
                    let everybody = Asker { uid: None, gids: Vec::new(), is_self: false };
                    let closed = everybody.is_kept_out(subject) && everybody.is_let_in(subject);
                    closed.then_some(everybody)
                }
                uid => {
                    let gid = subject.facts.prefix.metadata().ok()?.gid();
                    Some(Asker { uid: Some(uid), gids: vec![gid], is_self: false })
                }
            },
            uid => Some(Asker { uid: Some(uid), gids: user.gids.clone(), is_self: true }),
        }
    }

    /// Whether some folder in site-packages is closed: one mask closes all that an installer writes, and
    /// one look at each of these is cheap.
    fn is_kept_out(&self, subject: &Subject<'_>) -> bool {
        subject.installed.sites.iter().any(|site| {
            site.folders()
                .any(|(_, seen)| seen.is_ok_and(|seen| !self.is_given(seen.access, READ | SEARCH)))
        })
    }

    /// Whether all folders down to site-packages are open: what is closed in them was closed by a mask
    /// (`sudo pip install` with umask 077), not to keep a secret.
    fn is_let_in(&self, subject: &Subject<'_>) -> bool {
        let facts = subject.facts;
        let top = subject.host.root.as_path();
        let above = facts.prefix.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
        let opens = |folder: &Path, wanted| {
            folder.metadata().is_ok_and(|metadata| self.may(&metadata, wanted))
        };
        let below = facts.site_packages().flat_map(|site| {
            site.ancestors().take_while(|folder| folder.starts_with(&facts.prefix))
        });
        facts.site_packages().next().is_some()
            && self.may_start(subject)
            && above.into_iter().all(|folder| opens(folder, SEARCH))
            && below.into_iter().all(|folder| opens(folder, READ | SEARCH))
    }

    /// Whether the interpreter is one that this user could start: not in the home folder of another.
    fn may_start(&self, subject: &Subject<'_>) -> bool {
        subject.facts.interpreter().is_none_or(|interpreter| match &interpreter.end {
            LinkEnd::File { canonical, executable: true, .. } => {
                let mut denied = Denied::default();
                check_program(canonical, self, &mut denied);
                denied.paths.is_empty()
            }
            _ => true,
        })
    }

    /// Whether the mode bits give all that reading needs to this user.
    pub fn may_read(&self, metadata: &Metadata) -> bool {
        self.may(metadata, if metadata.is_dir() { READ | SEARCH } else { READ })
    }

    /// Whether the owner's bits are those that count.
    pub fn owns(&self, metadata: &Metadata) -> bool {
        self.uid == Some(metadata.uid())
    }

    /// Whether the mode bits give all of `wanted` to this user.
    fn may(&self, metadata: &Metadata, wanted: u32) -> bool {
        self.is_given(Seen::from(metadata).access, wanted)
    }

    fn is_given(&self, access: Access, wanted: u32) -> bool {
        let shift = if self.uid == Some(access.uid) {
            6
        } else if self.gids.contains(&access.gid) {
            3
        } else {
            0
        };
        access.mode >> shift & wanted == wanted
    }

    /// What stands at the path, links followed, if this user cannot read it.
    fn denied(&self, path: &Path) -> Option<Metadata> {
        let metadata = path.metadata().ok()?;
        let wanted = if metadata.is_dir() { READ | SEARCH } else { READ };
        let refused = || match metadata.is_dir() {
            // What may be listed and not entered (mode 444) is of no use either.
            true => fs::list_unsorted(path).is_err() || path.join(".").symlink_metadata().is_err(),
            false => fs::open(path).is_err_and(|error| error.is_denied()),
        };
        (!self.may(&metadata, wanted) && (!self.is_self || refused())).then_some(metadata)
    }
}

/// What cannot be read.
#[derive(Debug, Default)]
struct Denied {
    paths: BTreeSet<PathBuf>,
    /// The first one with its mode and owner, where they can be seen.
    evidence: Option<(PathBuf, u32, u32)>,
    distributions: BTreeSet<String>,
}

impl Denied {
    fn add(&mut self, path: &Path, metadata: Option<&Metadata>) {
        if let Some(metadata) = metadata {
            let mode = metadata.mode() & 0o7777;
            self.evidence.get_or_insert_with(|| (path.to_path_buf(), mode, metadata.uid()));
        }
        self.paths.insert(path.to_path_buf());
    }

    /// Judges one path; whether it was found unreadable.
    fn look(&mut self, asker: &Asker, path: &Path) -> bool {
        let metadata = asker.denied(path);
        if let Some(metadata) = &metadata {
            self.add(path, Some(metadata));
        }
        metadata.is_some()
    }

    fn report(self, asker: &Asker, report: &mut Report) {
        let Some(first) = self.paths.first() else { return };
        let what = match &self.evidence {
            Some((path, mode, owner)) => {
                format!("`{}` (mode {mode:04o}, owner {owner})", path.display())
            }
            None => format!("`{}`", first.display()),
        };
        let more = match self.paths.len() - 1 {
            0 => String::new(),
            1 => " and one more".to_owned(),
            more => format!(" and {more} more"),
        };
        let names: Vec<String> =
            self.distributions.iter().take(MAX_PATHS).map(|name| format!("`{name}`")).collect();
        let of = match self.distributions.len() {
            0 => String::new(),
            1 => format!(", of the package {}", names[0]),
            count if count > MAX_PATHS => {
                format!(", of {count} packages: {}, ...", names.join(", "))
            }
            _ => format!(", of the packages {}", names.join(", ")),
        };
        let who = match asker.uid {
            Some(uid) => format!("user {uid} cannot"),
            None => "users other than root cannot".to_owned(),
        };
        let message = format!("{who} read {what}{more}{of}");
        let paths = self.paths.into_iter().take(MAX_PATHS);
        let mut finding = Finding::new(Code::PermissionDenied, message, paths);
        if asker.uid.is_none() {
            // Root itself can use everything.
            finding.severity = Severity::Warning;
        }
        report.findings.push(finding);
    }
}

/// `pyvenv.cfg`, the interpreter, and the folders down to site-packages.
fn check_outline(subject: &Subject<'_>, asker: &Asker, denied: &mut Denied) {
    let facts = subject.facts;
    let marker = facts.prefix.join("pyvenv.cfg");
    if facts.marker == Marker::Denied {
        denied.add(&marker, marker.metadata().ok().as_ref());
    } else {
        denied.look(asker, &marker);
    }
    // A folder that may be entered and not listed is good enough to start what is in it.
    let scripts = facts.prefix.join(facts.scheme.scripts());
    if let Ok(metadata) = scripts.metadata()
        && metadata.is_dir()
        && !asker.may(&metadata, SEARCH)
    {
        denied.add(&scripts, Some(&metadata));
    }
    if let Some(interpreter) = facts.interpreter() {
        match &interpreter.end {
            LinkEnd::Denied(path) => denied.add(path, None),
            LinkEnd::File { canonical, executable: true, .. } => {
                check_program(canonical, asker, denied);
            }
            _ => {}
        }
    }
    if facts.libraries.is_empty() {
        denied.look(asker, &facts.prefix.join("lib"));
    }
    for library in &facts.libraries {
        let below = |folder: &&Path| folder.starts_with(&facts.prefix);
        let folders: Vec<&Path> = library.folder.ancestors().take_while(below).collect();
        for folder in folders.iter().rev() {
            denied.look(asker, folder);
        }
        if let Some(site_packages) = &library.site_packages {
            denied.look(asker, site_packages);
        }
    }
}

/// A program is started by its execute bit, and found through folders that may be searched.
fn check_program(canonical: &Path, asker: &Asker, denied: &mut Denied) {
    // As this very user the chain of links was followed already.
    let folders = canonical.ancestors().skip(1).filter(|_| !asker.is_self);
    for path in std::iter::once(canonical).chain(folders) {
        let Ok(metadata) = path.metadata() else { continue };
        if !asker.may(&metadata, SEARCH) {
            denied.add(path, Some(&metadata));
        }
    }
}

fn check_site(site: &Site, asker: &Asker, denied: &mut Denied) {
    // The top level, with what no RECORD lists: a RECORD may be among what cannot be read.
    let mut unreadable: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in &site.entries {
        let Some(name) = entry.name.to_str() else { continue };
        let path = site.folder.join(name);
        if is_imported(name, entry.kind) && denied.look(asker, &path) {
            unreadable.insert(name.to_owned(), path);
        }
    }
    for distribution in &site.distributions {
        let owns_unreadable = || {
            top_level(distribution).any(|name| unreadable.contains_key(name))
                || unreadable.keys().any(|name| is_named_after(name, distribution))
        };
        if check_distribution(site, distribution, &unreadable, asker, denied) || owns_unreadable() {
            denied.distributions.insert(distribution.name.clone());
        }
    }
}

/// Whether anything of the distribution beside its top level is unreadable.
fn check_distribution(
    site: &Site,
    distribution: &Distribution,
    unreadable: &BTreeMap<String, PathBuf>,
    asker: &Asker,
    denied: &mut Denied,
) -> bool {
    let mut found = unreadable.values().any(|path| *path == distribution.info);
    let parts = [
        ("METADATA", matches!(distribution.metadata, Part::Denied)),
        ("RECORD", matches!(distribution.record, Part::Denied)),
    ];
    // A folder that cannot be read stands for what is in it.
    if !found {
        for (name, is_denied) in parts {
            let path = distribution.info.join(name);
            if is_denied && denied.paths.insert(path.clone()) {
                found = true;
            }
            found |= denied.look(asker, &path);
        }
    }
    let Part::Read(record) = &distribution.record else { return found };
    let mut folders = HashSet::new();
    for file in &record.files {
        let Some((folder, _)) = file.path.rsplit_once('/') else { continue };
        let top = folder.split('/').next().unwrap_or_default();
        let depth = folder.split('/').count();
        let is_first = folders.insert(folder);
        // Outside of site-packages, below something unreadable, or caches, which Python can do without.
        if folder.starts_with("..")
            || unreadable.contains_key(top)
            || folder.ends_with("__pycache__")
        {
            continue;
        }
        if is_first {
            found |= denied.look(asker, &site.folder.join(folder));
        }
        if is_first || depth < MAX_DEPTH_OF_EVERY_FILE {
            found |= denied.look(asker, &site.folder.join(&file.path));
        }
    }
    found
}

/// Whether Python or an installer reads an entry of site-packages.
fn is_imported(name: &str, kind: Kind) -> bool {
    let hidden = name.starts_with(['.', '~']) || name == "__pycache__";
    let file = [".py", ".so", ".pth"].iter().any(|suffix| name.ends_with(suffix));
    !hidden && (kind == Kind::Folder || file)
}

/// The names at the top of site-packages that RECORD lists.
fn top_level(distribution: &Distribution) -> impl Iterator<Item = &str> {
    let record = match &distribution.record {
        Part::Read(record) => Some(record),
        _ => None,
    };
    let files = record.into_iter().flat_map(|record| &record.files);
    files.filter_map(|file| file.path.split('/').next()).filter(|name| *name != "..")
}

/// `click` or `six.py` of the distribution of that name, where RECORD cannot tell.
fn is_named_after(entry: &str, distribution: &Distribution) -> bool {
    let module = entry.split('.').next().unwrap_or_default();
    matches!(distribution.record, Part::Denied)
        && module.replace('_', "-").eq_ignore_ascii_case(&distribution.name)
}

#[cfg(test)]
mod tests {
    //! Not on Windows: rights are not modes there, and are not judged.

    use std::os::unix::fs::PermissionsExt;

    use super::super::super::builder::Staged;
    use super::*;
    use crate::environments::facts::InterpreterFile;

    /// Root asks about an environment of user 4321, so that the test runs as anybody.
    fn staged() -> Staged {
        let mut staged = Staged::new();
        staged.host.user = crate::host::User { uid: Some(0), gids: vec![0] };
        staged.facts.owner = Some(4321);
        staged.write("pyvenv.cfg", "home = /usr/bin\n");
        staged.write_site("click/__init__.py", "");
        staged.write_site("click/core.py", "");
        staged.write_site("click/deep/a.py", "");
        staged.write_site("click-8.0.dist-info/METADATA", "");
        staged.write_site("click-8.0.dist-info/RECORD", "");
        staged.install(
            "click",
            "8.0",
            &[],
            &["click/__init__.py", "click/core.py", "click/deep/a.py", "../../../bin/click"],
        );
        for folder in [".", "lib", "lib/python3.12", "lib/python3.12/site-packages"] {
            mode(&staged.prefix().join(folder), 0o755);
        }
        staged
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn found(staged: &Staged) -> Vec<PathBuf> {
        let report = staged.check(check);
        let paths = report.findings.into_iter().flat_map(|finding| finding.paths);
        paths.map(|path| path.strip_prefix(staged.prefix()).unwrap().to_path_buf()).collect()
    }

    #[test]
    fn what_others_may_read_is_fine() {
        assert_eq!(found(&staged()), Vec::<PathBuf>::new());
    }

    #[test]
    fn sees_what_is_for_its_owner_only() {
        let site = Path::new("lib/python3.12/site-packages");
        let check = |bits: u32, path: &str, expected: bool| {
            let staged = staged();
            mode(&staged.prefix().join(path), bits);
            let expected: &[&Path] = if expected { &[Path::new(path)] } else { &[] };
            assert_eq!(found(&staged), expected, "{path} {bits:o}");
        };
        for path in ["click", "click/__init__.py", "click/core.py", "click/deep", "click/deep/a.py"]
        {
            check(0o700, site.join(path).to_str().unwrap(), true);
        }
        for path in ["click-8.0.dist-info", "click-8.0.dist-info/METADATA"] {
            check(0o600, site.join(path).to_str().unwrap(), true);
        }
        check(0o600, "pyvenv.cfg", true);
        check(0o750, "lib/python3.12/site-packages", false);
        check(0o701, "lib", true);
    }

    #[test]
    fn names_the_distribution_and_the_evidence() {
        let staged = staged();
        let click = staged.site().join("click");
        mode(&click, 0o700);
        let owner = click.metadata().unwrap().uid();
        assert_eq!(
            staged.messages(check),
            [format!(
                "permission-denied: user 4321 cannot read `{}` (mode 0700, owner {owner}), of the package \
             `click`",
                click.display()
            )]
        );
    }

    fn what_root_installed_for_everybody_is_for_everybody() {
        let check = |closed: &str, expected: &[&str]| {
            let mut staged = staged();
            staged.facts.owner = Some(0);
            mode(&staged.prefix().join(".."), 0o755);
            mode(&staged.site().join("click"), 0o700);
            if closed == "interpreter" {
                let folder = staged.prefix().join("../base");
                mode(&folder, 0o700);
                staged.facts.interpreters = vec![InterpreterFile {
                    name: "python".to_owned(),
                    path: staged.prefix().join("bin/python"),
                    link: None,
                    end: LinkEnd::File {
                        canonical: folder.join("lib"),
                        bytes: 1,
                        executable: true,
                        image: Err(String::new()),
                    },
                }];
            } else {
                let bits = if closed.is_empty() { 0o755 } else { 0o700 };
                mode(&staged.prefix().join(closed), bits);
            }
            let found = found(&staged);
            assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{closed}");
            let report = staged.check(super::check);
            assert!(report.findings.iter().all(|found| found.severity == Severity::Warning));
        };
        check("", &["lib/python3.12/site-packages/click"]);
        check("interpreter", &[]);
        check("..", &[]);
        check("lib", &[]);
        check("lib/python3.12/site-packages", &[]);
    }

    #[test]
    fn root_may_read_its_own() {
        what_root_installed_for_everybody_is_for_everybody();
        let mut staged = staged();
        mode(&staged.site().join("click"), 0o700);
        mode(&staged.prefix().join(".."), 0o700);
        staged.facts.owner = Some(0);
        assert_eq!(found(&staged), Vec::<PathBuf>::new());
        staged.host.user = crate::host::User::default();
        assert_eq!(found(&staged), Vec::<PathBuf>::new());
    }
}
