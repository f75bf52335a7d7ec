use super::*;
use crate::environments::repair::journal::{Journal, Recorded, mode_is};

#[test]
fn nothing_outside_of_the_environment_is_changed() {
    let (folder, mut plan) = staged();
    let outside = folder.path().canonicalize().unwrap().join("other");
    for path in [outside, plan.prefix.join("../other"), plan.prefix.join(FOLDER).join("lock")] {
        plan.steps[0].changes = vec![Change::Write {
            path: path.clone(),
            content: Content::Bytes(Vec::new()),
            mode: None,
        }];
        let ended = carry_out(&RealDisk, &plan);
        assert!(matches!(ended, Err(Error::Outside { .. })), "{}", path.display());
    }
}

#[test]
fn a_journal_that_leads_out_counts_for_nothing() {
    let (folder, plan) = staged();
    carry_out(&RealDisk, &plan).unwrap();
    // The same journal in another environment names paths outside of it.
    let other = folder.path().canonicalize().unwrap().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::rename(plan.prefix.join(FOLDER), other.join(FOLDER)).unwrap();
    let before = tree(&plan.prefix);
    let undone = Session::begin(&RealDisk, &other).unwrap().undo();
    assert!(matches!(undone, Ok(None)), "{undone:?}");
    assert_eq!(tree(&plan.prefix), before);
}

#[test]
fn links_do_not_lead_out() {
    if !crate::system::HAS_LINKS {
        return;
    }
    let (folder, mut plan) = staged();
    let outside = folder.path().canonicalize().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    crate::system::symlink(&outside, &plan.prefix.join("linked")).unwrap();
    plan.steps[0].changes = vec![Change::Write {
        path: plan.prefix.join("linked/x"),
        content: Content::Bytes(Vec::new()),
        mode: None,
    }];
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::Outside { .. })));
    std::fs::remove_dir_all(plan.prefix.join(FOLDER)).unwrap();
    crate::system::symlink(&outside, &plan.prefix.join(FOLDER)).unwrap();
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::Outside { .. })));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

/// Rewrites the journal of the only repair, as somebody who may write into the environment can.
fn planted(prefix: &Path, edit: impl Fn(&mut Recorded)) {
    let name = list(prefix).unwrap()[0].name.clone();
    let folder = prefix.join(FOLDER).join(name);
    let mut journal = Journal::read(&folder).unwrap().unwrap();
    journal.steps.iter_mut().flat_map(|step| &mut step.changes).for_each(edit);
    journal.rewrite(&RealDisk).unwrap();
}

#[test]
fn a_journal_gives_no_rights_of_others() {
    type Edit = fn(&mut Recorded);
    let edits: [Edit; 4] = [
        |change| {
            if let Recorded::Mode { after, .. } = change {
                *after |= 0o4000;
            }
        },
        |change| {
            if let Recorded::Mode { before, .. } = change {
                *before |= 0o2000;
            }
        },
        |change| {
            if let Recorded::Put { after: State::File { mode, .. }, .. } = change {
                *mode = 0o4755;
            }
        },
        |change| {
            if let Recorded::Put { before: State::File { mode, .. }, .. } = change {
                *mode |= 0o2000;
            }
        },
    ];
    for (number, edit) in edits.iter().enumerate() {
        let (_folder, plan) = staged();
        carry_out(&RealDisk, &plan).unwrap();
        let after = tree(&plan.prefix);
        planted(&plan.prefix, edit);
        let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
        assert!(matches!(session.undo(), Ok(None)), "edit {number}");
        assert_eq!(tree(&plan.prefix), after, "edit {number}");
    }
}

#[test]
fn no_file_with_rights_of_others_is_put_in_place() {
    let (_folder, plan) = staged();
    let tool = plan.prefix.join("bin/tool");
    crate::system::set_mode(&tool, 0o4755).unwrap();
    if mode_is(&tool, 0).unwrap() {
        return; // There are no such bits.
    }
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::SetId { path }) if path == tool));
    crate::system::set_mode(&tool, 0o755).unwrap();
    // The journal is as it was written, what it is to put in place is not.
    let (_, _, calls) = both_ends();
    let _ = carry_out(&Faulty::new(calls / 2, true), &plan);
    let name = list(&plan.prefix).unwrap()[0].name.clone();
    for number in 0..10 {
        let new = plan.prefix.join(FOLDER).join(&name).join(format!("new/{number}"));
        if new.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            crate::system::set_mode(&new, 0o4755).unwrap();
        }
    }
    let resumed = Session::begin(&RealDisk, &plan.prefix).unwrap().resume(|| false);
    assert!(matches!(resumed, Err(Error::Changed { .. })), "{resumed:?}");
    let set_id = |path: &PathBuf| matches!(State::of(path), Ok(State::File { mode, .. }) if mode & 0o4000 != 0);
    // What was linked before the kill shares its bits with what was linked.
    let late = plan.prefix.join("lib/data/x.txt");
    assert!(!set_id(&late), "{}", late.display());
}
