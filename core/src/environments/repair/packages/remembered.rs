//! Distributions as they are remembered: all of them where site-packages is gone, and when a state is
//! returned to those that are missing or of another version.
//!
//! Nothing is resolved: each is wanted in exactly its version.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::install::{self, Order};
use super::way::{Memory, Way};
use super::{Draft, pip, restore, wanted};
use crate::environments::distributions::direct_url;
use crate::environments::distributions::{Distribution, metadata};
use crate::environments::health::{Code, Severity, Subject};
use crate::environments::repair::remembered::{
    Contents, Goal, Installer, Pinned, Place, Remembered,
};
use crate::environments::repair::{Action, Case, Network};
use crate::fs;

/// What is said of a distribution that cannot be returned to the state that is remembered.
const OF_RETURN: Code = Code::PackageFilesMissing;

/// Plans everything that was installed in the old environment, into a folder that is gone. Whether
/// anything is remembered of that.
pub(super) fn fill(draft: &mut Draft<'_>, old: &Subject<'_>, site: &Path) -> bool {
    let remembered = draft.case.options.remembered.as_ref();
    let Some(remembered) = remembered.filter(|one| one.is_of(old.facts)) else { return false };
    let Some(contents) = remembered.contents().filter(|one| !one.pinned.is_empty()) else {
        return false;
    };
    let code = Code::SitePackagesMissing;
    let memory = Memory::of(remembered, &contents);
    let mut ready = Vec::new();
    let mut lacking = Vec::new();
    let mut by_hand = Vec::new();
    let mut of_conda = Vec::new();
    let mut other_pip = false;
    for pinned in &contents.pinned {
        match memory.way(draft, pinned) {
            way @ (Way::Wheels(_) | Way::Link(_)) => ready.push((pinned, way)),
            // Any version of pip does, and the base has one.
            Way::Lacking if pinned.name == "pip" && !may_come(draft, pinned) => other_pip = true,
            Way::Lacking => lacking.push(pinned.pin()),
            Way::ByHand(hint) => by_hand.push(hint),
            Way::Conda => of_conda.push(pinned.pin()),
        }
    }
    let count = match contents.pinned.len() {
        1 => "the distribution that was installed".to_owned(),
        number => format!("the {number} distributions that were installed"),
    };
    let source = &remembered.source;
    if !lacking.is_empty() {
        draft.unsolved(code, format!("{count} can come back, as remembered by {source}"));
        draft.wanting(&[code], &lacking);
        return true;
    }
    let mut changes = draft.changes();
    if let Err(hint) = changes.folder(site) {
        draft.unsolved(code, hint);
        return true;
    }
    let not_asked = wanted::file(old)
        .map(|file| format!("; `{file}` is not asked, since this is exact"))
        .unwrap_or_default();
    let what = format!(
        "make `{}` again, for {count}, as remembered by {source}{not_asked}",
        site.display()
    );
    draft.step(Action::RestoreLayout, &[code], what, changes);
    for (pinned, way) in ready {
        memory.install(draft, (pinned, &way), (site, Vec::new()), &[code]);
    }
    if other_pip {
        draft.settled.insert("pip".to_owned());
        pip::install(draft, site, &[code]);
    }
    by_hand.extend(contents.unusable_hint(source));
    by_hand.extend(conda_hint(draft, &of_conda, source));
    for hint in by_hand {
        draft.unsolved(code, hint);
    }
    true
}

/// Plans for what is not as remembered, where that is the goal. What was added since stays.
pub(super) fn plan_return(draft: &mut Draft<'_>) {
    let options = draft.case.options;
    let Some(remembered) = options.remembered.as_ref() else { return };
    // That is filled as remembered.
    let is_gone = draft.of(Code::SitePackagesMissing).next().is_some();
    if options.goal != Goal::Remembered || is_gone {
        return;
    }
    if !remembered.is_of(draft.case.subject.facts) {
        let python = remembered.tag.map(|tag| tag.to_string()).unwrap_or_default();
        let hint = format!(
            "it was for {python}, as remembered by {}, and is not now: nothing of that state is brought back",
            remembered.source
        );
        return draft.unsolved(OF_RETURN, hint);
    }
    let Some(contents) = remembered.contents() else {
        let hint = format!("what was installed is not known by {}", remembered.source);
        return draft.unsolved(OF_RETURN, hint);
    };
    let memory = Memory::of(remembered, &contents);
    let reported = reported(draft);
    let mut of_conda = Vec::new();
    for pinned in &contents.pinned {
        let current = draft.current(&pinned.name).map(|(_, current)| current);
        let is_right = current.is_some_and(|current| is_as_remembered(current, pinned));
        if is_right || draft.settled.contains(&pinned.name) {
            continue;
        }
        if pinned.installer == Installer::Conda || current.is_some_and(|one| one.by_conda()) {
            of_conda.push(pinned.pin());
        } else {
            let codes = reported.get(&pinned.name).map(Vec::as_slice).unwrap_or_default();
            memory.bring_back(draft, pinned, current, codes);
        }
    }
    let of_conda = conda_hint(draft, &of_conda, &remembered.source);
    for hint in contents.unusable_hint(&remembered.source).into_iter().chain(of_conda) {
        draft.unsolved(OF_RETURN, hint);
    }
}

/// What brings back what conda installed.
fn conda_hint(draft: &Draft<'_>, pins: &[String], source: &str) -> Option<String> {
    let again = (!pins.is_empty()).then(|| restore::of_conda(draft, &pins.join(" ")))?;
    Some(format!("{again}, as remembered by {source}"))
}

/// The distributions that are installed and not remembered.
pub(in super::super) fn added(case: &Case<'_>) -> Vec<String> {
    let Some(contents) = case.remembered().and_then(Remembered::contents) else {
        return Vec::new();
    };
    let known: HashSet<&str> = contents.pinned.iter().map(|one| one.name.as_str()).collect();
    let all = case.subject.families.current().flat_map(|(_, current)| current);
    let mut added: Vec<String> =
        all.filter(|one| !known.contains(one.name.as_str())).map(|one| one.pin()).collect();
    added.sort();
    added.dedup();
    added
}

/// The codes of what is reported of each distribution: a step that brings it back is for these too.
fn reported(draft: &Draft<'_>) -> BTreeMap<String, Vec<Code>> {
    let mut reported: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for finding in draft.case.findings.iter().filter(|one| one.severity > Severity::Info) {
        for requirement in
            finding.repair.distributions.iter().filter_map(|pin| metadata::requirement(pin))
        {
            reported.entry(requirement.name.to_string()).or_default().push(finding.code);
        }
    }
    reported
}

fn is_as_remembered(current: &Distribution, pinned: &Pinned) -> bool {
    if !pinned.has_version(&current.version) {
        return false;
    }
    let file = current.info.join("direct_url.json");
    let direct_url = current.is_dist_info().then(|| fs::read(&file, direct_url::MAX_BYTES).ok());
    // What is no wheel tells of no place.
    direct_url.is_none_or(|bytes| Place::of(bytes.as_deref()) == pinned.place)
}

/// Whether it may still be fetched.
fn may_come(draft: &Draft<'_>, pinned: &Pinned) -> bool {
    match &draft.case.options.network {
        Network::Never => false,
        Network::Allowed(fetched) => {
            let pin = pinned.pin();
            !fetched.unavailable.iter().any(|(tried, _)| *tried == pin)
        }
    }
}

impl Contents {
    fn unusable_hint(&self, source: &str) -> Option<String> {
        let number = match self.unusable {
            0 => return None,
            1 => "1 distribution".to_owned(),
            number => format!("{number} distributions"),
        };
        Some(format!(
            "{number} of {source} cannot come back: the name or version is none of a wheel"
        ))
    }
}

impl Memory<'_> {
    /// Brings one distribution to the remembered state, whatever stands there in its place.
    fn bring_back(
        &self,
        draft: &mut Draft<'_>,
        pinned: &Pinned,
        current: Option<&Distribution>,
        codes: &[Code],
    ) {
        let unsolved = if codes.is_empty() { &[OF_RETURN] } else { codes };
        let refuse = |draft: &mut Draft<'_>, hint: &str| {
            draft.settled.insert(pinned.name.clone());
            for code in unsolved {
                draft.unsolved(*code, hint.to_owned());
            }
        };
        if let Some(one) = current.filter(|one| !one.is_dist_info()) {
            let again = self.command(draft, &pinned.pin());
            return refuse(draft, &format!("{} is no installed wheel: {again}", one.pin()));
        }
        match self.way(draft, pinned) {
            way @ (Way::Wheels(_) | Way::Link(_)) => {
                let site = current.map(Distribution::site_packages).or_else(|| draft.site());
                let Some(site) = site else { return };
                let old = restore::members(draft, &pinned.name);
                self.install(draft, (pinned, &way), (site, old), codes);
            }
            Way::Lacking => {
                draft.settled.insert(pinned.name.clone());
                draft.wanting(unsolved, &[pinned.pin()]);
            }
            Way::ByHand(hint) => refuse(draft, &hint),
            Way::Conda => {}
        }
    }

    fn install(
        &self,
        draft: &mut Draft<'_>,
        (pinned, way): (&Pinned, &Way),
        (site, old): (&Path, Vec<&Distribution>),
        codes: &[Code],
    ) {
        let pin = pinned.pin();
        let unsolved = if codes.is_empty() { &[OF_RETURN] } else { codes };
        let other = old.iter().find(|old| !pinned.has_version(&old.version));
        let instead = other.map(|old| format!(" in the place of {}", old.version));
        let order = Order {
            site,
            old,
            requested: pinned.requested,
            // Nobody edits pip, and a mixture of two versions does not start.
            overwrite: pinned.name == "pip",
            remembered: Some(pinned),
        };
        let made = match way {
            Way::Link(link) => {
                let to = link.location.to_string();
                install::changes(draft, link, &order)
                    .map(|changes| {
                        Some((changes, Action::RelinkEditable, format!("as a link to {to}")))
                    })
                    .map_err(|reason| format!("what leads to {to}: {reason}"))
            }
            Way::Wheels(candidates) => install::by_first(draft, candidates, &order).map(|made| {
                made.map(|(changes, wheel)| {
                    (changes, Action::Reinstall, format!("from {}", wheel.shown()))
                })
            }),
            Way::Lacking | Way::ByHand(_) | Way::Conda => Ok(None),
        };
        draft.settled.insert(pinned.name.clone());
        match made {
            Ok(Some((changes, action, how))) => {
                let (source, instead) = (self.source, instead.unwrap_or_default());
                let what = format!("install {pin}{instead} {how}, as remembered by {source}");
                draft.step(action, codes, what, changes);
            }
            Ok(None) => draft.wanting(unsolved, &[pin]),
            Err(refused) => {
                for code in unsolved {
                    draft.unsolved(*code, format!("{pin} cannot be installed from {refused}"));
                }
            }
        }
    }
}
