//! What is remembered of an environment is evidence for its repair, and what was repaired is remembered.

use std::path::Path;

use aios_core::engine::repairs::{self, Alike};
use aios_core::engine::{self, Engine, Kept, Looked, Memory, evidence, recall};
use aios_core::environments::inspection::{Inspected, Inspection};
use aios_core::environments::repair::Remembered;
use aios_core::snapshot::Snapshot;
use aios_core::{Depth, Environment, Finding};

use super::Job;
use crate::commands::backup::rolling;
use crate::output::message;
use crate::output::repair::{Outcome, Repaired};
use crate::output::text::{quoted, shown, shown_path};
use crate::output::time;

/// What the looks of one repair saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    first: Option<Inspected>,
    last: Option<Inspected>,
}

impl Seen {
    pub(super) fn add(&mut self, environment: &Environment, findings: &[Finding]) {
        let (environment, findings) = (environment.clone(), findings.to_vec());
        let inspected = Inspected { environment, findings, hint: None, seal: None };
        match self.first {
            None => self.first = Some(inspected),
            Some(_) => self.last = Some(inspected),
        }
    }
}

impl Job<'_> {
    /// What was remembered of this path when nothing was broken there.
    pub(super) fn remembered_at(&self, prefix: &Path) -> Option<Remembered> {
        let folder = engine::place(self.host)?;
        let read = || -> Result<Option<Remembered>, engine::Error> {
            let Some(memory) = Memory::open(&folder)? else { return Ok(None) };
            let Some(moment) = evidence::last_whole(&memory.kept()?, prefix)? else {
                return Ok(None);
            };
            let Some(state) = moment.state else { return Ok(None) };
            Ok(Some(evidence::of(&state, source(&moment.snapshot, None))?))
        };
        self.told(read()).flatten().or_else(|| self.backed_up(&folder, prefix))
    }

    /// The same, of a backup that the service made: the store is lost, or never saw it.
    fn backed_up(&self, folder: &Path, prefix: &Path) -> Option<Remembered> {
        let (found, problems) = engine::rolling::remembered_at(folder, prefix);
        for problem in problems.iter().filter(|_| !self.args.view.quiet) {
            message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
        }
        let (time_ms, remembered) = found?;
        let source = format!("the backup of {}", time::local(time_ms));
        Some(Remembered { source, ..remembered })
    }

    /// What the snapshot that is returned to has of this path.
    pub(super) fn remembered_in(&self, to: &Kept, prefix: &Path) -> Option<Remembered> {
        let read = || -> Result<Option<Remembered>, engine::Error> {
            for id in engine::identities(std::slice::from_ref(to), prefix)? {
                if let Some(state) = to.environment(&id)? {
                    return Ok(Some(evidence::of(&state, source(&to.snapshot, None))?));
                }
            }
            Ok(None)
        };
        self.told(read()).flatten()
    }

    /// What was remembered of another path, from which this environment seems to have come.
    pub(super) fn remembered_elsewhere(&self) -> Option<Remembered> {
        let inspected = self.seen.borrow().first.clone()?;
        let id = inspected.environment.id.clone();
        let mut engine = self.engine()?;
        let read = |engine: &mut Engine| -> Result<Option<Remembered>, engine::Error> {
            if engine.kept()?.is_empty() {
                return Ok(None);
            }
            record(engine, inspected, "before a repair")?;
            let kept = engine.kept()?;
            let Some(left) = kept.last().map(|last| last.environment(&id)).transpose()?.flatten()
            else {
                return Ok(None);
            };
            let index = recall::index(engine.folder(), &kept)?;
            let Some(found) = evidence::moved_here(&kept, &index, &left)? else { return Ok(None) };
            let from = shown_path(&found.state.prefix()?, self.page.home.as_deref());
            let alike = format!("{from}, {:.0} % like it", found.found.similarity * 100.0);
            Ok(Some(evidence::of(&found.state, source(&found.snapshot, Some(&alike)))?))
        };
        self.told(read(&mut engine)).flatten()
    }

    /// Keeps what the environment is before it is changed.
    pub(super) fn keep_before(&self) {
        let inspected = self.seen.borrow().first.clone();
        let Some(inspected) = inspected else { return };
        let backed_up = engine::place(self.host)
            .map(|folder| rolling::before_repair(self.host, &folder, &inspected));
        if let (Some(Err(error)), false) = (backed_up, self.args.view.quiet) {
            let why = shown(error.to_string());
            message::note(&format!("no backup is made before the repair: {why}"));
        }
        if let Some(mut engine) = self.engine() {
            self.told(record(&mut engine, inspected, "before a repair"));
        }
    }

    /// Keeps what became of it.
    pub(super) fn keep_after(&self, repaired: &Repaired) {
        let outcome = match repaired.outcome {
            Outcome::Repaired => "repaired",
            Outcome::Partly => "partly",
            Outcome::Failed => "failed",
            _ => return,
        };
        let Seen { first: Some(first), last: Some(last) } = &*self.seen.borrow() else { return };
        let Some(mut engine) = self.engine() else { return };
        let note = repairs::Repaired {
            codes: repairs::signature(&first.findings),
            prefix: repaired.prefix.clone(),
            time_ms: time::now_ms(),
            outcome: outcome.to_owned(),
            actions: repaired.actions(),
        };
        // What the last look saw of a repair that failed was taken back.
        let stays = repaired.outcome != Outcome::Failed;
        let kept =
            engine
                .note_repair(&note)
                .and_then(|()| {
                    if stays { record(&mut engine, last.clone(), "repaired") } else { Ok(()) }
                })
                .and_then(|()| engine.commit());
        self.told(kept);
    }

    /// What repaired the same findings elsewhere, in a sentence.
    pub(super) fn seen_before(&self, findings: &[Finding]) -> Option<String> {
        let memory = Memory::open(&engine::place(self.host)?).ok()??;
        let alike = repairs::alike(&memory.present().ok()?, &repairs::signature(findings)).ok()?;
        let own = self.seen.borrow().first.as_ref().map(|one| one.environment.prefix.clone());
        let helped = |one: &&Alike| {
            one.repaired.outcome == "repaired" && Some(&one.repaired.prefix) != own.as_ref()
        };
        let found = &alike.iter().find(helped)?.repaired;
        Some(format!(
            "the same was seen in {} on {}: {} repaired it",
            shown_path(&found.prefix, self.page.home.as_deref()),
            time::local(found.time_ms),
            shown(found.actions.join(", ")),
        ))
    }

    fn engine(&self) -> Option<Engine> {
        let folder = engine::place(self.host)?;
        self.told(Engine::open(self.host, &folder))
    }

    /// That something is not remembered is no error of a repair.
    fn told<T>(&self, done: Result<T, engine::Error>) -> Option<T> {
        done.inspect_err(|error| {
            if !self.args.view.quiet {
                message::note(&format!(
                    "what is remembered is not used: {}",
                    shown(error.to_string())
                ));
            }
        })
        .ok()
    }
}

fn record(engine: &mut Engine, seen: Inspected, reason: &str) -> Result<(), engine::Error> {
    let seen = Inspection { environments: vec![seen], problems: Vec::new() };
    let looked = Looked { depth: Depth::Usual, whole: false, reason };
    engine.record(&seen, looked).map(|_| ())
}

/// `snapshot 12 of 2026-11-19 14:03`, and of what else.
fn source(snapshot: &Snapshot, of: Option<&str>) -> String {
    let time = time::local(snapshot.about.time_ms);
    match of {
        None => format!("snapshot {} of {time}", snapshot.id),
        Some(of) => format!("snapshot {} of {time} ({of})", snapshot.id),
    }
}
