//! Several folders of metadata for one name: which of them describes what is on disk.
//!
//! The newer one is not always right: an interrupted upgrade leaves the new metadata with the old
//! files, or the reverse. The files decide, by RECORD's hashes.

use super::content;
use super::place::Places;
use crate::environments::distributions::{Distribution, Installed, Part, Role, Site};

/// Files compared for one folder of metadata: enough to tell two versions apart.
const MAX_COMPARED: usize = 400;

/// The distributions of each site-packages folder by name.
#[derive(Debug)]
pub struct Families<'a>(Vec<(&'a Site, Vec<Family<'a>>)>);

impl<'a> Families<'a> {
    /// Those of the environment's own folders.
    pub fn of(installed: &'a Installed) -> Families<'a> {
        Families(installed.sites.iter().map(|site| (site, families(site))).collect())
    }

    pub(in crate::environments) fn iter(&self) -> impl Iterator<Item = (&'a Site, &[Family<'a>])> {
        self.0.iter().map(|(site, families)| (*site, families.as_slice()))
    }

    /// Each folder and the distributions in it that count, one for each name.
    pub(in crate::environments) fn current(
        &self,
    ) -> impl Iterator<Item = (&'a Site, impl Iterator<Item = &'a Distribution>)> {
        self.iter()
            .map(|(site, families)| (site, families.iter().filter_map(|family| family.current)))
    }
}

/// The folders of metadata of one name in one site-packages folder.
#[derive(Debug)]
pub(in crate::environments) struct Family<'a> {
    /// The one that counts: whole, and the best match of the files. `None` when all are gutted.
    pub(in crate::environments) current: Option<&'a Distribution>,
    /// The others that are whole.
    pub(in crate::environments) rivals: Vec<&'a Distribution>,
    /// Those without readable METADATA, or without RECORD beside a whole one.
    pub(in crate::environments) gutted: Vec<&'a Distribution>,
    /// Whether the files tell `current` from its rivals.
    pub(in crate::environments) decided: bool,
}

/// Groups the distributions of the folder by name.
fn families(site: &Site) -> Vec<Family<'_>> {
    let mut members: Vec<&Distribution> = site.distributions.iter().collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members.chunk_by(|a, b| a.name == b.name).flat_map(|members| family(site, members)).collect()
}

fn family<'a>(site: &Site, members: &[&'a Distribution]) -> Vec<Family<'a>> {
    let (wheels, eggs): (Vec<&Distribution>, Vec<&Distribution>) =
        members.iter().partition(|member| member.is_dist_info());
    let mut families: Vec<Family<'_>> = Vec::new();
    if !wheels.is_empty() {
        families.push(of_wheels(site, wheels));
    }
    // An egg beside a wheel of the same name is what an old tool left; it takes nothing away.
    let egg = eggs.into_iter().find(|egg| egg.metadata.get().is_some() || egg.editable.is_some());
    if let Some(egg) = egg.filter(|_| families.iter().all(|family| family.current.is_none())) {
        families.push(Family {
            current: Some(egg),
            rivals: Vec::new(),
            gutted: Vec::new(),
            decided: true,
        });
    }
    families
}

fn of_wheels<'a>(site: &Site, members: Vec<&'a Distribution>) -> Family<'a> {
    let (readable, mut gutted): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| !member.metadata.is_lost());
    // Among several, one without RECORD is a leftover; alone, it is what there is.
    let (mut whole, without_record): (Vec<_>, Vec<_>) =
        readable.into_iter().partition(|member| !member.record.is_lost());
    if whole.is_empty() {
        whole = without_record;
    } else {
        gutted.extend(without_record);
    }
    let Some(best) = best(site, &whole) else {
        return Family { current: None, rivals: Vec::new(), gutted, decided: true };
    };
    let current = whole.remove(best.index);
    Family { current: Some(current), rivals: whole, gutted, decided: best.decided }
}

struct Best {
    index: usize,
    decided: bool,
}

/// The member whose RECORD matches most of the files; of equals, the one of the highest version.
fn best(site: &Site, members: &[&Distribution]) -> Option<Best> {
    if members.len() < 2 {
        return (!members.is_empty()).then_some(Best { index: 0, decided: true });
    }
    let scores: Vec<(usize, usize)> = members.iter().map(|member| score(site, member)).collect();
    // a/b against c/d without division; nothing recorded matches nothing.
    let better = |a: (usize, usize), b: (usize, usize)| (a.0 * b.1.max(1)).cmp(&(b.0 * a.1.max(1)));
    let version = |index: usize| members[index].version.parse::<pep440_rs::Version>().ok();
    let index = (0..members.len()).max_by(|a, b| {
        better(scores[*a], scores[*b]).then_with(|| version(*a).cmp(&version(*b)))
    })?;
    let decided = (0..members.len())
        .all(|other| other == index || better(scores[index], scores[other]).is_gt());
    Some(Best { index, decided })
}

/// How many of the recorded files are on disk as recorded, and how many were compared.
fn score(site: &Site, member: &Distribution) -> (usize, usize) {
    let Part::Read(record) = &member.record else { return (0, 0) };
    let places = Places::of_site(site);
    let mut matching = 0;
    let mut compared = 0;
    for file in record.files.iter().take(MAX_COMPARED * 4) {
        // Own metadata always matches itself, and scripts are rewritten by installers.
        if compared == MAX_COMPARED || member.owns_metadata(&file.path) {
            continue;
        }
        let Some(path) = places.resolve(file).filter(|path| path.starts_with(&site.folder)) else {
            continue;
        };
        if file.role == Role::Bytecode {
            continue;
        }
        compared += 1;
        matching += usize::from(content::is_as_recorded(&path, file));
    }
    (matching, compared)
}
